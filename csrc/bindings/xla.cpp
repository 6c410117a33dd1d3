// The JAX binding: XLA FFI handlers over the same calls as the NumPy binding. An absent operand or result is an array
// of shape [0]. The handlers run on a thread of XLA's pool and give work to the kernels' own thread pool only.
#include <nanobind/nanobind.h>

#include <new>

#include "bindings/call.hpp"
#include "xla/ffi/api/ffi.h"

namespace nb = nanobind;
namespace ffi = xla::ffi;

namespace gatewright {
namespace {

Buffer buffer_of(const ffi::AnyBuffer& array) {
  const auto shape = array.dimensions();
  if (shape.size() == 1 && shape[0] == 0) return {};
  return {array.untyped_data(), shape.begin()};
}

Buffers buffers_of(const ffi::RemainingArgs& arrays, size_t first, size_t count) {
  Buffers buffers;
  for (size_t k = first; k < first + count; ++k) buffers.push_back(buffer_of(*arrays.get<ffi::AnyBuffer>(k)));
  return buffers;
}

Buffers buffers_of(const ffi::RemainingRets& arrays) {
  Buffers buffers;
  for (size_t k = 0; k < arrays.size(); ++k) buffers.push_back(buffer_of(**arrays.get<ffi::AnyBuffer>(k)));
  return buffers;
}

bool is_double(const ffi::RemainingArgs& operands) {
  return operands.get<ffi::AnyBuffer>(0)->element_type() == ffi::F64;
}

// Runs a call. No exception may leave a handler.
template <class F>
ffi::Error outcome(F call) {
  try {
    const char* error = call();
    return error ? ffi::Error(ffi::ErrorCode::kInvalidArgument, error) : ffi::Error::Success();
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "There is not enough memory for the kernels' scratch.");
  }
}

ffi::Error forward(ffi::RemainingArgs operands, ffi::RemainingRets outputs, ffi::Span<const double> spec) {
  return outcome([&] {
    return call_forward(spec_of(spec.begin()), is_double(operands),
                        buffers_of(operands, 0, array_names().operands.size()), buffers_of(outputs));
  });
}

ffi::Error backward(ffi::RemainingArgs operands, ffi::RemainingRets gradients, ffi::Span<const double> spec) {
  const size_t count = array_names().operands.size();
  return outcome([&] {
    return call_backward(spec_of(spec.begin()), is_double(operands), buffers_of(operands, 0, count),
                         buffers_of(operands, count, array_names().backward_inputs.size()), buffers_of(gradients));
  });
}

#define GW_BINDING ffi::Ffi::Bind().RemainingArgs().RemainingRets().Attr<ffi::Span<const double>>("spec")
XLA_FFI_DEFINE_HANDLER(forward_handler, forward, GW_BINDING);
XLA_FFI_DEFINE_HANDLER(backward_handler, backward, GW_BINDING);

}  // namespace

nb::dict xla_handlers() {
  nb::dict handlers;
  handlers["api_version"] = nb::make_tuple(XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR);
  handlers["forward"] = nb::capsule(reinterpret_cast<void*>(forward_handler));
  handlers["backward"] = nb::capsule(reinterpret_cast<void*>(backward_handler));
  return handlers;
}

}  // namespace gatewright
