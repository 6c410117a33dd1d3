// The forward pass: the loop through time over any cell. It works on positions, not masks.
#pragma once

#include "kernels/cells/cell.hpp"
#include "kernels/project.hpp"

namespace gatewright {
namespace GW_ISA {

// Whether a cell has a separate bias for the recurrent sums.
template <class Cell>
inline constexpr bool two_biases = Cell::gradient_blocks > Cell::gates && !Cell::parameters;

// The bias of the projection [gates, units padded]: the input bias, plus the recurrent bias of each gate whose two sums
// are not separate.
template <class Cell, class T>
void pack_bias(const T* bias, int64_t units, T* packed) {
  const int64_t width = padded<T>(units);
  clear(packed, Cell::gates * width);
  if (!bias || Cell::parameters) return;
  for (int g = 0; g < Cell::gates; ++g) {
    T* to = packed + g * width;
    copy_row(to, bias + g * units, units);
    if (!two_biases<Cell> || Cell::separate(g)) continue;
    const T* recurrent = bias + (Cell::gates + g) * units;
    for (int64_t j = 0; j < units; ++j) to[j] += recurrent[j];
  }
}

// The Cell::parameters rows, and the row after them: see ForwardStep.
template <class Cell, class T>
void pack_parameters(const T* bias, int64_t units, T* packed) {
  if constexpr (Cell::parameters > 0) {
    const int64_t width = padded<T>(units);
    clear(packed, (Cell::parameters + 1) * width);  // padding
    for (int k = 0; k <= Cell::parameters; ++k) {
      T* to = packed + k * width;
      const bool gain = k >= Cell::first_gain && k < Cell::last_gain;
      if (bias && k < Cell::parameters) copy_row(to, bias + k * units, units);
      else
        for (int64_t j = 0; j < units; ++j) to[j] = gain || k == Cell::parameters ? T(1) : T(0);
    }
  }
}

template <class T, class Cell>
struct ForwardShared {
  T *kernel, *recurrent_kernel, *bias, *recurrent_bias, *parameters;
  T* tokens;  // [tokens, gates, units padded]: the projection of each token
  size_t bytes, projection_bytes;

  ForwardShared(const Sizes& sizes, char* base, char* projections) {
    ArenaLayout layout(base), projected(projections);
    const int64_t width = padded<T>(sizes.units);
    kernel = layout.take<T>(Cell::gates * sizes.features * width);
    recurrent_kernel = layout.take<T>(Cell::recurrent_gates * sizes.units * width);
    bias = layout.take<T>(Cell::gates * width);
    recurrent_bias = layout.take<T>(Cell::gates * width);
    parameters = layout.take<T>(Cell::parameters ? (Cell::parameters + 1) * width : 0);
    tokens = projected.take<T>(sizes.tokens * Cell::gates * width);
    bytes = layout.used();
    projection_bytes = projected.used();
  }

  // Packs the part of the weights that belongs to one shard.
  void fill(const Inputs<T>& in, const Sizes& sizes, int shard, int shards) const {
    const int64_t units = sizes.units, width = padded<T>(units);
    for (int g = 0; g < Cell::gates; ++g) {
      if (2 * g % shards == shard) pack_gate(sizes.products, in.kernel, sizes.features, units, Cell::gates, g, kernel);
      if (g < Cell::recurrent_gates && (2 * g + 1) % shards == shard)
        pack_gate(sizes.products, in.recurrent_kernel, units, units, Cell::gates, g, recurrent_kernel);
    }
    if (shard > 0) return;
    pack_bias<Cell>(in.bias, units, bias);
    pack_parameters<Cell>(in.bias, units, parameters);
    clear(recurrent_bias, Cell::gates * width);
    for (int g = 0; g < Cell::gates; ++g)
      if (in.bias && two_biases<Cell> && Cell::separate(g))
        copy_row(recurrent_bias + g * width, in.bias + (Cell::gates + g) * units, units);
  }
};

template <class T, class Cell>
struct ForwardScratch {
  Chunk chunk;
  OperandRows<T> x;
  const T **h_rows, **made_rows, **masked_rows, **projected_rows;
  T **saved_rows, **output_rows;
  T *projected, *sums, *saved, *h, *c, *made, *masks, *masked;
  T *h_before, *c_before;  // only with zoneout
  Rounding<T> rounding;
  int64_t rows, positions;
  size_t bytes;

  ForwardScratch(const Sizes& sizes, int shards, char* base) {
    ArenaLayout layout(base);
    rows = block_rows(sizes.batch, shards);
    positions = chunk_positions(rows);
    const int64_t width = padded<T>(sizes.units), n = sizes.recurrent_dropout_masks;
    chunk.place(layout, positions);
    x.place(layout, sizes.dropout_masks, positions, sizes.features);
    h_rows = layout.take<const T*>(rows);
    made_rows = layout.take<const T*>(rows);
    masked_rows = layout.take<const T*>(n * rows);
    projected_rows = layout.take<const T*>(positions);
    saved_rows = layout.take<T*>(rows);
    output_rows = layout.take<T*>(rows);
    projected = layout.take<T>(sizes.tokens ? 0 : positions * Cell::gates * width);
    sums = layout.take<T>(rows * Cell::recurrent_gates * width);
    saved = layout.take<T>(whole_vectors<T>(sizes.units) ? 0 : rows * Cell::saved * width);
    h = layout.take<T>(rows * width);
    c = layout.take<T>(Cell::has_c ? rows * width : 0);
    made = layout.take<T>(rows * width);
    masks = layout.take<T>(n * rows * width);
    masked = layout.take<T>(n * rows * width);
    h_before = layout.take<T>(sizes.zoneout ? rows * width : 0);
    c_before = layout.take<T>(sizes.zoneout && Cell::has_c ? rows * width : 0);
    rounding = {sizes.products,
                layout.take<T>(rounded_values<T>(sizes.products, at_least(sizes.features, sizes.units)))};
    bytes = layout.used();
  }
};

// Projects this shard's range of the tokens.
template <class T, class Cell>
void project_tokens(const ForwardCall<T>& call, int shard) {
  const Sizes& sizes = call.sizes;
  const int64_t width = padded<T>(sizes.units), stride = Cell::gates * width;
  const ForwardShared<T, Cell> shared(sizes, call.shared, call.projections);
  const Rounding<T> rounding =
      ForwardScratch<T, Cell>(sizes, call.shards, call.scratch + shard * call.shard_bytes).rounding;
  const T* rows[target_chunk_positions];
  const ShardRange range(sizes.tokens, shard, call.shards);
  for (int64_t first = range.first; first < range.last; first += target_chunk_positions) {
    const int64_t n = at_most(target_chunk_positions, range.last - first);
    for (int64_t i = 0; i < n; ++i)
      rows[i] = row_of_slot(call.tokens, first + i, call.in.x, sizes.features, call.missing);
    for (int g = 0; g < Cell::gates; ++g)
      multiply<T>(rounding, n, rows, 0, sizes.features, shared.kernel + g * sizes.features * width, width,
                  shared.tokens + first * stride + g * width, stride, Start<T>::strided(shared.bias + g * width, 0));
  }
}

// The zoneout mask of a state at a position; null if there is none and Spec::zoneout applies.
template <class Cell>
const uint8_t* zoneout_mask_at(const uint8_t* masks, int64_t position, int state, int64_t units) {
  return masks ? masks + (position * (Cell::has_c ? 2 : 1) + state) * units : nullptr;
}

// Zoneout (Krueger et al. 2016): s = d s_{t-1} + (1 - d) s, where d is the mask or, without one, its expected value.
template <class T>
void mix_zoneout(T* state, const T* before, const uint8_t* mask, T rate, int64_t units) {
  if (mask)
    for (int64_t j = 0; j < units; ++j) state[j] = mask[j] ? before[j] : state[j];
  else
    for (int64_t j = 0; j < units; ++j) state[j] = rate * before[j] + (1 - rate) * state[j];
}

template <class T, class Cell>
class ForwardShard {
 public:
  ForwardShard(const ForwardCall<T>& call, int shard)
      : call_(call),
        sizes_(call.sizes),
        shard_(shard),
        width_(padded<T>(call.sizes.units)),
        masks_(call.sizes.recurrent_dropout_masks),
        whole_(whole_vectors<T>(call.sizes.units)),
        shared_(call.sizes, call.shared, call.projections),
        scratch_(call.sizes, call.shards, call.scratch + shard * call.shard_bytes) {}

  void run() {
    for (int64_t first = 0;; first += scratch_.rows) {
      const RowBlock block(call_.schedule, sizes_.batch, sizes_.time, shard_, call_.shards, first, scratch_.rows);
      if (block.empty()) return;
      begin(block);
      for (int64_t step = 0; step < block.longest();) {
        scratch_.chunk.forward_from(block, sizes_.time, step, scratch_.positions);
        run_chunk(block);
        step += scratch_.chunk.steps;
      }
      end(block);
    }
  }

 private:
  void begin(const RowBlock& block) {
    const int64_t rows = block.rows(), units = sizes_.units;
    own_states_ = block.shared() ? 0 : rows;
    clear(scratch_.h, rows * width_);
    if (Cell::has_c) clear(scratch_.c, rows * width_);
    clear(scratch_.masks, masks_ * scratch_.rows * width_);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = block.row(r);
      copy_row(scratch_.h + r * width_, call_.in.h0 + row * units, units);
      if (Cell::has_c) copy_row(scratch_.c + r * width_, call_.in.c0 + row * units, units);
      scratch_.h_rows[r] = scratch_.h + r * width_;
      scratch_.made_rows[r] = scratch_.made + r * width_;
      for (int64_t m = 0; m < masks_; ++m) {
        const int64_t at = (m * scratch_.rows + r) * width_;
        copy_row(scratch_.masks + at, call_.in.recurrent_dropout_mask + (m * sizes_.batch + row) * units, units);
        scratch_.masked_rows[m * scratch_.rows + r] = scratch_.masked + at;
      }
    }
  }

  void run_chunk(const RowBlock& block) {
    const Chunk& chunk = scratch_.chunk;
    const int64_t width = Cell::gates * width_;
    if (call_.in.ids) {
      for (int64_t p = 0; p < chunk.positions; ++p)
        scratch_.projected_rows[p] = shared_.tokens + call_.tokens.slots[chunk.at[p]] * width;
    } else {
      gather_inputs(call_.in, sizes_, chunk, scratch_.x);
      project(scratch_.rounding, chunk, scratch_.x, sizes_.features, shared_.kernel, shared_.bias, Cell::gates, width_,
              scratch_.projected);
      for (int64_t p = 0; p < chunk.positions; ++p) scratch_.projected_rows[p] = scratch_.projected + p * width;
    }
    for (int64_t step = 0; step < chunk.steps; ++step) {
      const int64_t rows = chunk.live(step), first = chunk.offset[step];
      if (rows > own_states_) start_own_states(rows);
      mask_state(rows);
      place_outputs(rows, first);
      if (sizes_.zoneout) copy_states(rows);
      const T* const* projected = scratch_.projected_rows + first;
      const T* operand = masks_ ? scratch_.masked + gate_mask(Cell::gates - 1) * scratch_.rows * width_ : scratch_.h;
      const ForwardStep<T> cell{rows,
                                width_,
                                sizes_.units,
                                shared_.parameters,
                                projected,
                                scratch_.sums,
                                scratch_.h,
                                scratch_.c,
                                scratch_.made,
                                operand,
                                call_.out.saved ? scratch_.saved_rows : nullptr,
                                call_.out.sequence && whole_ ? scratch_.output_rows : nullptr};
      for (int phase = 0; phase < Cell::phases; ++phase) {
        for (int g = Cell::first_gate(phase); Cell::recurrent_gates && g < Cell::last_gate(phase); ++g)
          recur(phase, g, rows, projected);
        with_activations<T>(call_.spec, [&](auto phi, auto sigma) { Cell::forward(phase, cell, phi, sigma); });
      }
      if (sizes_.zoneout) apply_zoneout(rows, first);
      if (!whole_) copy_outputs(rows, first);
      if (block.shared()) copy_to_followers(block, rows, chunk.first_step + step);
    }
  }

  void copy_states(int64_t rows) {
    copy_row(scratch_.h_before, scratch_.h, rows * width_);
    if (Cell::has_c) copy_row(scratch_.c_before, scratch_.c, rows * width_);
  }

  // Overwrites the new states where the cell has written them.
  void apply_zoneout(int64_t rows, int64_t first) {
    const int64_t units = sizes_.units;
    const T rate = static_cast<T>(call_.spec.zoneout);
    const auto mask = [&](int64_t r, int state) {
      return zoneout_mask_at<Cell>(call_.in.zoneout_mask, scratch_.chunk.at[first + r], state, units);
    };
    for (int64_t r = 0; r < rows; ++r) {
      T* const h = scratch_.h + r * width_;
      mix_zoneout(h, scratch_.h_before + r * width_, mask(r, 0), rate, units);
      if (call_.out.sequence && whole_) copy_row(scratch_.output_rows[r], h, units);
      if (!Cell::has_c) continue;
      T* const c = scratch_.c + r * width_;
      mix_zoneout(c, scratch_.c_before + r * width_, mask(r, 1), rate, units);
      if (call_.out.saved) copy_row(scratch_.saved_rows[r] + (Cell::saved - 1) * width_, c, units);
    }
  }

  // Rows up to `rows` have states of their own from here on: copies of the states of the row that represented them.
  void start_own_states(int64_t rows) {
    for (int64_t r = own_states_; own_states_ > 0 && r < rows; ++r) {
      copy_row(scratch_.h + r * width_, scratch_.h + (own_states_ - 1) * width_, width_);
      if (Cell::has_c) copy_row(scratch_.c + r * width_, scratch_.c + (own_states_ - 1) * width_, width_);
    }
    own_states_ = rows;
  }

  // The results of the last row with a state of its own are those of the rows after it, too.
  void copy_to_followers(const RowBlock& block, int64_t rows, int64_t step) {
    const int64_t units = sizes_.units, saved = Cell::saved * units;
    const int64_t from = block.row(rows - 1) * sizes_.time + block.position(rows - 1, step);
    for (int64_t r = rows; r < block.rows(); ++r) {
      const int64_t to = block.row(r) * sizes_.time + block.position(r, step);
      if (call_.out.sequence) copy_row(call_.out.sequence + to * units, call_.out.sequence + from * units, units);
      if (call_.out.saved && call_.out.saved_everywhere)
        copy_row(call_.out.saved + to * saved, call_.out.saved + from * saved, saved);
    }
  }

  // If the caller's rows are whole vectors, the cell writes into them. Otherwise it writes into padded rows, which are
  // copied.
  void place_outputs(int64_t rows, int64_t first) {
    const int64_t units = sizes_.units;
    const int64_t* at = scratch_.chunk.at + first;
    for (int64_t r = 0; r < rows; ++r) {
      if (call_.out.saved)
        scratch_.saved_rows[r] =
            whole_ ? call_.out.saved + at[r] * Cell::saved * units : scratch_.saved + r * Cell::saved * width_;
      if (call_.out.sequence) scratch_.output_rows[r] = call_.out.sequence + at[r] * units;
    }
  }

  void copy_outputs(int64_t rows, int64_t first) {
    const int64_t units = sizes_.units;
    const int64_t* at = scratch_.chunk.at + first;
    for (int64_t r = 0; r < rows; ++r) {
      if (call_.out.sequence) copy_row(scratch_.output_rows[r], scratch_.h + r * width_, units);
      for (int k = 0; call_.out.saved && k < Cell::saved; ++k)
        copy_row(call_.out.saved + (at[r] * Cell::saved + k) * units, scratch_.saved_rows[r] + k * width_, units);
    }
  }

  int64_t gate_mask(int gate) const { return masks_ > 1 ? gate : 0; }

  void mask_state(int64_t rows) {
    for (int64_t m = 0; m < masks_; ++m) {
      const int64_t start = m * scratch_.rows * width_;
      for_block<T>(rows, width_, [&](int64_t r, int64_t j) {
        const int64_t at = r * width_ + j;
        store<T>(scratch_.masked + start + at, load<T>(scratch_.h + at) * load<T>(scratch_.masks + start + at));
      });
    }
  }

  // The sum of gate g: operand U_g plus its projection (or, if its two sums are separate, its recurrent bias).
  void recur(int phase, int g, int64_t rows, const T* const* projected) {
    const T* const* operand = scratch_.h_rows;
    if (Cell::makes_operand(phase)) operand = scratch_.made_rows;
    else if (masks_) operand = scratch_.masked_rows + gate_mask(g) * scratch_.rows;
    multiply<T>(scratch_.rounding, rows, operand, 0, sizes_.units, shared_.recurrent_kernel + g * sizes_.units * width_,
                width_, scratch_.sums + g * width_, Cell::gates * width_,
                Cell::separate(g) ? Start<T>::strided(shared_.recurrent_bias + g * width_, 0)
                                  : Start<T>::by_address(projected, g * width_, call_.in.ids != nullptr));
  }

  void end(const RowBlock& block) {
    const int64_t units = sizes_.units;
    if (block.rows() > own_states_) start_own_states(block.rows());
    for (int64_t r = 0; r < block.rows(); ++r) {
      const int64_t row = block.row(r);
      copy_row(call_.out.h + row * units, scratch_.h + r * width_, units);
      if (Cell::has_c) copy_row(call_.out.c + row * units, scratch_.c + r * width_, units);
      if (block.count(r) < sizes_.time) fill_masked(block, r);
    }
  }

  // The output of a masked step is the previous state or zero, and its saved values are zero if they are wanted.
  void fill_masked(const RowBlock& block, int64_t r) {
    const int64_t units = sizes_.units, time = sizes_.time, base = block.row(r) * time;
    const T* carried = call_.in.h0 + block.row(r) * units;
    int64_t live = 0;
    for (int64_t step = 0; step < time; ++step) {
      const int64_t t = call_.spec.reverse ? time - 1 - step : step;
      if (live < block.count(r) && block.position(r, live) == t) {
        if (call_.out.sequence) carried = call_.out.sequence + (base + t) * units;
        ++live;
        continue;
      }
      if (call_.out.sequence) {
        T* to = call_.out.sequence + (base + t) * units;
        if (call_.spec.zero_output_for_mask) clear(to, units);
        else copy_row(to, carried, units);
      }
      if (call_.out.saved && call_.out.saved_everywhere)
        clear(call_.out.saved + (base + t) * Cell::saved * units, Cell::saved * units);
    }
  }

  const ForwardCall<T>& call_;
  const Sizes& sizes_;
  const int shard_;
  const int64_t width_, masks_;
  const bool whole_;  // whether the number of units is a multiple of the vector width
  const ForwardShared<T, Cell> shared_;
  ForwardScratch<T, Cell> scratch_;
  int64_t own_states_ = 0;  // leading rows of the block that no other row represents
};

}  // namespace GW_ISA
}  // namespace gatewright
