// Which rows a thread walks, and in what pieces of time.
//
// A part takes every parts-th row of the schedule, so that long and short rows are dealt evenly. It walks them in
// blocks, each through all of its time; a block's time is cut into chunks of at most chunk_positions positions, whose
// buffers stay in the second-level cache.
#pragma once

#include "kernels/workspace.hpp"

namespace gatewright {
namespace GW_ISA {

inline constexpr int64_t most_block_rows = 48;
inline constexpr int64_t wanted_chunk_positions = 128;

// Rows of a block, the same for every part.
inline int64_t block_rows(int64_t batch, int parts) {
  const int64_t rows = (batch + parts - 1) / parts;
  const int64_t blocks = (rows + most_block_rows - 1) / most_block_rows;
  return blocks ? (rows + blocks - 1) / blocks : 0;
}

inline int64_t chunk_positions(int64_t rows) { return rows ? at_least(1, wanted_chunk_positions / rows) * rows : 0; }

// A part's share of `total` things that are alike.
struct Share {
  int64_t first, last;
  Share(int64_t total, int part, int parts) : first(total * part / parts), last(total * (part + 1) / parts) {}
};

// A block of rows. Those that are live at a step, and have a state of their own there, are a leading run of it: the rows
// with most live positions come first, or, where steps are shared, those that leave the shared steps first. A row
// that has not left them is a follower: the last of the leading run stands for it.
class RowBlock {
 public:
  RowBlock(const ScheduleView& schedule, int64_t batch, int64_t time, int part, int parts, int64_t first, int64_t most)
      : schedule_(schedule), time_(time), part_(part), parts_(parts), first_(first) {
    const int64_t in_part = (batch - part + parts - 1) / parts;
    rows_ = at_most(most, in_part - first);
  }
  bool empty() const { return rows_ <= 0; }
  int64_t rows() const { return rows_; }
  int64_t row(int64_t r) const { return schedule_.rows[part_ + (first_ + r) * parts_]; }
  int64_t count(int64_t r) const { return schedule_.counts[row(r)]; }
  int64_t position(int64_t r, int64_t step) const { return schedule_.positions[row(r) * time_ + step]; }
  int64_t longest() const { return rows_ ? count(0) : 0; }
  bool shared() const { return schedule_.prefixes != nullptr; }
  int64_t live(int64_t step) const {
    int64_t low = 0, high = rows_;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (is_live(middle, step)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

 private:
  // A row has a state of its own from the step at which the row before it leaves the shared ones.
  bool is_live(int64_t r, int64_t step) const {
    if (shared()) return r == 0 || schedule_.prefixes[row(r - 1)] <= step;
    return count(r) > step;
  }

  ScheduleView schedule_;
  int64_t time_;
  int64_t part_, parts_;
  int64_t first_;
  int64_t rows_;
};

// A run of steps of a block, its positions listed step by step.
struct Chunk {
  int64_t first_step = 0, steps = 0, positions = 0;
  int64_t* offset;     // [steps + 1]: where a step's positions begin
  int32_t* block_row;  // [positions]
  int64_t* at;         // [positions]: row * time + t, the position's place in [batch, time]

  void carve(Carver& carver, int64_t most) {
    offset = carver.take<int64_t>(most + 1);
    block_row = carver.take<int32_t>(most);
    at = carver.take<int64_t>(most);
  }

  // The chunk that begins at `step`, or (for the way back) the one that ends before it.
  void forward_from(const RowBlock& block, int64_t time, int64_t step, int64_t most) {
    int64_t end = step, total = 0;
    while (end < block.longest() && total + block.live(end) <= most) total += block.live(end++);
    list(block, time, step, end);
  }
  void backward_from(const RowBlock& block, int64_t time, int64_t step, int64_t most) {
    int64_t begin = step, total = 0;
    while (begin > 0 && total + block.live(begin - 1) <= most) total += block.live(--begin);
    list(block, time, begin, step);
  }
  int64_t live(int64_t step) const { return offset[step + 1] - offset[step]; }

 private:
  void list(const RowBlock& block, int64_t time, int64_t begin, int64_t end) {
    first_step = begin;
    steps = end - begin;
    positions = 0;
    for (int64_t step = begin; step < end; ++step) {
      offset[step - begin] = positions;
      const int64_t live = block.live(step);
      for (int64_t r = 0; r < live; ++r, ++positions) {
        block_row[positions] = static_cast<int32_t>(r);
        at[positions] = block.row(r) * time + block.position(r, step);
      }
    }
    offset[steps] = positions;
  }
};

}  // namespace GW_ISA
}  // namespace gatewright
