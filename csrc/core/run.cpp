#include "core/run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/dispatch.hpp"
#include "core/schedule.hpp"
#include "core/scratch.hpp"
#include "core/segments.hpp"
#include "core/thread_pool.hpp"
#include "core/tokens.hpp"

namespace gatewright {
namespace {

// Handing a shard to another thread does not pay for less work than this (about 20 microseconds).
constexpr double min_shard_flops = 1e6;
constexpr int max_threads = 1024;

size_t aligned(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

template <class T>
const Kernels<T>& kernels();
template <>
const Kernels<float>& kernels() {
  return *instruction_set().f32;
}
template <>
const Kernels<double>& kernels() {
  return *instruction_set().f64;
}

// Only live positions count, so that padding does not change how a batch is split.
int shards_for(const Spec& spec, const Sizes& sizes, int64_t live) {
  const CellTraits cell = traits(spec);
  const double columns = cell.gates * sizes.features + cell.recurrent_gates * sizes.units;
  const double flops = 2.0 * live * sizes.units * columns;
  const double worth = std::max(1.0, flops / min_shard_flops);
  const int64_t available = std::min<int64_t>({num_threads(), sizes.batch, max_threads});
  return static_cast<int>(std::max<double>(1.0, std::min<double>(available, worth)));
}

// Reserves the shared and private scratch memory of a call in an arena.
template <class Call>
void place(Call& call, PooledArena& arena, size_t shared_bytes, size_t shard_bytes) {
  call.shard_bytes = aligned(shard_bytes);
  call.shared = arena.reserve(aligned(shared_bytes) + call.shards * call.shard_bytes);
  call.scratch = call.shared + aligned(shared_bytes);
}

// The same for a forward pass, whose weights may be packed already.
template <class T>
void place(ForwardCall<T>& call, PooledArena& arena, const Kernels<T>& kernel, char* packed) {
  const size_t weights = packed ? 0 : aligned(kernel.forward_shared_bytes(call.spec, call.sizes));
  const size_t projections = kernel.forward_projection_bytes(call.spec, call.sizes);
  place(call, arena, weights + projections, kernel.forward_shard_bytes(call.spec, call.sizes, call.shards));
  call.projections = call.shared + weights;
  if (packed) call.shared = packed;
}

template <class Call>
struct ShardTask {
  const Call* call;
  void (*run_one)(const Call&, int);
  static void run(void* context, int shard) {
    const auto* task = static_cast<const ShardTask*>(context);
    task->run_one(*task->call, shard);
  }
};

template <class Call>
void run_on_shards(const Call& call, void (*run_one)(const Call&, int)) {
  ShardTask<Call> task{&call, run_one};
  run_shards(call.shards, &ShardTask<Call>::run, &task);
}

// Walks and sums all segments.
template <class T>
struct OwnSegments {
  const BackwardCall<T>* call;
  void (*run_one)(const BackwardCall<T>&, int);
  static void run(void* context, int shard) {
    const auto* task = static_cast<const OwnSegments*>(context);
    BackwardCall<T> own = *task->call;
    const Segments segments(own.schedule, own.sizes);
    Segment segment;
    own.walked = own.summed = &segment;
    own.walked_buffer = own.summed_buffer = shard;  // another shard may be at another segment
    while (segments.next(segment)) task->run_one(own, shard);
  }
};

// Each shard sums its own rows if there is a set of rows for each, and finds their gradients in the cache. Else shards
// walk a segment and sum the weight gradients of the one before, which all of them have walked.
template <class T>
void run_segments(BackwardCall<T>& call, void (*run_one)(const BackwardCall<T>&, int)) {
  if (call.shards == 1 || call.shards == call.sizes.row_sets) {
    OwnSegments<T> task{&call, run_one};
    return run_shards(call.shards, &OwnSegments<T>::run, &task);
  }
  const Segments segments(call.schedule, call.sizes);
  Segment places[2];  // and their buffers
  bool walks = segments.next(places[0]);
  for (int now = 0; walks || call.summed; now = 1 - now) {
    call.walked = walks ? &places[now] : nullptr;
    call.walked_buffer = now;
    call.summed_buffer = 1 - now;
    run_on_shards(call, run_one);
    call.summed = call.walked;
    places[1 - now] = places[now];
    walks = walks && segments.next(places[1 - now]);
  }
}

// Whether all rows start from the same state. The kernels treat denormals as zero.
template <class T>
bool one_state(const T* states, int64_t batch, int64_t units) {
  const auto same = [](T a, T b) {
    return a == b || std::max(std::abs(a), std::abs(b)) < std::numeric_limits<T>::min();
  };
  for (int64_t row = 1; states && row < batch; ++row)
    if (!std::equal(states, states + units, states + row * units, same)) return false;
  return true;
}

// Finds the live positions and the tokens at them.
template <class T>
void prepare(const Spec& spec, Sizes& sizes, const Inputs<T>& in, const Live& live, bool may_share, Schedule& schedule,
             Tokens& tokens) {
  schedule.build(live, sizes.batch, sizes.time, spec.reverse);
  sizes.zoneout = in.zoneout_mask || spec.zoneout != 0;
  if (spec.bf16) sizes.products = bf16_products();
  if (!in.ids) return;
  tokens.build(in.ids, sizes.table, schedule.view(), sizes.batch, sizes.time);
  sizes.tokens = tokens.distinct();
  const bool whole = sizes.batch > 1 && sizes.time > 0 && schedule.live() == sizes.batch * sizes.time;
  const bool rows_differ = sizes.recurrent_dropout_masks || in.zoneout_mask;
  if (may_share && whole && !rows_differ && one_state(in.h0, sizes.batch, sizes.units) &&
      one_state(in.c0, sizes.batch, sizes.units))
    schedule.share_prefixes(in.ids, sizes.batch, sizes.time);
}

// The input of an id outside the table, [features] of NaN; empty if there is no such id.
template <class T>
std::vector<T> missing_row(const Tokens& tokens, const Sizes& sizes) {
  return std::vector<T>(tokens.has_missing() ? sizes.features : 0, std::numeric_limits<T>::quiet_NaN());
}

}  // namespace

std::vector<const char*> cell_names() {
  const Kernels<float>& kernel = kernels<float>();
  return {kernel.cell_names, kernel.cell_names + kernel.cells};
}

CellTraits traits(const Spec& spec) { return kernels<float>().traits(spec); }

template <class T>
void run_forward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const Outputs<T>& out,
                 const PackedWeights<T>& packed) {
  Schedule schedule;
  Tokens tokens;
  prepare(spec, sizes, in, live, true, schedule, tokens);
  const std::vector<T> missing = missing_row<T>(tokens, sizes);
  PooledArena arena;
  const Kernels<T>& kernel = packed.memory ? *packed.kernels : kernels<T>();
  ForwardCall<T> call{spec,
                      sizes,
                      in,
                      out,
                      schedule.view(),
                      tokens.view(),
                      missing.data(),
                      shards_for(spec, sizes, schedule.live()),
                      nullptr,
                      nullptr,
                      nullptr,
                      0};
  place(call, arena, kernel, packed.memory);
  if (!packed.memory) run_on_shards(call, kernel.forward_pack);
  if (in.ids) run_on_shards(call, kernel.forward_tokens);
  run_on_shards(call, kernel.forward_shard);
}

template <class T>
void run_backward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const BackwardInputs<T>& back,
                  const Gradients<T>& grad) {
  Schedule schedule;
  Tokens tokens;
  sizes.weight_gradients = grad.kernel != nullptr;
  // Steps shared by rows have one gradient, the sum over these rows. It does not give the gradient of one row's states.
  prepare(spec, sizes, in, live, !grad.h0 && !grad.h_steps, schedule, tokens);
  Segments::plan(sizes, traits(spec), sizeof(T), schedule.live());
  const std::vector<T> missing = missing_row<T>(tokens, sizes);
  PooledArena arena;
  const Kernels<T>& kernel = kernels<T>();
  BackwardCall<T> call{spec,          sizes,          in,
                       back,          grad,           schedule.view(),
                       tokens.view(), missing.data(), shards_for(spec, sizes, schedule.live()),
                       nullptr,       nullptr,        0};
  place(call, arena, kernel.backward_shared_bytes(spec, sizes), kernel.backward_shard_bytes(spec, sizes, call.shards));
  run_on_shards(call, kernel.backward_pack);
  run_segments(call, kernel.backward_shard);
  if (in.ids) run_on_shards(call, kernel.backward_tokens);
  run_on_shards(call, kernel.backward_finish);
}

template <class T>
void run_softmax(SoftmaxCall<T> call) {
  constexpr double flops_per_value = 16;
  const double worth = std::max(1.0, flops_per_value * call.rows * call.ids / min_shard_flops);
  const int64_t available = std::min<int64_t>({num_threads(), call.rows, max_threads});
  call.shards = static_cast<int>(std::max<double>(1.0, std::min<double>(available, worth)));
  run_on_shards(call, kernels<T>().softmax_rows);
}

#define GW_INSTANTIATE(T)                                                                                    \
  template void run_forward<T>(const Spec&, Sizes, const Inputs<T>&, const Live&, const Outputs<T>&,         \
                               const PackedWeights<T>&);                                                     \
  template void run_backward<T>(const Spec&, Sizes, const Inputs<T>&, const Live&, const BackwardInputs<T>&, \
                                const Gradients<T>&);                                                        \
  template void run_softmax<T>(SoftmaxCall<T>);
GW_INSTANTIATE(float)
GW_INSTANTIATE(double)

}  // namespace gatewright
