// The JAX binding: XLA FFI handlers over the same calls as the NumPy binding. An absent operand or result is an array
// of shape [0]. The handlers run on a thread of XLA's pool and give work to the kernels' own thread pool only.
#include <nanobind/nanobind.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>

#include "bindings/call.hpp"
#include "core/lazy_adam.hpp"
#include "core/run.hpp"
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

// Runs a call. No exception may leave a handler. Lack of memory is the only error: XLA's own operations report it in
// the same way, and there is no result to go on with.
template <class F>
ffi::Error outcome(F call) {
  try {
    call();
    return ffi::Error::Success();
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "There is not enough memory for the kernels' scratch.");
  }
}

ffi::Error forward(ffi::RemainingArgs operands, ffi::RemainingRets outputs, ffi::Span<const double> spec,
                   bool saved_everywhere) {
  return outcome([&] {
    call_forward(spec_of(spec.begin()), is_double(operands), buffers_of(operands, 0, array_names().operands.size()),
                 buffers_of(outputs), saved_everywhere);
  });
}

ffi::Error backward(ffi::RemainingArgs operands, ffi::RemainingRets gradients, ffi::Span<const double> spec) {
  const size_t count = array_names().operands.size();
  return outcome([&] {
    Buffers found = buffers_of(gradients);  // JAX asks for the first ones
    found.resize(array_names().gradients.size());
    call_backward(spec_of(spec.begin()), is_double(operands), buffers_of(operands, 0, count),
                  buffers_of(operands, count, array_names().backward_inputs.size()), found);
  });
}

template <class T>
void softmax_of(ffi::AnyBuffer logits, ffi::AnyBuffer bias, ffi::Buffer<ffi::S32> targets, ffi::AnyBuffer weights,
                ffi::AnyBuffer losses, ffi::AnyBuffer gradients) {
  T* const written = gradients.element_count() ? gradients.typed_data<T>() : nullptr;
  run_softmax<T>({logits.dimensions()[0], logits.dimensions()[1], logits.typed_data<T>(), bias.typed_data<T>(),
                  targets.typed_data(), weights.typed_data<T>(), losses.typed_data<T>(), written, 1});
}

ffi::Error softmax(ffi::AnyBuffer logits, ffi::AnyBuffer bias, ffi::Buffer<ffi::S32> targets, ffi::AnyBuffer weights,
                   ffi::Result<ffi::AnyBuffer> losses, ffi::Result<ffi::AnyBuffer> gradients) {
  return outcome([&] {
    if (logits.element_type() == ffi::F64) softmax_of<double>(logits, bias, targets, weights, *losses, *gradients);
    else softmax_of<float>(logits, bias, targets, weights, *losses, *gradients);
  });
}

XLA_FFI_DEFINE_HANDLER(softmax_handler, softmax,
                       ffi::Ffi::Bind()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::AnyBuffer>()
                           .Arg<ffi::Buffer<ffi::S32>>()
                           .Arg<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>()
                           .Ret<ffi::AnyBuffer>());

// ---- ids outside a table ----

// The first id outside its table that was met for each tag, a number that the caller gives to a table.
struct OutsideIds {
  std::mutex mutex;
  std::map<int64_t, int32_t> first;
};

OutsideIds& outside_ids() {
  static OutsideIds* const ids = new OutsideIds;  // never destroyed: XLA's threads may outlive every static object
  return *ids;
}

// Copies the ids and records the first one outside the table. The copy, not the operand, is used as the index, so that
// the compiler cannot leave the check out.
ffi::Error check_ids(ffi::Buffer<ffi::S32> ids, ffi::ResultBuffer<ffi::S32> same, int64_t rows, int64_t tag) {
  return outcome([&] {
    const int32_t* from = ids.typed_data();
    const size_t count = ids.element_count();
    const int32_t* const wrong =
        std::find_if(from, from + count, [rows](int32_t id) { return id >= rows || id < -rows; });
    std::copy(from, from + count, same->typed_data());
    if (wrong == from + count) return;
    const std::lock_guard<std::mutex> lock(outside_ids().mutex);
    outside_ids().first.emplace(tag, *wrong);
  });
}

XLA_FFI_DEFINE_HANDLER(
    check_ids_handler, check_ids,
    ffi::Ffi::Bind().Arg<ffi::Buffer<ffi::S32>>().Ret<ffi::Buffer<ffi::S32>>().Attr<int64_t>("rows").Attr<int64_t>(
        "tag"));

// ---- large embedding tables, see core/lazy_adam.hpp ----

using Floats = ffi::Buffer<ffi::F32>;
using Ints = ffi::Buffer<ffi::S32>;
using FloatResult = ffi::ResultBuffer<ffi::F32>;
using IntResult = ffi::ResultBuffer<ffi::S32>;

LazyTable lazy_table(float* weights, float* m, const Ints& last, ffi::AnyBuffer::Dimensions shape) {
  return {shape[0], shape[1], weights, m, last.typed_data()};
}

// `factors` is [3, window + 1].
MissedSteps missed_steps(const Floats& factors) {
  const int64_t length = factors.dimensions()[1];
  const float* kept = factors.typed_data();
  return {length - 1, kept, kept + length, kept + 2 * length};
}

ffi::Error lazy_rows(Ints ids, Floats weights, Floats m, Ints last, Ints step, Floats factors, IntResult numbers,
                     IntResult distinct, IntResult count, FloatResult rows, int64_t reserved) {
  int64_t found = 0;
  const ffi::Error error = outcome([&] {
    const LazyTable table = lazy_table(weights.typed_data(), m.typed_data(), last, weights.dimensions());
    found = number_ids(ids.typed_data(), static_cast<int64_t>(ids.element_count()), table.rows, reserved,
                       numbers->typed_data(), distinct->typed_data());
    if (found < 0) return;
    *count->typed_data() = static_cast<int32_t>(found);
    std::fill(distinct->typed_data() + found, distinct->typed_data() + distinct->element_count(), 0);
    weights_after(table, missed_steps(factors), *step.typed_data(), distinct->typed_data(), found, rows->typed_data());
    std::fill(rows->typed_data() + found * table.units, rows->typed_data() + rows->element_count(), 0.0f);
  });
  if (found >= 0) return error;
  return ffi::Error(ffi::ErrorCode::kInvalidArgument, "An id is outside the table of the embedding.");
}

// The results share the memory of the first three operands.
ffi::Error lazy_train(Floats, Floats, Ints, Ints distinct, Ints count, Floats rows, Floats gradient, Ints step,
                      Floats before, Floats after, Floats scalars, FloatResult weights, FloatResult m, IntResult last) {
  return outcome([&] {
    const LazyTable table = lazy_table(weights->typed_data(), m->typed_data(), *last, weights->dimensions());
    const float* s = scalars.typed_data();
    const int64_t now = *step.typed_data();
    const MissedSteps missed = missed_steps(after);
    train_rows(table, missed_steps(before), now, distinct.typed_data(), *count.typed_data(), rows.typed_data(),
               gradient.typed_data(), s[0], s[1], s[2]);
    // So many rows each step that none is ever further behind than the window.
    const int64_t some = (table.rows + missed.window - 1) / missed.window;
    const int64_t first = now % missed.window * some;
    catch_up(table, missed, now, std::min(first, table.rows), std::min(first + some, table.rows));
  });
}

// The results share the memory of the first three operands.
ffi::Error lazy_catch_up(Floats, Floats, Ints, Ints step, Floats factors, FloatResult weights, FloatResult m,
                         IntResult last) {
  return outcome([&] {
    const LazyTable table = lazy_table(weights->typed_data(), m->typed_data(), *last, weights->dimensions());
    catch_up(table, missed_steps(factors), *step.typed_data(), 0, table.rows);
  });
}

XLA_FFI_DEFINE_HANDLER(lazy_rows_handler, lazy_rows,
                       ffi::Ffi::Bind()
                           .Arg<Ints>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Ints>()
                           .Arg<Ints>()
                           .Arg<Floats>()
                           .Ret<Ints>()
                           .Ret<Ints>()
                           .Ret<Ints>()
                           .Ret<Floats>()
                           .Attr<int64_t>("reserved"));
XLA_FFI_DEFINE_HANDLER(lazy_train_handler, lazy_train,
                       ffi::Ffi::Bind()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Ints>()
                           .Arg<Ints>()
                           .Arg<Ints>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Ints>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Ret<Floats>()
                           .Ret<Floats>()
                           .Ret<Ints>());
XLA_FFI_DEFINE_HANDLER(lazy_catch_up_handler, lazy_catch_up,
                       ffi::Ffi::Bind()
                           .Arg<Floats>()
                           .Arg<Floats>()
                           .Arg<Ints>()
                           .Arg<Ints>()
                           .Arg<Floats>()
                           .Ret<Floats>()
                           .Ret<Floats>()
                           .Ret<Ints>());

#define GW_BINDING ffi::Ffi::Bind().RemainingArgs().RemainingRets().Attr<ffi::Span<const double>>("spec")
XLA_FFI_DEFINE_HANDLER(forward_handler, forward, GW_BINDING.Attr<bool>("saved_everywhere"));
XLA_FFI_DEFINE_HANDLER(backward_handler, backward, GW_BINDING);

}  // namespace

nb::dict xla_handlers() {
  nb::dict handlers;
  handlers["api_version"] = nb::make_tuple(XLA_FFI_API_MAJOR, XLA_FFI_API_MINOR);
  handlers["forward"] = nb::capsule(reinterpret_cast<void*>(forward_handler));
  handlers["check_ids"] = nb::capsule(reinterpret_cast<void*>(check_ids_handler));
  handlers["softmax"] = nb::capsule(reinterpret_cast<void*>(softmax_handler));
  handlers["lazy_rows"] = nb::capsule(reinterpret_cast<void*>(lazy_rows_handler));
  handlers["lazy_train"] = nb::capsule(reinterpret_cast<void*>(lazy_train_handler));
  handlers["lazy_catch_up"] = nb::capsule(reinterpret_cast<void*>(lazy_catch_up_handler));
  handlers["backward"] = nb::capsule(reinterpret_cast<void*>(backward_handler));
  return handlers;
}

// Returns the ids that check_ids has recorded, by their tags, and forgets them.
nb::dict take_outside_ids() {
  std::map<int64_t, int32_t> taken;
  {
    const std::lock_guard<std::mutex> lock(outside_ids().mutex);
    taken.swap(outside_ids().first);
  }
  nb::dict ids;
  for (const auto& [tag, id] : taken) ids[nb::int_(tag)] = nb::int_(id);
  return ids;
}

}  // namespace gatewright
