// The cross-entropy of a softmax and its gradients, a row of logits at a time: the row stays in the first two caches.
//
// Values are added up in blocks of 64 bytes at every vector width, so that the sums have the same order.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/matmul.hpp"
#include "kernels/rows.hpp"

namespace gatewright {
namespace GW_ISA {

inline constexpr int block_vectors = 64 / GW_VECTOR_BYTES;
template <class T>
inline constexpr int64_t block_values = 64 / static_cast<int64_t>(sizeof(T));

// One vector for each part of a block.
template <class T>
struct Block {
  Vector<T> part[block_vectors];

  explicit Block(T value) {
    for (int p = 0; p < block_vectors; ++p) part[p] = Vector<T>{} + value;
  }
  // All values combined into one, in pairs.
  template <class F>
  T combined(F f) const {
    T values[block_values<T>];
    for (int p = 0; p < block_vectors; ++p) store<T>(values + p * lanes<T>, part[p]);
    for (int64_t width = block_values<T> / 2; width > 0; width /= 2)
      for (int64_t k = 0; k < width; ++k) values[k] = f(values[k], values[k + width]);
    return values[0];
  }
};

// to[k] = f(from[k] + bias[k], part) in vectors, where `part` is a place in a block. `bias` may be null (zero), and
// `to` is written only if Store. The last block is filled up with -inf.
template <class T, bool Store, class F>
inline void for_blocks(const T* from, const T* bias, int64_t count, T* to, F f) {
  int64_t first = 0;
  for (; first + block_values<T> <= count; first += block_values<T>)
    unrolled<block_vectors>(GW_EACH(p) {
      const int64_t at = first + p * lanes<T>;
      const Vector<T> x = load<T>(from + at);
      const Vector<T> y = f(bias ? x + load<T>(bias + at) : x, p);
      if constexpr (Store) store<T>(to + at, y);
    });
  if (first == count) return;
  T rest[block_values<T>];
  for (int64_t k = 0; k < block_values<T>; ++k) rest[k] = -std::numeric_limits<T>::infinity();
  for (int64_t k = first; k < count; ++k) rest[k - first] = bias ? from[k] + bias[k] : from[k];
  unrolled<block_vectors>(GW_EACH(p) {
    T* const at = rest + p * lanes<T>;
    store<T>(at, f(load<T>(at), p));
  });
  if constexpr (Store) copy_row(to + first, rest, count - first);
}

template <class T, bool Gradients>
void softmax_row(const SoftmaxCall<T>& call, int64_t row) {
  const int64_t ids = call.ids, target = call.targets[row];
  const bool outside = target < 0 || target >= ids;
  const T* const logits = call.logits + row * ids;
  T* const gradients = Gradients ? call.gradients + row * ids : nullptr;
  T weight = call.weights[row];
  if (weight == T(0)) {  // padding: it is not computed
    call.losses[row] = T(0);
    if (Gradients) clear(gradients, ids);
    return;
  }
  const T own = outside ? std::numeric_limits<T>::quiet_NaN() : logits[target] + call.bias[target];
  if (outside) weight = own;
  Block<T> largest(-std::numeric_limits<T>::infinity());
  for_blocks<T, Gradients>(logits, call.bias, ids, gradients, [&](Vector<T> x, int p) __attribute__((always_inline)) {
    largest.part[p] = at_least(largest.part[p], x);
    return x;
  });
  const T top = largest.combined([](T a, T b) { return a > b ? a : b; });
  Block<T> sums(T(0));
  for_blocks<T, Gradients>(Gradients ? gradients : logits, Gradients ? nullptr : call.bias, ids, gradients,
                           [&](Vector<T> x, int p) __attribute__((always_inline)) {
                             const Vector<T> power = exp<T>(x - top);
                             sums.part[p] += power;
                             return power;
                           });
  const T sum = sums.combined([](T a, T b) { return a + b; });
  call.losses[row] = top - own + std::log(sum);
  if constexpr (Gradients) {
    const T scale = weight / sum;
    for_blocks<T, true>(gradients, nullptr, ids, gradients,
                        [&](Vector<T> x, int) __attribute__((always_inline)) { return x * scale; });
    if (!outside) gradients[target] -= weight;
  }
}

template <class T>
void softmax_rows(const SoftmaxCall<T>& call, int shard) {
  const ShardRange rows(call.rows, shard, call.shards);
  for (int64_t row = rows.first; row < rows.last; ++row)
    call.gradients ? softmax_row<T, true>(call, row) : softmax_row<T, false>(call, row);
}

}  // namespace GW_ISA
}  // namespace gatewright
