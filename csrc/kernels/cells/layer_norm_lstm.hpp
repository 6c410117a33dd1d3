// LSTM with layer normalization (Ba, Kiros & Hinton 2016, supplementary material). N is taken over the four gates at
// once:
//   x = W x_t    h = U h_{t-1}
//   i = sigma(gain_x_i N(x)_i + gain_h_i N(h)_i + b_i)    f, o likewise
//   g = phi(gain_x_c N(x)_c + gain_h_c N(h)_c + b_c)
//   c_t = f c_{t-1} + i g
//   h_t = o phi(gain_c N(c_t) + shift_c)
#pragma once

#include "kernels/cells/layer_norm.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct LayerNormLstm {
  // saved: i, f, g, o, x and h of the four gates, c_t
  static constexpr int gates = 4, recurrent_gates = 4, saved = 13, phases = 1, gradient_blocks = 8;
  static constexpr int parameters = 14, first_gain = 4,
                       last_gain = 13;  // b, gain_x, gain_h (four each), gain_c, shift_c
  static constexpr bool has_c = true;
  static constexpr bool separate(int) { return true; }
  static constexpr int recurrent_block(int gate) { return gates + gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 4; }
  static constexpr bool makes_operand(int) { return false; }

  template <class Phi, class Sigma>
  static void forward(int, const ForwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    const T *const b = s.parameters, *const gain_x = b + 4 * n, *const gain_h = b + 8 * n, *const of_c = b + 12 * n;
    const T* const live = b + parameters * n;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const x = s.projected[row], *const h_sum = s.sums + row * gates * n;
      T *const c_t = s.c + row * n, *const h_t = s.h + row * n;
      T* const saved_row = s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      const Normal<T> normal_x(x, gates, n, s.unpadded, live), normal_h(h_sum, gates, n, s.unpadded, live);
      const auto sum = [&](int gate, int64_t j) {
        const int64_t at = gate * n + j;
        return load<T>(gain_x + at) * normal_x(load<T>(x + at)) + load<T>(gain_h + at) * normal_h(load<T>(h_sum + at)) +
               load<T>(b + at);
      };
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> i = sigma(sum(0, j)), f = sigma(sum(1, j)), g = phi(sum(2, j));
        const Vector<T> c = f * load<T>(c_t + j) + i * g;
        store<T>(c_t + j, c);
        if (!saved_row) continue;
        store<T>(saved_row + j, i);
        store<T>(saved_row + n + j, f);
        store<T>(saved_row + 2 * n + j, g);
        store<T>(saved_row + 12 * n + j, c);
      }
      const Normal<T> normal_c(c_t, 1, n, s.unpadded, live);
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> o = sigma(sum(3, j));
        const Vector<T> h = o * phi(load<T>(of_c + j) * normal_c(load<T>(c_t + j)) + load<T>(of_c + n + j));
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (saved_row) store<T>(saved_row + 3 * n + j, o);
      }
      for (int64_t j = 0; saved_row && j < gates * n; j += lanes<T>) {
        store<T>(saved_row + 4 * n + j, load<T>(x + j));
        store<T>(saved_row + 8 * n + j, load<T>(h_sum + j));
      }
    }
  }

  // Gradient blocks: those of x, then those of h. c_t is computed again: the saved one is the state after zoneout.
  template <class Phi, class Sigma>
  static void backward(int, const BackwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    const T *const b = s.parameters, *const gain_x = b + 4 * n, *const gain_h = b + 8 * n, *const of_c = b + 12 * n;
    const T* const live = b + parameters * n;
    for (int64_t row = 0; row < s.rows; ++row) {
      T *const d_b = s.d_parameters + row * parameters * n, *const d_gain_x = d_b + 4 * n,
               *const d_gain_h = d_b + 8 * n;
      T* const d_of_c = d_b + 12 * n;
      const T *const saved_row = s.saved[row], *const x = saved_row + 4 * n, *const h_sum = saved_row + 8 * n;
      const T* const c_before = s.c_before[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n, *const dc_t = s.dc + row * n;
      const Normal<T> normal_x(x, gates, n, s.unpadded, live), normal_h(h_sum, gates, n, s.unpadded, live);
      T* const c_t = d + 2 * n;  // until the gradient of g overwrites it
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> i = load<T>(saved_row + j), f = load<T>(saved_row + n + j), g = load<T>(saved_row + 2 * n + j);
        store<T>(c_t + j, f * load<T>(c_before + j) + i * g);
      }
      const Normal<T> normal_c(c_t, 1, n, s.unpadded, live);
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> o = load<T>(saved_row + 3 * n + j), dh = load<T>(dh_t + j);
        const Vector<T> y = phi(load<T>(of_c + j) * normal_c(load<T>(c_t + j)) + load<T>(of_c + n + j));
        store<T>(d + 3 * n + j, sigma.backward(dh * y, o));
        store<T>(dh_t + j, phi.backward(dh * o, y));
      }
      add_row(dh_t, n, d_of_c + n);
      normalize_backward(normal_c, c_t, of_c, 1, n, s.unpadded, dh_t, d_of_c, dh_t);
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> i = load<T>(saved_row + j), f = load<T>(saved_row + n + j), g = load<T>(saved_row + 2 * n + j);
        const Vector<T> dc = (load<T>(dc_t + j) + load<T>(dh_t + j)) * load<T>(live + j);
        store<T>(d + j, sigma.backward(dc * g, i));
        store<T>(d + n + j, sigma.backward(dc * load<T>(c_before + j), f));
        store<T>(d + 2 * n + j, phi.backward(dc * i, g));
        store<T>(dc_t + j, dc * f);
        store<T>(dh_t + j, Vector<T>{});
      }
      add_row(d, gates * n, d_b);
      normalize_backward(normal_h, h_sum, gain_h, gates, n, s.unpadded, d, d_gain_h, d + gates * n);
      normalize_backward(normal_x, x, gain_x, gates, n, s.unpadded, d, d_gain_x, d);
    }
  }
};

template <class T, class F>
auto with_layer_norm_lstm(const Spec&, F f) {
  return f(LayerNormLstm<T>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
