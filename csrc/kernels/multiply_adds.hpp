// The highest multiply-add throughput of this instruction set, the upper bound for the speed of a kernel.
#pragma once

#include "kernels/simd.hpp"

namespace gatewright {
namespace GW_ISA {

// The width of a register. The vectors of `wide` (see dispatch.cpp) are wider than its registers.
#if GW_VECTOR_BYTES == 64 && !defined(__AVX512F__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = GW_VECTOR_BYTES;
#endif

// Independent chains of c = c * x + y: enough to hide the latency of each, and few enough to fit into 16 registers
// together with x and y, so that the loop neither loads nor stores.
inline constexpr int chains = 12;

// Runs every chain for `steps` steps. Returns the number of floating-point operations, two per multiply-add.
template <class T>
double multiply_adds(int64_t steps) {
  using Register [[gnu::vector_size(register_bytes)]] = T;
  // Read from and written to volatile variables: the compiler can neither precompute the chains nor remove them. They
  // converge to 2, without overflow or denormals.
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
