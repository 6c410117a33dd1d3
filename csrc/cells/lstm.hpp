// LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000):
//   i = sigma(W_i x_t + U_i h_{t-1} + b_i)    f, o likewise
//   g = phi(W_g x_t + U_g h_{t-1} + b_g)
//   c_t = f c_{t-1} + i g
//   h_t = o phi(c_t)
#pragma once

#include "cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct Lstm {
  static constexpr int gates = 4, slots = 5, saved = 5, phases = 1, gradient_blocks = 4;
  static constexpr bool has_c = true;
  static constexpr int slot_of(int gate) { return gate; }  // i, f, g, o; then c_t
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 4; }
  static constexpr bool made(int) { return false; }

  static void forward(int, const ForwardStep<T>& s) {
    const int64_t n = s.units, stride = slots * n;
    activate(s.recurrent_activation, s.step, s.rows, stride, 2 * n);
    activate(s.activation, s.step + 2 * n, s.rows, stride, n);
    activate(s.recurrent_activation, s.step + 3 * n, s.rows, stride, n);
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      T* step = s.step + row * stride + j;
      const Vector<T> i = load<T>(step), f = load<T>(step + n), g = load<T>(step + 2 * n);
      const Vector<T> c = f * load<T>(s.c + row * n + j) + i * g;
      store<T>(s.c + row * n + j, c);
      store<T>(step + 4 * n, c);
      store<T>(s.h + row * n + j, c);
    });
    activate(s.activation, s.h, s.rows, n, n);
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      T* h = s.h + row * n + j;
      store<T>(h, load<T>(s.step + row * stride + 3 * n + j) * load<T>(h));
    });
  }

  static void backward(int, const BackwardStep<T>& s) {
    const int64_t n = s.units, stride = slots * n, d_stride = gradient_blocks * n;
    // scratch = phi(c_t)
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      store<T>(s.scratch + row * n + j, load<T>(s.step + row * stride + 4 * n + j));
    });
    activate(s.activation, s.scratch, s.rows, n, n);
    // do = dh phi(c); dh becomes dh o, to be carried through phi into dc
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      const int64_t at = row * n + j;
      const Vector<T> dh = load<T>(s.dh + at), o = load<T>(s.step + row * stride + 3 * n + j);
      store<T>(s.gradient + row * d_stride + 3 * n + j, dh * load<T>(s.scratch + at));
      store<T>(s.dh + at, dh * o);
    });
    times_derivative(s.activation, s.dh, n, s.scratch, n, s.rows, n);
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      const int64_t at = row * n + j;
      const T* step = s.step + row * stride + j;
      T* d = s.gradient + row * d_stride + j;
      const Vector<T> dc = load<T>(s.dc + at) + load<T>(s.dh + at);
      store<T>(d, dc * load<T>(step + 2 * n));             // di = dc g
      store<T>(d + n, dc * load<T>(s.c_before + at));      // df = dc c_{t-1}
      store<T>(d + 2 * n, dc * load<T>(step));             // dg = dc i
      store<T>(s.dc + at, dc * load<T>(step + n));         // dc_{t-1} = dc f
      store<T>(s.dh + at, Vector<T>{});
    });
    times_derivative(s.recurrent_activation, s.gradient, d_stride, s.step, stride, s.rows, 2 * n);
    times_derivative(s.activation, s.gradient + 2 * n, d_stride, s.step + 2 * n, stride, s.rows, n);
    times_derivative(s.recurrent_activation, s.gradient + 3 * n, d_stride, s.step + 3 * n, stride, s.rows, n);
  }
};

}  // namespace GW_ISA
}  // namespace gatewright
