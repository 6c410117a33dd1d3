#include "core/peak.hpp"

#include <chrono>
#include <vector>

#include "core/dispatch.hpp"
#include "core/thread_pool.hpp"

namespace gatewright {
namespace {

using Clock = std::chrono::steady_clock;

// Some ten microseconds of work, so that reading the clock in between does not matter.
constexpr int64_t steps_per_call = 8192;

struct Window {
  const Kernels<float>* kernels;
  Clock::time_point end;
  std::vector<double> operations;  // per shard
};

// Works until the common end of the window: if one thread runs two shards, the second adds nothing.
void fill_window(void* context, int shard) {
  auto* window = static_cast<Window*>(context);
  double done = 0;
  do done += window->kernels->multiply_adds(steps_per_call);
  while (Clock::now() < window->end);
  window->operations[shard] = done;
}

}  // namespace

double multiply_add_peak(double seconds) {
  const int threads = num_threads();
  const auto begin = Clock::now();
  const auto length = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  Window window{instruction_set().f32, begin + length, std::vector<double>(threads)};
  run_shards(threads, &fill_window, &window);
  const std::chrono::duration<double> taken = Clock::now() - begin;
  double operations = 0;
  for (const double of_shard : window.operations) operations += of_shard;
  return 1e-9 * operations / taken.count();
}

}  // namespace gatewright
