#include "core/segments.hpp"

#include <algorithm>

namespace gatewright {
namespace {

// The steps of a group are walked together, by up to as many threads as it has rows.
constexpr int64_t most_group_rows = 128;
// The gradients of a segment stay in the second-level cache, and its work is worth the start of all threads.
constexpr int64_t segment_bytes = 256 << 10;
constexpr int64_t piece = 128, most_positions = 4096;  // of a set of rows, pieces are added at a time
// Two sets of rows let each of two threads sum what it has itself walked, for some 5% of the backward pass of a small
// layer. To clear, keep and add up a second set of sums costs more than that if they leave the second-level cache, or
// for few positions; sums over ids are several times as large.
constexpr int64_t most_bytes_of_two_sets = 768 << 10;
constexpr int64_t fewest_positions_of_two_sets = 1024;

}  // namespace

void Segments::plan(Sizes& sizes, const CellTraits& cell, int64_t bytes, int64_t live) {
  const int64_t groups = (sizes.batch + most_group_rows - 1) / most_group_rows;
  sizes.group_rows = groups ? (sizes.batch + groups - 1) / groups : 0;
  const int64_t weights = (cell.gates * sizes.features + cell.recurrent_gates * sizes.units) * sizes.units;
  // Without weight gradients, the sets only let each thread walk its rows by itself.
  const bool small = (weights * bytes <= most_bytes_of_two_sets || !sizes.weight_gradients) && !sizes.tokens;
  sizes.row_sets = small && sizes.batch > 1 && live >= fewest_positions_of_two_sets ? 2 : 1;
  const int64_t of_position = std::max<int64_t>(1, cell.gates * sizes.units * bytes), pieces = sizes.row_sets * piece;
  const int64_t positions = std::clamp(segment_bytes / of_position / pieces * pieces, pieces, most_positions);
  const int64_t steps = std::min(positions / std::max<int64_t>(1, sizes.group_rows), sizes.time);
  sizes.segment_positions = sizes.group_rows * std::max<int64_t>(1, steps);
}

bool Segments::next(Segment& segment) const {
  Segment found;
  found.first = segment.last;
  if (segment.last) {
    found.first_row = segment.first_row + segment.rows;
    if (found.first_row >= sizes_.batch) return false;
    found.rows = std::min(sizes_.group_rows, sizes_.batch - found.first_row);
    found.end = schedule_.counts[schedule_.rows[found.first_row]];
    found.live_after = found.rows;
  } else {
    found.first_row = segment.first_row;
    found.rows = segment.rows;
    found.end = segment.begin;
    found.live_after = segment.live;
  }
  found.begin = found.end;
  found.live = found.end > 0 ? live(found, found.end - 1) : found.live_after;
  while (found.begin > 0) {
    const int64_t at_step = schedule_.prefixes ? found.live : live(found, found.begin - 1);
    if (found.positions + at_step > sizes_.segment_positions) break;
    found.positions += at_step;
    found.even += (at_step + 1) / 2;
    --found.begin;
  }
  found.last = found.begin == 0;
  segment = found;
  return true;
}

// The number of rows of a group that have a state of their own at a step; they come first.
int64_t Segments::live(const Segment& group, int64_t step) const {
  const int32_t* rows = schedule_.rows + group.first_row;
  if (schedule_.prefixes)
    return 1 + (std::partition_point(rows, rows + group.rows - 1,
                                     [&](int32_t row) { return schedule_.prefixes[row] <= step; }) -
                rows);
  return std::partition_point(rows, rows + group.rows, [&](int32_t row) { return schedule_.counts[row] > step; }) -
         rows;
}

}  // namespace gatewright
