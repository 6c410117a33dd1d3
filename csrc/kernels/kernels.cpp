// The build of all kernels for one instruction set. It is compiled once for each, into a namespace of its own, so that
// the linker never uses the code of one build in another.
#include "kernels/backward.hpp"
#include "kernels/cells/list.hpp"
#include "kernels/multiply_adds.hpp"
#include "kernels/softmax.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace gatewright {
namespace GW_ISA {

// The floating-point mode of the kernels. Denormals are flushed, since they cost a hundred times as much as normal
// numbers. Rounding is to nearest, which exp relies on. The end of the scope restores the caller's mode.
class KernelMode {
 public:
#if defined(__x86_64__)
  KernelMode() : caller_mode_(_mm_getcsr()) {
    _mm_setcsr(0x9fc0u);
  }  // no traps, nearest, flush to zero, denormals are zero
  ~KernelMode() { _mm_setcsr(caller_mode_); }

 private:
  unsigned caller_mode_;
#elif defined(__aarch64__)
  KernelMode() {
    asm volatile("mrs %0, fpcr" : "=r"(caller_mode_));
    asm volatile("msr fpcr, %0" : : "r"(uint64_t{1} << 24));  // flush to zero
  }
  ~KernelMode() { asm volatile("msr fpcr, %0" : : "r"(caller_mode_)); }

 private:
  uint64_t caller_mode_;
#endif
 public:
  KernelMode(const KernelMode&) = delete;
  KernelMode& operator=(const KernelMode&) = delete;
};

#define GW_PLACE(name) place_of_##name,
#define GW_NAME(name) #name,
#define GW_CASE(name) \
  case place_of_##name: return with_##name<T>(spec, f);

enum { GW_CELLS(GW_PLACE) cell_count };
constexpr const char* cell_names[] = {GW_CELLS(GW_NAME)};

// f(cell) for the cell of a spec.
template <class T, class F>
auto with_cell(const Spec& spec, F f) {
  switch (spec.cell) { GW_CELLS(GW_CASE) }
  __builtin_unreachable();  // the bindings take a cell from cell_names
}

template <class T>
CellTraits traits(const Spec& spec) {
  return with_cell<T>(spec, [](auto cell) {
    using Cell = decltype(cell);
    return CellTraits{Cell::gates, Cell::recurrent_gates, Cell::saved, Cell::has_c};
  });
}

template <class T>
size_t forward_shared_bytes(const Spec& spec, const Sizes& sizes) {
  return with_cell<T>(spec, [&](auto cell) { return ForwardShared<T, decltype(cell)>(sizes, nullptr, nullptr).bytes; });
}
template <class T>
size_t forward_projection_bytes(const Spec& spec, const Sizes& sizes) {
  return with_cell<T>(
      spec, [&](auto cell) { return ForwardShared<T, decltype(cell)>(sizes, nullptr, nullptr).projection_bytes; });
}
template <class T>
size_t forward_shard_bytes(const Spec& spec, const Sizes& sizes, int shards) {
  return with_cell<T>(spec, [&](auto cell) { return ForwardScratch<T, decltype(cell)>(sizes, shards, nullptr).bytes; });
}
template <class T>
void forward_pack(const ForwardCall<T>& call, int shard) {
  const KernelMode mode;
  with_cell<T>(call.spec, [&](auto cell) {
    ForwardShared<T, decltype(cell)>(call.sizes, call.shared, nullptr).fill(call.in, call.sizes, shard, call.shards);
  });
}
template <class T>
void forward_tokens(const ForwardCall<T>& call, int shard) {
  const KernelMode mode;
  with_cell<T>(call.spec, [&](auto cell) { project_tokens<T, decltype(cell)>(call, shard); });
}
template <class T>
void forward_shard(const ForwardCall<T>& call, int shard) {
  const KernelMode mode;
  with_cell<T>(call.spec, [&](auto cell) { ForwardShard<T, decltype(cell)>(call, shard).run(); });
}
template <class T>
size_t backward_shared_bytes(const Spec& spec, const Sizes& sizes) {
  return with_cell<T>(spec, [&](auto cell) { return BackwardShared<T, decltype(cell)>(sizes, nullptr).bytes; });
}
template <class T>
size_t backward_shard_bytes(const Spec& spec, const Sizes& sizes, int shards) {
  return with_cell<T>(spec,
                      [&](auto cell) { return BackwardScratch<T, decltype(cell)>(sizes, shards, nullptr).bytes; });
}
template <class T>
void backward_pack(const BackwardCall<T>& call, int shard) {
  with_cell<T>(call.spec, [&](auto cell) {
    using Cell = decltype(cell);
    BackwardShared<T, Cell>(call.sizes, call.shared).fill(call, shard);
    const BackwardScratch<T, Cell> scratch(call.sizes, call.shards, call.scratch + shard * call.shard_bytes);
    clear(scratch.parameters, scratch.rows * Cell::parameters * padded<T>(call.sizes.units));
  });
}
template <class T>
void backward_shard(const BackwardCall<T>& call, int shard) {
  const KernelMode mode;
  with_cell<T>(call.spec, [&](auto cell) {
    BackwardShard<T, decltype(cell)> one(call, shard);
    if (call.walked) one.walk(*call.walked, call.walked_buffer);
    if (call.summed) one.sum(*call.summed, call.summed_buffer);
  });
}
template <class T>
void backward_tokens(const BackwardCall<T>& call, int shard) {
  const KernelMode mode;
  with_cell<T>(call.spec, [&](auto cell) { BackwardShard<T, decltype(cell)>(call, shard).finish_tokens(); });
}
template <class T>
void backward_finish(const BackwardCall<T>& call, int shard) {
  const KernelMode mode;
  with_cell<T>(call.spec, [&](auto cell) { finish_backward<T, decltype(cell)>(call, shard); });
}

template <class T>
void softmax(const SoftmaxCall<T>& call, int shard) {
  const KernelMode mode;
  softmax_rows<T>(call, shard);
}

template <class T>
constexpr Kernels<T> table{cell_names,
                           cell_count,
                           traits<T>,
                           forward_shared_bytes<T>,
                           forward_projection_bytes<T>,
                           forward_shard_bytes<T>,
                           forward_pack<T>,
                           forward_tokens<T>,
                           forward_shard<T>,
                           backward_shared_bytes<T>,
                           backward_shard_bytes<T>,
                           backward_pack<T>,
                           backward_shard<T>,
                           backward_tokens<T>,
                           backward_finish<T>,
                           multiply_adds<T>,
                           softmax<T>};

extern const Kernels<float> kernels_f32;
extern const Kernels<double> kernels_f64;
const Kernels<float> kernels_f32 = table<float>;
const Kernels<double> kernels_f64 = table<double>;

}  // namespace GW_ISA
}  // namespace gatewright
