// The door to JAX: XLA FFI handlers over the same calls. An operand that is absent is an array of shape [0] whose
// flag in `present` is not set. The handlers run on a thread of XLA's pool and hand work to our own team alone.
#include <nanobind/nanobind.h>

#include <new>

#include "core/run.hpp"
#include "xla/ffi/api/ffi.h"

namespace nb = nanobind;
namespace ffi = xla::ffi;

namespace gatewright {
namespace {

enum Present : int64_t {
  has_bias = 1,
  has_c = 2,
  has_mask = 4,
  has_lengths = 8,
  has_dropout = 16,
  has_recurrent_dropout = 32,
  has_sequence = 64,
  has_ids = 128,
  wants_states = 256,  // gradients by the initial states
  has_zoneout = 512
};

struct Attributes {
  int64_t cell, activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, present;
  double zoneout;
  Spec spec() const {
    return {static_cast<CellKind>(cell),
            static_cast<Activation>(activation),
            static_cast<Activation>(recurrent_activation),
            reset_after != 0,
            reverse != 0,
            zero_output_for_mask != 0,
            zoneout};
  }
  bool has(Present flag) const { return (present & flag) != 0; }
};

// The operands that both directions take, in this order.
struct Operands {
  ffi::AnyBuffer x, ids, kernel, recurrent_kernel, bias, h0, c0, mask, lengths, dropout, recurrent_dropout, zoneout;
};

int64_t size(const ffi::AnyBuffer& buffer, size_t axis) { return buffer.dimensions()[axis]; }

Sizes sizes_of(const Operands& o, const Attributes& a) {
  const ffi::AnyBuffer& positions = a.has(has_ids) ? o.ids : o.x;
  return {size(positions, 0),
          size(positions, 1),
          size(o.x, a.has(has_ids) ? 1 : 2),
          size(o.h0, 1),
          a.has(has_dropout) ? size(o.dropout, 0) : 0,
          a.has(has_recurrent_dropout) ? size(o.recurrent_dropout, 0) : 0,
          a.has(has_ids) ? size(o.x, 0) : 0};
}

template <class T>
const T* data(const ffi::AnyBuffer& buffer, bool present = true) {
  return present ? static_cast<const T*>(buffer.untyped_data()) : nullptr;
}

template <class T>
T* data(ffi::Result<ffi::AnyBuffer>& buffer, bool present = true) {
  return present ? static_cast<T*>(buffer->untyped_data()) : nullptr;
}

template <class T>
Inputs<T> inputs_of(const Operands& o, const Attributes& a) {
  return {data<T>(o.x),
          data<T>(o.kernel),
          data<T>(o.recurrent_kernel),
          data<T>(o.bias, a.has(has_bias)),
          data<T>(o.h0),
          data<T>(o.c0, a.has(has_c)),
          data<T>(o.dropout, a.has(has_dropout)),
          data<T>(o.recurrent_dropout, a.has(has_recurrent_dropout)),
          data<int32_t>(o.ids, a.has(has_ids)),
          data<uint8_t>(o.zoneout, a.has(has_zoneout))};
}

Live live_of(const Operands& o, const Attributes& a) {
  return {data<uint8_t>(o.mask, a.has(has_mask)), data<int32_t>(o.lengths, a.has(has_lengths))};
}

// Runs a call; no exception may leave a handler.
template <class F>
ffi::Error outcome(F call) {
  try {
    const char* wrong = call();
    return wrong ? ffi::Error(ffi::ErrorCode::kInvalidArgument, wrong) : ffi::Error::Success();
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "not enough memory for the kernels' scratch");
  }
}

template <class T>
ffi::Error forward_typed(const Operands& o, const Attributes& a, ffi::Result<ffi::AnyBuffer>& sequence,
                         ffi::Result<ffi::AnyBuffer>* saved, ffi::Result<ffi::AnyBuffer>& h,
                         ffi::Result<ffi::AnyBuffer>& c) {
  const Spec spec = a.spec();
  const Outputs<T> out{data<T>(sequence, a.has(has_sequence)), saved && saved_slots(spec) ? data<T>(*saved) : nullptr,
                       data<T>(h), data<T>(c, a.has(has_c))};
  return outcome([&] { return run_forward<T>(spec, sizes_of(o, a), inputs_of<T>(o, a), live_of(o, a), out); });
}

ffi::Error forward_any(const Operands& o, const Attributes& a, ffi::Result<ffi::AnyBuffer>& sequence,
                       ffi::Result<ffi::AnyBuffer>* saved, ffi::Result<ffi::AnyBuffer>& h,
                       ffi::Result<ffi::AnyBuffer>& c) {
  if (o.x.element_type() == ffi::F32) return forward_typed<float>(o, a, sequence, saved, h, c);
  return forward_typed<double>(o, a, sequence, saved, h, c);
}

#define GW_OPERANDS                                                                                                  \
  ffi::AnyBuffer x, ffi::AnyBuffer ids, ffi::AnyBuffer kernel, ffi::AnyBuffer recurrent_kernel, ffi::AnyBuffer bias, \
      ffi::AnyBuffer h0, ffi::AnyBuffer c0, ffi::AnyBuffer mask, ffi::AnyBuffer lengths, ffi::AnyBuffer dropout,     \
      ffi::AnyBuffer recurrent_dropout, ffi::AnyBuffer zoneout_mask
#define GW_ATTRIBUTES                                                                                   \
  int64_t cell, int64_t activation, int64_t recurrent_activation, int64_t reset_after, int64_t reverse, \
      int64_t zero_output_for_mask, int64_t present, double zoneout
#define GW_PACK_OPERANDS \
  {x, ids, kernel, recurrent_kernel, bias, h0, c0, mask, lengths, dropout, recurrent_dropout, zoneout_mask}
#define GW_PACK_ATTRIBUTES \
  {cell, activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, present, zoneout}

ffi::Error infer(GW_OPERANDS, GW_ATTRIBUTES, ffi::Result<ffi::AnyBuffer> sequence, ffi::Result<ffi::AnyBuffer> h,
                 ffi::Result<ffi::AnyBuffer> c) {
  return forward_any(GW_PACK_OPERANDS, GW_PACK_ATTRIBUTES, sequence, nullptr, h, c);
}

ffi::Error forward(GW_OPERANDS, GW_ATTRIBUTES, ffi::Result<ffi::AnyBuffer> sequence, ffi::Result<ffi::AnyBuffer> h,
                   ffi::Result<ffi::AnyBuffer> c, ffi::Result<ffi::AnyBuffer> saved) {
  return forward_any(GW_PACK_OPERANDS, GW_PACK_ATTRIBUTES, sequence, &saved, h, c);
}

struct Results {
  ffi::Result<ffi::AnyBuffer> x, kernel, recurrent_kernel, bias, h0, c0;
};

template <class T>
ffi::Error backward_typed(const Operands& o, const Attributes& a, const BackwardInputs<T>& back, Results& g) {
  const Gradients<T> grad{data<T>(g.x),
                          data<T>(g.kernel),
                          data<T>(g.recurrent_kernel),
                          data<T>(g.bias, a.has(has_bias)),
                          data<T>(g.h0, a.has(wants_states)),
                          data<T>(g.c0, a.has(has_c) && a.has(wants_states))};
  return outcome(
      [&] { return run_backward<T>(a.spec(), sizes_of(o, a), inputs_of<T>(o, a), live_of(o, a), back, grad); });
}

ffi::Error backward(GW_OPERANDS, ffi::AnyBuffer sequence, ffi::AnyBuffer saved, ffi::AnyBuffer d_sequence,
                    ffi::AnyBuffer d_h, ffi::AnyBuffer d_c, GW_ATTRIBUTES, ffi::Result<ffi::AnyBuffer> g_x,
                    ffi::Result<ffi::AnyBuffer> g_kernel, ffi::Result<ffi::AnyBuffer> g_recurrent_kernel,
                    ffi::Result<ffi::AnyBuffer> g_bias, ffi::Result<ffi::AnyBuffer> g_h0,
                    ffi::Result<ffi::AnyBuffer> g_c0) {
  const Operands o GW_PACK_OPERANDS;
  const Attributes a GW_PACK_ATTRIBUTES;
  Results g{g_x, g_kernel, g_recurrent_kernel, g_bias, g_h0, g_c0};
  if (x.element_type() == ffi::F32)
    return backward_typed<float>(
        o, a,
        {data<float>(sequence), data<float>(saved), data<float>(d_sequence, a.has(has_sequence)), data<float>(d_h),
         data<float>(d_c, a.has(has_c))},
        g);
  return backward_typed<double>(
      o, a,
      {data<double>(sequence), data<double>(saved), data<double>(d_sequence, a.has(has_sequence)), data<double>(d_h),
       data<double>(d_c, a.has(has_c))},
      g);
}

#define GW_ARG .Arg<ffi::AnyBuffer>()
#define GW_RET .Ret<ffi::AnyBuffer>()
#define GW_BIND_OPERANDS GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG
#define GW_BIND_ATTRIBUTES                   \
  .Attr<int64_t>("cell")                     \
      .Attr<int64_t>("activation")           \
      .Attr<int64_t>("recurrent_activation") \
      .Attr<int64_t>("reset_after")          \
      .Attr<int64_t>("reverse")              \
      .Attr<int64_t>("zero_output_for_mask") \
      .Attr<int64_t>("present")              \
      .Attr<double>("zoneout")

XLA_FFI_DEFINE_HANDLER(infer_handler, infer, ffi::Ffi::Bind() GW_BIND_OPERANDS GW_BIND_ATTRIBUTES GW_RET GW_RET GW_RET);
XLA_FFI_DEFINE_HANDLER(forward_handler, forward,
                       ffi::Ffi::Bind() GW_BIND_OPERANDS GW_BIND_ATTRIBUTES GW_RET GW_RET GW_RET GW_RET);
XLA_FFI_DEFINE_HANDLER(backward_handler, backward,
                       ffi::Ffi::Bind() GW_BIND_OPERANDS GW_ARG GW_ARG GW_ARG GW_ARG GW_ARG GW_BIND_ATTRIBUTES GW_RET
                           GW_RET GW_RET GW_RET GW_RET GW_RET);

}  // namespace

nb::dict xla_handlers() {
  nb::dict handlers;
  handlers["api_version"] = nb::make_tuple(XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR);
  handlers["infer"] = nb::capsule(reinterpret_cast<void*>(infer_handler));
  handlers["forward"] = nb::capsule(reinterpret_cast<void*>(forward_handler));
  handlers["backward"] = nb::capsule(reinterpret_cast<void*>(backward_handler));
  return handlers;
}

}  // namespace gatewright
