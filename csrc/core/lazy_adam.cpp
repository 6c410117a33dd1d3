#include "core/lazy_adam.hpp"

#include <algorithm>

namespace gatewright {
namespace {

// The number of steps that a row has missed. Rows are never further behind than the window, so this stays in range.
int64_t missed_by(const LazyTable& table, const MissedSteps& missed, int64_t step, int64_t row) {
  return std::min<int64_t>(std::max<int64_t>(step - table.last[row], 0), missed.window);
}

}  // namespace

int64_t number_ids(const int32_t* ids, int64_t count, int64_t rows, int64_t reserved, int32_t* numbers,
                   int32_t* distinct) {
  std::vector<int32_t> number_of(rows, -1);
  int64_t found = reserved;
  for (int64_t k = 0; k < reserved; ++k) distinct[k] = number_of[k] = static_cast<int32_t>(k);
  for (int64_t k = 0; k < count; ++k) {
    const int32_t id = ids[k];
    if (id < 0 || id >= rows) return -1;
    if (number_of[id] < 0) {
      number_of[id] = static_cast<int32_t>(found);
      distinct[found++] = id;
    }
    numbers[k] = number_of[id];
  }
  return found;
}

void weights_after(const LazyTable& table, const MissedSteps& missed, int64_t step, const int32_t* ids, int64_t count,
                   float* out) {
  for (int64_t k = 0; k < count; ++k) {
    const int64_t by = missed_by(table, missed, step, ids[k]);
    const float kept = missed.kept[by], moved = missed.moved[by];
    const float *w = table.weights + ids[k] * table.units, *m = table.m + ids[k] * table.units;
    float* to = out + k * table.units;
    for (int64_t j = 0; j < table.units; ++j) to[j] = kept * w[j] - moved * m[j];
  }
}

void catch_up(const LazyTable& table, const MissedSteps& missed, int64_t step, int64_t first, int64_t end) {
  for (int64_t row = first; row < end; ++row) {
    const int64_t by = missed_by(table, missed, step, row);
    if (!by) continue;
    const float kept = missed.kept[by], moved = missed.moved[by], faded = missed.faded[by];
    float *w = table.weights + row * table.units, *m = table.m + row * table.units;
    for (int64_t j = 0; j < table.units; ++j) {
      w[j] = kept * w[j] - moved * m[j];
      m[j] *= faded;
    }
    table.last[row] = static_cast<int32_t>(step);
  }
}

void train_rows(const LazyTable& table, const MissedSteps& missed, int64_t step, const int32_t* ids, int64_t count,
                const float* weights, const float* gradient, float b1, float kept, float rate) {
  const float own = 1 - b1;
  for (int64_t k = 0; k < count; ++k) {
    const float before = b1 * missed.faded[missed_by(table, missed, step - 1, ids[k])];
    const float *from = weights + k * table.units, *g = gradient + k * table.units;
    float *w = table.weights + ids[k] * table.units, *m = table.m + ids[k] * table.units;
    for (int64_t j = 0; j < table.units; ++j) {
      m[j] = before * m[j] + own * g[j];
      w[j] = kept * from[j] - rate * m[j];
    }
    table.last[ids[k]] = static_cast<int32_t>(step);
  }
}

}  // namespace gatewright
