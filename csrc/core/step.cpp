#include "core/step.hpp"

#include <new>
#include <numeric>

#include "core/dispatch.hpp"

namespace gatewright {

PackedStep::PackedStep(const Spec& spec, int64_t features, int64_t units, const float* kernel,
                       const float* recurrent_kernel, const float* bias)
    : kernels_(instruction_set().f32), call_{} {
  call_.spec = spec;
  call_.sizes = {0, 1, features, units, 0, 0};
  call_.sizes.zoneout = spec.zoneout != 0;
  call_.in.kernel = kernel;
  call_.in.recurrent_kernel = recurrent_kernel;
  call_.in.bias = bias;
  call_.shards = 1;
  shared_ = allocate(kernels_->forward_shared_bytes(call_.spec, call_.sizes));
  call_.shared = shared_.get();
  kernels_->forward_pack(call_, 0);
}

void PackedStep::run(int64_t batch, const float* x, const float* h, const float* c, float* new_h, float* new_c) {
  if (batch != call_.sizes.batch) plan(batch);
  call_.in.x = x;
  call_.in.h0 = h;
  call_.in.c0 = c;
  call_.out.h = new_h;
  call_.out.c = new_c;
  kernels_->forward_shard(call_, 0);
}

PackedStep::Memory PackedStep::allocate(size_t bytes) {
  auto* memory = static_cast<char*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
  if (!memory && bytes) throw std::bad_alloc();
  return Memory(memory);
}

// Every row is live at its one step.
void PackedStep::plan(int64_t batch) {
  rows_.resize(batch);
  std::iota(rows_.begin(), rows_.end(), 0);
  counts_.assign(batch, 1);
  positions_.assign(batch, 0);
  call_.schedule = {rows_.data(), counts_.data(), positions_.data()};
  call_.sizes.batch = batch;
  call_.shard_bytes = kernels_->forward_shard_bytes(call_.spec, call_.sizes, 1);
  scratch_ = allocate(call_.shard_bytes);
  call_.scratch = scratch_.get();
}

}  // namespace gatewright
