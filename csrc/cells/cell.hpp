// What a Cell is.
//
// A cell's step works on a block of rows whose units are padded to whole vectors. Its gates stand side by side in
// `step` ([rows][slots][units]), in the order in which gatewright.cells names the saved values, so that saving a
// step is a copy. A Cell declares:
//
//   gates              columns of the kernels, in units of `units`
//   slots              blocks of `step`: the gates and what else the step back through time needs
//   saved              how many of the slots are written out for training and for looking at
//   phases             products with U before the step is whole: 1, or 2 where one needs the other's result
//   gradient_blocks    blocks of pre-activation gradients that a step back gives
//   slot_of(g)         the slot that holds gate g's sum before its activation
//   separate(g)        whether gate g's recurrent sum is kept apart from its input sum
//   recurrent_block(g) the gradient block that belongs to gate g's product with U; g itself for W
//   first_gate, last_gate(phase), made(phase): a phase's gates, and whether their operand is made by the cell
//
// and the functions forward(phase, ...), backward(phase, ...). The loop, the products, threads, positions and
// projections are written once, in forward.hpp and backward.hpp.
#pragma once

#include "../simd.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct ForwardStep {
  int64_t rows;
  int64_t units;            // padded
  Activation activation;
  Activation recurrent_activation;
  const T* projected;       // [rows][gates][units]: W x + b
  T* step;                  // [rows][slots][units]: sums in, activated gates out
  T* h;                     // [rows][units]: h_{t-1} in, h_t out
  T* c;                     // [rows][units]: LSTM's cell state, likewise
  T* made;                  // [rows][units]: an operand that the cell makes
  const T* operand;         // [rows][units]: h_{t-1} as the made operand sees it (under its dropout mask)
};

template <class T>
struct BackwardStep {
  int64_t rows;
  int64_t units;            // padded
  Activation activation;
  Activation recurrent_activation;
  const T* step;            // [rows][slots][units] as saved
  const T* h;               // [rows][units]: h_t
  const T* h_before;        // [rows][units]: h_{t-1}
  const T* c_before;        // [rows][units]: c_{t-1}, LSTM only
  T* dh;                    // [rows][units]: dL/dh_t in; the part of dL/dh_{t-1} that needs no product out
  T* dc;                    // [rows][units]: likewise for c
  T* gradient;              // [rows][gradient_blocks][units]: dL/d(pre-activations) out
  T* made;                  // [rows][units]: the made operand, out (for U's gradient)
  const T* d_made;          // [rows][units]: its gradient, in
  const T* operand;         // [rows][units]: as in the step forward
  const T* operand_mask;    // [rows][units]: its dropout mask; may be null
  T* scratch;               // [rows][units]
};

// f(row, j) for every vector of a block.
template <class T, class F>
inline void for_block(int64_t rows, int64_t units, F f) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < units; j += lanes<T>) f(row, j);
}

}  // namespace GW_ISA
}  // namespace gatewright
