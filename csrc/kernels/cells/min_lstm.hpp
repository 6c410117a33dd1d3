// minLSTM (Feng et al. 2024, section 3.2), with normalized gates; no gate reads the state.
//   i = sigmoid(W_i x_t + b_i)    f likewise
//   g = W_g x_t + b_g
//   k = f / (f + i)
//   h_t = k h_{t-1} + (1 - k) g
#pragma once

#include "kernels/cells/cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct MinLstm {
  static constexpr int gates = 3, recurrent_gates = 0, saved = 4, phases = 1, gradient_blocks = 3;  // saved: i, f, g, k
  static constexpr int parameters = 0;
  static constexpr bool has_c = false;
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 3; }
  static constexpr bool makes_operand(int) { return false; }

  template <class Phi, class Sigma>
  static void forward(int, const ForwardStep<T>& s, Phi, Sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T* const projected = s.projected[row];
      T* const h_t = s.h + row * n;
      T* const saved_row = s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> a_i = load<T>(projected + j), a_f = load<T>(projected + n + j),
                        g = load<T>(projected + 2 * n + j);
        // f / (f + i) = (1 + exp(-a_i)) / ((1 + exp(-a_i)) + (1 + exp(-a_f))), with all terms multiplied by exp(least).
        // Then no exponent is above 0 and one is 0: neither overflow nor 0 / 0, even if both gates are closed.
        const Vector<T> least = at_most(at_most(Vector<T>{}, a_i), a_f), one = exp<T>(least);
        const Vector<T> p = one + exp<T>(least - a_i), q = one + exp<T>(least - a_f);
        const Vector<T> k = p / (p + q);
        const Vector<T> h = k * load<T>(h_t + j) + (T(1) - k) * g;
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (!saved_row) continue;
        store<T>(saved_row + j, sigmoid<T>(a_i));
        store<T>(saved_row + n + j, sigmoid<T>(a_f));
        store<T>(saved_row + 2 * n + j, g);
        store<T>(saved_row + 3 * n + j, k);
      }
    }
  }

  template <class Phi, class Sigma>
  static void backward(int, const BackwardStep<T>& s, Phi, Sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_row = s.saved[row], *const h_before = s.h_before[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> i = load<T>(saved_row + j), f = load<T>(saved_row + n + j);
        const Vector<T> g = load<T>(saved_row + 2 * n + j), k = load<T>(saved_row + 3 * n + j), dh = load<T>(dh_t + j);
        const Vector<T> d_odds = dh * (load<T>(h_before + j) - g) * (k * (T(1) - k));  // dL/d(log f - log i)
        store<T>(d + j, d_odds * (i - T(1)));
        store<T>(d + n + j, d_odds * (T(1) - f));
        store<T>(d + 2 * n + j, dh * (T(1) - k));
        store<T>(dh_t + j, dh * k);
      }
    }
  }
};

template <class T, class F>
auto with_min_lstm(const Spec&, F f) {
  return f(MinLstm<T>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
