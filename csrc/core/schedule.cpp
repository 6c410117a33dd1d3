#include "core/schedule.hpp"

#include <algorithm>
#include <numeric>

namespace gatewright {

void Schedule::build(const Live& live, int64_t batch, int64_t time, bool reverse) {
  rows_.resize(batch);
  counts_.resize(batch);
  positions_.resize(batch * time);
  live_ = 0;
  for (int64_t row = 0; row < batch; ++row) {
    const int64_t length = live.lengths ? live.lengths[row] : time;
    int32_t* positions = positions_.data() + row * time;
    int32_t count = 0;
    for (int64_t step = 0; step < time; ++step) {
      const int64_t t = reverse ? time - 1 - step : step;
      if (t < length && (!live.mask || live.mask[row * time + t])) positions[count++] = static_cast<int32_t>(t);
    }
    counts_[row] = count;
    live_ += count;
  }
  std::iota(rows_.begin(), rows_.end(), 0);
  std::stable_sort(rows_.begin(), rows_.end(), [&](int32_t a, int32_t b) { return counts_[a] > counts_[b]; });
}

void Schedule::share_prefixes(const int32_t* ids, int64_t batch, int64_t time) {
  const auto id = [&](int64_t row, int64_t step) { return ids[row * time + positions_[row * time + step]]; };
  const auto run_of = [&](int64_t row, int32_t of) {
    int64_t run = 0;
    while (run < time && id(row, run) == of) ++run;
    return static_cast<int32_t>(run);
  };
  // The id of the longest leading run is taken as the padding.
  int32_t longest = 0, padding = 0;
  for (int64_t row = 0; row < batch; ++row) {
    const int32_t first = id(row, 0), run = run_of(row, first);
    if (run > longest) longest = run, padding = first;
  }
  prefixes_.resize(batch);
  for (int64_t row = 0; row < batch; ++row) prefixes_[row] = run_of(row, padding);
  std::stable_sort(rows_.begin(), rows_.end(), [&](int32_t a, int32_t b) { return prefixes_[a] < prefixes_[b]; });
}

}  // namespace gatewright
