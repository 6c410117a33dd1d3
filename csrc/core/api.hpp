// The interface between the kernels and their callers: plain structures of pointers and sizes.
//
// Shapes are row-major and in Keras' layout: x [batch, time, features] (or, with ids [batch, time], a table
// [table, features] whose rows they index), kernel [features, gates * units], recurrent_kernel [units, gates * units]
// ([units, 0] if no gate reads the state), states [batch, units]. A pointer that may be null says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gatewright {

// How the operands of products are read: as they are, or rounded to bfloat16, with the instructions of AVX512-BF16 for
// pairs of values or without (see kernels/bf16.hpp). Everything else has the type of the call.
enum class Products : int32_t { full = 0, rounded = 1, pairs = 2 };

enum class Activation : int32_t { tanh = 0, sigmoid = 1, relu = 2, hard_sigmoid = 3, linear = 4 };

// A recurrence: see gatewright.ops.recurrence.Recurrence.
struct Spec {
  int32_t cell;  // its place in Kernels::cell_names
  Activation activation;
  Activation recurrent_activation;
  bool reset_after;
  bool reverse;
  bool zero_output_for_mask;
  double zoneout = 0;  // without a zoneout mask, the weight of the previous value in each new state
  bool bf16 =
      false;  // whether the operands of products are rounded to bfloat16; not in float64, nor with packed weights
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
  int64_t dropout_masks;            // 0, 1 (shared by the gates) or one per gate
  int64_t recurrent_dropout_masks;  // the same
  int64_t table = 0;                // rows of x if ids index them
  int64_t tokens = 0;               // number of distinct ids
  bool zoneout = false;             // whether the recurrence has zoneout
  Products products = Products::full;
  int64_t group_rows = 0;         // of the backward pass: the most rows of a group (see Segment)
  int64_t segment_positions = 0;  // of the backward pass: the most positions of a segment
  int64_t row_sets = 1;           // of the backward pass: the sets of rows that have weight gradients of their own
  bool weight_gradients = true;   // whether the backward pass finds them
};

template <class T>
struct Inputs {
  const T* x;
  const T* kernel;
  const T* recurrent_kernel;
  const T* bias;  // may be null; the shape is that of the cell, see Cell::parameters
  const T* h0;
  const T* c0;                            // LSTMs only
  const T* dropout_mask;                  // [dropout_masks, batch, features], already scaled
  const T* recurrent_dropout_mask;        // [recurrent_dropout_masks, batch, units], already scaled
  const int32_t* ids = nullptr;           // [batch, time]; null if x is dense; not with a dropout mask
  const uint8_t* zoneout_mask = nullptr;  // [batch, time, states, units]: nonzero where a state keeps its value
};

template <class T>
struct Outputs {
  T* sequence;  // [batch, time, units]; may be null
  T* saved;     // [batch, time, slots, units]; may be null
  T* h;
  T* c;  // LSTMs only
  // Whether saved values are written at every step, for callers that show them. Otherwise those at masked steps, and at
  // shared steps those of all rows but one, stay as they are: a backward pass without gradients of h0 does not read them.
  bool saved_everywhere = true;
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
  T* x;       // like x: the whole table if there are ids
  T* kernel;  // null, and the next two, if no gradients of the weights are wanted
  T* recurrent_kernel;
  T* bias;  // null if the bias is, too
  T* h0;    // may be null, c0 too: then rows may share their leading steps
  T* c0;    // LSTMs only
  // [batch, time, units]: of the states after each live step; may be null, and are not together with shared steps. That
  // of c is without the part that comes from the h of the same step.
  T* h_steps;
  T* c_steps;  // LSTMs only
};

// The live steps, as a mask, as lengths, or neither (all are live).
struct Live {
  const uint8_t* mask;     // [batch, time]; may be null
  const int32_t* lengths;  // [batch]; may be null
};

// The live positions of each row in the order of processing, and the rows sorted by how many they have.
struct ScheduleView {
  const int32_t* rows;       // [batch]: row numbers, most live positions first
  const int32_t* counts;     // [batch]: live positions, by row number
  const int32_t* positions;  // [batch, time]: positions, by row number; counts[row] of them are set
  // [batch]: by row number, the number of leading steps that are the same in all rows that have them. `rows` is then
  // sorted by it, fewest first. Null if no steps are shared.
  const int32_t* prefixes = nullptr;
};

// With ids: equal ids have one slot.
struct TokensView {
  const int32_t* slots;     // [batch, time], set at live positions
  const int32_t* distinct;  // [tokens]: the row of the table of each slot, or outside_table
};

// The slot of the ids outside the table has this in place of a row. Its inputs are NaN, and its gradient is dropped.
constexpr int32_t outside_table = -1;

// The input of a slot of a TokensView.
template <class T>
const T* row_of_slot(const TokensView& tokens, int64_t slot, const T* table, int64_t features, const T* missing) {
  const int32_t row = tokens.distinct[slot];
  return row == outside_table ? missing : table + row * features;
}

// A part of the backward pass: consecutive steps of a group of rows. A position is one step of one row.
struct Segment {
  int64_t first_row = 0, rows = 0;  // the group, a range of ScheduleView::rows
  int64_t begin = 0, end = 0;       // the steps
  int64_t positions = 0, even = 0;  // all of them, and those of the rows with an even number in the group
  // With shared steps: the leading rows of the group that are walked, the same at every step of the segment, and those
  // of the segment before it in the backward pass. A row that leaves the shared steps within the segment is walked
  // from its begin.
  int64_t live = 0, live_after = 0;
  bool first = true, last = true;  // whether it is the group's first or last in the order of the backward pass
};

// Everything that a shard of a call reads and writes. A shard is the part of the work that one thread does. `shared`
// holds packed weights and, in the backward pass, their gradients; `scratch` is the private memory of each shard. The
// forward pass has the projections of the tokens apart from the weights, which calls may have in common.
template <class T>
struct ForwardCall {
  Spec spec;
  Sizes sizes;
  Inputs<T> in;
  Outputs<T> out;
  ScheduleView schedule;
  TokensView tokens;
  const T* missing;  // [features] of NaN, the input of an id outside the table; may be null if there is none
  int shards;
  char* shared;
  char* projections;
  char* scratch;
  size_t shard_bytes;
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
  const T* missing;  // [features] of NaN, the input of an id outside the table; may be null if there is none
  int shards;
  char* shared;
  char* scratch;
  size_t shard_bytes;
  // In backward_shard, a shard walks its rows of one segment, and sums its part of the weight gradients of another,
  // which all shards have walked. The buffers (0 or 1) hold what the one leaves for the other. Either may be null.
  const Segment *walked = nullptr, *summed = nullptr;
  int walked_buffer = 0, summed_buffer = 0;
};

// The cross-entropy of a softmax over ids, for rows of logits, and its gradients. A row of weight 0 is padding: its logits
// are not read, and its loss and gradients are 0.
template <class T>
struct SoftmaxCall {
  int64_t rows;
  int64_t ids;
  const T* logits;         // [rows, ids], to which the bias is added
  const T* bias;           // [ids]
  const int32_t* targets;  // [rows]; the loss of a target that is not an id is NaN
  const T* weights;        // [rows]: factors of the gradients
  T* losses;               // [rows]
  T* gradients;  // [rows, ids]: weight times the gradient by the logits; may be null, or the logits themselves
  int shards;
};

// The functions of one instruction set's build for one element type.
template <class T>
struct Kernels {
  const char* const* cell_names;
  int cells;
  CellTraits (*traits)(const Spec&);
  size_t (*forward_shared_bytes)(const Spec&, const Sizes&);
  size_t (*forward_projection_bytes)(const Spec&, const Sizes&);
  size_t (*forward_shard_bytes)(const Spec&, const Sizes&, int shards);
  void (*forward_pack)(const ForwardCall<T>&, int shard);
  void (*forward_tokens)(const ForwardCall<T>&, int shard);  // before any forward_shard, if there are ids
  void (*forward_shard)(const ForwardCall<T>&, int shard);
  size_t (*backward_shared_bytes)(const Spec&, const Sizes&);
  size_t (*backward_shard_bytes)(const Spec&, const Sizes&, int shards);
  void (*backward_pack)(const BackwardCall<T>&, int shard);
  void (*backward_shard)(const BackwardCall<T>&, int shard);
  void (*backward_tokens)(const BackwardCall<T>&, int shard);  // after every backward_shard, if there are ids
  void (*backward_finish)(const BackwardCall<T>&, int shard);  // copies the sums to the caller's weight gradients
  double (*multiply_adds)(int64_t steps);                      // returns the number of operations
  void (*softmax_rows)(const SoftmaxCall<T>&, int shard);
};

struct InstructionSet {
  const char* name;
  bool (*runs_here)();
  const Kernels<float>* f32;
  const Kernels<double>* f64;
};

}  // namespace gatewright
