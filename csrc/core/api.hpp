// What every part of the kernels agrees on: plain structures of pointers and sizes.
//
// Shapes are row-major and in Keras' layout: x [batch, time, features] (or, where ids [batch, time] are given, a table
// [table, features] whose rows they name), kernel [features, gates * units],
// recurrent_kernel [units, gates * units] ([units, 0] where no gate looks at the state), states [batch, units]. A pointer
// that may be null says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gatewright {

enum class Activation : int32_t { tanh = 0, sigmoid = 1, relu = 2, hard_sigmoid = 3, linear = 4 };

// One recurrence, as gatewright.cells.Recurrence describes it.
struct Spec {
  int32_t cell;  // its place in Kernels::cell_names
  Activation activation;
  Activation recurrent_activation;
  bool reset_after;
  bool reverse;
  bool zero_output_for_mask;
  double zoneout = 0;  // where there is no mask of it: how much of each state stays as it was
};

// The facts of a cell that a call's memory and shapes depend on, as the Cell declares them (kernels/cells/cell.hpp).
struct CellTraits {
  int gates;            // columns of the kernel, in units of `units`
  int recurrent_gates;  // columns of the recurrent kernel: as many, or 0 if no gate reads the state
  int saved;            // values of a step that are saved for the backward pass
  bool has_c;           // whether there is a second state
};

struct Sizes {
  int64_t batch;
  int64_t time;
  int64_t features;
  int64_t units;
  int64_t dropout_masks;            // 0, 1 (shared by the gates) or one a gate
  int64_t recurrent_dropout_masks;  // likewise
  int64_t table = 0;                // rows of x where ids name them
  int64_t tokens = 0;               // how many different ids there are
  bool zoneout = false;             // whether something of the states stays as it was
};

template <class T>
struct Inputs {
  const T* x;
  const T* kernel;
  const T* recurrent_kernel;
  const T* bias;  // may be null; [2, 3 * units] for a GRU with reset_after; of cells with layer
                  // normalisation [14, units] (LSTM) or [10, units] (GRU)
  const T* h0;
  const T* c0;                            // LSTMs only
  const T* dropout_mask;                  // [dropout_masks, batch, features], already scaled
  const T* recurrent_dropout_mask;        // [recurrent_dropout_masks, batch, units], already scaled
  const int32_t* ids = nullptr;           // [batch, time]; null where x is dense; not with a dropout mask
  const uint8_t* zoneout_mask = nullptr;  // [batch, time, states, units]: where it is not 0 a state stays as it was
};

template <class T>
struct Outputs {
  T* sequence;  // [batch, time, units]; may be null
  T* saved;     // [batch, time, slots, units]; may be null
  T* h;
  T* c;  // LSTMs only
};

template <class T>
struct BackwardInputs {
  const T* sequence;
  const T* saved;
  const T* d_sequence;  // may be null
  const T* d_h;         // may be null
  const T* d_c;         // may be null
};

template <class T>
struct Gradients {
  T* x;  // as x: of the whole table where there are ids
  T* kernel;
  T* recurrent_kernel;
  T* bias;  // null where the bias is
  T* h0;    // may be null, and c0 with it: then rows that begin alike may share their steps
  T* c0;    // LSTMs only
};

// Which steps are live, given either way or not at all.
struct Live {
  const uint8_t* mask;     // [batch, time]; may be null
  const int32_t* lengths;  // [batch]; may be null
};

// For each row its live positions in the order in which they are walked, and the rows by how many they have.
struct ScheduleView {
  const int32_t* rows;       // [batch]: row numbers, most live positions first
  const int32_t* counts;     // [batch]: live positions, by row number
  const int32_t* positions;  // [batch, time]: positions, by row number; counts[row] of them are set
  // [batch]: how many steps a row begins with that all rows would begin with, by row number; `rows` has the fewest
  // first then. Null where no steps are shared.
  const int32_t* prefixes = nullptr;
};

// Where ids name the inputs: equal ids have one slot.
struct TokensView {
  const int32_t* slots;     // [batch, time], set at live positions
  const int32_t* distinct;  // [tokens]: the id of each slot
};

// Everything that a part of a call reads and writes. `shared` holds packed weights, `parts` private scratch.
template <class T>
struct ForwardCall {
  Spec spec;
  Sizes sizes;
  Inputs<T> in;
  Outputs<T> out;
  ScheduleView schedule;
  TokensView tokens;
  int parts;
  char* shared;
  char* scratch;
  size_t part_bytes;
};

template <class T>
struct BackwardCall {
  Spec spec;
  Sizes sizes;
  Inputs<T> in;
  BackwardInputs<T> back;
  Gradients<T> grad;
  ScheduleView schedule;
  TokensView tokens;
  int parts;
  char* shared;
  char* scratch;
  size_t part_bytes;
};

// What one instruction set's build offers for one element type.
template <class T>
struct Kernels {
  const char* const* cell_names;
  int cells;
  CellTraits (*traits)(const Spec&);
  size_t (*forward_shared_bytes)(const Spec&, const Sizes&);
  size_t (*forward_part_bytes)(const Spec&, const Sizes&, int parts);
  void (*forward_pack)(const ForwardCall<T>&, int part);
  void (*forward_tokens)(const ForwardCall<T>&, int part);  // before any forward_part, where there are ids
  void (*forward_part)(const ForwardCall<T>&, int part);
  size_t (*backward_shared_bytes)(const Spec&, const Sizes&);
  size_t (*backward_part_bytes)(const Spec&, const Sizes&, int parts);
  void (*backward_pack)(const BackwardCall<T>&, int part);
  void (*backward_part)(const BackwardCall<T>&, int part);
  void (*backward_tokens)(const BackwardCall<T>&, int part);  // after every backward_part, where there are ids
  void (*backward_finish)(const BackwardCall<T>&, int part);  // adds up the parts' weight gradients
  double (*multiply_adds)(int64_t steps);                     // as fast as they go; returns the number of operations
};

struct InstructionSet {
  const char* name;
  bool (*runs_here)();
  const Kernels<float>* f32;
  const Kernels<double>* f64;
};

}  // namespace gatewright
