// Ids of rows in a table of inputs. Equal ids have one slot, so that everything that depends on the id alone (the input
// projection and its gradients) is computed once per distinct id. Ids at positions that are not live are not read.
// Negative ids count from the end of the table, as in NumPy and JAX. All ids outside the table share one slot.
#pragma once

#include <vector>

#include "core/api.hpp"

namespace gatewright {

class Tokens {
 public:
  void build(const int32_t* ids, int64_t table, const ScheduleView& schedule, int64_t batch, int64_t time);
  TokensView view() const { return {slots_.data(), distinct_.data()}; }
  int64_t distinct() const { return static_cast<int64_t>(distinct_.size()); }
  bool has_missing() const { return has_missing_; }  // whether an id lies outside the table

 private:
  std::vector<int32_t> slots_, distinct_;
  bool has_missing_ = false;
};

}  // namespace gatewright
