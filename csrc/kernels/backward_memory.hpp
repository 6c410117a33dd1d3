// The memory of the backward pass: what its shards share, and what each has for itself.
#pragma once

#include "kernels/forward.hpp"

namespace gatewright {
namespace GW_ISA {

// The sums of the weight gradients, units padded, of each set of rows: [gates][features][units],
// [recurrent_gates][units][units] and, unless the cell adds up the gradients of its own parameters,
// [gradient_blocks][units].
template <class T, class Cell>
struct WeightSums {
  T *kernel, *recurrent_kernel, *bias;
  int64_t kernel_size, recurrent_kernel_size, bias_size;  // of one set

  void place(ArenaLayout& layout, const Sizes& sizes) {
    const int64_t width = padded<T>(sizes.units);
    const int64_t wanted = sizes.weight_gradients;
    kernel_size = wanted * Cell::gates * sizes.features * width;
    recurrent_kernel_size = wanted * Cell::recurrent_gates * sizes.units * width;
    bias_size = Cell::parameters ? 0 : wanted * Cell::gradient_blocks * width;
    kernel = layout.take<T>(sizes.row_sets * kernel_size);
    recurrent_kernel = layout.take<T>(sizes.row_sets * recurrent_kernel_size);
    bias = layout.take<T>(sizes.row_sets * bias_size);
  }
  // Clears the part that belongs to one shard.
  void zero(const Sizes& sizes, int shard, int shards) const {
    clear_part(kernel, sizes.row_sets * kernel_size, shard, shards);
    clear_part(recurrent_kernel, sizes.row_sets * recurrent_kernel_size, shard, shards);
    clear_part(bias, sizes.row_sets * bias_size, shard, shards);
  }
  WeightSums of_set(int64_t set) const {
    WeightSums sums = *this;
    sums.kernel += set * kernel_size;
    sums.recurrent_kernel += set * recurrent_kernel_size;
    sums.bias += set * bias_size;
    return sums;
  }
};

// What the walk through a segment leaves for the sums over its positions. Positions are in the order of the sums: first
// those of the rows with an even number, even if there is one set (two shards then list their positions in cache lines
// of their own); of these, step by step, and within a step in the order of the schedule.
template <class T, class Cell>
struct SegmentBuffer {
  OperandRows<T> x, h_operand;
  int64_t* at;  // [positions]: row * time + t
  const T **gradient_rows, **made_rows;
  T *gradient, *made;  // those of a shard lie together, in its own order

  void place(ArenaLayout& layout, const Sizes& sizes) {
    const int64_t positions = sizes.segment_positions, width = padded<T>(sizes.units);
    x.place(layout, sizes.dropout_masks, positions, sizes.features);
    h_operand.place(layout, sizes.recurrent_dropout_masks, positions, sizes.units);
    at = layout.take<int64_t>(positions);
    gradient_rows = layout.take<const T*>(positions);
    made_rows = layout.take<const T*>(positions);
    gradient = layout.take<T>(positions * Cell::gradient_blocks * width);
    made = layout.take<T>(Cell::phases > 1 ? positions * width : 0);
  }
};

template <class T, class Cell>
struct BackwardShared {
  T *kernel, *recurrent_kernel;  // transposed
  T* parameters;                 // as in the forward pass
  WeightSums<T, Cell> sums;
  T* tokens;  // [tokens, gates, units padded]: sums of the gate gradients over equal ids
  SegmentBuffer<T, Cell> buffers[2];
  size_t bytes;

  BackwardShared(const Sizes& sizes, char* base) {
    ArenaLayout layout(base);
    kernel = layout.take<T>(Cell::gates * sizes.units * padded<T>(sizes.features));
    recurrent_kernel = layout.take<T>(Cell::recurrent_gates * sizes.units * padded<T>(sizes.units));
    parameters = layout.take<T>(Cell::parameters ? (Cell::parameters + 1) * padded<T>(sizes.units) : 0);
    sums.place(layout, sizes);
    tokens = layout.take<T>(sizes.tokens * Cell::gates * padded<T>(sizes.units));
    for (auto& buffer : buffers) buffer.place(layout, sizes);
    bytes = layout.used();
  }

  // Packs the part of the weights that belongs to one shard, and clears its part of the sums.
  void fill(const BackwardCall<T>& call, int shard) const {
    const Sizes& sizes = call.sizes;
    const Inputs<T>& in = call.in;
    const int64_t units = sizes.units;
    for (int g = 0; g < Cell::gates; ++g) {
      if (2 * g % call.shards == shard)
        pack_gate_transposed(sizes.products, in.kernel, sizes.features, units, Cell::gates, g, kernel);
      if (g < Cell::recurrent_gates && (2 * g + 1) % call.shards == shard)
        pack_gate_transposed(sizes.products, in.recurrent_kernel, units, units, Cell::gates, g, recurrent_kernel);
    }
    if (shard == 0) pack_parameters<Cell>(in.bias, units, parameters);
    sums.zero(sizes, shard, call.shards);
    if (!in.ids) return;
    clear_part(tokens, sizes.tokens * Cell::gates * padded<T>(units), shard, call.shards);
    // Rows of the table that occur at no live position have a gradient of zero.
    clear_part(call.grad.x, sizes.table * sizes.features, shard, call.shards);
  }
};

// For each set, the kernels' rows are divided into so many parts, and their columns among the shards of a part. Each
// shard packs the rows of its part, and reads the gradients of its columns, most of which another core has written.
inline int64_t row_parts(int64_t shards, int64_t sets) {
  int64_t parts = 1;
  while (parts * sets < shards && parts * parts * 4 * sets <= shards) ++parts;
  return parts;
}
inline int64_t tiles_of(int64_t rows) { return (rows + tile_rows - 1) / tile_rows; }

template <class T, class Cell>
struct BackwardScratch {
  T* parameters;           // [rows][parameters][units padded]: sums of their gradients, one for each row of a group
  Chunk chunk;             // the positions of this shard in a segment
  int64_t* set_offset[2];  // [steps]: where the positions of a set begin
  const T **token_rows, **gradient_rows, **saved_rows, **h_rows, **h_before_rows, **c_before_rows, **operand_rows;
  T *saved, *h, *h_before, *c_before, *dh, *dc, *d_made;
  T *past_dh, *past_dc;  // with zoneout: the gradients that bypass the cell
  T *mask, *operand, *product, *dx, *dx_one, *panel, *columns;
  Rounding<T> rounding;
  int64_t rows, positions;
  size_t bytes;

  BackwardScratch(const Sizes& sizes, int shards, char* base) {
    ArenaLayout layout(base);
    rows = RowBlock::in_shard(sizes.group_rows, 0, shards);
    positions = sizes.segment_positions;
    const int64_t width = padded<T>(sizes.units), x_width = padded<T>(sizes.features);
    const bool recurrent_masks = sizes.recurrent_dropout_masks > 0;
    parameters = layout.take<T>(rows * Cell::parameters * width);
    chunk.place(layout, positions);
    for (auto& offset : set_offset) offset = layout.take<int64_t>(positions);
    token_rows = layout.take<const T*>(sizes.tokens ? target_chunk_positions : 0);
    gradient_rows = layout.take<const T*>(at_least(positions, target_chunk_positions));
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
    dx = layout.take<T>(at_least(positions, target_chunk_positions) * x_width);
    dx_one = layout.take<T>(sizes.dropout_masks > 1 ? positions * x_width : 0);
    panel = layout.take<T>(target_chunk_positions * 2 * lanes<T>);
    const int64_t tiles = tiles_of(sizes.features) + (Cell::recurrent_gates ? tiles_of(sizes.units) : 0);
    const int64_t parts = row_parts(shards, sizes.row_sets);
    columns = layout.take<T>(2 * packed_columns<T>((tiles + parts - 1) / parts * tile_rows, target_chunk_positions));
    rounding = {sizes.products, layout.take<T>(rounded_values<T>(sizes.products, sizes.units))};
    bytes = layout.used();
  }
};

}  // namespace GW_ISA
}  // namespace gatewright
