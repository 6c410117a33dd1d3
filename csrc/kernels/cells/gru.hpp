// GRU (Cho et al. 2014), update gate in the "keep" convention: h_t = z h_{t-1} + (1 - z) c.
//   z = sigma(W_z x_t + U_z h_{t-1} + b_z)    r likewise
// Reset after the product (cuDNN, PyTorch, Keras' default): u = U_c h_{t-1} + b_u, c = phi(W_c x_t + b_c + r u).
// Reset before the product (Cho, Chung 2014):               c = phi(W_c x_t + b_c + U_c (r h_{t-1})).
#pragma once

#include "kernels/cells/cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct GruResetAfter {
  static constexpr int gates = 3, recurrent_gates = 3, saved = 4, phases = 1, gradient_blocks = 4;  // saved: z, r, c, u
  static constexpr int parameters = 0;
  static constexpr bool has_c = false;
  static constexpr bool separate(int gate) { return gate == 2; }
  static constexpr int recurrent_block(int gate) { return gate == 2 ? 3 : gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 3; }
  static constexpr bool makes_operand(int) { return false; }

  template <class Phi, class Sigma>
  static void forward(int, const ForwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const sum = s.sums + row * gates * n, *const projected_c = s.projected[row] + 2 * n;
      T* const h_t = s.h + row * n;
      T* const saved_row = s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> z = sigma(load<T>(sum + j)), r = sigma(load<T>(sum + n + j)), u = load<T>(sum + 2 * n + j);
        const Vector<T> c = phi(load<T>(projected_c + j) + r * u);
        const Vector<T> h = z * load<T>(h_t + j) + (T(1) - z) * c;
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (!saved_row) continue;
        store<T>(saved_row + j, z);
        store<T>(saved_row + n + j, r);
        store<T>(saved_row + 2 * n + j, c);
        store<T>(saved_row + 3 * n + j, u);
      }
    }
  }

  // Gradient blocks: z, r, c, u.
  template <class Phi, class Sigma>
  static void backward(int, const BackwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_row = s.saved[row], *const h_before = s.h_before[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> z = load<T>(saved_row + j), r = load<T>(saved_row + n + j);
        const Vector<T> c = load<T>(saved_row + 2 * n + j), u = load<T>(saved_row + 3 * n + j);
        const Vector<T> dh = load<T>(dh_t + j), dc = phi.backward(dh * (T(1) - z), c);
        store<T>(d + j, sigma.backward(dh * (load<T>(h_before + j) - c), z));
        store<T>(d + n + j, sigma.backward(dc * u, r));
        store<T>(d + 2 * n + j, dc);
        store<T>(d + 3 * n + j, dc * r);
        store<T>(dh_t + j, dh * z);
      }
    }
  }
};

template <class T>
struct GruResetBefore {
  static constexpr int gates = 3, recurrent_gates = 3, saved = 3, phases = 2, gradient_blocks = 3;  // saved: z, r, c
  static constexpr int parameters = 0;
  static constexpr bool has_c = false;
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int phase) { return phase == 0 ? 0 : 2; }
  static constexpr int last_gate(int phase) { return phase == 0 ? 2 : 3; }
  static constexpr bool makes_operand(int phase) { return phase == 1; }

  template <class Phi, class Sigma>
  static void forward(int phase, const ForwardStep<T>& s, Phi phi, Sigma sigma) {
    if (phase == 0) make(s, sigma);
    else mix(s, phi);
  }
  // Called for phase 1 first; between the two, d_made = dc U_c^T is computed.
  template <class Phi, class Sigma>
  static void backward(int phase, const BackwardStep<T>& s, Phi phi, Sigma sigma) {
    if (phase == 1) mix_backward(s, phi, sigma);
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
        const Vector<T> z = sigma(load<T>(sum + j)), r = sigma(load<T>(sum + n + j));
        store<T>(sum + j, z);
        store<T>(sum + n + j, r);
        store<T>(made + j, r * load<T>(operand + j));  // r h_{t-1}
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
        const Vector<T> z = load<T>(sum + j), c = phi(load<T>(sum + 2 * n + j));
        const Vector<T> h = z * load<T>(h_t + j) + (T(1) - z) * c;
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (!saved_row) continue;
        store<T>(saved_row + j, z);
        store<T>(saved_row + n + j, load<T>(sum + n + j));
        store<T>(saved_row + 2 * n + j, c);
      }
    }
  }

  template <class Phi, class Sigma>
  static void mix_backward(const BackwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_row = s.saved[row], *const h_before = s.h_before[row], *const operand = s.operand[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n, *const made = s.made + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> z = load<T>(saved_row + j), c = load<T>(saved_row + 2 * n + j), dh = load<T>(dh_t + j);
        store<T>(d + j, sigma.backward(dh * (load<T>(h_before + j) - c), z));
        store<T>(d + 2 * n + j, phi.backward(dh * (T(1) - z), c));
        store<T>(made + j, load<T>(saved_row + n + j) * load<T>(operand + j));
        store<T>(dh_t + j, dh * z);
      }
    }
  }

  template <class Sigma>
  static void make_backward(const BackwardStep<T>& s, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_r = s.saved[row] + n, *const operand = s.operand[row], *const d_made_t = s.d_made + row * n;
      const T* const mask = s.operand_mask ? s.operand_mask + row * n : nullptr;
      T *const dr = s.gradient + row * gradient_blocks * n + n, *const dh_t = s.dh + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> d_made = load<T>(d_made_t + j), r = load<T>(saved_r + j);
        Vector<T> through = d_made * r;
        if (mask) through *= load<T>(mask + j);
        store<T>(dr + j, sigma.backward(d_made * load<T>(operand + j), r));
        store<T>(dh_t + j, load<T>(dh_t + j) + through);
      }
    }
  }
};

template <class T, class F>
auto with_gru(const Spec& spec, F f) {
  return spec.reset_after ? f(GruResetAfter<T>{}) : f(GruResetBefore<T>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
