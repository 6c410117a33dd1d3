// Layer normalization (Ba, Kiros & Hinton 2016, section 3) of adjacent blocks of a row, for the cells that have it.
//   N(v) = (v - mean(v)) / sqrt(variance(v) + epsilon)
#pragma once

#include "kernels/cells/cell.hpp"

namespace gatewright {
namespace GW_ISA {

inline constexpr double layer_norm_epsilon = 1e-5;

template <class T>
inline T sum_of(Vector<T> v) {
  T sum = 0;
  for (int lane = 0; lane < lanes<T>; ++lane) sum += v[lane];
  return sum;
}

// N of `blocks` blocks [units padded] as one vector. `live` is 1 at units and 0 at padding, which does not count.
template <class T>
class Normal {
 public:
  Normal(const T* v, int64_t blocks, int64_t n, int64_t units, const T* live) {
    Vector<T> sum{}, squares{};
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t j = 0; j < n; j += lanes<T>) sum += load<T>(v + b * n + j) * load<T>(live + j);
    const T count = static_cast<T>(blocks * units);
    mean_ = sum_of<T>(sum) / count;
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> centred = (load<T>(v + b * n + j) - mean_) * load<T>(live + j);
        squares += centred * centred;
      }
    scale_ = static_cast<T>(1 / __builtin_sqrt(static_cast<double>(sum_of<T>(squares) / count) + layer_norm_epsilon));
  }
  Vector<T> operator()(Vector<T> v) const { return (v - mean_) * scale_; }
  T scale() const { return scale_; }

 private:
  T mean_, scale_;
};

// The backward pass of gain * N(v): d [blocks][units padded] is its gradient. Writes the gradient of v to `to` (which
// may be d) and adds the gradient of the gain to d_gain. The padding of the gain is 0.
template <class T>
inline void normalize_backward(const Normal<T>& normal, const T* v, const T* gain, int64_t blocks, int64_t n,
                               int64_t units, const T* d, T* d_gain, T* to) {
  Vector<T> sum{}, along{};
  for (int64_t j = 0; j < blocks * n; j += lanes<T>) {
    const Vector<T> d_j = load<T>(d + j), normal_j = normal(load<T>(v + j)), by_normal = d_j * load<T>(gain + j);
    store<T>(d_gain + j, load<T>(d_gain + j) + d_j * normal_j);
    sum += by_normal;
    along += by_normal * normal_j;
  }
  const T count = static_cast<T>(blocks * units), mean = sum_of<T>(sum) / count, mean_along = sum_of<T>(along) / count;
  for (int64_t j = 0; j < blocks * n; j += lanes<T>) {
    const Vector<T> by_normal = load<T>(d + j) * load<T>(gain + j);
    store<T>(to + j, normal.scale() * (by_normal - mean - normal(load<T>(v + j)) * mean_along));
  }
}

// sum += d, over `count` values, a multiple of the vector width.
template <class T>
inline void add_row(const T* d, int64_t count, T* sum) {
  for (int64_t j = 0; j < count; j += lanes<T>) store<T>(sum + j, load<T>(sum + j) + load<T>(d + j));
}

}  // namespace GW_ISA
}  // namespace gatewright
