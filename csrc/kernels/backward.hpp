// The backward pass: the loop back through time over any cell, for the gradients of the inputs, the initial states,
// both kernels and the bias.
#pragma once

#include "kernels/backward_memory.hpp"

namespace gatewright {
namespace GW_ISA {

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

  // Walks the rows of this shard back through a segment.
  void walk(const Segment& segment, int buffer) {
    buffer_ = shared_.buffers[buffer];
    const RowBlock block(call_.schedule, segment, sizes_.batch, sizes_.time, shard_, call_.shards);
    const RowBlock all(call_.schedule, segment, sizes_.batch, sizes_.time, 0, 1);
    if (segment.first) begin(block);
    list_positions(segment, block, all);
    if (block.shared()) join_followers(segment, all);
    int64_t left = scratch_.chunk.positions;  // that have no gradients of inputs yet
    for (int64_t s = scratch_.chunk.steps; s-- > 0;) {
      if (block.shared()) add_followers(segment, all, segment.begin + s);
      if (scratch_.chunk.live(s)) step_backward(block, s);
      const int64_t first = scratch_.chunk.offset[s];
      if (call_.in.ids || (s > 0 && left - first < target_chunk_positions)) continue;
      input_gradients(first, left - first);
      left = first;
    }
    if (segment.last) end(block);
  }

  // Adds the positions of a segment to this shard's part of the sums.
  void sum(const Segment& segment, int buffer) {
    buffer_ = shared_.buffers[buffer];
    const int64_t features = call_.in.ids ? 0 : sizes_.features, units = Cell::recurrent_gates ? sizes_.units : 0;
    if (call_.in.ids) add_to_tokens(segment.positions);
    if (!sizes_.weight_gradients) return;
    for (int64_t set = 0; set < sizes_.row_sets; ++set) {
      const int64_t first = set ? segment.even : 0;
      const int64_t last = set + 1 < sizes_.row_sets ? segment.even : segment.positions;
      if (!Cell::parameters) add_bias(set, first, last);
      // In pieces whose panels and packed columns stay in the caches; sums do not depend on them.
      for (int64_t p = first; p < last; p += target_chunk_positions)
        add_weights(set, features, units, p, at_most(target_chunk_positions, last - p));
    }
  }

  // Runs after every segment: the products that were postponed, for this shard's part of the kernel and of the tokens.
  void finish_tokens() {
    const int64_t features = sizes_.features, x_width = padded<T>(features);
    if (sizes_.weight_gradients)
      for_tokens(ShardRange(sizes_.tokens, 0, 1), [&](int64_t, int64_t n) { add_weights(0, features, 0, 0, n); });
    for_tokens(ShardRange(sizes_.tokens, shard_, call_.shards), [&](int64_t first, int64_t n) {
      for (int g = 0; g < Cell::gates; ++g)
        multiply<T>(scratch_.rounding, n, scratch_.gradient_rows, g * width_, sizes_.units,
                    shared_.kernel + g * sizes_.units * x_width, x_width, scratch_.dx, x_width,
                    g ? Start<T>::strided(scratch_.dx, x_width) : Start<T>::none());
      for (int64_t i = 0; i < n; ++i) {
        const int32_t row = call_.tokens.distinct[first + i];
        if (row != outside_table) copy_row(call_.grad.x + row * features, scratch_.dx + i * x_width, features);
      }
    });
  }

 private:
  static constexpr int64_t blocks = Cell::gradient_blocks;
  static constexpr int made_gate = Cell::gates - 1;

  BackwardScratch<T, Cell> scratch_of(int64_t shard) const {
    return {sizes_, call_.shards, call_.scratch + shard * call_.shard_bytes};
  }

  // Calls f(first, count) for pieces of a range of the tokens, whose rows and gradients are then in the scratch memory.
  template <class F>
  void for_tokens(const ShardRange& range, F f) {
    const int64_t stride = Cell::gates * width_;
    for (int64_t first = range.first; first < range.last; first += target_chunk_positions) {
      const int64_t n = at_most(target_chunk_positions, range.last - first);
      for (int64_t i = 0; i < n; ++i) {
        scratch_.token_rows[i] = row_of_slot(call_.tokens, first + i, call_.in.x, sizes_.features, call_.missing);
        scratch_.gradient_rows[i] = shared_.tokens + (first + i) * stride;
      }
      f(first, n);
    }
  }

  void begin(const RowBlock& block) {
    const int64_t rows = block.rows(), units = sizes_.units;
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
    for (int64_t r = 0; masks_ && r < rows; ++r) scratch_.operand_rows[r] = scratch_.operand + r * width_;
  }

  // dx of n positions of this shard, whose gradients are still in the cache.
  void input_gradients(int64_t first, int64_t n) {
    Chunk piece = scratch_.chunk;
    piece.at += first;
    piece.positions = n;
    project_backward(scratch_.rounding, call_.in, sizes_, piece, scratch_.gradient_rows + first, shared_.kernel,
                     Cell::gates, width_, scratch_.dx, scratch_.dx_one, call_.grad.x);
  }

  // Lists the positions of this shard, and finds what they leave for the sums.
  void list_positions(const Segment& segment, const RowBlock& block, const RowBlock& all) {
    Chunk& chunk = scratch_.chunk;
    int64_t before = 0;  // positions of the shards before
    int64_t next_of_set[] = {0, segment.even};
    chunk.list(block, sizes_.time, segment.begin, segment.end, [&](int64_t step) {
      const int64_t live = block.shared() ? segment.live : all.live(step), s = step - segment.begin;
      before += shard_ * (live / call_.shards) + at_most(shard_, live % call_.shards);
      for (int64_t set = 0; set < 2; ++set) {
        scratch_.set_offset[set][s] = next_of_set[set];
        next_of_set[set] += (live + 1 - set) / 2;
      }
      return RowBlock::in_shard(live, shard_, call_.shards);
    });
    for (int64_t s = 0, p = 0; s < chunk.steps; ++s) {
      for (int64_t r = 0; r < chunk.live(s); ++r, ++p) {
        const int64_t place = before + p, i = in_segment(s, r);
        const T* const gradient = buffer_.gradient + place * blocks * width_;
        scratch_.gradient_rows[p] = buffer_.gradient_rows[i] = gradient;
        if (Cell::phases > 1) buffer_.made_rows[i] = buffer_.made + place * width_;
        if (call_.in.ids) {
          buffer_.at[i] = chunk.at[p];
          continue;
        }
        buffer_.x.set(i, call_.in.x + chunk.at[p] * sizes_.features);
        if (sizes_.dropout_masks) buffer_.x.mask(i, call_.in.dropout_mask, sizes_.batch, block.row(r));
      }
    }
  }
  // The position of this shard's row r at a step, in the order of the sums.
  int64_t in_segment(int64_t s, int64_t r) const {
    const int64_t row = shard_ + r * call_.shards;
    return scratch_.set_offset[row & 1][s] + (row >> 1);
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

  // The gradients of the states after a step, at index `at` of [batch, time].
  void keep_state_gradients(int64_t r, int64_t at) {
    const int64_t units = sizes_.units;
    if (call_.grad.h_steps) copy_row(call_.grad.h_steps + at * units, scratch_.dh + r * width_, units);
    if (Cell::has_c && call_.grad.c_steps) copy_row(call_.grad.c_steps + at * units, scratch_.dc + r * width_, units);
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
  void find_saved(const RowBlock& block, int64_t r, int64_t step, int64_t p, int64_t i) {
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
    buffer_.h_operand.set(i, h_before);
    if (masks_) buffer_.h_operand.mask(i, call_.in.recurrent_dropout_mask, sizes_.batch, row);
    if (Cell::has_c) {
      const T* c_before = step > 0 ? call_.back.saved + ((saved_at(block, r, step - 1) + 1) * Cell::saved - 1) * units
                                   : call_.in.c0 + row * units;
      scratch_.c_before_rows[r] = whole(c_before, scratch_.c_before + r * width_);
    }
  }

  const T* mask_of(int gate) const {
    return masks_ ? scratch_.mask + (masks_ > 1 ? gate : 0) * scratch_.rows * width_ : nullptr;
  }

  // Rows of the last segment that are not walked in this one have shared its steps. Their gradients are added to those
  // of the row that represents them from here on.
  void join_followers(const Segment& segment, const RowBlock& all) {
    if (!represents(segment)) return;
    T *const dh = scratch_.dh + (segment.live - 1) / call_.shards * width_, *const dc =
                                                                                scratch_.dc + (segment.live - 1) /
                                                                                                  call_.shards * width_;
    for (int64_t r = segment.live; r < segment.live_after; ++r) {
      if (segment.first) {  // another shard may not have begun
        const int64_t from = all.row(r) * sizes_.units;
        for (int64_t j = 0; j < sizes_.units; ++j) {
          if (call_.back.d_h) dh[j] += call_.back.d_h[from + j];
          if (Cell::has_c && call_.back.d_c) dc[j] += call_.back.d_c[from + j];
        }
        continue;
      }
      const BackwardScratch<T, Cell> other = scratch_of(r % call_.shards);
      const int64_t from = r / call_.shards * width_;
      for (int64_t j = 0; j < width_; ++j) {
        dh[j] += other.dh[from + j];
        if (Cell::has_c) dc[j] += other.dc[from + j];
      }
    }
  }

  // Adds the output gradients of the rows that share a step.
  void add_followers(const Segment& segment, const RowBlock& all, int64_t step) {
    if (!call_.back.d_sequence || !represents(segment)) return;
    for (int64_t r = segment.live; r < all.rows(); ++r)
      add_outputs((segment.live - 1) / call_.shards, all.row(r), all.position(r, step), all.position(r, step) + by_);
  }

  // Whether the row that represents the rows which share the steps of a segment, the last that is walked, is of this
  // shard.
  bool represents(const Segment& segment) const { return (segment.live - 1) % call_.shards == shard_; }

  void step_backward(const RowBlock& block, int64_t s) {
    const Chunk& chunk = scratch_.chunk;
    const int64_t rows = chunk.live(s), first = chunk.offset[s], step = chunk.first_step + s;
    const int64_t before = in_segment(s, 0);
    T* const gradient = const_cast<T*>(scratch_.gradient_rows[first]);
    T* const made = Cell::phases > 1 ? const_cast<T*>(buffer_.made_rows[before]) : nullptr;
    for (int64_t r = 0; r < rows; ++r) {
      if (call_.back.d_sequence) gather_output_gradient(block, r, step);
      keep_state_gradients(r, chunk.at[first + r]);
      find_saved(block, r, step, first + r, in_segment(s, r));
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
                               scratch_.parameters,
                               scratch_.saved_rows,
                               scratch_.h_rows,
                               scratch_.h_before_rows,
                               scratch_.c_before_rows,
                               scratch_.dh,
                               scratch_.dc,
                               gradient,
                               made,
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
    multiply<T>(scratch_.rounding, rows, scratch_.gradient_rows + first, Cell::recurrent_block(g) * width_,
                sizes_.units, shared_.recurrent_kernel + g * sizes_.units * width_, width_, to, width_,
                to == scratch_.dh ? Start<T>::strided(to, width_) : Start<T>::none());
    if (Cell::makes_operand(phase) || !mask) return;
    for_block<T>(rows, width_, [&](int64_t r, int64_t j) {
      T* dh = scratch_.dh + r * width_ + j;
      store<T>(dh, load<T>(dh) + load<T>(to + r * width_ + j) * load<T>(mask + r * width_ + j));
    });
  }

  // A range of the rows of a kernel.
  struct KernelRows {
    int64_t first, count, all;
    T* columns;                        // packed columns of the operand of these rows
    const T* const* packed = nullptr;  // the rows whose columns they are

    KernelRows(int64_t first_tile, int64_t last_tile, int64_t all, T* columns)
        : first(at_most(first_tile * tile_rows, all)),
          count(at_most(last_tile * tile_rows, all) - first),
          all(all),
          columns(columns) {}
    // Gates with the same operand share the packed columns.
    Outer<T> outer(Products products, const T* const* rows, int64_t n, T* sums, int64_t width) {
      if (rows != packed) pack_columns(products, count, n, rows, first, all - first, columns);
      packed = rows;
      return {columns, count, sums + first * width};
    }
  };

  // The part of a set's `total` items that this shard handles: shards have equal ranges of the items of all sets.
  ShardRange of_set(int64_t set, int64_t total) const {
    ShardRange range(sizes_.row_sets * total, shard_, call_.shards);
    range.first = at_least(range.first - set * total, 0);
    range.last = at_most(range.last - set * total, total);
    return range;
  }

  // Adds the n positions from p on, of a set, to this shard's part of the sums of the kernel (`features` rows) and of
  // the recurrent kernel (`units` rows); either may be 0.
  void add_weights(int64_t set, int64_t features, int64_t units, int64_t p, int64_t n) {
    constexpr int64_t wide = 2 * lanes<T>;
    const int64_t x_tiles = tiles_of(features), tiles = x_tiles + tiles_of(units);
    const int64_t panels = (width_ + wide - 1) / wide, columns = Cell::gates * panels;
    const int64_t parts = at_most(tiles, row_parts(call_.shards, sizes_.row_sets));
    const ShardRange range = of_set(set, parts * columns);
    if (range.first >= range.last) return;
    const WeightSums<T, Cell> sums = shared_.sums.of_set(set);
    for (int64_t part = range.first / columns; part * columns < range.last; ++part) {
      const ShardRange of(tiles, part, parts);
      KernelRows x(at_most(of.first, x_tiles), at_most(of.last, x_tiles), features, scratch_.columns);
      T* const h_columns = scratch_.columns + packed_columns<T>(x.count, n);
      KernelRows h(at_least(of.first - x_tiles, 0), at_least(of.last - x_tiles, 0), units, h_columns);
      for (int phase = 0; phase < Cell::phases; ++phase)
        for (int g = Cell::first_gate(phase); g < Cell::last_gate(phase); ++g) {
          const int64_t first = at_least(range.first - part * columns - g * panels, 0);
          const int64_t last = at_most(range.last - part * columns - g * panels, panels);
          if (first < last) add_gate(sums, phase, g, x, h, p, n, first * wide, at_most(last * wide, width_));
        }
    }
  }

  // Columns begin .. end of gate g, in one pass for both kernels if they have the same gradient block.
  void add_gate(const WeightSums<T, Cell>& sums, int phase, int g, KernelRows& x, KernelRows& h, int64_t p, int64_t n,
                int64_t begin, int64_t end) {
    const int block = Cell::recurrent_gates ? Cell::recurrent_block(g) : g;
    const T* const* const d = (call_.in.ids && x.all ? scratch_.gradient_rows : buffer_.gradient_rows) + p;
    Outer<T> outer[2];
    int count = 0;
    if (x.count) {
      const T* const* rows = call_.in.ids ? scratch_.token_rows : buffer_.x.for_gate(g);
      outer[count++] = x.outer(sizes_.products, rows + p, n, sums.kernel + g * x.all * width_, width_);
    }
    if (count && (block != g || !h.count)) {
      add_outer<T>(sizes_.products, outer, count, n, d, g * width_, begin, end, width_, scratch_.panel);
      count = 0;
    }
    if (!h.count) return;
    const T* const* rows = Cell::makes_operand(phase) ? buffer_.made_rows : buffer_.h_operand.for_gate(g);
    outer[count++] = h.outer(sizes_.products, rows + p, n, sums.recurrent_kernel + g * h.all * width_, width_);
    add_outer<T>(sizes_.products, outer, count, n, d, block * width_, begin, end, width_, scratch_.panel);
  }

  // This shard's range of a set's `width` columns, a multiple of the vector width.
  ShardRange columns_of(int64_t set, int64_t width) const {
    ShardRange range = of_set(set, width / lanes<T>);
    range.first *= lanes<T>;
    range.last *= lanes<T>;
    return range;
  }

  void add_bias(int64_t set, int64_t p, int64_t last) {
    const ShardRange range = columns_of(set, blocks * width_);
    T* const sum = shared_.sums.bias + set * shared_.sums.bias_size;
    const T* const* d = buffer_.gradient_rows + p;
    for (; p + 4 <= last; p += 4, d += 4)
      for (int64_t j = range.first; j < range.last; j += lanes<T>)
        store<T>(sum + j, load<T>(sum + j) +
                              ((load<T>(d[0] + j) + load<T>(d[1] + j)) + (load<T>(d[2] + j) + load<T>(d[3] + j))));
    for (; p < last; ++p, ++d)
      for (int64_t j = range.first; j < range.last; j += lanes<T>)
        store<T>(sum + j, load<T>(sum + j) + load<T>(*d + j));
  }

  void add_to_tokens(int64_t n) {
    const int64_t width = Cell::gates * width_;
    const ShardRange range = columns_of(0, width);
    for (int64_t p = 0; p < n; ++p) {
      const T* from = buffer_.gradient_rows[p];
      T* to = shared_.tokens + call_.tokens.slots[buffer_.at[p]] * width;
      for (int64_t j = range.first; j < range.last; j += lanes<T>)
        store<T>(to + j, load<T>(to + j) + load<T>(from + j));
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
  SegmentBuffer<T, Cell> buffer_{};
};

// A row of `units` values = the sum over sets, whose rows are `size` values apart.
template <class T>
void add_sets(const T* sums, int64_t sets, int64_t size, int64_t units, T* out) {
  if (sets == 1) return copy_row(out, sums, units);
  for (int64_t j = 0; j < units; ++j) out[j] = sums[j] + sums[size + j];
}

// A range of the rows of out [rows, gates * units] = the sum over sets of [gates][rows][units padded].
template <class T>
void add_sets_of_rows(const T* sums, int64_t sets, int64_t size, const ShardRange& range, int64_t rows, int64_t units,
                      int gates, T* out) {
  const int64_t width = padded<T>(units);
  for (int g = 0; g < gates; ++g)
    for (int64_t i = range.first; i < range.last; ++i)
      add_sets(sums + (g * rows + i) * width, sets, size, units, out + (i * gates + g) * units);
}

// Adds up the gradients of the parameters over the rows of a group, in their order.
template <class T, class Cell>
void sum_parameters(const BackwardCall<T>& call) {
  const int64_t units = call.sizes.units, width = padded<T>(units);
  clear(call.grad.bias, Cell::parameters * units);
  for (int64_t r = 0; r < call.sizes.group_rows; ++r) {
    const BackwardScratch<T, Cell> scratch(call.sizes, call.shards, call.scratch + r % call.shards * call.shard_bytes);
    const T* from = scratch.parameters + r / call.shards * Cell::parameters * width;
    for (int k = 0; k < Cell::parameters; ++k)
      for (int64_t j = 0; j < units; ++j) call.grad.bias[k * units + j] += from[k * width + j];
  }
}

template <class T, class Cell>
void finish_backward(const BackwardCall<T>& call, int shard) {
  if (!call.sizes.weight_gradients) return;
  const int64_t units = call.sizes.units, features = call.sizes.features, width = padded<T>(units);
  const int64_t sets = call.sizes.row_sets;
  const WeightSums<T, Cell> sums = BackwardShared<T, Cell>(call.sizes, call.shared).sums;
  add_sets_of_rows(sums.kernel, sets, sums.kernel_size, ShardRange(features, shard, call.shards), features, units,
                   Cell::gates, call.grad.kernel);
  add_sets_of_rows(sums.recurrent_kernel, sets, sums.recurrent_kernel_size, ShardRange(units, shard, call.shards),
                   units, units, Cell::recurrent_gates, call.grad.recurrent_kernel);
  if (shard > 0 || !call.grad.bias) return;
  if constexpr (Cell::parameters > 0) return sum_parameters<T, Cell>(call);
  for (int g = 0; g < Cell::gates; ++g) {
    add_sets(sums.bias + g * width, sets, sums.bias_size, units, call.grad.bias + g * units);
    // The second row of two biases: the recurrent sum of gate g has a gradient block of its own.
    if (two_biases<Cell>)
      add_sets(sums.bias + Cell::recurrent_block(g) * width, sets, sums.bias_size, units,
               call.grad.bias + (Cell::gates + g) * units);
  }
}

}  // namespace GW_ISA
}  // namespace gatewright
