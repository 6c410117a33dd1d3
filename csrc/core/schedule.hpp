// Turns lengths, masks and direction into a list of live positions for each row, in the order of processing. The loops
// work on these positions: nothing is computed for a step that is masked or past the length of its row.
#pragma once

#include <vector>

#include "core/api.hpp"

namespace gatewright {

class Schedule {
 public:
  // A length out of range counts as the nearest one in range.
  void build(const Live& live, int64_t batch, int64_t time, bool reverse);
  // Finds leading steps that rows have in common: a run of one id, such as padding on the left. Every step of every row
  // must be live. If rows start from equal states, these steps give the same states in all of them.
  void share_prefixes(const int32_t* ids, int64_t batch, int64_t time);
  ScheduleView view() const {
    return {rows_.data(), counts_.data(), positions_.data(), prefixes_.empty() ? nullptr : prefixes_.data()};
  }
  int64_t live() const { return live_; }  // total number of live positions

 private:
  std::vector<int32_t> rows_, counts_, positions_, prefixes_;
  int64_t live_ = 0;
};

}  // namespace gatewright
