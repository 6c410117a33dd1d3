// Adam for a large embedding table of which each training step uses few rows; see gatewright/training/lazy_table.py,
// which has the equations. A row is brought up to date when a step uses it, and otherwise once in `window` steps.
#pragma once

#include <cstdint>
#include <vector>

namespace gatewright {

// A table with its first moments and, for each row, the step at which both were last brought up to date.
struct LazyTable {
  int64_t rows, units;
  float *weights, *m;  // [rows, units]
  int32_t* last;       // [rows]
};

// What happens to a row in 0 to `window` steps without a gradient: weights = kept * weights - moved * m, m = faded * m.
struct MissedSteps {
  int64_t window;
  const float *kept, *moved, *faded;  // [window + 1]
};

// Numbers the distinct ids: 0 to `reserved` - 1 keep their numbers, the others follow in the order of their first use.
// Writes the number of each id to `numbers` and the distinct ids to `distinct`, which has room for all of them.
// Returns how many there are, or -1 if an id is outside the table.
int64_t number_ids(const int32_t* ids, int64_t count, int64_t rows, int64_t reserved, int32_t* numbers,
                   int32_t* distinct);

// Writes the weights of some rows after `step` steps to `out`, [count, units]. The table stays as it is.
void weights_after(const LazyTable& table, const MissedSteps& missed, int64_t step, const int32_t* ids, int64_t count,
                   float* out);

// Brings the rows from `first` to `end` up to date after `step` steps.
void catch_up(const LazyTable& table, const MissedSteps& missed, int64_t step, int64_t first, int64_t end);

// Trains some rows at `step`: m = b1 * m + (1 - b1) * gradient, weights = kept * weights - rate * m.
// `weights` has their weights before it, and `missed` is that of the step before.
void train_rows(const LazyTable& table, const MissedSteps& missed, int64_t step, const int32_t* ids, int64_t count,
                const float* weights, const float* gradient, float b1, float kept, float rate);

}  // namespace gatewright
