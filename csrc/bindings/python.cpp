// The door to NumPy: buffers in, buffers filled. gatewright.ops.numpy has checked every shape and type; private.
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
#include "core/dispatch.hpp"
#include "core/peak.hpp"
#include "core/run.hpp"
#include "core/step.hpp"
#include "core/team.hpp"

namespace nb = nanobind;

namespace gatewright {

nb::dict xla_handlers();  // xla.cpp

namespace {

template <class T>
using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <class T>
using Maybe = std::optional<Array<T>>;

template <class T>
T* pointer(const Maybe<T>& array) {
  return array ? array->data() : nullptr;
}

// The codes of enumerations, the flags, and the rate of zoneout, in the order of Spec.
Spec spec_of(const std::vector<double>& v) {
  const auto code = [&](size_t k) { return static_cast<int>(v.at(k)); };
  return {static_cast<CellKind>(code(0)),
          static_cast<Activation>(code(1)),
          static_cast<Activation>(code(2)),
          code(3) != 0,
          code(4) != 0,
          code(5) != 0,
          v.at(6)};
}

template <class T>
int64_t leading(const Maybe<T>& array) {
  return array ? static_cast<int64_t>(array->shape(0)) : 0;
}

template <class T>
struct Arguments {
  Sizes sizes;
  Inputs<T> in;
  Live live;
};

template <class T>
Arguments<T> arguments(const Array<const T>& x, const Maybe<const int32_t>& ids, const Array<const T>& kernel,
                       const Array<const T>& recurrent_kernel, const Maybe<const T>& bias, const Array<const T>& h0,
                       const Maybe<const T>& c0, const Maybe<const uint8_t>& mask, const Maybe<const int32_t>& lengths,
                       const Maybe<const T>& dropout, const Maybe<const T>& recurrent_dropout,
                       const Maybe<const uint8_t>& zoneout) {
  const auto size = [](const auto& array, size_t axis) { return static_cast<int64_t>(array.shape(axis)); };
  return {{ids ? size(*ids, 0) : size(x, 0), ids ? size(*ids, 1) : size(x, 1), size(x, ids ? 1 : 2), size(h0, 1),
           leading(dropout), leading(recurrent_dropout), ids ? size(x, 0) : 0},
          {x.data(), kernel.data(), recurrent_kernel.data(), pointer(bias), h0.data(), pointer(c0), pointer(dropout),
           pointer(recurrent_dropout), pointer(ids), pointer(zoneout)},
          {pointer(mask), pointer(lengths)}};
}

// XLA asks for a program's buffers anew at every run. Past 32 MB, or off the main arena, glibc maps fresh pages for them
// each time, and touching those costs a fifth of an LSTM's training step: here freed memory is kept for the next one.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

void raise_if(const char* wrong) {
  if (wrong) throw nb::value_error(wrong);
}

template <class T>
void define(nb::module_& m) {
  m.def(
      "forward",
      [](const std::vector<double>& spec, Array<const T> x, Maybe<const int32_t> ids, Array<const T> kernel,
         Array<const T> recurrent_kernel, Maybe<const T> bias, Array<const T> h0, Maybe<const T> c0,
         Maybe<const uint8_t> mask, Maybe<const int32_t> lengths, Maybe<const T> dropout,
         Maybe<const T> recurrent_dropout, Maybe<const uint8_t> zoneout, Maybe<T> sequence, Maybe<T> saved, Array<T> h,
         Maybe<T> c) {
        const auto a = arguments<T>(x, ids, kernel, recurrent_kernel, bias, h0, c0, mask, lengths, dropout,
                                    recurrent_dropout, zoneout);
        const Outputs<T> out{pointer(sequence), pointer(saved), h.data(), pointer(c)};
        const Spec s = spec_of(spec);
        const char* wrong;
        {
          nb::gil_scoped_release unlocked;
          wrong = run_forward<T>(s, a.sizes, a.in, a.live, out);
        }
        raise_if(wrong);
      },
      nb::arg("spec"), nb::arg("x").noconvert(), nb::arg("ids").none(), nb::arg("kernel").noconvert(),
      nb::arg("recurrent_kernel").noconvert(), nb::arg("bias").none().noconvert(), nb::arg("h0").noconvert(),
      nb::arg("c0").none().noconvert(), nb::arg("mask").none(), nb::arg("lengths").none(),
      nb::arg("dropout").none().noconvert(), nb::arg("recurrent_dropout").none().noconvert(), nb::arg("zoneout").none(),
      nb::arg("sequence").none().noconvert(), nb::arg("saved").none().noconvert(), nb::arg("h").noconvert(),
      nb::arg("c").none().noconvert());
  m.def(
      "backward",
      [](const std::vector<double>& spec, Array<const T> x, Maybe<const int32_t> ids, Array<const T> kernel,
         Array<const T> recurrent_kernel, Maybe<const T> bias, Array<const T> h0, Maybe<const T> c0,
         Maybe<const uint8_t> mask, Maybe<const int32_t> lengths, Maybe<const T> dropout,
         Maybe<const T> recurrent_dropout, Maybe<const uint8_t> zoneout, Array<const T> sequence, Maybe<const T> saved,
         Maybe<const T> d_sequence, Maybe<const T> d_h, Maybe<const T> d_c, Array<T> g_x, Array<T> g_kernel,
         Array<T> g_recurrent_kernel, Maybe<T> g_bias, Array<T> g_h0, Maybe<T> g_c0) {
        const auto a = arguments<T>(x, ids, kernel, recurrent_kernel, bias, h0, c0, mask, lengths, dropout,
                                    recurrent_dropout, zoneout);
        const BackwardInputs<T> back{sequence.data(), pointer(saved), pointer(d_sequence), pointer(d_h), pointer(d_c)};
        const Gradients<T> grad{g_x.data(),      g_kernel.data(), g_recurrent_kernel.data(),
                                pointer(g_bias), g_h0.data(),     pointer(g_c0)};
        const Spec s = spec_of(spec);
        const char* wrong;
        {
          nb::gil_scoped_release unlocked;
          wrong = run_backward<T>(s, a.sizes, a.in, a.live, back, grad);
        }
        raise_if(wrong);
      },
      nb::arg("spec"), nb::arg("x").noconvert(), nb::arg("ids").none(), nb::arg("kernel").noconvert(),
      nb::arg("recurrent_kernel").noconvert(), nb::arg("bias").none().noconvert(), nb::arg("h0").noconvert(),
      nb::arg("c0").none().noconvert(), nb::arg("mask").none(), nb::arg("lengths").none(),
      nb::arg("dropout").none().noconvert(), nb::arg("recurrent_dropout").none().noconvert(), nb::arg("zoneout").none(),
      nb::arg("sequence").noconvert(), nb::arg("saved").none().noconvert(), nb::arg("d_sequence").none().noconvert(),
      nb::arg("d_h").none().noconvert(), nb::arg("d_c").none().noconvert(), nb::arg("g_x").noconvert(),
      nb::arg("g_kernel").noconvert(), nb::arg("g_recurrent_kernel").noconvert(), nb::arg("g_bias").none().noconvert(),
      nb::arg("g_h0").noconvert(), nb::arg("g_c0").none().noconvert());
}

// ---- one step at a time ----

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr const char* step_takes =
    "step takes float32 arrays in C order: x [batch, features], h [batch, units] (an LSTM: the pair (h, c)), and for out "
    "None or arrays like the states.";

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

Out step(PackedStep& packed, const Rows& x, const Rows& h, const std::optional<Out>& given) {
  if (packed.has_c()) throw nb::type_error(step_takes);
  const int64_t batch = x.shape(0);
  require_shape("x", x, batch, packed.features());
  require_shape("h", h, batch, packed.units());
  if (given) require_shape("out", *given, batch, packed.units());
  Out out = given ? *given : new_rows(batch, packed.units());
  packed.run(batch, x.data(), h.data(), nullptr, out.data(), nullptr);
  return out;
}

std::pair<Out, Out> step_with_c(PackedStep& packed, const Rows& x, const std::pair<Rows, Rows>& states,
                                const std::optional<std::pair<Out, Out>>& given) {
  if (!packed.has_c()) throw nb::type_error(step_takes);
  const int64_t batch = x.shape(0), units = packed.units();
  require_shape("x", x, batch, packed.features());
  require_shape("h", states.first, batch, units);
  require_shape("c", states.second, batch, units);
  if (given) require_shape("out[0]", given->first, batch, units);
  if (given) require_shape("out[1]", given->second, batch, units);
  auto out = given ? *given : std::pair<Out, Out>(new_rows(batch, units), new_rows(batch, units));
  packed.run(batch, x.data(), states.first.data(), states.second.data(), out.first.data(), out.second.data());
  return out;
}

void define_step(nb::module_& m) {
  nb::class_<PackedStep>(m, "PackedStep")
      .def("__init__",
           [](PackedStep* self, const std::vector<double>& spec, const Rows& kernel, const Rows& recurrent_kernel,
              const Maybe<const float>& bias) {
             new (self) PackedStep(spec_of(spec), static_cast<int64_t>(kernel.shape(0)),
                                   static_cast<int64_t>(recurrent_kernel.shape(0)), kernel.data(),
                                   recurrent_kernel.data(), pointer(bias));
           })
      .def("step", &step, nb::arg("x").noconvert(), nb::arg("h").noconvert(), nb::arg("out").noconvert() = nb::none())
      .def("step", &step_with_c, nb::arg("x").noconvert(), nb::arg("h").noconvert(),
           nb::arg("out").noconvert() = nb::none())
      .def("step", [](PackedStep&, const nb::args&, const nb::kwargs&) { throw nb::type_error(step_takes); });
}

}  // namespace
}  // namespace gatewright

NB_MODULE(_kernels, m) {
  using namespace gatewright;
  define<float>(m);
  define<double>(m);
  define_step(m);
  m.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (const InstructionSet* set : available_instruction_sets()) names.push_back(set->name);
    return names;
  });
  m.def("instruction_set", [] { return std::string(instruction_set().name); });
  m.def("choose_instruction_set", [](const std::string& name) { return choose_instruction_set(name.c_str()); });
  m.def("set_num_threads", &set_num_threads);
  m.def("num_threads", &num_threads);
  m.def("multiply_add_peak", &multiply_add_peak, nb::call_guard<nb::gil_scoped_release>());
  m.def("xla_handlers", &xla_handlers);
  m.def("take_most_scratch", &take_most_scratch);
  m.def("keep_freed_memory", &keep_freed_memory);
  m.attr("source_digest") = GW_SOURCE_DIGEST;
}
