#include "core/packed.hpp"

#include <new>
#include <numeric>

#include "core/dispatch.hpp"

namespace gatewright {

PackedRecurrence::PackedRecurrence(const Spec& spec, int64_t features, int64_t units, const float* kernel,
                                   const float* recurrent_kernel, const float* bias)
    : spec_(spec), features_(features), units_(units), kernels_(instruction_set().f32) {
  ForwardCall<float> call{};
  call.spec = spec;
  call.sizes.features = features;
  call.sizes.units = units;
  call.in.kernel = kernel;
  call.in.recurrent_kernel = recurrent_kernel;
  call.in.bias = bias;
  call.shards = 1;
  weights_ = allocate(kernels_->forward_shared_bytes(spec, call.sizes));
  call.shared = weights_.get();
  kernels_->forward_pack(call, 0);
}

PackedRecurrence::~PackedRecurrence() { delete idle_.load(); }

void PackedRecurrence::step(int64_t batch, const float* x, const float* h, const float* c, float* new_h, float* new_c) {
  std::unique_ptr<Step> own(idle_.exchange(nullptr));
  if (!own || own->call.sizes.batch != batch) own = std::make_unique<Step>(*this, batch);
  own->call.in.x = x;
  own->call.in.h0 = h;
  own->call.in.c0 = c;
  own->call.out.h = new_h;
  own->call.out.c = new_c;
  kernels_->forward_shard(own->call, 0);
  own.reset(idle_.exchange(own.release()));
}

void PackedRecurrence::sequence(const Sizes& sizes, const Inputs<float>& in, const Live& live,
                                const Outputs<float>& out) const {
  run_forward<float>(spec_, sizes, in, live, out, {kernels_, weights_.get()});
}

PackedRecurrence::Memory PackedRecurrence::allocate(size_t bytes) {
  // At least one page: a null pointer stands for weights that are not packed.
  auto* memory = static_cast<char*>(std::aligned_alloc(4096, bytes / 4096 * 4096 + 4096));
  if (!memory) throw std::bad_alloc();
  return Memory(memory);
}

PackedRecurrence::Step::Step(const PackedRecurrence& packed, int64_t batch)
    : call{}, rows(batch), counts(batch, 1), positions(batch, 0) {
  std::iota(rows.begin(), rows.end(), 0);
  call.spec = packed.spec_;
  call.sizes = {batch, 1, packed.features_, packed.units_, 0, 0};
  call.sizes.zoneout = packed.spec_.zoneout != 0;
  call.schedule = {rows.data(), counts.data(), positions.data()};
  call.shards = 1;
  call.shared = packed.weights_.get();
  call.shard_bytes = packed.kernels_->forward_shard_bytes(call.spec, call.sizes, 1);
  scratch = allocate(call.shard_bytes);
  call.scratch = scratch.get();
}

}  // namespace gatewright
