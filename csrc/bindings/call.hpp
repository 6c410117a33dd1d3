// A kernel call as both bindings pass it: lists of arrays in a fixed order, and the numbers of a Spec.
//
// Only these lists define the order. Python reads the names from the extension and passes its arrays in this order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/api.hpp"

namespace gatewright {

// The operands of both passes, the results of a forward pass, and the further inputs and results of a backward pass.
// Shapes and element types are those of Inputs, Live, Outputs, BackwardInputs and Gradients in core/api.hpp.
#define GW_OPERANDS(ARRAY) \
  ARRAY(x)                 \
  ARRAY(ids)               \
  ARRAY(kernel)            \
  ARRAY(recurrent_kernel)  \
  ARRAY(bias)              \
  ARRAY(h0) ARRAY(c0) ARRAY(mask) ARRAY(lengths) ARRAY(dropout_mask) ARRAY(recurrent_dropout_mask) ARRAY(zoneout_mask)
#define GW_OUTPUTS(ARRAY) ARRAY(sequence) ARRAY(saved) ARRAY(h) ARRAY(c)
#define GW_BACKWARD_INPUTS(ARRAY) ARRAY(sequence) ARRAY(saved) ARRAY(d_sequence) ARRAY(d_h) ARRAY(d_c)
#define GW_GRADIENTS(ARRAY) \
  ARRAY(x) ARRAY(kernel) ARRAY(recurrent_kernel) ARRAY(bias) ARRAY(h0) ARRAY(c0) ARRAY(h_steps) ARRAY(c_steps)

// An array of the caller. An absent one has no shape.
struct Buffer {
  void* data = nullptr;
  const int64_t* shape = nullptr;
};

using Buffers = std::vector<Buffer>;

struct ArrayNames {
  std::vector<const char*> operands, outputs, backward_inputs, gradients;
};
const ArrayNames& array_names();

// The numbers of a Spec, in the order of its fields.
Spec spec_of(const double* values);

void call_forward(const Spec& spec, bool is_double, const Buffers& operands, const Buffers& outputs,
                  bool saved_everywhere);
void call_backward(const Spec& spec, bool is_double, const Buffers& operands, const Buffers& backward_inputs,
                   const Buffers& gradients);

}  // namespace gatewright
