// Matrix products: weights packed once into panels, and two register-blocked microkernels.
//
// A panel is two vectors wide (the last one may be one vector) and holds its columns for all k in order, so that the
// inner loop reads it sequentially. Tiles are at most six rows high: 6 x 2 accumulators fill the registers of AVX2.
// Rows are split evenly (16 = 6 + 5 + 5), since a tile of one row is slow.
#pragma once

#include "kernels/bf16.hpp"

namespace gatewright {
namespace GW_ISA {

inline constexpr int tile_rows = 6;

// A matrix [k, n] with its strides. A transposed view has the strides swapped.
template <class T>
struct MatrixView {
  const T* data;
  int64_t k_stride;
  int64_t n_stride;
};

// `count` values of row i of b [k, n], from column `first` on, or pairs of rows.
template <class T>
inline void pack_rounded(Products products, const MatrixView<T>& b, int64_t k, int64_t i, int64_t first, int64_t count,
                         T* packed) {
  if constexpr (can_round<T>) {
    const T* const column = b.data + first * b.n_stride;
    if (products == Products::rounded) {
      const T* const row = column + exchanged(i, k) * b.k_stride;
      for (int64_t j = 0; j < count; ++j) packed[j] = rounded(row[j * b.n_stride]);
      return;
    }
    const T* const even = column + 2 * i * b.k_stride;
    const T* const odd = 2 * i + 1 < k ? even + b.k_stride : nullptr;
    for (int64_t j = 0; j < count; ++j) packed[j] = pair_of(even[j * b.n_stride], odd ? odd[j * b.n_stride] : T(0));
  }
}

// Packs b [k, n] into panels; columns n .. padded(n) become zero. `packed` holds k * padded(n) values, or fewer pairs.
template <class T>
[[gnu::noinline]] void pack(Products products, MatrixView<T> b, int64_t k, int64_t n, T* packed) {
  constexpr int64_t wide = 2 * lanes<T>;
  const int64_t columns = padded<T>(n);
  for (int64_t first = 0; first < columns; first += wide) {
    const int64_t width = columns - first < wide ? columns - first : wide;
    const int64_t present = n - first < width ? n - first : width;
    for (int64_t i = 0; i < depth_of(products, k); ++i) {
      const T* from = b.data + i * b.k_stride + first * b.n_stride;
      if (products != Products::full) pack_rounded(products, b, k, i, first, present, packed);
      else
        for (int64_t j = 0; j < present; ++j) packed[j] = from[j * b.n_stride];
      for (int64_t j = present; j < width; ++j) packed[j] = T(0);
      packed += width;
    }
  }
}

// A loop whose index is a constant, so that an array of vectors indexed by it stays in registers.
template <int N>
struct Index {
  constexpr operator int() const { return N; }
};
template <int N, class F>
[[gnu::always_inline]] inline void unrolled(F f) {
  if constexpr (N > 0) {
    unrolled<N - 1>(f);
    f(Index<N - 1>{});
  }
}
#define GW_EACH(index) [&](auto index) __attribute__((always_inline))

// The sums of a tile, in registers. The loop is unrolled: on a core shared with another thread, its counter
// instructions would delay the multiplications. With Pairs, each of the k values of an operand is a pair.
template <class T, int Rows, int Vectors, bool Pairs>
struct Tile {
  Vector<T> sum[Rows][Vectors];

  template <class F>
  [[gnu::always_inline]] inline void add_products(int64_t k, const T* panel, F factor) {
#pragma GCC unroll 4
    for (int64_t i = 0; i < k; ++i) {
      Vector<T> b[Vectors];
      unrolled<Vectors>(GW_EACH(v) { b[v] = load<T>(panel + (i * Vectors + v) * lanes<T>); });
      unrolled<Rows>(GW_EACH(r) {
        if constexpr (Pairs) {
          const Vector<T> a = pair_everywhere(factor(r, i));
          unrolled<Vectors>(GW_EACH(v) { sum[r][v] = add_pairs(sum[r][v], a, b[v]); });
        } else {
          const T a = factor(r, i);
          unrolled<Vectors>(GW_EACH(v) { sum[r][v] += a * b[v]; });
        }
      });
    }
  }
};

// The rows to which a product is added: none, rows at a stride (0: one row for all), or rows given by address. Rows of a
// table of projections are added last: they come from the third-level cache, and a sum that begins with one waits for
// it.
template <class T>
struct Start {
  const T* first = nullptr;
  int64_t stride = 0;
  const T* const* rows = nullptr;
  int64_t offset = 0;
  bool last = false;

  static Start none() { return {}; }
  static Start strided(const T* first, int64_t stride) { return {first, stride, nullptr, 0, false}; }
  static Start by_address(const T* const* rows, int64_t offset, bool last) { return {nullptr, 0, rows, offset, last}; }
  // That of the rows from `row` on.
  Start from(int64_t row) const {
    return {first ? first + row * stride : nullptr, stride, rows ? rows + row : nullptr, offset, last};
  }
  const T* of(int64_t row, int64_t column) const {
    if (rows) return rows[row] + offset + column;
    return first ? first + row * stride + column : nullptr;
  }
};

// c[row][0 .. Vectors) = start[row] + sum over k of a[row][offset + k] * panel[k]; start[0] may be null (zero). `last`:
// the start is added to the finished sum.
template <class T, int Rows, int Vectors, bool Pairs>
[[gnu::noinline]] void rows_by_panel(const T* const* a, int64_t offset, int64_t k, const T* panel, T* c,
                                     int64_t c_stride, const T* const* start, bool last) {
  Tile<T, Rows, Vectors, Pairs> tile;
  const T* row[Rows];
  unrolled<Rows>(GW_EACH(r) { row[r] = a[r] + offset; });
  if (last)
    unrolled<Rows>(GW_EACH(r) { unrolled<Vectors>(GW_EACH(v) { __builtin_prefetch(start[r] + v * lanes<T>); }); });
  if (start[0] && !last)
    unrolled<Rows>(
        GW_EACH(r) { unrolled<Vectors>(GW_EACH(v) { tile.sum[r][v] = load<T>(start[r] + v * lanes<T>); }); });
  else unrolled<Rows>(GW_EACH(r) { unrolled<Vectors>(GW_EACH(v) { tile.sum[r][v] = Vector<T>{}; }); });
  tile.add_products(k, panel, [&](auto r, int64_t i) __attribute__((always_inline)) { return row[r][i]; });
  if (last)
    unrolled<Rows>(
        GW_EACH(r) { unrolled<Vectors>(GW_EACH(v) { tile.sum[r][v] += load<T>(start[r] + v * lanes<T>); }); });
  unrolled<Rows>(
      GW_EACH(r) { unrolled<Vectors>(GW_EACH(v) { store<T>(c + r * c_stride + v * lanes<T>, tile.sum[r][v]); }); });
}

template <class T, int Vectors, bool Pairs>
inline void tile_by_panel(int rows, const T* const* a, int64_t offset, int64_t k, const T* panel, T* c,
                          int64_t c_stride, const T* const* start, bool last) {
  switch (rows) {
    case 6: return rows_by_panel<T, 6, Vectors, Pairs>(a, offset, k, panel, c, c_stride, start, last);
    case 5: return rows_by_panel<T, 5, Vectors, Pairs>(a, offset, k, panel, c, c_stride, start, last);
    case 4: return rows_by_panel<T, 4, Vectors, Pairs>(a, offset, k, panel, c, c_stride, start, last);
    case 3: return rows_by_panel<T, 3, Vectors, Pairs>(a, offset, k, panel, c, c_stride, start, last);
    case 2: return rows_by_panel<T, 2, Vectors, Pairs>(a, offset, k, panel, c, c_stride, start, last);
    case 1: return rows_by_panel<T, 1, Vectors, Pairs>(a, offset, k, panel, c, c_stride, start, last);
  }
}

// One row against several panels: the two sums of a single panel would wait for one another at every k.
template <class T, int Panels, bool Pairs>
inline void row_by_panels(const T* a, int64_t k, const T* packed, T* c, const T* start, bool last) {
  constexpr int64_t wide = 2 * lanes<T>;
  Vector<T> sum[Panels][2];
  for (int p = 0; p < Panels; ++p)
    for (int v = 0; v < 2; ++v) sum[p][v] = start && !last ? load<T>(start + p * wide + v * lanes<T>) : Vector<T>{};
  for (int64_t i = 0; i < k; ++i) {
    const T factor = a[i];
    for (int p = 0; p < Panels; ++p)
      for (int v = 0; v < 2; ++v) {
        const Vector<T> b = load<T>(packed + p * wide * k + i * wide + v * lanes<T>);
        if constexpr (Pairs) sum[p][v] = add_pairs(sum[p][v], pair_everywhere(factor), b);
        else sum[p][v] += factor * b;
      }
  }
  for (int p = 0; p < Panels && last; ++p)
    for (int v = 0; v < 2; ++v) sum[p][v] += load<T>(start + p * wide + v * lanes<T>);
  for (int p = 0; p < Panels; ++p)
    for (int v = 0; v < 2; ++v) store<T>(c + p * wide + v * lanes<T>, sum[p][v]);
}

// Calls f(first, count) for each of the tiles into which `total` rows are split evenly.
template <class F>
inline void for_tiles(int64_t total, F f) {
  const int64_t tiles = (total + tile_rows - 1) / tile_rows;
  for (int64_t tile = 0, first = 0; tile < tiles; ++tile) {
    const int64_t count = (total - first + tiles - tile - 1) / (tiles - tile);
    f(first, static_cast<int>(count));
    first += count;
  }
}

// The product `multiply` of operands that need no rounding.
template <class T, bool Pairs>
[[gnu::noinline]] void multiply_as_is(int64_t rows, const T* const* a, int64_t offset, int64_t k, const T* packed,
                                      int64_t n, T* c, int64_t c_stride, const Start<T>& start) {
  constexpr int64_t wide = 2 * lanes<T>;
  int64_t column = 0;
  if (rows == 1)
    for (; column + 4 * wide <= n; column += 4 * wide)
      row_by_panels<T, 4, Pairs>(a[0] + offset, k, packed + column * k, c + column, start.of(0, column), start.last);
  for (; column < n; column += wide) {
    const bool full = n - column >= wide;
    const T* panel = packed + column * k;
    for_tiles(rows, [&](int64_t first, int count) {
      T* to = c + first * c_stride + column;
      const T* from[tile_rows];
      for (int r = 0; r < count; ++r) from[r] = start.of(first + r, column);
      if (full) tile_by_panel<T, 2, Pairs>(count, a + first, offset, k, panel, to, c_stride, from, start.last);
      else tile_by_panel<T, 1, Pairs>(count, a + first, offset, k, panel, to, c_stride, from, start.last);
    });
  }
}

// The product `multiply` of operands that are rounded, some rows at a time.
template <class T>
void multiply_rounded(const Rounding<T>& rounding, int64_t rows, const T* const* a, int64_t offset, int64_t k,
                      const T* packed, int64_t n, T* c, int64_t c_stride, const Start<T>& start) {
  const int64_t depth = depth_of(rounding.products, k), stride = padded<T>(depth);
  const T* from[most_rounded_rows];
  for (int64_t first = 0; first < rows; first += most_rounded_rows) {
    const int64_t count = at_most(most_rounded_rows, rows - first);
    for (int64_t r = 0; r < count; ++r) {
      T* const to = rounding.scratch + r * stride;
      if (rounding.products == Products::pairs) pair_neighbours(a[first + r] + offset, k, to);
      else round_exchanged(a[first + r] + offset, k, to);
      from[r] = to;
    }
    with_pairs(rounding.products, [&](auto pairs) {
      multiply_as_is<T, pairs>(count, from, 0, depth, packed, n, c + first * c_stride, c_stride, start.from(first));
    });
  }
}

// c [rows, n] = start [rows, n] + a [rows, k] b [k, n]. Rows of a begin `offset` values after the given addresses; b is
// packed, n padded; start may be c itself (which adds to c).
template <class T>
void multiply(const Rounding<T>& rounding, int64_t rows, const T* const* a, int64_t offset, int64_t k, const T* packed,
              int64_t n, T* c, int64_t c_stride, const Start<T>& start) {
  if constexpr (can_round<T>)
    if (rounding.products != Products::full)
      return multiply_rounded(rounding, rows, a, offset, k, packed, n, c, c_stride, start);
  multiply_as_is<T, false>(rows, a, offset, k, packed, n, c, c_stride, start);
}

// Whether pack_columns copies rows as they are. AVX-512 reads fewer values for each multiply-add, so that tiles whose
// columns lie apart cost less than sorting them into tiles does.
#if defined(__AVX512F__)
inline constexpr bool plain_columns = true;
#else
inline constexpr bool plain_columns = false;
#endif

// The distance of plain rows: an odd number of vectors, so that their columns spread over all cache sets.
template <class T>
inline int64_t plain_stride(int64_t rows) {
  return (padded<T>(rows) / lanes<T> | 1) * lanes<T>;
}

// The number of values that pack_columns writes. The last vector of packed tiles may extend past the end.
template <class T>
inline int64_t packed_columns(int64_t rows, int64_t p_count) {
  return plain_columns ? plain_stride<T>(rows) * p_count : rows * p_count + lanes<T>;
}

// pack_columns with rounding. Pairs are of the values of neighbouring positions.
template <class T>
void pack_rounded_columns(Products products, int64_t rows, int64_t p_count, const T* const* a, int64_t offset,
                          T* packed) {
  if (products == Products::pairs) {
    for (int64_t p = 0; p < p_count; p += 2, packed += plain_stride<T>(rows))
      pair_rows(a[p] + offset, p + 1 < p_count ? a[p + 1] + offset : nullptr, rows, packed);
    return;
  }
  for_tiles(plain_columns ? 1 : rows, [&](int64_t first, int count) {
    for (int64_t p = 0; p < p_count; ++p, packed += plain_columns ? plain_stride<T>(rows) : count)
      round_row(a[exchanged(p, p_count)] + offset + first, plain_columns ? rows : count, packed);
  });
}

// Packs columns of a [p_count, rows], whose rows are given by address, into tiles: the columns of each tile for all p
// in order. Read in place, each position would need a cache line, and their strides map to the same few cache sets.
// The columns begin `offset` values after the given addresses, where `present` values can be read.
template <class T>
[[gnu::noinline]] void pack_columns(Products products, int64_t rows, int64_t p_count, const T* const* a, int64_t offset,
                                    int64_t present, T* packed) {
  if constexpr (can_round<T>)
    if (products != Products::full) return pack_rounded_columns(products, rows, p_count, a, offset, packed);
  if (plain_columns) {
    for (int64_t p = 0; p < p_count; ++p) copy_row(packed + p * plain_stride<T>(rows), a[p] + offset, rows);
    return;
  }
  for_tiles(rows, [&](int64_t first, int count) {
    T* to = packed + first * p_count;
    // The next vector overwrites the surplus of the one before. It must not read past the end of a row.
    if (lanes<T> >= tile_rows && first + lanes<T> <= present) {
      for (int64_t p = 0; p < p_count; ++p, to += count) store<T>(to, load<T>(a[p] + offset + first));
    } else {
      for (int64_t p = 0; p < p_count; ++p)
        for (int r = 0; r < count; ++r) *to++ = a[p][offset + first + r];
    }
  });
}

// c[i][0 .. Vectors) += sum over p of a[p][i] * panel[p], for the Rows values of i of a tile, which lie `stride` apart
// in plain columns.
template <class T, int Rows, int Vectors, bool Pairs>
[[gnu::noinline]] void columns_by_panel(const T* a, int64_t stride, int64_t p_count, const T* panel, T* c,
                                        int64_t c_stride) {
  if (!plain_columns) stride = Rows;
  Tile<T, Rows, Vectors, Pairs> tile;
  unrolled<Rows>(
      GW_EACH(r) { unrolled<Vectors>(GW_EACH(v) { tile.sum[r][v] = load<T>(c + r * c_stride + v * lanes<T>); }); });
  tile.add_products(p_count, panel,
                    [&](auto r, int64_t p) __attribute__((always_inline)) { return a[p * stride + r]; });
  unrolled<Rows>(
      GW_EACH(r) { unrolled<Vectors>(GW_EACH(v) { store<T>(c + r * c_stride + v * lanes<T>, tile.sum[r][v]); }); });
}

template <class T, int Vectors, bool Pairs>
inline void tile_of_columns(int rows, const T* a, int64_t stride, int64_t p_count, const T* panel, T* c,
                            int64_t c_stride) {
  switch (rows) {
    case 6: return columns_by_panel<T, 6, Vectors, Pairs>(a, stride, p_count, panel, c, c_stride);
    case 5: return columns_by_panel<T, 5, Vectors, Pairs>(a, stride, p_count, panel, c, c_stride);
    case 4: return columns_by_panel<T, 4, Vectors, Pairs>(a, stride, p_count, panel, c, c_stride);
    case 3: return columns_by_panel<T, 3, Vectors, Pairs>(a, stride, p_count, panel, c, c_stride);
    case 2: return columns_by_panel<T, 2, Vectors, Pairs>(a, stride, p_count, panel, c, c_stride);
    case 1: return columns_by_panel<T, 1, Vectors, Pairs>(a, stride, p_count, panel, c, c_stride);
  }
}

// One operand of add_outer: columns packed by pack_columns, and the sum [rows][n] to which its product is added.
template <class T>
struct Outer {
  const T* columns;
  int64_t rows;
  T* to;
};

// The part of a panel that belongs to position p, rounded; with pairs, that of two positions at the first.
template <class T>
inline void round_gradients(Products products, int64_t p, int64_t p_count, const T* const* d, int64_t at, int64_t width,
                            T* panel) {
  if constexpr (can_round<T>) {
    if (products == Products::rounded) return round_row(d[exchanged(p, p_count)] + at, width, panel + p * width);
    if (p % 2 == 0)
      return pair_rows(d[p] + at, p + 1 < p_count ? d[p + 1] + at : nullptr, width, panel + p / 2 * width);
  }
}

// Columns begin .. end of to [rows, n] += the sum over p of a[p]^T d[p], for each operand a: the weight gradients of
// p_count positions. Each element is added to in the order of p. Rows of d begin `offset` values after the given
// addresses; `panel` is scratch of p_count * 2 vectors; the columns are whole panels, of which the last may be narrow.
template <class T, bool Pairs>
[[gnu::noinline]] void add_outer_of(Products products, const Outer<T>* operands, int count, int64_t p_count,
                                    const T* const* d, int64_t offset, int64_t begin, int64_t end, int64_t n,
                                    T* panel) {
  constexpr int64_t wide = 2 * lanes<T>;
  const int64_t depth = Pairs ? (p_count + 1) / 2 : p_count;
  for (int64_t column = begin; column < end; column += wide) {
    const int64_t width = end - column < wide ? end - column : wide;
    for (int64_t p = 0; p < p_count; ++p) {
      const T* from = d[p] + offset + column;
      if (products != Products::full) round_gradients(products, p, p_count, d, offset + column, width, panel);
      else
        for (int64_t v = 0; v < width; v += lanes<T>) store<T>(panel + p * width + v, load<T>(from + v));
      // The next panel, of which another core may hold a part, comes while the tiles of this one are computed.
      for (int64_t v = 0; v < wide; v += 64 / static_cast<int64_t>(sizeof(T)))
        __builtin_prefetch(from + wide + v, 0, 2);
    }
    for (int i = 0; i < count; ++i)
      for_tiles(operands[i].rows, [&](int64_t first, int rows) {
        const int64_t stride = plain_stride<T>(operands[i].rows);
        const T* from = operands[i].columns + first * (plain_columns ? 1 : p_count);
        T* to = operands[i].to + first * n + column;
        // The sums of the next tile come while this one is computed.
        for (int r = 0; r < tile_rows; ++r)
          for (int64_t v = 0; v < wide; v += 64 / static_cast<int64_t>(sizeof(T)))
            __builtin_prefetch(to + (rows + r) * n + v, 1);
        if (width == wide) tile_of_columns<T, 2, Pairs>(rows, from, stride, depth, panel, to, n);
        else tile_of_columns<T, 1, Pairs>(rows, from, stride, depth, panel, to, n);
      });
  }
}

template <class T>
void add_outer(Products products, const Outer<T>* operands, int count, int64_t p_count, const T* const* d,
               int64_t offset, int64_t begin, int64_t end, int64_t n, T* panel) {
  if constexpr (can_round<T>)
    return with_pairs(products, [&](auto pairs) {
      add_outer_of<T, pairs>(products, operands, count, p_count, d, offset, begin, end, n, panel);
    });
  add_outer_of<T, false>(products, operands, count, p_count, d, offset, begin, end, n, panel);
}

}  // namespace GW_ISA
}  // namespace gatewright
