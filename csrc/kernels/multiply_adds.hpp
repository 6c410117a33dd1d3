// The most multiply-adds that this instruction set does: what a kernel's speed is held against.
#pragma once

#include "kernels/simd.hpp"

namespace gatewright {
namespace GW_ISA {

// A register's width. `wide` (see dispatch.cpp) has none of its vectors' width: it is as fast as the registers it is made of.
#if GW_VECTOR_BYTES == 64 && !defined(__AVX512F__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = GW_VECTOR_BYTES;
#endif

// Chains of c = c * x + y that do not wait for one another: enough to hide the latency of each, and few enough to fit
// into 16 registers beside x and y, so that the loop neither loads nor stores.
inline constexpr int chains = 12;

// Runs every chain so many steps; returns the number of floating-point operations, two for a multiply-add.
template <class T>
double multiply_adds(int64_t steps) {
  using Register [[gnu::vector_size(register_bytes)]] = T;
  // Read through volatile, and written there at the end: the compiler can neither foresee the chains nor leave them out.
  // They run towards 2, so no step is an overflow or a denormal.
  volatile T half = T(0.5), one = T(1), sink;
  const Register x = Register{} + half, y = Register{} + one;
  Register c[chains];
  for (int k = 0; k < chains; ++k) c[k] = Register{} + T(k);
  for (int64_t step = 0; step < steps; ++step)
    for (int k = 0; k < chains; ++k) c[k] = c[k] * x + y;
  Register sum{};
  for (int k = 0; k < chains; ++k) sum += c[k];
  constexpr int width = register_bytes / sizeof(T);
  for (int lane = 0; lane < width; ++lane) sink = sum[lane];
  (void)sink;
  return 2.0 * chains * width * static_cast<double>(steps);
}

}  // namespace GW_ISA
}  // namespace gatewright
