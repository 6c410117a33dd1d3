// How one call's scratch memory is carved up. The same code measures (from a null base) and hands out, so that the
// two cannot disagree; nothing is allocated once a kernel runs.
#pragma once

#include "kernels/simd.hpp"

namespace gatewright {
namespace GW_ISA {

class Carver {
 public:
  explicit Carver(char* base) : base_(base) {}

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

// Copies rows of `width` values between panels of padded rows and the caller's rows.
template <class T>
inline void copy_row(T* to, const T* from, int64_t width) {
  if (width > 0) std::memcpy(to, from, static_cast<size_t>(width) * sizeof(T));
}

template <class T>
inline void clear(T* at, int64_t count) {
  if (count > 0) std::memset(static_cast<void*>(at), 0, static_cast<size_t>(count) * sizeof(T));
}

}  // namespace GW_ISA
}  // namespace gatewright
