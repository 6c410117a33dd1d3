// The NumPy binding. gatewright.ops.numpy checks every shape and type before it calls; nothing here is public.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "digest.hpp"
#include "bindings/call.hpp"
#include "core/dispatch.hpp"
#include "core/packed.hpp"
#include "core/peak.hpp"
#include "core/run.hpp"
#include "core/scratch.hpp"
#include "core/thread_pool.hpp"

namespace nb = nanobind;

namespace gatewright {

nb::dict xla_handlers();  // xla.cpp
nb::dict take_outside_ids();

namespace {

template <class A>
Buffers buffers_of(const std::vector<std::optional<A>>& arrays, const std::vector<const char*>& names) {
  if (arrays.size() != names.size()) throw nb::value_error("The call does not pass the arrays that the kernels list.");
  Buffers buffers;
  for (const auto& array : arrays)
    buffers.push_back(array ? Buffer{const_cast<void*>(static_cast<const void*>(array->data())), array->shape_ptr()}
                            : Buffer{});
  return buffers;
}

// Contiguous arrays or None, read and written in place.
using Read = std::vector<std::optional<nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>>>;
using Written = std::vector<std::optional<nb::ndarray<nb::c_contig, nb::device::cpu>>>;

bool is_double(const Read& operands) { return operands.at(0).value().dtype() == nb::dtype<double>(); }

Spec spec_of(const std::vector<double>& values) { return gatewright::spec_of(values.data()); }

// XLA allocates the buffers of a program at every run. Above 32 MB, or outside the main arena, glibc maps fresh pages
// each time, which costs a fifth of an LSTM's training step. These settings keep freed memory for the next run.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

void define_calls(nb::module_& m) {
  m.def(
      "forward",
      [](const std::vector<double>& spec, const Read& operands, const Written& outputs) {
        const Buffers in = buffers_of(operands, array_names().operands);
        const Buffers out = buffers_of(outputs, array_names().outputs);
        const bool wide = is_double(operands);
        nb::gil_scoped_release unlocked;
        call_forward(spec_of(spec), wide, in, out, true);
      },
      nb::arg("spec"), nb::arg("operands").noconvert(), nb::arg("outputs").noconvert());
  m.def(
      "backward",
      [](const std::vector<double>& spec, const Read& operands, const Read& backward_inputs, const Written& gradients) {
        const Buffers in = buffers_of(operands, array_names().operands);
        const Buffers back = buffers_of(backward_inputs, array_names().backward_inputs);
        const Buffers grad = buffers_of(gradients, array_names().gradients);
        const bool wide = is_double(operands);
        nb::gil_scoped_release unlocked;
        call_backward(spec_of(spec), wide, in, back, grad);
      },
      nb::arg("spec"), nb::arg("operands").noconvert(), nb::arg("backward_inputs").noconvert(),
      nb::arg("gradients").noconvert());
  m.attr("operands") = nb::tuple(nb::cast(array_names().operands));
  m.attr("outputs") = nb::tuple(nb::cast(array_names().outputs));
  m.attr("backward_inputs") = nb::tuple(nb::cast(array_names().backward_inputs));
  m.attr("gradients") = nb::tuple(nb::cast(array_names().gradients));
  m.attr("cells") = nb::tuple(nb::cast(cell_names()));
}

// ---- packed weights ----

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr const char* step_takes =
    "step takes float32 arrays in C order: x [batch, features], h [batch, units] (an LSTM: the pair (h, c)), "
    "and for out None or arrays like the states.";

Out new_rows(int64_t rows, int64_t width) {
  auto* data = new float[rows * width];
  const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  return Out(data, {static_cast<size_t>(rows), static_cast<size_t>(width)}, owner);
}

template <class A>
void require_shape(const char* name, const A& array, int64_t rows, int64_t width) {
  if (static_cast<int64_t>(array.shape(0)) == rows && static_cast<int64_t>(array.shape(1)) == width) return;
  const auto text = [](int64_t a, int64_t b) { return "[" + std::to_string(a) + ", " + std::to_string(b) + "]"; };
  throw nb::value_error((std::string(name) + " must have shape " + text(rows, width) + ", not " +
                         text(array.shape(0), array.shape(1)) + ".")
                            .c_str());
}

Out step(PackedRecurrence& packed, const Rows& x, const Rows& h, const std::optional<Out>& given) {
  if (packed.has_c()) throw nb::type_error(step_takes);
  const int64_t batch = x.shape(0);
  require_shape("x", x, batch, packed.features());
  require_shape("h", h, batch, packed.units());
  if (given) require_shape("out", *given, batch, packed.units());
  Out out = given ? *given : new_rows(batch, packed.units());
  packed.step(batch, x.data(), h.data(), nullptr, out.data(), nullptr);
  return out;
}

std::pair<Out, Out> step_with_c(PackedRecurrence& packed, const Rows& x, const std::pair<Rows, Rows>& states,
                                const std::optional<std::pair<Out, Out>>& given) {
  if (!packed.has_c()) throw nb::type_error(step_takes);
  const int64_t batch = x.shape(0), units = packed.units();
  require_shape("x", x, batch, packed.features());
  require_shape("h", states.first, batch, units);
  require_shape("c", states.second, batch, units);
  if (given) require_shape("out[0]", given->first, batch, units);
  if (given) require_shape("out[1]", given->second, batch, units);
  auto out = given ? *given : std::pair<Out, Out>(new_rows(batch, units), new_rows(batch, units));
  packed.step(batch, x.data(), states.first.data(), states.second.data(), out.first.data(), out.second.data());
  return out;
}

// Absent arrays are None. gatewright.ops.packed checks the shapes.
template <class T, int dims>
using Array = std::optional<nb::ndarray<const T, nb::ndim<dims>, nb::c_contig, nb::device::cpu>>;
template <int dims>
using Result = std::optional<nb::ndarray<float, nb::ndim<dims>, nb::c_contig, nb::device::cpu>>;

template <class A>
auto data(const std::optional<A>& array) {
  return array ? array->data() : nullptr;
}

void sequence(const PackedRecurrence& packed, const nb::ndarray<const float, nb::c_contig, nb::device::cpu>& x,
              const Array<int32_t, 2>& ids, const Rows& h0, const Array<float, 2>& c0, const Array<uint8_t, 2>& mask,
              const Array<int32_t, 1>& lengths, const Result<3>& outputs, const Result<2>& h, const Result<2>& c) {
  Sizes sizes{};
  sizes.batch = ids ? ids->shape(0) : x.shape(0);
  sizes.time = ids ? ids->shape(1) : x.shape(1);
  sizes.features = packed.features();
  sizes.units = packed.units();
  sizes.table = ids ? x.shape(0) : 0;
  Inputs<float> in{};
  in.x = x.data();
  in.ids = data(ids);
  in.h0 = h0.data();
  in.c0 = data(c0);
  const Live live{data(mask), data(lengths)};
  const Outputs<float> out{data(outputs), nullptr, data(h), data(c)};
  nb::gil_scoped_release unlocked;
  packed.sequence(sizes, in, live, out);
}

void define_packed(nb::module_& m) {
  nb::class_<PackedRecurrence>(m, "PackedRecurrence")
      .def("__init__",
           [](PackedRecurrence* self, const std::vector<double>& spec, const Rows& kernel, const Rows& recurrent_kernel,
              const std::optional<nb::ndarray<const float, nb::c_contig, nb::device::cpu>>& bias) {
             new (self) PackedRecurrence(spec_of(spec), static_cast<int64_t>(kernel.shape(0)),
                                         static_cast<int64_t>(recurrent_kernel.shape(0)), kernel.data(),
                                         recurrent_kernel.data(), bias ? bias->data() : nullptr);
           })
      .def("step", &step, nb::arg("x").noconvert(), nb::arg("h").noconvert(), nb::arg("out").noconvert() = nb::none())
      .def("step", &step_with_c, nb::arg("x").noconvert(), nb::arg("h").noconvert(),
           nb::arg("out").noconvert() = nb::none())
      .def("step", [](PackedRecurrence&, const nb::args&, const nb::kwargs&) { throw nb::type_error(step_takes); })
      .def("sequence", &sequence, nb::arg("x").noconvert(), nb::arg("ids").noconvert().none(),
           nb::arg("h0").noconvert(), nb::arg("c0").noconvert().none(), nb::arg("mask").noconvert().none(),
           nb::arg("lengths").noconvert().none(), nb::arg("sequence").noconvert().none(),
           nb::arg("h").noconvert().none(), nb::arg("c").noconvert().none());
}

}  // namespace
}  // namespace gatewright

NB_MODULE(_kernels, m) {
  using namespace gatewright;
  define_calls(m);
  define_packed(m);
  m.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (const InstructionSet* set : available_instruction_sets()) names.push_back(set->name);
    return names;
  });
  m.def("instruction_set", [] { return std::string(instruction_set().name); });
  m.def("choose_instruction_set", [](const std::string& name) { return choose_instruction_set(name.c_str()); });
  m.def("bf16_instructions", [] { return bf16_products() == Products::pairs; });
  m.def("use_bf16_instructions", &use_bf16_instructions);
  m.def("set_num_threads", &set_num_threads);
  m.def("num_threads", &num_threads);
  m.def("multiply_add_peak", &multiply_add_peak, nb::call_guard<nb::gil_scoped_release>());
  m.def("xla_handlers", &xla_handlers);
  m.def("take_outside_ids", &take_outside_ids);
  m.def("set_scratch_limit", &set_scratch_limit);
  m.def("scratch_limit", &scratch_limit);
  m.def("kept_scratch", &kept_scratch);
  m.def("take_peak_scratch", &take_peak_scratch);
  m.def("keep_freed_memory", &keep_freed_memory);
  m.attr("source_digest") = GW_SOURCE_DIGEST;
}
