// Single steps with weights packed once, for streams and text generation.
#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "core/run.hpp"

namespace gatewright {

// A recurrence with its packed weights. It runs on the caller's thread and serves one caller at a time.
class PackedStep {
 public:
  // Weights as in Inputs. They are copied.
  PackedStep(const Spec& spec, int64_t features, int64_t units, const float* kernel, const float* recurrent_kernel,
             const float* bias);

  // Outputs may be the states themselves. Allocates memory only if the batch size has changed since the last call.
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

  const Kernels<float>* kernels_;  // the build that packed the weights
  ForwardCall<float> call_;
  Memory shared_, scratch_;
  std::vector<int32_t> rows_, counts_, positions_;
};

}  // namespace gatewright
