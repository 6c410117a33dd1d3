// A case as cases.py writes it, one run of it, and its results as cases.py reads them.
//
// Cases file:    8 bytes "gwcases1", int32 count, then for each case the cell's name in 32 bytes, 8 int32 (five of
//                Spec, type 0 float or 1 double, threads, outputs), 7 int64 (Sizes, up to table), a double (Spec's
//                zoneout) and the arrays of Case::arrays.
// Results file:  for each case the arrays of Result.
// Array:         int64 number of bytes, or -1 for none, then the bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/run.hpp"

namespace native {

// Ends the process at once, even in a child or next to other threads.
[[noreturn]] inline void fail(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::_Exit(1);
}

// Each array has an allocation of exactly its size, so that a sanitizer finds an access past its end.
struct Array {
  int64_t bytes = -1;
  std::unique_ptr<unsigned char[]> data;

  Array() = default;
  explicit Array(int64_t n, int fill = 0) : bytes(n), data(new unsigned char[n]) { std::memset(data.get(), fill, n); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data.get());
  }
};

enum Operand {
  x,
  kernel,
  recurrent_kernel,
  bias,
  h0,
  c0,
  dropout_mask,
  recurrent_dropout_mask,
  mask,
  lengths,
  d_sequence,
  d_h,
  d_c,
  ids,
  zoneout_mask,
  operands
};
enum Output { sequence, saved, h, c, g_x, g_kernel, g_recurrent_kernel, g_bias, g_h0, g_c0, outputs };
// `less_by_states`: gradients, but none by the initial states.
enum Wanted { states_only = 0, and_sequence = 1, and_gradients = 2, less_by_states = 3 };

struct Case {
  gatewright::Spec spec;
  gatewright::Sizes sizes;
  bool is_double;
  int threads;
  int wanted;
  Array arrays[operands];
};

struct Result {
  Array arrays[outputs];
};

class File {
 public:
  File(const char* path, const char* mode) : file_(std::fopen(path, mode)) {
    if (!file_) fail(std::string("cannot open ") + path);
  }
  ~File() { std::fclose(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void read(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, file_) != bytes) fail("the file of cases ends too early");
  }
  void write(const void* from, size_t bytes) {
    if (std::fwrite(from, 1, bytes, file_) != bytes) fail("cannot write the results");
  }

 private:
  std::FILE* file_;
};

inline int32_t place_of(const std::string& cell) {
  const std::vector<const char*> names = gatewright::cell_names();
  for (size_t place = 0; place < names.size(); ++place)
    if (names[place] == cell) return static_cast<int32_t>(place);
  fail("no cell " + cell);
}

inline std::vector<Case> read_cases(const char* path) {
  File file(path, "rb");
  char magic[8];
  file.read(magic, sizeof(magic));
  if (std::memcmp(magic, "gwcases1", sizeof(magic)) != 0) fail("not a file of cases");
  int32_t count;
  file.read(&count, sizeof(count));
  std::vector<Case> cases(count);
  for (Case& one : cases) {
    char cell[32];
    file.read(cell, sizeof(cell));
    int32_t codes[8];
    file.read(codes, sizeof(codes));
    one.spec = {place_of(cell),
                static_cast<gatewright::Activation>(codes[0]),
                static_cast<gatewright::Activation>(codes[1]),
                codes[2] != 0,
                codes[3] != 0,
                codes[4] != 0};
    one.is_double = codes[5] != 0;
    one.threads = codes[6];
    one.wanted = codes[7];
    int64_t sizes[7];
    file.read(sizes, sizeof(sizes));
    one.sizes = {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6]};
    file.read(&one.spec.zoneout, sizeof(one.spec.zoneout));
    for (Array& array : one.arrays) {
      int64_t bytes;
      file.read(&bytes, sizeof(bytes));
      if (bytes < 0) continue;
      array = Array(bytes);
      file.read(array.data.get(), bytes);
    }
  }
  return cases;
}

inline void write_result(File& file, const Result& result) {
  for (const Array& array : result.arrays) {
    file.write(&array.bytes, sizeof(array.bytes));
    if (array.bytes > 0) file.write(array.data.get(), array.bytes);
  }
}

inline bool same_bits(const Result& a, const Result& b) {
  for (int k = 0; k < outputs; ++k) {
    if (a.arrays[k].bytes != b.arrays[k].bytes) return false;
    if (a.arrays[k].bytes > 0 && std::memcmp(a.arrays[k].data.get(), b.arrays[k].data.get(), a.arrays[k].bytes) != 0)
      return false;
  }
  return true;
}

// Memory for the results of a case. Values that are never written stay NaN.
inline Result room(const Case& one) {
  const gatewright::Sizes& n = one.sizes;
  const int64_t size = one.is_double ? 8 : 4, state = n.batch * n.units;
  const gatewright::CellTraits cell = gatewright::traits(one.spec);
  const bool gradients = one.wanted >= and_gradients;
  Result result;
  const auto make = [&](Output k, bool wanted, int64_t values) {
    if (wanted) result.arrays[k] = Array(values * size, 0xff);
  };
  make(sequence, one.wanted >= and_sequence, state * n.time);
  make(saved, gradients, state * n.time * cell.saved);
  make(h, true, state);
  make(c, cell.has_c, state);
  make(g_x, gradients, (one.arrays[ids].data ? n.table : n.batch * n.time) * n.features);
  make(g_kernel, gradients, n.features * cell.gates * n.units);
  make(g_recurrent_kernel, gradients, n.units * cell.recurrent_gates * n.units);
  make(g_bias, gradients && one.arrays[bias].data, one.arrays[bias].bytes / size);
  make(g_h0, one.wanted == and_gradients, state);
  make(g_c0, one.wanted == and_gradients && cell.has_c, state);
  return result;
}

template <class T>
void forward(const Case& one, const Result& to) {
  const auto& a = one.arrays;
  gatewright::run_forward<T>(
      one.spec, one.sizes,
      {a[x].as<T>(), a[kernel].as<T>(), a[recurrent_kernel].as<T>(), a[bias].as<T>(), a[h0].as<T>(), a[c0].as<T>(),
       a[dropout_mask].as<T>(), a[recurrent_dropout_mask].as<T>(), a[ids].as<int32_t>(), a[zoneout_mask].as<uint8_t>()},
      {a[mask].as<uint8_t>(), a[lengths].as<int32_t>()},
      {to.arrays[sequence].as<T>(), to.arrays[saved].as<T>(), to.arrays[h].as<T>(), to.arrays[c].as<T>()});
}

template <class T>
void backward(const Case& one, const Result& to) {
  const auto& a = one.arrays;
  const auto& r = to.arrays;
  gatewright::run_backward<T>(
      one.spec, one.sizes,
      {a[x].as<T>(), a[kernel].as<T>(), a[recurrent_kernel].as<T>(), a[bias].as<T>(), a[h0].as<T>(), a[c0].as<T>(),
       a[dropout_mask].as<T>(), a[recurrent_dropout_mask].as<T>(), a[ids].as<int32_t>(), a[zoneout_mask].as<uint8_t>()},
      {a[mask].as<uint8_t>(), a[lengths].as<int32_t>()},
      {r[sequence].as<T>(), r[saved].as<T>(), a[d_sequence].as<T>(), a[d_h].as<T>(), a[d_c].as<T>()},
      {r[g_x].as<T>(), r[g_kernel].as<T>(), r[g_recurrent_kernel].as<T>(), r[g_bias].as<T>(), r[g_h0].as<T>(),
       r[g_c0].as<T>()});
}

inline void forward(const Case& one, const Result& to) {
  one.is_double ? forward<double>(one, to) : forward<float>(one, to);
}
inline void backward(const Case& one, const Result& to) {
  one.is_double ? backward<double>(one, to) : backward<float>(one, to);
}

// The forward pass, and the backward pass if wanted, with the current number of threads.
inline Result compute(const Case& one) {
  Result result = room(one);
  forward(one, result);
  if (one.wanted >= and_gradients) backward(one, result);
  return result;
}

}  // namespace native
