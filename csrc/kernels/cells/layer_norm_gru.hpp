// GRU with layer normalization (Ba, Kiros & Hinton 2016, supplementary material), update gate in the "take" convention
// and reset after the product. N is taken over z and r at once, and over the candidate alone:
//   x = W x_t    h = U h_{t-1}
//   z = sigma(gain_x_z N(x_zr)_z + gain_h_z N(h_zr)_z + b_z)    r likewise
//   u = gain_h_h N(h_h) + b_u
//   c = phi(gain_x_h N(x_h) + b_h + r u)
//   h_t = (1 - z) h_{t-1} + z c
#pragma once

#include "kernels/cells/layer_norm.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct LayerNormGru {
  // saved: z, r, c, x and h of the three gates
  static constexpr int gates = 3, recurrent_gates = 3, saved = 9, phases = 1, gradient_blocks = 6;
  static constexpr int parameters = 10, first_gain = 4,
                       last_gain = 10;  // b_z, b_r, b_h, b_u, gain_x, gain_h (three each)
  static constexpr bool has_c = false;
  static constexpr bool separate(int) { return true; }
  static constexpr int recurrent_block(int gate) { return gates + gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 3; }
  static constexpr bool makes_operand(int) { return false; }

  template <class Phi, class Sigma>
  static void forward(int, const ForwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    const T *const b = s.parameters, *const gain_x = b + 4 * n, *const gain_h = b + 7 * n,
                   *const live = b + parameters * n;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const x = s.projected[row], *const h_sum = s.sums + row * gates * n;
      T* const h_t = s.h + row * n;
      T* const saved_row = s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      const Normal<T> normal_x(x, 2, n, s.unpadded, live), normal_h(h_sum, 2, n, s.unpadded, live);
      const Normal<T> normal_x_h(x + 2 * n, 1, n, s.unpadded, live), normal_h_h(h_sum + 2 * n, 1, n, s.unpadded, live);
      const auto sum = [&](int gate, int64_t j) {
        const int64_t at = gate * n + j;
        return load<T>(gain_x + at) * normal_x(load<T>(x + at)) + load<T>(gain_h + at) * normal_h(load<T>(h_sum + at)) +
               load<T>(b + at);
      };
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const int64_t at = 2 * n + j;
        const Vector<T> z = sigma(sum(0, j)), r = sigma(sum(1, j));
        const Vector<T> u = load<T>(gain_h + at) * normal_h_h(load<T>(h_sum + at)) + load<T>(b + 3 * n + j);
        const Vector<T> c = phi(load<T>(gain_x + at) * normal_x_h(load<T>(x + at)) + load<T>(b + at) + r * u);
        const Vector<T> h = (T(1) - z) * load<T>(h_t + j) + z * c;
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (!saved_row) continue;
        store<T>(saved_row + j, z);
        store<T>(saved_row + n + j, r);
        store<T>(saved_row + 2 * n + j, c);
      }
      for (int64_t j = 0; saved_row && j < gates * n; j += lanes<T>) {
        store<T>(saved_row + 3 * n + j, load<T>(x + j));
        store<T>(saved_row + 6 * n + j, load<T>(h_sum + j));
      }
    }
  }

  // Gradient blocks: those of x, then those of h.
  template <class Phi, class Sigma>
  static void backward(int, const BackwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    const T *const b = s.parameters, *const gain_x = b + 4 * n, *const gain_h = b + 7 * n,
                   *const live = b + parameters * n;
    for (int64_t row = 0; row < s.rows; ++row) {
      T *const d_b = s.d_parameters + row * parameters * n, *const d_gain_x = d_b + 4 * n,
               *const d_gain_h = d_b + 7 * n;
      const T *const saved_row = s.saved[row], *const x = saved_row + 3 * n, *const h_sum = saved_row + 6 * n;
      const T* const h_before = s.h_before[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const d_h = d + gates * n, *const dh_t = s.dh + row * n;
      const Normal<T> normal_x(x, 2, n, s.unpadded, live), normal_h(h_sum, 2, n, s.unpadded, live);
      const Normal<T> normal_x_h(x + 2 * n, 1, n, s.unpadded, live), normal_h_h(h_sum + 2 * n, 1, n, s.unpadded, live);
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const int64_t at = 2 * n + j;
        const Vector<T> z = load<T>(saved_row + j), r = load<T>(saved_row + n + j), c = load<T>(saved_row + at),
                        dh = load<T>(dh_t + j);
        const Vector<T> u = load<T>(gain_h + at) * normal_h_h(load<T>(h_sum + at)) + load<T>(b + 3 * n + j);
        const Vector<T> dc = phi.backward(dh * z, c);
        store<T>(d + j, sigma.backward(dh * (c - load<T>(h_before + j)), z));
        store<T>(d + n + j, sigma.backward(dc * u, r));
        store<T>(d + at, dc);
        store<T>(d_h + at, dc * r);
        store<T>(dh_t + j, dh * (T(1) - z));
      }
      add_row(d, gates * n, d_b);
      add_row(d_h + 2 * n, n, d_b + 3 * n);
      normalize_backward(normal_h, h_sum, gain_h, 2, n, s.unpadded, d, d_gain_h, d_h);
      normalize_backward(normal_h_h, h_sum + 2 * n, gain_h + 2 * n, 1, n, s.unpadded, d_h + 2 * n, d_gain_h + 2 * n,
                         d_h + 2 * n);
      normalize_backward(normal_x, x, gain_x, 2, n, s.unpadded, d, d_gain_x, d);
      normalize_backward(normal_x_h, x + 2 * n, gain_x + 2 * n, 1, n, s.unpadded, d + 2 * n, d_gain_x + 2 * n,
                         d + 2 * n);
    }
  }
};

template <class T, class F>
auto with_layer_norm_gru(const Spec&, F f) {
  return f(LayerNormGru<T>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
