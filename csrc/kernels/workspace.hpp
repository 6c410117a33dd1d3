// The layout of the scratch memory of a call. The same code computes the size (with a null base) and the addresses, so
// that the two always agree. Nothing is allocated while a kernel runs.
#pragma once

#include "kernels/simd.hpp"

namespace gatewright {
namespace GW_ISA {

class ArenaLayout {
 public:
  explicit ArenaLayout(char* base) : base_(base) {}

  template <class U>
  U* take(int64_t count) {
    U* taken = base_ ? reinterpret_cast<U*>(base_ + used_) : nullptr;
    used_ += (static_cast<size_t>(count) * sizeof(U) + 63) / 64 * 64;
    return taken;
  }
  size_t used() const { return used_; }

 private:
  char* base_;
  size_t used_ = 0;
};

inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }

// Copies a row of `width` values, for example between padded rows and the rows of the caller.
template <class T>
inline void copy_row(T* to, const T* from, int64_t width) {
  if (width > 0) std::memcpy(to, from, static_cast<size_t>(width) * sizeof(T));
}

template <class T>
inline void clear(T* at, int64_t count) {
  if (count > 0) std::memset(static_cast<void*>(at), 0, static_cast<size_t>(count) * sizeof(T));
}

// Clears the part of `count` values that belongs to one shard.
template <class T>
inline void clear_part(T* at, int64_t count, int64_t shard, int64_t shards) {
  const int64_t first = count * shard / shards;
  clear(at + first, count * (shard + 1) / shards - first);
}

}  // namespace GW_ISA
}  // namespace gatewright
