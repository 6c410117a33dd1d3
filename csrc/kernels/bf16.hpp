// Operands of products in bfloat16: rounded to nearest even, with denormals as zero. The products are exact in float32,
// in which they are added up.
//
// The instructions of AVX512-BF16 multiply pairs of values, which share 32 bits, and add the product of the odd values
// first. Without them the rounded values are kept as float32 and the values of a pair are exchanged, so that fused
// multiply-adds give the same sums.
#pragma once

#include "kernels/workspace.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
inline constexpr bool can_round = sizeof(T) == sizeof(float);

// The values of a product's inner dimension that are read together: one, or a pair.
inline int64_t depth_of(Products products, int64_t k) { return products == Products::pairs ? (k + 1) / 2 : k; }

// The place of value i among k whose pairs are exchanged.
inline int64_t exchanged(int64_t i, int64_t k) { return (i ^ 1) < k ? i ^ 1 : i; }

inline uint32_t bf16_bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  const uint32_t size = bits & 0x7fffffffu;
  const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  const uint32_t kept = size > 0x7f800000u ? (bits >> 16 | 0x40u) : nearest;  // NaN stays NaN
  return size < 0x00800000u ? bits >> 31 << 15 : kept;
}

inline float float_of_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}
inline float rounded(float x) { return float_of_bits(bf16_bits(x) << 16); }
inline float pair_of(float even, float odd) { return float_of_bits(bf16_bits(odd) << 16 | bf16_bits(even)); }

// Rounded values of a row, with or without exchanged pairs.
inline void round_exchanged(const float* from, int64_t n, float* to) {
  for (int64_t j = 0; j + 1 < n; j += 2) {
    to[j] = rounded(from[j + 1]);
    to[j + 1] = rounded(from[j]);
  }
  if (n % 2) to[n - 1] = rounded(from[n - 1]);
}
inline void round_row(const float* from, int64_t n, float* to) {
  for (int64_t j = 0; j < n; ++j) to[j] = rounded(from[j]);
}

#if defined(__AVX512F__)

// In assembly: this build is also for processors without these instructions.
[[gnu::always_inline]] inline FloatVector add_pairs(FloatVector sum, FloatVector a, FloatVector b) {
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(b), "v"(a));
  return sum;
}
inline __m512i both_rounded(__m512 low, __m512 high) {
  __m512i halves;
  asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(halves) : "v"(low), "v"(high));
  return halves;
}
[[gnu::always_inline]] inline FloatVector pair_everywhere(float pair) { return (FloatVector)_mm512_set1_ps(pair); }

// The first `count` of 16 values, then zeros.
inline __m512 first_values(const float* from, int64_t count) {
  if (count >= 16) return _mm512_loadu_ps(from);
  return _mm512_maskz_loadu_ps(count > 0 ? static_cast<__mmask16>((1u << count) - 1) : 0, from);
}

// The pairs of neighbours in a row of n values. The room for them is whole vectors, here and below.
inline void pair_neighbours(const float* from, int64_t n, float* to) {
  for (int64_t j = 0; j < n; j += 32)
    _mm512_storeu_si512(to + j / 2,
                        both_rounded(first_values(from + j, n - j), first_values(from + j + 16, n - j - 16)));
}

// The pairs of the values of two rows of n values, the second of which may be null (zeros).
inline void pair_rows(const float* even, const float* odd, int64_t n, float* to) {
  const __m512i interleaved = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
                                               6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  for (int64_t j = 0; j < n; j += 16) {
    const __m512 of_odd = odd ? first_values(odd + j, n - j) : _mm512_setzero_ps();
    const __m512i halves = both_rounded(first_values(even + j, n - j), of_odd);
    _mm512_storeu_si512(to + j, _mm512_permutexvar_epi16(interleaved, halves));
  }
}

#else

// Never called: pairs are for the build above.
inline void pair_neighbours(const float*, int64_t, float*) {}
inline void pair_rows(const float*, const float*, int64_t, float*) {}

#endif

template <bool Pairs>
struct WithPairs {
  constexpr operator bool() const { return Pairs; }
};
// f(pairs), a constant, so that only the build that has pairs is compiled for them.
template <class F>
inline void with_pairs(Products products, F f) {
#if defined(__AVX512F__)
  if (products == Products::pairs) return f(WithPairs<true>{});
#endif
  f(WithPairs<false>{});
}

// Scratch memory for the rounded rows of a product.
inline constexpr int64_t most_rounded_rows = 48;
template <class T>
inline int64_t rounded_values(Products products, int64_t k) {
  return products == Products::full ? 0 : most_rounded_rows * padded<T>(k);
}

// How a product reads its operands.
template <class T>
struct Rounding {
  Products products;
  T* scratch;  // rounded_values, for the largest k
};

}  // namespace GW_ISA
}  // namespace gatewright
