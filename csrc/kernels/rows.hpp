// The rows of a shard, and the pieces of time in which they are processed.
//
// A shard takes every shards-th row of the schedule, so that long and short rows are spread evenly. It processes them
// in blocks, each through all of its time. The time of a block is split into chunks of at most chunk_positions
// positions, whose buffers stay in the second-level cache.
#pragma once

#include "kernels/workspace.hpp"

namespace gatewright {
namespace GW_ISA {

inline constexpr int64_t max_block_rows = 48;
inline constexpr int64_t target_chunk_positions = 128;

// The number of rows in a block, the same for every shard.
inline int64_t block_rows(int64_t batch, int shards) {
  const int64_t rows = (batch + shards - 1) / shards;
  const int64_t blocks = (rows + max_block_rows - 1) / max_block_rows;
  return blocks ? (rows + blocks - 1) / blocks : 0;
}

inline int64_t chunk_positions(int64_t rows) { return rows ? at_least(1, target_chunk_positions / rows) * rows : 0; }

// The range of `total` equal items that a shard handles.
struct ShardRange {
  int64_t first, last;
  ShardRange(int64_t total, int64_t shard, int64_t shards)
      : first(total * shard / shards), last(total * (shard + 1) / shards) {}
};

// A block of rows. The rows that are live at a step and have a state of their own come first in it: rows are sorted by
// their number of live positions, most first, or, with shared steps, by the number of those, fewest first. A row that
// is still in the shared steps is a follower: the last row with a state of its own represents it.
class RowBlock {
 public:
  RowBlock(const ScheduleView& schedule, int64_t batch, int64_t time, int shard, int shards, int64_t first,
           int64_t max_rows)
      : schedule_(schedule), batch_(batch), time_(time), start_(shard + first * shards), stride_(shards) {
    rows_ = at_most(max_rows, in_shard(batch, shard, shards) - first);
  }
  // The rows of a shard in a segment of the backward pass.
  RowBlock(const ScheduleView& schedule, const Segment& segment, int64_t batch, int64_t time, int shard, int shards)
      : schedule_(schedule),
        batch_(batch),
        time_(time),
        start_(segment.first_row + shard),
        stride_(shards),
        rows_(in_shard(segment.rows, shard, shards)) {}
  // How many of the first `rows` rows belong to a shard.
  static int64_t in_shard(int64_t rows, int64_t shard, int64_t shards) {
    return rows > shard ? (rows - shard + shards - 1) / shards : 0;
  }
  bool empty() const { return rows_ <= 0; }
  int64_t rows() const { return rows_; }
  int64_t row(int64_t r) const { return schedule_.rows[start_ + r * stride_]; }
  int64_t count(int64_t r) const { return schedule_.counts[row(r)]; }
  int64_t position(int64_t r, int64_t step) const { return schedule_.positions[row(r) * time_ + step]; }
  int64_t longest() const { return rows_ ? count(0) : 0; }
  bool shared() const { return schedule_.prefixes != nullptr; }
  // The row, by number, that has saved the values of row r at a step. Of the rows that share the step it is the first in
  // the schedule, which has a state of its own however rows are divided into blocks.
  int64_t saver(int64_t r, int64_t step) const {
    if (!shared() || schedule_.prefixes[row(r)] <= step) return row(r);
    return schedule_.rows[first_of(batch_, [&](int64_t i) { return schedule_.prefixes[schedule_.rows[i]] > step; })];
  }
  int64_t live(int64_t step) const {
    return first_of(rows_, [&](int64_t r) { return !is_live(r, step); });
  }

 private:
  // The first of `count` items that passes a test which all items after it pass, too; `count` if there is none.
  template <class F>
  static int64_t first_of(int64_t count, F passes) {
    int64_t low = 0, high = count;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (passes(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // A row has a state of its own from the step at which the row before it leaves the shared steps.
  bool is_live(int64_t r, int64_t step) const {
    if (shared()) return r == 0 || schedule_.prefixes[row(r - 1)] <= step;
    return count(r) > step;
  }

  ScheduleView schedule_;
  int64_t batch_, time_;
  int64_t start_, stride_;  // in schedule_.rows
  int64_t rows_;
};

// Consecutive steps of a block, with their positions listed step by step.
struct Chunk {
  int64_t first_step = 0, steps = 0, positions = 0;
  int64_t* offset;  // [steps + 1]: start of the positions of each step
  int64_t* at;      // [positions]: row * time + t, the index in [batch, time]

  void place(ArenaLayout& layout, int64_t max_positions) {
    offset = layout.take<int64_t>(max_positions + 1);
    at = layout.take<int64_t>(max_positions);
  }

  // The chunk that begins at `step`.
  void forward_from(const RowBlock& block, int64_t time, int64_t step, int64_t max_positions) {
    int64_t end = step, total = 0;
    while (end < block.longest() && total + block.live(end) <= max_positions) total += block.live(end++);
    list(block, time, step, end, [&](int64_t at_step) { return block.live(at_step); });
  }
  int64_t live(int64_t step) const { return offset[step + 1] - offset[step]; }

  // live_at(step) is the number of leading rows of the block that are live at a step.
  template <class F>
  void list(const RowBlock& block, int64_t time, int64_t begin, int64_t end, F live_at) {
    first_step = begin;
    steps = end - begin;
    positions = 0;
    for (int64_t step = begin; step < end; ++step) {
      offset[step - begin] = positions;
      const int64_t live = live_at(step);
      for (int64_t r = 0; r < live; ++r, ++positions) at[positions] = block.row(r) * time + block.position(r, step);
    }
    offset[steps] = positions;
  }
};

}  // namespace GW_ISA
}  // namespace gatewright
