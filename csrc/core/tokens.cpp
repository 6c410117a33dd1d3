#include "core/tokens.hpp"

#include <algorithm>

namespace gatewright {
namespace {

// The slot of each id, or -1. Each call resets only the entries that it has set, so that a large table costs nothing if
// few of its rows are used.
thread_local std::vector<int32_t> slot_of;

}  // namespace

void Tokens::build(const int32_t* ids, int64_t table, const ScheduleView& schedule, int64_t batch, int64_t time) {
  slots_.resize(batch * time);
  distinct_.clear();
  if (static_cast<int64_t>(slot_of.size()) < table) slot_of.resize(table, -1);
  // Nothing may be thrown between the first entry of slot_of that is set and the last that is reset.
  distinct_.reserve(std::min<int64_t>(batch * time, table + 1));
  int32_t missing = -1;  // the slot of the ids outside the table
  const auto next_slot = [&](int32_t id) {
    distinct_.push_back(id);
    return static_cast<int32_t>(distinct_.size() - 1);
  };
  for (int64_t row = 0; row < batch; ++row) {
    for (int32_t step = 0; step < schedule.counts[row]; ++step) {
      const int64_t at = row * time + schedule.positions[row * time + step];
      const int64_t id = ids[at] < 0 ? ids[at] + table : ids[at];
      const bool found = id >= 0 && id < table;
      int32_t& slot = found ? slot_of[id] : missing;
      if (slot < 0) slot = next_slot(found ? static_cast<int32_t>(id) : outside_table);
      slots_[at] = slot;
    }
  }
  has_missing_ = missing >= 0;
  for (const int32_t id : distinct_)
    if (id != outside_table) slot_of[id] = -1;
}

}  // namespace gatewright
