// The parts of a backward pass, in its order. Weight gradients are summed segment by segment, in the order of the
// positions of all rows. Segments depend on sizes and live positions alone, so the sums have the same bits however rows
// are divided among threads.
#pragma once

#include "core/api.hpp"

namespace gatewright {

class Segments {
 public:
  // The sizes must have been planned.
  Segments(const ScheduleView& schedule, const Sizes& sizes) : schedule_(schedule), sizes_(sizes) {}

  // Sets the number of rows of a group, of positions of a segment and of sets of rows, for numbers of `bytes` bytes.
  static void plan(Sizes& sizes, const CellTraits& cell, int64_t bytes, int64_t live);
  // Turns a segment into the one that follows it in the backward pass; a new one into the first. False at the end.
  bool next(Segment& segment) const;

 private:
  int64_t live(const Segment& group, int64_t step) const;

  const ScheduleView schedule_;
  const Sizes& sizes_;
};

}  // namespace gatewright
