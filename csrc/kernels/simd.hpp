// One vector type of the target's width, and the functions that a recurrence needs on it.
//
// It uses the generic vectors of the compilers, so that one source serves every width: GW_VECTOR_BYTES is 16 (SSE2,
// NEON), 32 (AVX2) or 64 (AVX-512, or two AVX2 registers). GW_ISA is the namespace of the build.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "core/api.hpp"

namespace gatewright {
namespace GW_ISA {

using FloatVector [[gnu::vector_size(GW_VECTOR_BYTES)]] = float;
using DoubleVector [[gnu::vector_size(GW_VECTOR_BYTES)]] = double;
using Int32Vector [[gnu::vector_size(GW_VECTOR_BYTES)]] = int32_t;
using Int64Vector [[gnu::vector_size(GW_VECTOR_BYTES)]] = int64_t;

// The larger and the smaller of a bound and x; a NaN in x stays NaN. With a constant bound the compiler would use three
// instructions for the comparison, so the single instruction is named where there is one.
#if defined(__AVX__) && GW_VECTOR_BYTES == 32
inline FloatVector at_least(FloatVector bound, FloatVector x) {
  return (FloatVector)_mm256_max_ps((__m256)bound, (__m256)x);
}
inline FloatVector at_most(FloatVector bound, FloatVector x) {
  return (FloatVector)_mm256_min_ps((__m256)bound, (__m256)x);
}
inline DoubleVector at_least(DoubleVector bound, DoubleVector x) {
  return (DoubleVector)_mm256_max_pd((__m256d)bound, (__m256d)x);
}
inline DoubleVector at_most(DoubleVector bound, DoubleVector x) {
  return (DoubleVector)_mm256_min_pd((__m256d)bound, (__m256d)x);
}
#else
template <class V>
inline V at_least(V bound, V x) {
  return bound > x ? bound : x;
}
template <class V>
inline V at_most(V bound, V x) {
  return bound < x ? bound : x;
}
#endif

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Vector = FloatVector;
  using Bits = Int32Vector;
  // Cephes' expf: exp(r) = 1 + r + r^2 p(r) for |r| <= ln(2) / 2.
  static constexpr float lowest_exponent = -86.0f;
  static constexpr float highest_exponent = 88.0f;
  static constexpr float ln2_high = 0.693359375f;
  static constexpr float ln2_low = -2.12194440e-4f;
  static constexpr float round_magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr float exponent_bias = 127.0f;
  static constexpr int mantissa_bits = 23;

  static inline Vector exp_reduced(Vector r) {
    Vector p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + r + 1.0f;
  }
  // tanh x = x P(x^2) / Q(x^2) for |x| <= 8.4: a minimax fit with a relative error of 2e-8, so that the rounding of
  // the two polynomials dominates, at most 3.2e-7. At 9 it is well above 1: clipped there, a saturated state is
  // exactly 1 or -1 and its gradient exactly 0.
  static inline Vector tanh_rational(Vector x) {
    const Vector end = Vector{} + 9.0f, one = Vector{} + 1.0f;
    x = at_most(end, at_least(-end, x));
    const Vector z = x * x;
    Vector p = 2.125743678e-11f * z - 1.391349436e-8f;
    p = p * z + 9.635296010e-6f;
    p = p * z + 2.960414393e-3f;
    p = p * z + 1.295590997e-1f;
    p = p * z + 0.9999999404f;
    Vector q = 2.336183970e-4f * z + 2.392486483e-2f;
    q = q * z + 4.628921449e-1f;
    q = q * z + 1.0f;
    return at_most(one, at_least(-one, x * p / q));
  }
};

template <>
struct Simd<double> {
  using Vector = DoubleVector;
  using Bits = Int64Vector;
  // Cephes' exp: exp(r) = 1 + 2 r P(r^2) / (Q(r^2) - r P(r^2)) for |r| <= ln(2) / 2.
  static constexpr double lowest_exponent = -707.0;
  static constexpr double highest_exponent = 709.0;
  static constexpr double ln2_high = 6.93145751953125e-1;
  static constexpr double ln2_low = 1.42860682030941723212e-6;
  static constexpr double round_magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double exponent_bias = 1023.0;
  static constexpr int mantissa_bits = 52;

  static inline Vector exp_reduced(Vector r) {
    const Vector z = r * r;
    const Vector p = r * ((1.26177193074810590878e-4 * z + 3.02994407707441961300e-2) * z + 9.99999999999999999910e-1);
    const Vector q = ((3.00198505138664455042e-6 * z + 2.52448340349684104192e-3) * z + 2.27265548208155028766e-1) * z +
                     2.00000000000000000009e0;
    return 1.0 + 2.0 * (p / (q - p));
  }
  // Cephes' tanh for |x| < 0.625: x + x^3 P(x^2) / Q(x^2).
  static inline Vector tanh_small(Vector x) {
    const Vector z = x * x;
    const Vector p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
    const Vector q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
    return x + x * z * (p / q);
  }
};

template <class T>
using Vector = typename Simd<T>::Vector;

template <class T>
inline constexpr int lanes = static_cast<int>(GW_VECTOR_BYTES / sizeof(T));

// A number of units rounded up to whole vectors.
template <class T>
inline int64_t padded(int64_t units) {
  return (units + lanes<T> - 1) / lanes<T> * lanes<T>;
}

template <class T>
inline bool whole_vectors(int64_t units) {
  return units % lanes<T> == 0;
}

template <class T>
inline Vector<T> load(const T* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}

template <class T>
inline void store(T* to, Vector<T> v) {
  std::memcpy(to, &v, sizeof(v));
}

template <class T>
inline Vector<T> exp(Vector<T> x) {
  using S = Simd<T>;
  const Vector<T> lowest = Vector<T>{} + S::lowest_exponent;
  const Vector<T> highest = Vector<T>{} + S::highest_exponent;
  x = at_most(highest, at_least(lowest, x));
  // The low bits of `shifted` hold n and the exponent bias. Shifted to the exponent's position they are 2^n.
  const Vector<T> shifted = x * T(1.4426950408889634074) + (S::round_magic + S::exponent_bias);
  const Vector<T> n = shifted - (S::round_magic + S::exponent_bias);
  const Vector<T> r = (x - n * S::ln2_high) - n * S::ln2_low;
  typename S::Bits bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits <<= S::mantissa_bits;
  Vector<T> power;
  std::memcpy(&power, &bits, sizeof(power));
  return S::exp_reduced(r) * power;
}

template <class T>
inline Vector<T> sigmoid(Vector<T> x) {
  return T(1) / (T(1) + exp<T>(-x));
}

template <class T>
inline Vector<T> tanh(Vector<T> x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return Simd<T>::tanh_rational(x);
  } else {
    const Vector<T> size = x < T(0) ? -x : x;
    const Vector<T> large = T(1) - T(2) / (exp<T>(size + size) + T(1));
    const Vector<T> with_sign = x < T(0) ? -large : large;
    return size < T(0.625) ? Simd<T>::tanh_small(x) : with_sign;
  }
}

// clamp(x + 3, 0, 6) / 6 rather than x / 6 + 1/2: the corners at -3 and 3 are exact, with fused arithmetic too.
template <class T>
inline Vector<T> hard_sigmoid(Vector<T> x) {
  const Vector<T> zero{};
  const Vector<T> six = zero + T(6);
  return at_most(six, at_least(zero, x + T(3))) / six;
}

// An activation and its derivative, which is always a function of the output of the activation.
template <class T, Activation kind>
struct FixedActivation {
  Vector<T> operator()(Vector<T> a) const {
    if constexpr (kind == Activation::tanh) return tanh<T>(a);
    if constexpr (kind == Activation::sigmoid) return sigmoid<T>(a);
    if constexpr (kind == Activation::relu) return at_least(Vector<T>{}, a);
    if constexpr (kind == Activation::hard_sigmoid) return hard_sigmoid<T>(a);
    return a;
  }
  // dL/da of dL/dy, where y = f(a).
  Vector<T> backward(Vector<T> dy, Vector<T> y) const {
    if constexpr (kind == Activation::tanh) return dy * (T(1) - y * y);
    if constexpr (kind == Activation::sigmoid) return dy * (y * (T(1) - y));
    if constexpr (kind == Activation::relu) return y > T(0) ? dy : Vector<T>{};
    if constexpr (kind == Activation::hard_sigmoid) {
      const Vector<T> rising = y > T(0) ? dy * T(1.0 / 6.0) : Vector<T>{};
      return y < T(1) ? rising : Vector<T>{};
    }
    return dy;
  }
};

// f(activation) for the given kind.
template <class T, class F>
inline auto with_activation(Activation kind, F f) {
  switch (kind) {
    case Activation::tanh: break;
    case Activation::sigmoid: return f(FixedActivation<T, Activation::sigmoid>{});
    case Activation::relu: return f(FixedActivation<T, Activation::relu>{});
    case Activation::hard_sigmoid: return f(FixedActivation<T, Activation::hard_sigmoid>{});
    case Activation::linear: return f(FixedActivation<T, Activation::linear>{});
  }
  return f(FixedActivation<T, Activation::tanh>{});
}

// An activation chosen at run time, for each vector.
template <class T>
struct ChosenActivation {
  Activation kind;
  Vector<T> operator()(Vector<T> a) const {
    return with_activation<T>(kind, [&](auto f) { return f(a); });
  }
  Vector<T> backward(Vector<T> dy, Vector<T> y) const {
    return with_activation<T>(kind, [&](auto f) { return f.backward(dy, y); });
  }
};

// f(phi, sigma): the loop of a cell is compiled for the usual pair, and once for all others.
template <class T, class F>
inline void with_activations(const Spec& spec, F f) {
  if (spec.activation == Activation::tanh && spec.recurrent_activation == Activation::sigmoid)
    f(FixedActivation<T, Activation::tanh>{}, FixedActivation<T, Activation::sigmoid>{});
  else f(ChosenActivation<T>{spec.activation}, ChosenActivation<T>{spec.recurrent_activation});
}

}  // namespace GW_ISA
}  // namespace gatewright
