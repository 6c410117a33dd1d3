// The backward pass: the loop back through time over any cell, for the gradients of the inputs, the initial states,
// both kernels and the bias.
#pragma once

#include "kernels/forward.hpp"

namespace gatewright {
namespace GW_ISA {

template <class T, class Cell>
struct BackwardShared {
  T *kernel, *recurrent_kernel;  // transposed
  T* parameters;                 // as in the forward pass
  size_t bytes;

  BackwardShared(const Sizes& sizes, char* base) {
    ArenaLayout layout(base);
    kernel = layout.take<T>(Cell::gates * sizes.units * padded<T>(sizes.features));
    recurrent_kernel = layout.take<T>(Cell::recurrent_gates * sizes.units * padded<T>(sizes.units));
    parameters = layout.take<T>(Cell::parameters ? (Cell::parameters + 1) * padded<T>(sizes.units) : 0);
    bytes = layout.used();
  }

  // Packs the part of the weights that belongs to one shard.
  void fill(const Inputs<T>& in, const Sizes& sizes, int shard, int shards) const {
    const int64_t units = sizes.units;
    for (int g = 0; g < Cell::gates; ++g) {
      if (2 * g % shards == shard) pack_gate_transposed(in.kernel, sizes.features, units, Cell::gates, g, kernel);
      if (g < Cell::recurrent_gates && (2 * g + 1) % shards == shard)
        pack_gate_transposed(in.recurrent_kernel, units, units, Cell::gates, g, recurrent_kernel);
    }
    if (shard == 0) pack_parameters<Cell>(in.bias, units, parameters);
  }
};

// The sums of weight gradients of one shard, units padded.
template <class T, class Cell>
struct WeightSums {
  static constexpr int bias_rows = Cell::parameters ? Cell::parameters : Cell::gradient_blocks;
  T *kernel, *recurrent_kernel, *bias;  // [gates][features][units], [recurrent_gates][units][units], [bias_rows][units]

  void place(ArenaLayout& layout, const Sizes& sizes) {
    const int64_t width = padded<T>(sizes.units);
    kernel = layout.take<T>(Cell::gates * sizes.features * width);
    recurrent_kernel = layout.take<T>(Cell::recurrent_gates * sizes.units * width);
    bias = layout.take<T>(bias_rows * width);
  }
  void zero(const Sizes& sizes) const {
    const int64_t width = padded<T>(sizes.units);
    clear(kernel, Cell::gates * sizes.features * width);
    clear(recurrent_kernel, Cell::recurrent_gates * sizes.units * width);
    clear(bias, bias_rows * width);
  }
};

template <class T, class Cell>
struct BackwardScratch {
  WeightSums<T, Cell> sums;
  Chunk chunk;
  OperandRows<T> x, h_operand;
  const T **gradient_rows, **made_rows, **saved_rows, **h_rows, **h_before_rows, **c_before_rows, **operand_rows;
  T *gradient, *made, *saved, *h, *h_before, *c_before, *dh, *dc, *d_made;
  T *past_dh, *past_dc;  // with zoneout: the gradients that bypass the cell
  T *mask, *operand, *product, *dx, *dx_one, *panel, *x_columns, *h_columns;
  T* tokens;  // [tokens, gates, units padded]: sums of the gate gradients over equal ids, of this shard
  int64_t rows, positions;
  size_t bytes;

  BackwardScratch(const Sizes& sizes, int shards, char* base) {
    ArenaLayout layout(base);
    rows = block_rows(sizes.batch, shards);
    positions = chunk_positions(rows);
    const int64_t width = padded<T>(sizes.units), x_width = padded<T>(sizes.features);
    const bool recurrent_masks = sizes.recurrent_dropout_masks > 0;
    sums.place(layout, sizes);
    chunk.place(layout, positions);
    x.place(layout, sizes.dropout_masks, positions, sizes.features);
    h_operand.place(layout, sizes.recurrent_dropout_masks, positions, sizes.units);
    gradient_rows = layout.take<const T*>(positions);
    made_rows = layout.take<const T*>(positions);
    gradient = layout.take<T>(positions * Cell::gradient_blocks * width);
    made = layout.take<T>(Cell::phases > 1 ? positions * width : 0);
    saved_rows = layout.take<const T*>(rows);
    h_rows = layout.take<const T*>(rows);
    h_before_rows = layout.take<const T*>(rows);
    c_before_rows = layout.take<const T*>(rows);
    operand_rows = layout.take<const T*>(rows);
    const int64_t copied = whole_vectors<T>(sizes.units) ? 0 : rows;  // rows that are not whole vectors are copied
    saved = layout.take<T>(copied * Cell::saved * width);
    h = layout.take<T>(copied * width);
    h_before = layout.take<T>(copied * width);
    c_before = layout.take<T>(copied * width);
    dh = layout.take<T>(rows * width);
    dc = layout.take<T>(Cell::has_c ? rows * width : 0);
    d_made = layout.take<T>(Cell::phases > 1 ? rows * width : 0);
    past_dh = layout.take<T>(sizes.zoneout ? rows * width : 0);
    past_dc = layout.take<T>(sizes.zoneout && Cell::has_c ? rows * width : 0);
    mask = layout.take<T>(recurrent_masks ? sizes.recurrent_dropout_masks * rows * width : 0);
    operand = layout.take<T>(recurrent_masks ? rows * width : 0);
    product = layout.take<T>(recurrent_masks ? rows * width : 0);
    dx = layout.take<T>(positions * x_width);
    dx_one = layout.take<T>(sizes.dropout_masks > 1 ? positions * x_width : 0);
    panel = layout.take<T>(positions * 2 * lanes<T>);
    x_columns = layout.take<T>(packed_columns<T>(sizes.features, positions));
    h_columns = layout.take<T>(Cell::recurrent_gates ? packed_columns<T>(sizes.units, positions) : 0);
    tokens = layout.take<T>(sizes.tokens * Cell::gates * width);
    bytes = layout.used();
  }
};

template <class T, class Cell>
class BackwardShard {
 public:
  BackwardShard(const BackwardCall<T>& call, int shard)
      : call_(call),
        sizes_(call.sizes),
        shard_(shard),
        width_(padded<T>(call.sizes.units)),
        masks_(call.sizes.recurrent_dropout_masks),
        by_(call.spec.reverse ? -1 : 1),
        whole_(whole_vectors<T>(call.sizes.units)),
        shared_(call.sizes, call.shared),
        scratch_(call.sizes, call.shards, call.scratch + shard * call.shard_bytes) {}

  void run() {
    scratch_.sums.zero(sizes_);
    if (call_.in.ids) begin_tokens();
    for (int64_t first = 0;; first += scratch_.rows) {
      const RowBlock block(call_.schedule, sizes_.batch, sizes_.time, shard_, call_.shards, first, scratch_.rows);
      if (block.empty()) return;
      begin(block);
      for (int64_t step = block.longest(); step > 0; step = scratch_.chunk.first_step) {
        scratch_.chunk.backward_from(block, sizes_.time, step, scratch_.positions);
        for (int64_t s = scratch_.chunk.steps; s-- > 0;) step_backward(block, s);
        weights_and_inputs();
      }
      end(block);
    }
  }

  // Runs after every shard is done, for this shard's range of the tokens: adds up the sums of all shards, then
  // computes the products that were postponed.
  void finish_tokens() {
    const int64_t stride = Cell::gates * width_, features = sizes_.features;
    const ShardRange range(sizes_.tokens, shard_, call_.shards);
    T* const sums = scratch_of(0).tokens;
    for (int64_t first = range.first; first < range.last; first += scratch_.positions) {
      const int64_t n = at_most(scratch_.positions, range.last - first);
      for (int64_t i = 0; i < n; ++i) {
        scratch_.x.set(i, row_of_slot(call_.tokens, first + i, call_.in.x, features, call_.missing));
        scratch_.gradient_rows[i] = sums + (first + i) * stride;
      }
      for (int shard = 1; shard < call_.shards; ++shard) {
        const T* other = scratch_of(shard).tokens;
        for (int64_t j = first * stride; j < (first + n) * stride; j += lanes<T>)
          store<T>(sums + j, load<T>(sums + j) + load<T>(other + j));
      }
      pack_columns(features, n, scratch_.x.for_gate(0), scratch_.x_columns);
      for (int g = 0; g < Cell::gates; ++g) {
        const Outer<T> x{scratch_.x_columns, features, scratch_.sums.kernel + g * features * width_};
        add_outer<T>(&x, 1, n, sums + first * stride + g * width_, stride, width_, scratch_.panel);
      }
      const int64_t x_width = padded<T>(features);
      for (int g = 0; g < Cell::gates; ++g)
        multiply<T>(n, scratch_.gradient_rows, g * width_, sizes_.units, shared_.kernel + g * sizes_.units * x_width,
                    x_width, scratch_.dx, x_width, g ? Start<T>::strided(scratch_.dx, x_width) : Start<T>::none());
      for (int64_t i = 0; i < n; ++i) {
        const int32_t row = call_.tokens.distinct[first + i];
        if (row != outside_table) copy_row(call_.grad.x + row * features, scratch_.dx + i * x_width, features);
      }
    }
  }

 private:
  static constexpr int64_t blocks = Cell::gradient_blocks;
  static constexpr int made_gate = Cell::gates - 1;

  BackwardScratch<T, Cell> scratch_of(int shard) const {
    return {sizes_, call_.shards, call_.scratch + shard * call_.shard_bytes};
  }

  // Rows of the table that occur at no live position have a gradient of zero.
  void begin_tokens() {
    clear(scratch_.tokens, sizes_.tokens * Cell::gates * width_);
    const ShardRange range(sizes_.table, shard_, call_.shards);
    clear(call_.grad.x + range.first * sizes_.features, (range.last - range.first) * sizes_.features);
  }

  void begin(const RowBlock& block) {
    const int64_t rows = block.rows(), units = sizes_.units;
    own_states_ = rows;
    clear(scratch_.dh, rows * width_);
    if (Cell::has_c) clear(scratch_.dc, rows * width_);
    if (!whole_) {
      clear(scratch_.saved, rows * Cell::saved * width_);
      clear(scratch_.h, rows * width_);
      clear(scratch_.h_before, rows * width_);
      clear(scratch_.c_before, rows * width_);
    }
    clear(scratch_.mask, masks_ * scratch_.rows * width_);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = block.row(r);
      if (call_.back.d_h) copy_row(scratch_.dh + r * width_, call_.back.d_h + row * units, units);
      if (Cell::has_c && call_.back.d_c) copy_row(scratch_.dc + r * width_, call_.back.d_c + row * units, units);
      for (int64_t m = 0; m < masks_; ++m)
        copy_row(scratch_.mask + (m * scratch_.rows + r) * width_,
                 call_.in.recurrent_dropout_mask + (m * sizes_.batch + row) * units, units);
    }
    for (int64_t p = 0; p < scratch_.positions; ++p) {
      scratch_.gradient_rows[p] = scratch_.gradient + p * blocks * width_;
      scratch_.made_rows[p] = scratch_.made + p * (Cell::phases > 1 ? width_ : 0);
    }
    for (int64_t r = 0; masks_ && r < rows; ++r) scratch_.operand_rows[r] = scratch_.operand + r * width_;
  }

  // dh[r] += the gradients of the outputs at times t, from <= t < to, in the order of processing.
  void add_outputs(int64_t r, int64_t row, int64_t from, int64_t to) {
    const int64_t units = sizes_.units;
    T* dh = scratch_.dh + r * width_;
    for (int64_t t = from; t != to; t += by_) {
      const T* dy = call_.back.d_sequence + (row * sizes_.time + t) * units;
      for (int64_t j = 0; j < units; ++j) dh[j] += dy[j];
    }
  }
  int64_t first_time() const { return call_.spec.reverse ? sizes_.time - 1 : 0; }
  int64_t past_time() const { return call_.spec.reverse ? -1 : sizes_.time; }

  // Adds the gradients of all outputs that are the state of this step: its own, and those of the masked steps after it.
  void gather_output_gradient(const RowBlock& block, int64_t r, int64_t step) {
    const int64_t t = block.position(r, step);
    int64_t to = t + by_;
    if (!call_.spec.zero_output_for_mask) to = step + 1 < block.count(r) ? block.position(r, step + 1) : past_time();
    add_outputs(r, block.row(r), t, to);
  }

  // A cell reads the caller's rows if these are whole vectors, else padded copies.
  const T* whole(const T* from, T* copy) const {
    if (whole_) return from;
    copy_row(copy, from, sizes_.units);
    return copy;
  }

  // Where the saved values of a row at a step are, as an index in [batch, time].
  int64_t saved_at(const RowBlock& block, int64_t r, int64_t step) const {
    return block.saver(r, step) * sizes_.time + block.position(r, step);
  }

  // Finds the saved values of a step and the states before it.
  void find_saved(const RowBlock& block, int64_t r, int64_t step, int64_t p) {
    const int64_t units = sizes_.units, row = block.row(r);
    const int64_t at = Cell::saved ? saved_at(block, r, step) : scratch_.chunk.at[p];
    if (Cell::saved == 0) {
      scratch_.h_rows[r] = whole(call_.back.sequence + at * units, scratch_.h + r * width_);
    } else if (whole_) {
      scratch_.saved_rows[r] = call_.back.saved + at * Cell::saved * units;
    } else {
      scratch_.saved_rows[r] = scratch_.saved + r * Cell::saved * width_;
      for (int k = 0; k < Cell::saved; ++k)
        copy_row(scratch_.saved + (r * Cell::saved + k) * width_, call_.back.saved + (at * Cell::saved + k) * units,
                 units);
    }
    const int64_t before = step > 0 ? row * sizes_.time + block.position(r, step - 1) : -1;
    const T* h_before = before >= 0 ? call_.back.sequence + before * units : call_.in.h0 + row * units;
    scratch_.h_before_rows[r] = whole(h_before, scratch_.h_before + r * width_);
    scratch_.h_operand.set(p, h_before);
    if (masks_) scratch_.h_operand.mask(p, call_.in.recurrent_dropout_mask, sizes_.batch, row);
    if (Cell::has_c) {
      const T* c_before = step > 0 ? call_.back.saved + ((saved_at(block, r, step - 1) + 1) * Cell::saved - 1) * units
                                   : call_.in.c0 + row * units;
      scratch_.c_before_rows[r] = whole(c_before, scratch_.c_before + r * width_);
    }
  }

  const T* mask_of(int gate) const {
    return masks_ ? scratch_.mask + (masks_ > 1 ? gate : 0) * scratch_.rows * width_ : nullptr;
  }

  // At a step that followers share, adds their gradients to those of the row that represents them.
  void join_followers(const RowBlock& block, int64_t rows, int64_t step) {
    for (int64_t r = rows; r < own_states_; ++r)
      for (int64_t j = 0; j < width_; ++j) {
        scratch_.dh[(rows - 1) * width_ + j] += scratch_.dh[r * width_ + j];
        if (Cell::has_c) scratch_.dc[(rows - 1) * width_ + j] += scratch_.dc[r * width_ + j];
      }
    own_states_ = rows;
    for (int64_t r = rows; call_.back.d_sequence && r < block.rows(); ++r)
      add_outputs(rows - 1, block.row(r), block.position(r, step), block.position(r, step) + by_);
  }

  void step_backward(const RowBlock& block, int64_t s) {
    const Chunk& chunk = scratch_.chunk;
    const int64_t rows = chunk.live(s), first = chunk.offset[s], step = chunk.first_step + s;
    if (block.shared()) join_followers(block, rows, step);
    for (int64_t r = 0; r < rows; ++r) {
      if (call_.back.d_sequence) gather_output_gradient(block, r, step);
      find_saved(block, r, step, first + r);
    }
    if (masks_ && Cell::phases > 1)
      for_block<T>(rows, width_, [&](int64_t r, int64_t j) {
        const int64_t at = r * width_ + j;
        store<T>(scratch_.operand + at, load<T>(scratch_.h_before_rows[r] + j) * load<T>(mask_of(made_gate) + at));
      });
    const BackwardStep<T> cell{rows,
                               width_,
                               sizes_.units,
                               shared_.parameters,
                               scratch_.sums.bias,
                               scratch_.saved_rows,
                               scratch_.h_rows,
                               scratch_.h_before_rows,
                               scratch_.c_before_rows,
                               scratch_.dh,
                               scratch_.dc,
                               scratch_.gradient + first * blocks * width_,
                               Cell::phases > 1 ? scratch_.made + first * width_ : nullptr,
                               scratch_.d_made,
                               masks_ ? scratch_.operand_rows : scratch_.h_before_rows,
                               mask_of(made_gate)};
    if (sizes_.zoneout) split_zoneout(rows, first);
    for (int phase = Cell::phases; phase-- > 0;) {
      with_activations<T>(call_.spec, [&](auto phi, auto sigma) { Cell::backward(phase, cell, phi, sigma); });
      for (int g = Cell::first_gate(phase); Cell::recurrent_gates && g < Cell::last_gate(phase); ++g)
        recur_backward(phase, g, rows, first);
    }
    if (sizes_.zoneout) add_past_gradients(rows);
  }

  // The backward pass of mix_zoneout: the gradient is split into the part of the previous state and the part of the
  // cell.
  void split_zoneout(int64_t rows, int64_t first) {
    const int64_t units = sizes_.units;
    const T rate = static_cast<T>(call_.spec.zoneout);
    const auto split = [&](T* d, T* past, const uint8_t* mask) {
      for (int64_t j = 0; j < units; ++j) {
        past[j] = mask ? (mask[j] ? d[j] : T(0)) : rate * d[j];
        d[j] -= past[j];
      }
    };
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t at = scratch_.chunk.at[first + r], row = r * width_;
      split(scratch_.dh + row, scratch_.past_dh + row, zoneout_mask_at<Cell>(call_.in.zoneout_mask, at, 0, units));
      if (Cell::has_c)
        split(scratch_.dc + row, scratch_.past_dc + row, zoneout_mask_at<Cell>(call_.in.zoneout_mask, at, 1, units));
    }
  }

  void add_past_gradients(int64_t rows) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < sizes_.units; ++j) {
        scratch_.dh[r * width_ + j] += scratch_.past_dh[r * width_ + j];
        if (Cell::has_c) scratch_.dc[r * width_ + j] += scratch_.past_dc[r * width_ + j];
      }
  }

  // The gradient of the operand of gate g, dgate U_g^T: added to dh with the mask of the gate, or stored for the cell
  // if the cell computed the operand.
  void recur_backward(int phase, int g, int64_t rows, int64_t first) {
    const T* mask = mask_of(g);
    T* to = Cell::makes_operand(phase) ? scratch_.d_made : mask ? scratch_.product : scratch_.dh;
    multiply<T>(rows, scratch_.gradient_rows + first, Cell::recurrent_block(g) * width_, sizes_.units,
                shared_.recurrent_kernel + g * sizes_.units * width_, width_, to, width_,
                to == scratch_.dh ? Start<T>::strided(to, width_) : Start<T>::none());
    if (Cell::makes_operand(phase) || !mask) return;
    for_block<T>(rows, width_, [&](int64_t r, int64_t j) {
      T* dh = scratch_.dh + r * width_ + j;
      store<T>(dh, load<T>(dh) + load<T>(to + r * width_ + j) * load<T>(mask + r * width_ + j));
    });
  }

  // One product per chunk for each weight gradient and for dx.
  void weights_and_inputs() {
    if (call_.in.ids) add_to_tokens();
    else gather_inputs(call_.in, sizes_, scratch_.chunk, scratch_.x);
    Packed packed;
    for (int phase = 0; phase < Cell::phases; ++phase)
      for (int g = Cell::first_gate(phase); g < Cell::last_gate(phase); ++g) add_weights(phase, g, packed);
    if (!Cell::parameters) add_bias();
    if (call_.in.ids) return;
    project_backward(call_.in, sizes_, scratch_.chunk, scratch_.gradient_rows, shared_.kernel, Cell::gates, width_,
                     scratch_.dx, scratch_.dx_one, call_.grad.x);
  }

  // The rows whose columns x_columns and h_columns hold.
  struct Packed {
    const T* const* x = nullptr;
    const T* const* h = nullptr;
  };

  // The kernels of gate g, in one pass if both have the same gradient block.
  void add_weights(int phase, int g, Packed& packed) {
    const int64_t units = sizes_.units, features = sizes_.features, n = scratch_.chunk.positions;
    Outer<T> outer[2];
    int count = 0;
    if (!call_.in.ids) {
      pack_once(features, scratch_.x.for_gate(g), scratch_.x_columns, packed.x);
      outer[count++] = {scratch_.x_columns, features, scratch_.sums.kernel + g * features * width_};
    }
    const bool apart = !Cell::recurrent_gates || Cell::recurrent_block(g) != g;
    if (apart && count) add_block(outer, count, g, n);
    if (!Cell::recurrent_gates) return;
    if (apart) count = 0;
    const T* const* h = Cell::makes_operand(phase) ? scratch_.made_rows : scratch_.h_operand.for_gate(g);
    pack_once(units, h, scratch_.h_columns, packed.h);
    outer[count++] = {scratch_.h_columns, units, scratch_.sums.recurrent_kernel + g * units * width_};
    add_block(outer, count, Cell::recurrent_block(g), n);
  }

  void add_block(const Outer<T>* outer, int count, int block, int64_t n) {
    add_outer<T>(outer, count, n, scratch_.gradient + block * width_, blocks * width_, width_, scratch_.panel);
  }

  // Gates with the same operand rows share the packed columns.
  void pack_once(int64_t width, const T* const* rows, T* columns, const T* const*& packed) {
    if (rows != packed) pack_columns(width, scratch_.chunk.positions, rows, columns);
    packed = rows;
  }

  void add_bias() {
    const int64_t n = scratch_.chunk.positions, stride = blocks * width_;
    T* const sum = scratch_.sums.bias;
    const T* d = scratch_.gradient;
    int64_t p = 0;
    for (; p + 4 <= n; p += 4, d += 4 * stride)
      for (int64_t j = 0; j < stride; j += lanes<T>)
        store<T>(sum + j, load<T>(sum + j) + ((load<T>(d + j) + load<T>(d + stride + j)) +
                                              (load<T>(d + 2 * stride + j) + load<T>(d + 3 * stride + j))));
    for (; p < n; ++p, d += stride)
      for (int64_t j = 0; j < stride; j += lanes<T>) store<T>(sum + j, load<T>(sum + j) + load<T>(d + j));
  }

  void add_to_tokens() {
    const Chunk& chunk = scratch_.chunk;
    const int64_t width = Cell::gates * width_;
    for (int64_t p = 0; p < chunk.positions; ++p) {
      const T* from = scratch_.gradient + p * blocks * width_;
      T* to = scratch_.tokens + call_.tokens.slots[chunk.at[p]] * width;
      for (int64_t j = 0; j < width; j += lanes<T>) store<T>(to + j, load<T>(to + j) + load<T>(from + j));
    }
  }

  void end(const RowBlock& block) {
    const int64_t units = sizes_.units;
    for (int64_t r = 0; r < block.rows(); ++r) {
      const int64_t row = block.row(r);
      // Outputs before the first live step are the initial state.
      if (call_.back.d_sequence && !call_.spec.zero_output_for_mask)
        add_outputs(r, row, first_time(), block.count(r) ? block.position(r, 0) : past_time());
      if (call_.grad.h0) copy_row(call_.grad.h0 + row * units, scratch_.dh + r * width_, units);
      if (Cell::has_c && call_.grad.c0) copy_row(call_.grad.c0 + row * units, scratch_.dc + r * width_, units);
      if (!call_.in.ids && block.count(r) < sizes_.time) clear_masked_inputs(block, r);
    }
  }

  void clear_masked_inputs(const RowBlock& block, int64_t r) {
    const int64_t time = sizes_.time;
    int64_t live = 0;
    for (int64_t step = 0; step < time; ++step) {
      const int64_t t = call_.spec.reverse ? time - 1 - step : step;
      if (live < block.count(r) && block.position(r, live) == t) ++live;
      else clear(call_.grad.x + (block.row(r) * time + t) * sizes_.features, sizes_.features);
    }
  }

  const BackwardCall<T>& call_;
  const Sizes& sizes_;
  const int shard_;
  const int64_t width_, masks_;
  const int64_t by_;  // from one time to the next in the order of processing
  const bool whole_;  // whether the number of units is a multiple of the vector width
  const BackwardShared<T, Cell> shared_;
  BackwardScratch<T, Cell> scratch_;
  int64_t own_states_ = 0;  // leading rows of the block that no other row represents
};

// A range of the rows of out [rows, gates * units] = the sum over shards, in their order, of sums
// [gates][rows][units padded].
template <class T>
void add_shards(const T* const* sums, int shards, const ShardRange& range, int64_t rows, int64_t units, int gates,
                T* out) {
  const int64_t width = padded<T>(units);
  for (int g = 0; g < gates; ++g)
    for (int64_t i = range.first; i < range.last; ++i) {
      T* to = out + (i * gates + g) * units;
      const int64_t from = (g * rows + i) * width;
      copy_row(to, sums[0] + from, units);
      for (int shard = 1; shard < shards; ++shard)
        for (int64_t j = 0; j < units; ++j) to[j] += sums[shard][from + j];
    }
}

inline constexpr int max_shards = 1024;

template <class T, class Cell>
void finish_backward(const BackwardCall<T>& call, int shard) {
  const T *kernel[max_shards], *recurrent_kernel[max_shards], *bias[max_shards];
  for (int other = 0; other < call.shards; ++other) {
    const BackwardScratch<T, Cell> scratch(call.sizes, call.shards, call.scratch + other * call.shard_bytes);
    kernel[other] = scratch.sums.kernel;
    recurrent_kernel[other] = scratch.sums.recurrent_kernel;
    bias[other] = scratch.sums.bias;
  }
  const int64_t units = call.sizes.units, features = call.sizes.features;
  add_shards(kernel, call.shards, ShardRange(features, shard, call.shards), features, units, Cell::gates,
             call.grad.kernel);
  add_shards(recurrent_kernel, call.shards, ShardRange(units, shard, call.shards), units, units, Cell::recurrent_gates,
             call.grad.recurrent_kernel);
  if (shard > 0 || !call.grad.bias) return;
  const ShardRange one(1, 0, 1);
  add_shards(bias, call.shards, one, 1, units, Cell::parameters ? Cell::parameters : Cell::gates, call.grad.bias);
  if (!two_biases<Cell>) return;
  // The second row of two biases: the recurrent sum of gate g has a gradient block of its own.
  const int64_t width = padded<T>(units);
  for (int g = 0; g < Cell::gates; ++g) {
    for (int other = 0; other < call.shards; ++other) kernel[other] = bias[other] + Cell::recurrent_block(g) * width;
    add_shards(kernel, call.shards, one, 1, units, 1, call.grad.bias + (Cell::gates + g) * units);
  }
}

}  // namespace GW_ISA
}  // namespace gatewright
