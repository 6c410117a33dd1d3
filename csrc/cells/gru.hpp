// GRU (Cho et al. 2014), update gate in the "keep" convention: h_t = z h_{t-1} + (1 - z) c.
//   z = sigma(W_z x_t + U_z h_{t-1} + b_z)    r likewise
// Reset after the product (cuDNN, PyTorch, Keras' default): u = U_c h_{t-1} + b_u, c = phi(W_c x_t + b_c + r u).
// Reset before the product (Cho, Chung 2014):               c = phi(W_c x_t + b_c + U_c (r h_{t-1})).
#pragma once

#include "cell.hpp"

namespace gatewright {
namespace GW_ISA {

// The two forms share how the update gate mixes old and new, and its gradient.
template <class T>
struct GruMix {
  static void forward(const ForwardStep<T>& s, int64_t stride) {
    const int64_t n = s.units;
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      const T* step = s.step + row * stride + j;
      T* h = s.h + row * n + j;
      const Vector<T> z = load<T>(step), c = load<T>(step + 2 * n);
      store<T>(h, z * load<T>(h) + (T(1) - z) * c);
    });
  }

  // Gradient blocks z, r, c begin each row of s.gradient; block r is left to the caller.
  static void backward(const BackwardStep<T>& s, int64_t stride, int64_t d_stride) {
    const int64_t n = s.units;
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      const int64_t at = row * n + j;
      const T* step = s.step + row * stride + j;
      T* d = s.gradient + row * d_stride + j;
      const Vector<T> z = load<T>(step), c = load<T>(step + 2 * n), dh = load<T>(s.dh + at);
      store<T>(d, dh * (load<T>(s.h_before + at) - c));  // dz
      store<T>(d + 2 * n, dh * (T(1) - z));              // dc
      store<T>(s.dh + at, dh * z);
    });
    times_derivative(s.recurrent_activation, s.gradient, d_stride, s.step, stride, s.rows, n);
    times_derivative(s.activation, s.gradient + 2 * n, d_stride, s.step + 2 * n, stride, s.rows, n);
  }
};

template <class T>
struct GruResetAfter {
  static constexpr int gates = 3, slots = 4, saved = 4, phases = 1, gradient_blocks = 4;
  static constexpr bool has_c = false;
  static constexpr int slot_of(int gate) { return gate == 2 ? 3 : gate; }  // z, r, then u; c is made from it
  static constexpr bool separate(int gate) { return gate == 2; }
  static constexpr int recurrent_block(int gate) { return gate == 2 ? 3 : gate; }
  static constexpr int first_gate(int) { return 0; }
  static constexpr int last_gate(int) { return 3; }
  static constexpr bool made(int) { return false; }

  static void forward(int, const ForwardStep<T>& s) {
    const int64_t n = s.units, stride = slots * n;
    activate(s.recurrent_activation, s.step, s.rows, stride, 2 * n);
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      T* step = s.step + row * stride + j;
      const Vector<T> r = load<T>(step + n), u = load<T>(step + 3 * n);
      store<T>(step + 2 * n, load<T>(s.projected + row * gates * n + 2 * n + j) + r * u);
    });
    activate(s.activation, s.step + 2 * n, s.rows, stride, n);
    GruMix<T>::forward(s, stride);
  }

  static void backward(int, const BackwardStep<T>& s) {
    const int64_t n = s.units, stride = slots * n, d_stride = gradient_blocks * n;
    GruMix<T>::backward(s, stride, d_stride);
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      const T* step = s.step + row * stride + j;
      T* d = s.gradient + row * d_stride + j;
      const Vector<T> dc = load<T>(d + 2 * n);
      store<T>(d + n, dc * load<T>(step + 3 * n));      // dr = dc u
      store<T>(d + 3 * n, dc * load<T>(step + n));      // du = dc r
    });
    times_derivative(s.recurrent_activation, s.gradient + n, d_stride, s.step + n, stride, s.rows, n);
  }
};

template <class T>
struct GruResetBefore {
  static constexpr int gates = 3, slots = 3, saved = 3, phases = 2, gradient_blocks = 3;
  static constexpr bool has_c = false;
  static constexpr int slot_of(int gate) { return gate; }  // z, r, c
  static constexpr bool separate(int) { return false; }
  static constexpr int recurrent_block(int gate) { return gate; }
  static constexpr int first_gate(int phase) { return phase == 0 ? 0 : 2; }
  static constexpr int last_gate(int phase) { return phase == 0 ? 2 : 3; }
  static constexpr bool made(int phase) { return phase == 1; }

  static void make(int64_t rows, int64_t n, const T* step, const T* operand, T* made) {
    for_block<T>(rows, n, [&](int64_t row, int64_t j) {
      const int64_t at = row * n + j;
      store<T>(made + at, load<T>(step + row * slots * n + n + j) * load<T>(operand + at));  // r h_{t-1}
    });
  }

  static void forward(int phase, const ForwardStep<T>& s) {
    const int64_t n = s.units, stride = slots * n;
    if (phase == 0) {
      activate(s.recurrent_activation, s.step, s.rows, stride, 2 * n);
      make(s.rows, n, s.step, s.operand, s.made);
    } else {
      activate(s.activation, s.step + 2 * n, s.rows, stride, n);
      GruMix<T>::forward(s, stride);
    }
  }

  // Called for phase 1 first; between the two, d_made = dc U_c^T.
  static void backward(int phase, const BackwardStep<T>& s) {
    const int64_t n = s.units, stride = slots * n, d_stride = gradient_blocks * n;
    if (phase == 1) {
      GruMix<T>::backward(s, stride, d_stride);
      make(s.rows, n, s.step, s.operand, s.made);
      return;
    }
    for_block<T>(s.rows, n, [&](int64_t row, int64_t j) {
      const int64_t at = row * n + j;
      const Vector<T> d_made = load<T>(s.d_made + at), r = load<T>(s.step + row * stride + n + j);
      Vector<T> through = d_made * r;
      if (s.operand_mask) through *= load<T>(s.operand_mask + at);
      store<T>(s.gradient + row * d_stride + n + j, d_made * load<T>(s.operand + at));  // dr
      store<T>(s.dh + at, load<T>(s.dh + at) + through);
    });
    times_derivative(s.recurrent_activation, s.gradient + n, d_stride, s.step + n, stride, s.rows, n);
  }
};

}  // namespace GW_ISA
}  // namespace gatewright
