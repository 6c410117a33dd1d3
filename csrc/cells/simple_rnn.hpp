// SimpleRNN (Elman 1990): h_t = phi(W x_t + U h_{t-1} + b).
#pragma once

#include "cell.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T>
struct SimpleRnn {
  static constexpr int gates = 1, slots = 1, saved = 0, phases = 1, gradient_blocks = 1;
  static constexpr bool has_c = false;
  static constexpr int slot_of(int gate) { return gate; }
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 1; }
  static constexpr bool made(int) { return false; }

  static void forward(int, const ForwardStep<T>& s) {
    activate(s.activation, s.step, s.rows, s.units, s.units);
    for_block<T>(s.rows, s.units, [&](int64_t row, int64_t j) {
      store<T>(s.h + row * s.units + j, load<T>(s.step + row * s.units + j));
    });
  }

  static void backward(int, const BackwardStep<T>& s) {
    for_block<T>(s.rows, s.units, [&](int64_t row, int64_t j) {
      const int64_t at = row * s.units + j;
      store<T>(s.gradient + at, load<T>(s.dh + at));
      store<T>(s.dh + at, Vector<T>{});
    });
    times_derivative(s.activation, s.gradient, s.units, s.h, s.units, s.rows, s.units);
  }
};

}  // namespace GW_ISA
}  // namespace gatewright
