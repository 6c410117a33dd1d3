// Minimal gated unit (Zhou et al. 2016), one gate in the "take" convention, applied to the state before the product:
//   f = sigma(W_f x_t + U_f h_{t-1} + b_f)
//   c = phi(W_h x_t + U_h (f h_{t-1}) + b_h)
//   h_t = (1 - f) h_{t-1} + f c
#pragma once

#include "kernels/cells/cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct Mgu {
  static constexpr int gates = 2, recurrent_gates = 2, saved = 2, phases = 2, gradient_blocks = 2;  // saved: f, c
  static constexpr int parameters = 0;
  static constexpr bool has_c = false;
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int phase) { return phase; }
  static constexpr int last_gate(int phase) { return phase + 1; }
  static constexpr bool makes_operand(int phase) { return phase == 1; }

  template <class Phi, class Sigma>
  static void forward(int phase, const ForwardStep<T>& s, Phi phi, Sigma sigma) {
    if (phase == 0) make(s, sigma);
    else mix(s, phi);
  }
  // Called for phase 1 first; between the two, d_made = dc U_h^T is computed.
  template <class Phi, class Sigma>
  static void backward(int phase, const BackwardStep<T>& s, Phi phi, Sigma sigma) {
    if (phase == 1) mix_backward(s, phi);
    else make_backward(s, sigma);
  }

 private:
  template <class Sigma>
  static void make(const ForwardStep<T>& s, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      T* const sum = s.sums + row * gates * n;
      const T* const operand = s.operand + row * n;
      T* const made = s.made + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> f = sigma(load<T>(sum + j));
        store<T>(sum + j, f);
        store<T>(made + j, f * load<T>(operand + j));  // f h_{t-1}
      }
    }
  }

  template <class Phi>
  static void mix(const ForwardStep<T>& s, Phi phi) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T* const sum = s.sums + row * gates * n;
      T* const h_t = s.h + row * n;
      T* const saved_row = s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> f = load<T>(sum + j), c = phi(load<T>(sum + n + j));
        const Vector<T> h = (T(1) - f) * load<T>(h_t + j) + f * c;
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (!saved_row) continue;
        store<T>(saved_row + j, f);
        store<T>(saved_row + n + j, c);
      }
    }
  }

  // The gradient of f through h_t waits in its block for the one through the made operand.
  template <class Phi>
  static void mix_backward(const BackwardStep<T>& s, Phi phi) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_row = s.saved[row], *const h_before = s.h_before[row], *const operand = s.operand[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n, *const made = s.made + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> f = load<T>(saved_row + j), c = load<T>(saved_row + n + j), dh = load<T>(dh_t + j);
        store<T>(d + j, dh * (c - load<T>(h_before + j)));
        store<T>(d + n + j, phi.backward(dh * f, c));
        store<T>(made + j, f * load<T>(operand + j));
        store<T>(dh_t + j, dh * (T(1) - f));
      }
    }
  }

  template <class Sigma>
  static void make_backward(const BackwardStep<T>& s, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_f = s.saved[row], *const operand = s.operand[row], *const d_made_t = s.d_made + row * n;
      const T* const mask = s.operand_mask ? s.operand_mask + row * n : nullptr;
      T *const df = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> d_made = load<T>(d_made_t + j), f = load<T>(saved_f + j);
        Vector<T> through = d_made * f;
        if (mask) through *= load<T>(mask + j);
        store<T>(df + j, sigma.backward(load<T>(df + j) + d_made * load<T>(operand + j), f));
        store<T>(dh_t + j, load<T>(dh_t + j) + through);
      }
    }
  }
};

template <class T, class F>
auto with_mgu(const Spec&, F f) {
  return f(Mgu<T>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
