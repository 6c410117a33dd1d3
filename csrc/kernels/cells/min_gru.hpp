// minGRU (Feng et al. 2024, section 3.1), update gate in the "take" convention; no gate reads the state.
//   z = sigma(W_z x_t + b_z)
//   c = W_h x_t + b_h
//   h_t = (1 - z) h_{t-1} + z c
#pragma once

#include "kernels/cells/cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct MinGru {
  static constexpr int gates = 2, recurrent_gates = 0, saved = 2, phases = 1, gradient_blocks = 2;  // saved: z, c
  static constexpr int parameters = 0;
  static constexpr bool has_c = false;
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 2; }
  static constexpr bool makes_operand(int) { return false; }

  template <class Phi, class Sigma>
  static void forward(int, const ForwardStep<T>& s, Phi, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T* const projected = s.projected[row];
      T* const h_t = s.h + row * n;
      T* const saved_row = s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> z = sigma(load<T>(projected + j)), c = load<T>(projected + n + j);
        const Vector<T> h = (T(1) - z) * load<T>(h_t + j) + z * c;
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (!saved_row) continue;
        store<T>(saved_row + j, z);
        store<T>(saved_row + n + j, c);
      }
    }
  }

  template <class Phi, class Sigma>
  static void backward(int, const BackwardStep<T>& s, Phi, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_row = s.saved[row], *const h_before = s.h_before[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> z = load<T>(saved_row + j), c = load<T>(saved_row + n + j), dh = load<T>(dh_t + j);
        store<T>(d + j, sigma.backward(dh * (c - load<T>(h_before + j)), z));
        store<T>(d + n + j, dh * z);
        store<T>(dh_t + j, dh * (T(1) - z));
      }
    }
  }
};

template <class T, class F>
auto with_min_gru(const Spec&, F f) {
  return f(MinGru<T>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
