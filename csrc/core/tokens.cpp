#include "core/tokens.hpp"

namespace gatewright {
namespace {

// The slot of each id, or -1. Each call resets only the entries that it has set, so that a large table costs nothing if
// few of its rows are used.
thread_local std::vector<int32_t> slot_of;

}  // namespace

const char* Tokens::build(const int32_t* ids, int64_t table, const ScheduleView& schedule, int64_t batch,
                          int64_t time) {
  slots_.resize(batch * time);
  distinct_.clear();
  if (static_cast<int64_t>(slot_of.size()) < table) slot_of.resize(table, -1);
  const char* error = nullptr;
  for (int64_t row = 0; row < batch && !error; ++row) {
    for (int32_t step = 0; step < schedule.counts[row]; ++step) {
      const int64_t at = row * time + schedule.positions[row * time + step];
      const int32_t id = ids[at];
      if (id < 0 || id >= table) {
        error = "ids must lie between 0 and the number of rows of the table less one";
        break;
      }
      if (slot_of[id] < 0) {
        slot_of[id] = static_cast<int32_t>(distinct_.size());
        distinct_.push_back(id);
      }
      slots_[at] = slot_of[id];
    }
  }
  for (const int32_t id : distinct_) slot_of[id] = -1;
  return error;
}

}  // namespace gatewright
