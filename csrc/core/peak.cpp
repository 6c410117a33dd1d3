#include "core/peak.hpp"

#include <chrono>
#include <vector>

#include "core/dispatch.hpp"
#include "core/thread_pool.hpp"

namespace gatewright {
namespace {

using Clock = std::chrono::steady_clock;

// Some ten microseconds: the clock is read between, and its reading must not count.
constexpr int64_t steps_at_once = 8192;

struct Window {
  const Kernels<float>* kernels;
  Clock::time_point end;
  std::vector<double> operations;  // of each part
};

// Until the window ends for all, rather than for so long: where one thread has to do two parts, the second adds nothing.
void fill_window(void* context, int part) {
  auto* window = static_cast<Window*>(context);
  double done = 0;
  do done += window->kernels->multiply_adds(steps_at_once);
  while (Clock::now() < window->end);
  window->operations[part] = done;
}

}  // namespace

double multiply_add_peak(double seconds) {
  const int threads = num_threads();
  const auto begin = Clock::now();
  const auto length = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  Window window{instruction_set().f32, begin + length, std::vector<double>(threads)};
  run_parts(threads, &fill_window, &window);
  const std::chrono::duration<double> taken = Clock::now() - begin;
  double operations = 0;
  for (const double of_part : window.operations) operations += of_part;
  return 1e-9 * operations / taken.count();
}

}  // namespace gatewright
