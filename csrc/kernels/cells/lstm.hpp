// LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000):
//   i = sigma(W_i x_t + U_i h_{t-1} + b_i)    f, o likewise
//   g = phi(W_g x_t + U_g h_{t-1} + b_g)
//   c_t = f c_{t-1} + i g
//   h_t = o phi(c_t)
#pragma once

#include "kernels/cells/cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct Lstm {
  static constexpr int gates = 4, recurrent_gates = 4, saved = 5, phases = 1,
                       gradient_blocks = 4;  // saved: i, f, g, o, c_t
  static constexpr int parameters = 0;
  static constexpr bool has_c = true;
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 4; }
  static constexpr bool makes_operand(int) { return false; }

  template <class Phi, class Sigma>
  static void forward(int, const ForwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T* const sum = s.sums + row * gates * n;
      T *const c_t = s.c + row * n, *const h_t = s.h + row * n;
      T* const saved_row = s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> i = sigma(load<T>(sum + j)), f = sigma(load<T>(sum + n + j));
        const Vector<T> g = phi(load<T>(sum + 2 * n + j)), o = sigma(load<T>(sum + 3 * n + j));
        const Vector<T> c = f * load<T>(c_t + j) + i * g;
        const Vector<T> h = o * phi(c);
        store<T>(c_t + j, c);
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (!saved_row) continue;
        store<T>(saved_row + j, i);
        store<T>(saved_row + n + j, f);
        store<T>(saved_row + 2 * n + j, g);
        store<T>(saved_row + 3 * n + j, o);
        store<T>(saved_row + 4 * n + j, c);
      }
    }
  }

  // c_t is computed again: the saved one is the state after zoneout.
  template <class Phi, class Sigma>
  static void backward(int, const BackwardStep<T>& s, Phi phi, Sigma sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T *const saved_row = s.saved[row], *const c_before = s.c_before[row];
      T *const d = s.gradient + row * gradient_blocks * n, *const dh_t = s.dh + row * n, *const dc_t = s.dc + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> i = load<T>(saved_row + j), f = load<T>(saved_row + n + j), g = load<T>(saved_row + 2 * n + j);
        const Vector<T> o = load<T>(saved_row + 3 * n + j), phi_c = phi(f * load<T>(c_before + j) + i * g);
        const Vector<T> dh = load<T>(dh_t + j), dc = load<T>(dc_t + j) + phi.backward(dh * o, phi_c);
        store<T>(d + j, sigma.backward(dc * g, i));
        store<T>(d + n + j, sigma.backward(dc * load<T>(c_before + j), f));
        store<T>(d + 2 * n + j, phi.backward(dc * i, g));
        store<T>(d + 3 * n + j, sigma.backward(dh * phi_c, o));
        store<T>(dc_t + j, dc * f);
        store<T>(dh_t + j, Vector<T>{});
      }
    }
  }
};

template <class T, class F>
auto with_lstm(const Spec&, F f) {
  return f(Lstm<T>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
