// What a Cell is.
//
// A cell's step works on a block of rows whose units are padded to whole vectors: one pass that takes the sums of the
// gates, and writes states and what is kept for the way back (more passes where means are taken first). What is kept
// stands side by side ([saved][units] a row) in the order in which gatewright.cells names the saved values. A Cell
// declares:
//
//   gates              columns of the kernel, in units of `units`
//   recurrent_gates    columns of the recurrent kernel: as many, or 0 where no product with U is made
//   saved              how many values of a step are kept for training and for looking at
//   phases             products with U before the step is whole: 1, or 2 where one needs the other's result
//   gradient_blocks    blocks of pre-activation gradients that a step back gives
//   parameters         rows of parameters in the place of a bias, which the cell applies itself; 0 for a plain bias
//   first_gain, last_gain: where there are such rows, those that are 1 and not 0 when none are given
//   separate(g)        whether gate g's recurrent sum is kept apart from its input sum
//   recurrent_block(g) the gradient block that belongs to gate g's product with U; g itself for W
//   first_gate, last_gate(phase), made(phase): a phase's gates, and whether their operand is made by the cell
//
// and the functions forward and backward(phase, step, phi, sigma): phi is the activation, sigma the recurrent one (see
// Fixed and Chosen). The loop, the products, threads, positions and projections are written once, in forward.hpp and
// backward.hpp.
#pragma once

#include "kernels/simd.hpp"

namespace gatewright {
namespace GW_ISA {

// Rows given by address may be the caller's own memory.
template <class T>
struct ForwardStep {
  int64_t rows;
  int64_t units;        // padded
  int64_t unpadded;     // units that there are
  const T* parameters;  // [parameters + 1][units]: the last is 1 at units and 0 at padding; null where there are none
  const T* const* projected;  // rows of [gates][units]: W x + b
  T* sums;                    // [rows][gates][units]: the gates' sums; a phase may leave what the next one needs
  T* h;                       // [rows][units]: h_{t-1} in, h_t out
  T* c;                       // [rows][units]: LSTM's cell state, likewise
  T* made;                    // [rows][units]: an operand that the cell makes
  const T* operand;           // [rows][units]: h_{t-1} as the made operand sees it (under its dropout mask)
  T* const* saved;            // rows of [saved][units], out; null where nothing is kept
  T* const* shown;            // rows of [units]: h_t, out; null where no step is shown
};

template <class T>
struct BackwardStep {
  int64_t rows;
  int64_t units;             // padded
  int64_t unpadded;          // as in the step forward
  const T* parameters;       // likewise
  T* d_parameters;           // [parameters][units]: sums of their gradients, which the step adds to
  const T* const* saved;     // rows of [saved][units]
  const T* const* h;         // rows of [units]: h_t; for cells that save nothing
  const T* const* h_before;  // rows of [units]: h_{t-1}
  const T* const* c_before;  // rows of [units]: c_{t-1}, LSTMs only
  T* dh;                     // [rows][units]: dL/dh_t in; the part of dL/dh_{t-1} that needs no product out
  T* dc;                     // [rows][units]: likewise for c
  T* gradient;               // [rows][gradient_blocks][units]: dL/d(pre-activations) out
  T* made;                   // [rows][units]: the made operand, out (for U's gradient)
  const T* d_made;           // [rows][units]: its gradient, in
  const T* const* operand;   // rows of [units]: as in the step forward
  const T* operand_mask;     // [rows][units]: its dropout mask; may be null
};

// f(row, j) for every vector of a block.
template <class T, class F>
inline void for_block(int64_t rows, int64_t units, F f) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < units; j += lanes<T>) f(row, j);
}

}  // namespace GW_ISA
}  // namespace gatewright
