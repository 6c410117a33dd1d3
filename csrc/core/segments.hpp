// The parts of a backward pass, in its order. Weight gradients are summed segment by segment, in the order of the
// positions of all rows. Segments depend on sizes and live positions alone, so the sums have the same bits however rows
// are divided among threads.
#pragma once

#include "core/api.hpp"

namespace gatewright {

class Segments {
 public:
  // The sizes must have `group_rows` and `segment_positions`.
  Segments(const ScheduleView& schedule, const Sizes& sizes) : schedule_(schedule), sizes_(sizes) {}

  // Sets the number of rows of a group and of positions of a segment, for numbers of `bytes` bytes.
  static void plan(Sizes& sizes, int gates, int64_t bytes);
  // Turns a segment into the one that follows it in the backward pass; a new one into the first. False at the end.
  bool next(Segment& segment) const;

 private:
  int64_t live(const Segment& group, int64_t step) const;

  const ScheduleView schedule_;
  const Sizes& sizes_;
};

}  // namespace gatewright
