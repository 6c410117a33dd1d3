// Inference with weights packed once: single steps, for streams and text generation, and whole sequences.
#pragma once

#include <atomic>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/run.hpp"

namespace gatewright {

// A recurrence with its packed weights, in float32. Nothing but the idle scratch memory of steps changes after
// construction, so that several threads may use one object at the same time. It keeps to the build of the kernels that
// packed the weights.
class PackedRecurrence {
 public:
  // Weights as in Inputs. They are copied.
  PackedRecurrence(const Spec& spec, int64_t features, int64_t units, const float* kernel,
                   const float* recurrent_kernel, const float* bias);
  ~PackedRecurrence();

  // Computes a step in the caller's thread. Outputs may be the states themselves. Allocates memory only if the batch
  // size has changed since the last call, or if another thread computes a step at the same time.
  void step(int64_t batch, const float* x, const float* h, const float* c, float* new_h, float* new_c);

  // Runs a batch of sequences, as run_forward does. The weights and masks of `in` are not read.
  void sequence(const Sizes& sizes, const Inputs<float>& in, const Live& live, const Outputs<float>& out) const;

  bool has_c() const { return traits(spec_).has_c; }
  int64_t features() const { return features_; }
  int64_t units() const { return units_; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  using Memory = std::unique_ptr<char, Free>;
  static Memory allocate(size_t bytes);

  // A call of a single step for one batch size: every row is live.
  struct Step {
    Step(const PackedRecurrence& packed, int64_t batch);
    ForwardCall<float> call;
    std::vector<int32_t> rows, counts, positions;
    Memory scratch;
  };

  const Spec spec_;
  const int64_t features_, units_;
  const Kernels<float>* const kernels_;
  Memory weights_;
  std::atomic<Step*> idle_{nullptr};  // taken and returned by atomic exchanges
};

}  // namespace gatewright
