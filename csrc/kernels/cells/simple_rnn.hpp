// SimpleRNN (Elman 1990): h_t = phi(W x_t + U h_{t-1} + b).
// The derivative is a function of h_t, so nothing is saved. With zoneout the output differs from h_t, which is saved.
#pragma once

#include "kernels/cells/cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T, bool Zoneout>
struct SimpleRnn {
  static constexpr int gates = 1, recurrent_gates = 1, saved = Zoneout ? 1 : 0, phases = 1, gradient_blocks = 1;
  static constexpr int parameters = 0;
  static constexpr bool has_c = false;
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 1; }
  static constexpr bool makes_operand(int) { return false; }

  template <class Phi, class Sigma>
  static void forward(int, const ForwardStep<T>& s, Phi phi, Sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T* const sum = s.sums + row * n;
      T* const h_t = s.h + row * n;
      T* const saved_row = Zoneout && s.saved ? s.saved[row] : nullptr;
      T* const output = s.output ? s.output[row] : nullptr;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        const Vector<T> h = phi(load<T>(sum + j));
        store<T>(h_t + j, h);
        if (output) store<T>(output + j, h);
        if (saved_row) store<T>(saved_row + j, h);
      }
    }
  }

  template <class Phi, class Sigma>
  static void backward(int, const BackwardStep<T>& s, Phi phi, Sigma) {
    const int64_t n = s.units;
    for (int64_t row = 0; row < s.rows; ++row) {
      const T* const h = Zoneout ? s.saved[row] : s.h[row];
      T *const d = s.gradient + row * n, *const dh = s.dh + row * n;
      for (int64_t j = 0; j < n; j += lanes<T>) {
        store<T>(d + j, phi.backward(load<T>(dh + j), load<T>(h + j)));
        store<T>(dh + j, Vector<T>{});
      }
    }
  }
};

template <class T, class F>
auto with_simple_rnn(const Spec& spec, F f) {
  return spec.zoneout != 0 ? f(SimpleRnn<T, true>{}) : f(SimpleRnn<T, false>{});
}

}  // namespace GW_ISA
}  // namespace gatewright
