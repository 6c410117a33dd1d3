// One step at a time, with weights packed once: what a stream or a generator calls for every sample or token.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "core/run.hpp"

namespace gatewright {

// A recurrence with its weights. Runs on the caller's thread; one object serves one caller at a time.
class PackedStep {
 public:
  // Weights as in Inputs; they are not needed afterwards.
  PackedStep(const Spec& spec, int64_t features, int64_t units, const float* kernel, const float* recurrent_kernel,
             const float* bias);

  // Outputs may be the states themselves. Allocates only where the batch is another than in the call before.
  void run(int64_t batch, const float* x, const float* h, const float* c, float* new_h, float* new_c);

  bool has_c() const { return traits(call_.spec).has_c; }
  int64_t features() const { return call_.sizes.features; }
  int64_t units() const { return call_.sizes.units; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  using Memory = std::unique_ptr<char, Free>;
  static Memory allocate(size_t bytes);
  void plan(int64_t batch);

  const Kernels<float>* kernels_;  // those that packed the weights, whatever is chosen later
  ForwardCall<float> call_;
  Memory shared_, scratch_;
  std::vector<int32_t> rows_, counts_, positions_;
};

}  // namespace gatewright
