#include "bindings/call.hpp"

#include "core/run.hpp"

namespace gatewright {
namespace {

#define GW_PLACE(name) name,
#define GW_NAME(name) #name,
namespace operand {
enum { GW_OPERANDS(GW_PLACE) };
}
namespace output {
enum { GW_OUTPUTS(GW_PLACE) };
}
namespace backward_input {
enum { GW_BACKWARD_INPUTS(GW_PLACE) };
}
namespace gradient {
enum { GW_GRADIENTS(GW_PLACE) };
}

template <class T>
T* data(const Buffer& buffer) {
  return static_cast<T*>(buffer.data);
}

int64_t leading(const Buffer& buffer) { return buffer.shape ? buffer.shape[0] : 0; }

Sizes sizes_of(const Buffers& a) {
  const int64_t *x = a[operand::x].shape, *ids = a[operand::ids].shape;
  Sizes sizes{};
  sizes.batch = ids ? ids[0] : x[0];
  sizes.time = ids ? ids[1] : x[1];
  sizes.features = ids ? x[1] : x[2];
  sizes.units = a[operand::h0].shape[1];
  sizes.dropout_masks = leading(a[operand::dropout_mask]);
  sizes.recurrent_dropout_masks = leading(a[operand::recurrent_dropout_mask]);
  sizes.table = ids ? x[0] : 0;
  return sizes;
}

template <class T>
Inputs<T> inputs_of(const Buffers& a) {
  return {data<T>(a[operand::x]),
          data<T>(a[operand::kernel]),
          data<T>(a[operand::recurrent_kernel]),
          data<T>(a[operand::bias]),
          data<T>(a[operand::h0]),
          data<T>(a[operand::c0]),
          data<T>(a[operand::dropout_mask]),
          data<T>(a[operand::recurrent_dropout_mask]),
          data<int32_t>(a[operand::ids]),
          data<uint8_t>(a[operand::zoneout_mask])};
}

Live live_of(const Buffers& a) { return {data<uint8_t>(a[operand::mask]), data<int32_t>(a[operand::lengths])}; }

template <class T>
void forward(const Spec& spec, const Buffers& a, const Buffers& out, bool saved_everywhere) {
  run_forward<T>(spec, sizes_of(a), inputs_of<T>(a), live_of(a),
                 {data<T>(out[output::sequence]), data<T>(out[output::saved]), data<T>(out[output::h]),
                  data<T>(out[output::c]), saved_everywhere});
}

template <class T>
void backward(const Spec& spec, const Buffers& a, const Buffers& back, const Buffers& grad) {
  run_backward<T>(
      spec, sizes_of(a), inputs_of<T>(a), live_of(a),
      {data<T>(back[backward_input::sequence]), data<T>(back[backward_input::saved]),
       data<T>(back[backward_input::d_sequence]), data<T>(back[backward_input::d_h]),
       data<T>(back[backward_input::d_c])},
      {data<T>(grad[gradient::x]), data<T>(grad[gradient::kernel]), data<T>(grad[gradient::recurrent_kernel]),
       data<T>(grad[gradient::bias]), data<T>(grad[gradient::h0]), data<T>(grad[gradient::c0]),
       data<T>(grad[gradient::h_steps]), data<T>(grad[gradient::c_steps])});
}

}  // namespace

const ArrayNames& array_names() {
  static const ArrayNames names{
      {GW_OPERANDS(GW_NAME)}, {GW_OUTPUTS(GW_NAME)}, {GW_BACKWARD_INPUTS(GW_NAME)}, {GW_GRADIENTS(GW_NAME)}};
  return names;
}

Spec spec_of(const double* values) {
  return {static_cast<int32_t>(values[0]),
          static_cast<Activation>(values[1]),
          static_cast<Activation>(values[2]),
          values[3] != 0,
          values[4] != 0,
          values[5] != 0,
          values[6],
          values[7] != 0};
}

void call_forward(const Spec& spec, bool is_double, const Buffers& operands, const Buffers& outputs,
                  bool saved_everywhere) {
  is_double ? forward<double>(spec, operands, outputs, saved_everywhere)
            : forward<float>(spec, operands, outputs, saved_everywhere);
}

void call_backward(const Spec& spec, bool is_double, const Buffers& operands, const Buffers& backward_inputs,
                   const Buffers& gradients) {
  is_double ? backward<double>(spec, operands, backward_inputs, gradients)
            : backward<float>(spec, operands, backward_inputs, gradients);
}

}  // namespace gatewright
