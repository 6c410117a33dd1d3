// The interface of a cell.
//
// The step of a cell works on a block of rows whose units are padded to whole vectors. It reads the sums of the gates
// and writes the states and the values saved for the backward pass, in one pass (or more if it takes means first). The
// saved values of a row are [saved][units], in the order of `saved_names` of the cell in gatewright.ops.cells. A cell
// declares:
//
//   gates              columns of the kernel, in units of `units`
//   recurrent_gates    columns of the recurrent kernel: as many, or 0 if there is no product with U
//   saved              number of saved values of a step
//   phases             number of phases of a step: 2 if a product with U needs the result of another, else 1
//   gradient_blocks    number of blocks of pre-activation gradients that a backward step computes
//   parameters         rows of parameters in place of a bias, which the cell applies itself; 0 for a plain bias
//   first_gain, last_gain: with such rows, the range of those that are 1 instead of 0 if no bias is given
//   separate(g)        whether the recurrent sum of gate g is separate from its input sum
//   recurrent_block(g) the gradient block of gate g's product with U; for W it is g
//   first_gate(phase), last_gate(phase): the gates of a phase
//   makes_operand(phase): whether the cell computes the operand of the products of this phase
//
// and the functions forward and backward(phase, step, phi, sigma), where phi is the activation and sigma the recurrent
// activation (see FixedActivation and ChosenActivation), and with_<name>(spec, f), which calls f with the cell. The
// loop through time, the products, threads, positions and projections are written once, in forward.hpp and
// backward.hpp.
#pragma once

#include "kernels/simd.hpp"

namespace gatewright {
namespace GW_ISA {

// Rows given by address may be memory of the caller.
template <class T>
struct ForwardStep {
  int64_t rows;
  int64_t units;        // padded
  int64_t unpadded;     // without padding
  const T* parameters;  // [parameters + 1][units]: the last row is 1 at units and 0 at padding; null if there are none
  const T* const* projected;  // rows of [gates][units]: W x + b
  T* sums;                    // [rows][gates][units]: the sums of the gates; a phase may store values for the next one
  T* h;                       // [rows][units]: h_{t-1} in, h_t out
  T* c;                       // [rows][units]: LSTM's cell state, in and out
  T* made;                    // [rows][units]: an operand that the cell computes, out
  const T* operand;           // [rows][units]: h_{t-1} with the dropout mask of that operand
  T* const* saved;            // rows of [saved][units], out; null if nothing is saved
  T* const* output;           // rows of [units]: h_t, out; null if the outputs of the steps are not wanted
};

template <class T>
struct BackwardStep {
  int64_t rows;
  int64_t units;             // padded
  int64_t unpadded;          // as in the forward step
  const T* parameters;       // as in the forward step
  T* d_parameters;           // [rows][parameters][units]: the step adds the gradients of each row to its own sums
  const T* const* saved;     // rows of [saved][units]
  const T* const* h;         // rows of [units]: the output, which is h_t without zoneout; for cells that save nothing
  const T* const* h_before;  // rows of [units]: h_{t-1}
  const T* const* c_before;  // rows of [units]: c_{t-1}, LSTMs only
  T* dh;                     // [rows][units]: in, dL/dh_t; out, the part of dL/dh_{t-1} that needs no product
  T* dc;                     // [rows][units]: the same for c
  T* gradient;               // [rows][gradient_blocks][units]: dL/d(pre-activations), out
  T* made;                   // [rows][units]: the computed operand, out (for the gradient of U)
  const T* d_made;           // [rows][units]: its gradient, in
  const T* const* operand;   // rows of [units]: as in the forward step
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
