// The kernels without Python: `driver COMMAND INSTRUCTION_SET CASES [RESULTS]`; `driver sets` prints the names of the
// sets. A command that finds an error prints one sentence and returns 1.
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "case.hpp"
#include "core/dispatch.hpp"
#include "core/packed.hpp"
#include "core/thread_pool.hpp"
#if defined(GW_COUNT_ALLOCATIONS)
#include "allocations.hpp"
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace native {
namespace {

using Cases = std::vector<Case>;
using Results = std::vector<Result>;

constexpr int shared_threads = 3;  // for calls that share one setting
constexpr int callers = 4;

std::string at(size_t index, const char* sentence) { return "case " + std::to_string(index) + ": " + sentence; }

Results compute_all(const Cases& cases) {
  Results results;
  for (const Case& one : cases) results.push_back(compute(one));
  return results;
}

void require_same(const Results& actual, const Results& expected, const char* sentence) {
  for (size_t i = 0; i < expected.size(); ++i)
    if (!same_bits(actual[i], expected[i])) fail(at(i, sentence));
}

// ---- the results themselves ----------------------------------------------------------------------------------

// Scratch memory still holds the data of the case before. (Under the address sanitizer each call has its own, of
// exactly the size it needs.)
void run(const Cases& cases, const char* path) {
  File file(path, "wb");
  for (const Case& one : cases) {
    gatewright::set_num_threads(one.threads);
    write_result(file, compute(one));
  }
}

// The same inputs and number of threads give the same bits, whatever was computed in between.
void repeat(const Cases& cases) {
  Results first;
  for (const Case& one : cases) {
    gatewright::set_num_threads(one.threads);
    first.push_back(compute(one));
  }
  for (size_t i = cases.size(); i-- > 0;)
    for (int again = 0; again < 2; ++again) {
      gatewright::set_num_threads(cases[i].threads);
      if (!same_bits(compute(cases[i]), first[i])) fail(at(i, "other bits at another time"));
    }
}

// ---- callers and processes -----------------------------------------------------------------------------------

// The callers come first, so that they also race for the first use of the thread pool. Each begins at another case.
void concurrent(const Cases& cases) {
  gatewright::set_num_threads(shared_threads);
  std::vector<Results> by_caller(callers);
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller)
    threads.emplace_back([&, caller] {
      Results& results = by_caller[caller];
      results.resize(cases.size());
      for (size_t i = 0; i < cases.size(); ++i) {
        const size_t which = (i + caller * cases.size() / callers) % cases.size();
        results[which] = compute(cases[which]);
      }
    });
  for (std::thread& thread : threads) thread.join();
  const Results alone = compute_all(cases);
  for (const Results& results : by_caller) require_same(results, alone, "other bits while others call");
}

// A step of packed weights from a case's initial states. Its inputs are the first rows of x.
Result step(gatewright::PackedRecurrence& packed, const Case& one) {
  Result result;
  const int64_t bytes = one.sizes.batch * one.sizes.units * sizeof(float);
  result.arrays[h] = Array(bytes, 0xff);
  if (packed.has_c()) result.arrays[c] = Array(bytes, 0xff);
  const auto& a = one.arrays;
  packed.step(one.sizes.batch, a[x].as<float>(), a[h0].as<float>(), a[c0].as<float>(), result.arrays[h].as<float>(),
              result.arrays[c].as<float>());
  return result;
}

// Callers step with the same packed weights, and with no lock of an interpreter between them.
void packed(const Cases& cases) {
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& one = cases[i];
    const auto& a = one.arrays;
    if (one.is_double || a[x].bytes < one.sizes.batch * one.sizes.features * static_cast<int64_t>(sizeof(float)))
      continue;
    gatewright::PackedRecurrence weights(one.spec, one.sizes.features, one.sizes.units, a[kernel].as<float>(),
                                         a[recurrent_kernel].as<float>(), a[bias].as<float>());
    std::vector<Results> by_caller(callers);
    std::vector<std::thread> threads;
    for (Results& results : by_caller)
      threads.emplace_back([&] {
        for (int again = 0; again < 20; ++again) results.push_back(step(weights, one));
      });
    for (std::thread& thread : threads) thread.join();
    const Result alone = step(weights, one);
    for (const Results& results : by_caller)
      for (const Result& result : results)
        if (!same_bits(result, alone)) fail(at(i, "other bits while others step"));
  }
}

long threads_here() {
  DIR* folder = opendir("/proc/self/task");
  if (!folder) fail("cannot count threads without /proc");
  long count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

// Runs f in a child process. It ends with _exit: exit would run what the parent registered.
template <class F>
void in_child(F f) {
  const pid_t child = fork();
  if (child < 0) fail("cannot fork");
  if (child == 0) {
    alarm(300);  // a child that waits for its parent's threads would wait for ever
    f();
    _exit(0);
  }
  int status;
  if (waitpid(child, &status, 0) != child) fail("cannot wait for the child");
  if (WIFSIGNALED(status)) fail("the child was ended by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) fail("the child failed");
}

// The caller alone could finish every call, so equal results do not prove that there is a pool: its threads are
// counted.
void fork_and_compare(const Cases& cases, const Results& expected) {
  in_child([&] {
    require_same(compute_all(cases), expected, "other bits in a child");
    if (threads_here() < shared_threads) fail("the child has not started a thread pool of its own");
  });
}

void forked(const Cases& cases) {
  gatewright::set_num_threads(shared_threads);
  fork_and_compare(cases, compute_all(cases));
}

// The same while another caller keeps the pool busy.
void forked_while_busy(const Cases& cases) {
  gatewright::set_num_threads(shared_threads);
  const Results expected = compute_all(cases);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop.load())
      for (size_t i = 0; i < cases.size() && !stop.load(); ++i) compute(cases[i]);
  });
  for (int round = 0; round < 4; ++round) fork_and_compare(cases, expected);
  stop.store(true);
  busy.join();
}

// ---- the floating-point mode ---------------------------------------------------------------------------------

// Only the control bits: a call may raise the flags that report rounding.
#if defined(__x86_64__)
constexpr uint64_t control_bits = 0xffc0;
constexpr uint64_t flushing[] = {0x8000, 0x0040, 0x8040};  // results to zero, operands to zero, both
constexpr uint64_t rounding[] = {0x2000, 0x4000, 0x6000};  // down, up, towards zero
uint64_t mode() { return _mm_getcsr() & control_bits; }
void set_mode(uint64_t bits) { _mm_setcsr(static_cast<unsigned>(bits)); }
#elif defined(__aarch64__)
constexpr uint64_t flushing[] = {uint64_t{1} << 24};
constexpr uint64_t rounding[] = {uint64_t{1} << 22, uint64_t{2} << 22, uint64_t{3} << 22};  // up, down, towards zero
uint64_t mode() {
  uint64_t bits;
  asm volatile("mrs %0, fpcr" : "=r"(bits) : : "memory");
  return bits;
}
void set_mode(uint64_t bits) { asm volatile("msr fpcr, %0" : : "r"(bits) : "memory"); }
#endif

// Computes all cases in a given mode of the caller, which no call may change.
Results compute_in(const Cases& cases, uint64_t extra) {
  const uint64_t before = mode();
  Results results;
  for (size_t i = 0; i < cases.size(); ++i) {
    gatewright::set_num_threads(cases[i].threads);
    set_mode(before | extra);
    results.push_back(compute(cases[i]));
    const uint64_t after = mode();
    set_mode(before);
    if (after != (before | extra)) fail(at(i, "the caller's floating-point mode was changed"));
  }
  return results;
}

// The mode is restored, and results do not depend on whether the caller flushes denormals.
void modes(const Cases& cases) {
  const Results plain = compute_in(cases, 0);
  for (const uint64_t extra : flushing)
    require_same(compute_in(cases, extra), plain, "other bits where the caller flushes");
  for (const uint64_t extra : rounding) compute_in(cases, extra);
}

// Nor do results depend on the rounding mode of the caller, at once or later: the threads of a pool inherit the mode of
// the caller that starts them. So each mode has a child process, whose pool starts in it.
void rounding_modes(const Cases& cases) {
  const Results plain = compute_in(cases, 0);
  for (const uint64_t extra : rounding)
    in_child([&] {
      require_same(compute_in(cases, extra), plain, "other bits where the caller rounds otherwise");
      require_same(compute_in(cases, 0), plain, "other bits after a caller rounded otherwise");
    });
}

// ---- denormals -----------------------------------------------------------------------------------------------

template <class T>
constexpr T smallest_normal = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);

// Every third value becomes denormal, or a zero of its sign.
template <class T>
Array thinned(const Array& array, bool to_zero) {
  if (!array.data) return Array();
  Array copy(array.bytes);
  const int64_t count = array.bytes / static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < count; ++i) {
    T value = array.as<T>()[i];
    if (i % 3 == 0) value = (value < 0 ? T(-1) : T(1)) * (to_zero ? T(0) : smallest_normal<T> / T(1 + i % 64 + 1));
    copy.as<T>()[i] = value;
  }
  return copy;
}

Case thinned(const Case& one, bool to_zero) {
  Case copy{one.spec, one.sizes, one.is_double, one.threads, one.wanted, {}};
  for (const Operand k :
       {x, kernel, recurrent_kernel, bias, h0, c0, dropout_mask, recurrent_dropout_mask, d_sequence, d_h, d_c})
    copy.arrays[k] = one.is_double ? thinned<double>(one.arrays[k], to_zero) : thinned<float>(one.arrays[k], to_zero);
  if (one.arrays[ids].data) {
    copy.arrays[ids] = Array(one.arrays[ids].bytes);
    std::memcpy(copy.arrays[ids].data.get(), one.arrays[ids].data.get(), one.arrays[ids].bytes);
  }
  return copy;
}

template <class T>
bool same_values(const Array& a, const Array& b) {
  for (int64_t i = 0; i < a.bytes / static_cast<int64_t>(sizeof(T)); ++i)
    if (!(a.as<T>()[i] == b.as<T>()[i] || (std::isnan(a.as<T>()[i]) && std::isnan(b.as<T>()[i])))) return false;
  return true;
}

// A denormal operand counts as zero. Only if every step is live and has features: carried states are copied, not
// computed, and so is the bias that is a candidate without features. An id outside the table makes both results NaN.
void denormals(const Cases& cases) {
  int compared = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& one = cases[i];
    if (one.arrays[mask].data || one.arrays[lengths].data || one.sizes.time == 0 || one.sizes.features == 0) continue;
    gatewright::set_num_threads(one.threads);
    const Result actual = compute(thinned(one, false)), expected = compute(thinned(one, true));
    for (int k = 0; k < outputs; ++k)
      if (!(one.is_double ? same_values<double>(actual.arrays[k], expected.arrays[k])
                          : same_values<float>(actual.arrays[k], expected.arrays[k])))
        fail(at(i, "denormal operands count for more than zero"));
    ++compared;
  }
  if (!compared) fail("no case has all of its steps live");
}

// ---- allocations ---------------------------------------------------------------------------------------------

// Prints for each case how often a forward and a backward call allocated memory, once threads and scratch exist.
void count_allocations(const Cases& cases) {
#if defined(GW_COUNT_ALLOCATIONS)
  Results results;
  for (const Case& one : cases) {
    gatewright::set_num_threads(one.threads);
    results.push_back(compute(one));
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    gatewright::set_num_threads(cases[i].threads);
    const long before = allocations();
    forward(cases[i], results[i]);
    const long between = allocations();
    backward(cases[i], results[i]);
    const long after = allocations();
    std::printf("%ld %ld\n", between - before, after - between);
  }
#else
  (void)cases;
  fail("this build does not count allocations");
#endif
}

}  // namespace

int main(int count, char** words) {
  if (count == 2 && std::strcmp(words[1], "sets") == 0) {
    for (const auto* set : gatewright::available_instruction_sets()) std::printf("%s\n", set->name);
    return 0;
  }
  if (count < 4) fail("use: driver sets | driver COMMAND INSTRUCTION_SET CASES [RESULTS]");
  if (!gatewright::choose_instruction_set(words[2])) fail(std::string("no instruction set ") + words[2] + " here");
  const Cases cases = read_cases(words[3]);
  const std::string command = words[1];
  if (command == "run" && count == 5) run(cases, words[4]);
  else if (command == "repeat") repeat(cases);
  else if (command == "concurrent") concurrent(cases);
  else if (command == "packed") packed(cases);
  else if (command == "fork") forked(cases);
  else if (command == "fork_while_busy") forked_while_busy(cases);
  else if (command == "modes") modes(cases);
  else if (command == "rounding") rounding_modes(cases);
  else if (command == "denormals") denormals(cases);
  else if (command == "allocations") count_allocations(cases);
  else fail("no command " + command);
  return 0;
}

}  // namespace native

int main(int count, char** words) { return native::main(count, words); }
