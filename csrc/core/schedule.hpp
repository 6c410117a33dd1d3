// Lengths, masks and direction become, for each row, its live positions in the order in which they are walked.
// What comes after knows positions alone: nothing is computed for a step that is masked or past a row's length.
#pragma once

#include <vector>

#include "core/api.hpp"

namespace gatewright {

class Schedule {
 public:
  // Returns a sentence about the first length that is out of range, or null.
  const char* build(const Live& live, int64_t batch, int64_t time, bool reverse);
  // Finds the steps that rows begin with in common: a run of one id, as padding on the left gives it. Every step of
  // every row must be live. From equal states such steps are the same for all rows that begin with them.
  void share_prefixes(const int32_t* ids, int64_t batch, int64_t time);
  ScheduleView view() const {
    return {rows_.data(), counts_.data(), positions_.data(), prefixes_.empty() ? nullptr : prefixes_.data()};
  }
  int64_t live() const { return live_; }  // positions in all

 private:
  std::vector<int32_t> rows_, counts_, positions_, prefixes_;
  int64_t live_ = 0;
};

}  // namespace gatewright
