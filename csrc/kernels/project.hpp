// The input projection W x + b of a chunk of positions, and its gradients. With dropout each gate may have a mask of
// its own on the inputs, constant through time.
#pragma once

#include "kernels/matmul.hpp"
#include "kernels/rows.hpp"

namespace gatewright {
namespace GW_ISA {

// Packs gate g of weights [rows, gates, units] after the gates before it.
template <class T>
void pack_gate(Products products, const T* kernel, int64_t rows, int64_t units, int gates, int g, T* packed) {
  pack<T>(products, {kernel + g * units, gates * units, 1}, rows, units, packed + g * rows * padded<T>(units));
}
template <class T>
void pack_gate_transposed(Products products, const T* kernel, int64_t rows, int64_t units, int gates, int g,
                          T* packed) {
  pack<T>(products, {kernel + g * units, 1, gates * units}, units, rows, packed + g * units * padded<T>(rows));
}

// The rows that a product reads for each position: those of the caller, or masked copies of them.
template <class T>
class OperandRows {
 public:
  void place(ArenaLayout& layout, int64_t masks, int64_t positions, int64_t width) {
    masks_ = masks;
    width_ = width;
    most_ = positions;
    rows_ = layout.take<const T*>(at_least(1, masks) * positions);
    masked_ = layout.take<T>(masks * positions * width);
  }
  void set(int64_t position, const T* row) { rows_[position] = row; }
  // Applies row `row` of a mask array [masks, batch, width] to the row just set.
  void mask(int64_t position, const T* mask, int64_t batch, int64_t row) {
    const T* from = rows_[position];
    for (int64_t m = masks_ - 1; m >= 0; --m) {
      T* to = masked_ + (m * most_ + position) * width_;
      const T* factor = mask + (m * batch + row) * width_;
      for (int64_t j = 0; j < width_; ++j) to[j] = from[j] * factor[j];
      rows_[m * most_ + position] = to;
    }
  }
  const T* const* for_gate(int gate) const { return rows_ + (masks_ > 1 ? gate * most_ : 0); }

 private:
  int64_t masks_, width_, most_;
  const T** rows_;
  T* masked_;
};

template <class T>
void gather_inputs(const Inputs<T>& in, const Sizes& sizes, const Chunk& chunk, OperandRows<T>& operands) {
  for (int64_t p = 0; p < chunk.positions; ++p) {
    operands.set(p, in.x + chunk.at[p] * sizes.features);
    if (sizes.dropout_masks) operands.mask(p, in.dropout_mask, sizes.batch, chunk.at[p] / sizes.time);
  }
}

// projected [positions, gates, units padded] = x W + bias, bias [gates, units padded].
template <class T>
void project(const Rounding<T>& rounding, const Chunk& chunk, const OperandRows<T>& x, int64_t features,
             const T* packed, const T* bias, int gates, int64_t units, T* projected) {
  for (int g = 0; g < gates; ++g)
    multiply<T>(rounding, chunk.positions, x.for_gate(g), 0, features, packed + g * features * units, units,
                projected + g * units, gates * units, Start<T>::strided(bias + g * units, 0));
}

// dx of a chunk: the gradients of the gates times W^T, each with the mask of its gate. `sum` and `one` are scratch of
// [positions, features padded].
template <class T>
void project_backward(const Rounding<T>& rounding, const Inputs<T>& in, const Sizes& sizes, const Chunk& chunk,
                      const T* const* gradient, const T* packed_transposed, int gates, int64_t units, T* sum, T* one,
                      T* dx) {
  const int64_t features = sizes.features, width = padded<T>(features);
  const bool own_masks = sizes.dropout_masks > 1;
  T* into = own_masks ? one : sum;
  if (own_masks) clear(sum, chunk.positions * width);
  for (int g = 0; g < gates; ++g) {
    const bool fresh = own_masks || g == 0;
    multiply<T>(rounding, chunk.positions, gradient, g * units, sizes.units,
                packed_transposed + g * sizes.units * width, width, into, width,
                fresh ? Start<T>::none() : Start<T>::strided(into, width));
    if (!own_masks) continue;
    for (int64_t p = 0; p < chunk.positions; ++p) {
      const T* mask = in.dropout_mask + (g * sizes.batch + chunk.at[p] / sizes.time) * features;
      for (int64_t j = 0; j < features; ++j) sum[p * width + j] += one[p * width + j] * mask[j];
    }
  }
  for (int64_t p = 0; p < chunk.positions; ++p) {
    T* to = dx + chunk.at[p] * features;
    copy_row(to, sum + p * width, features);
    if (sizes.dropout_masks != 1) continue;
    const T* mask = in.dropout_mask + (chunk.at[p] / sizes.time) * features;
    for (int64_t j = 0; j < features; ++j) to[j] *= mask[j];
  }
}

}  // namespace GW_ISA
}  // namespace gatewright
