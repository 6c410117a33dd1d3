#include "core/run.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>

#include "core/dispatch.hpp"
#include "core/schedule.hpp"
#include "core/thread_pool.hpp"
#include "core/tokens.hpp"

namespace gatewright {
namespace {

// Below this much work a part is not worth handing to another thread (about 20 microseconds of it).
constexpr double least_part_flops = 1e6;
constexpr int most_threads = 1024;
constexpr size_t kept_bytes = size_t{64} << 20;

size_t aligned(size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

// The most that any call has asked for since it was last read: peak memory is reported with it.
std::atomic<size_t> most_reserved{0};

// Where scratch memory comes from. Outside the heap, and with room to spare: calls that differ a little would else leave
// holes in it that fit nothing. Under the address sanitizer it is the heap's, of exactly the size asked for and another
// at each call, so that a step past its end is found.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool lent_again = false;
size_t with_room(size_t bytes) { return bytes; }
void* take_pages(size_t bytes) { return std::aligned_alloc(4096, bytes); }
void give_back(void* pages, size_t) { std::free(pages); }
#else
constexpr bool lent_again = true;
size_t with_room(size_t bytes) { return aligned(bytes + bytes / 8); }
void* take_pages(size_t bytes) {
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}
void give_back(void* pages, size_t bytes) { munmap(pages, bytes); }
#endif

// Scratch memory, kept between calls unless it is large: fresh pages cost more than the arithmetic.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { release(); }
  char* reserve(size_t bytes) {
    size_t most = most_reserved.load(std::memory_order_relaxed);
    while (bytes > most && !most_reserved.compare_exchange_weak(most, bytes, std::memory_order_relaxed)) {
    }
    if (bytes > bytes_) {
      release();
      memory_ = static_cast<char*>(take_pages(with_room(bytes)));
      if (!memory_) throw std::bad_alloc();
      bytes_ = with_room(bytes);
    }
    return memory_;
  }
  bool kept() const { return lent_again && bytes_ <= kept_bytes; }

 private:
  void release() {
    if (memory_) give_back(memory_, bytes_);
    memory_ = nullptr;
    bytes_ = 0;
  }
  char* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Arenas that no call uses. A program's calls come from many threads, one after another: one arena serves them all.
// Each place is taken and given back by one atomic exchange, so a fork can leave none locked.
std::atomic<Arena*> idle_arenas[8];

class LentArena {
 public:
  LentArena() {
    for (auto& place : idle_arenas)
      if (Arena* found = place.exchange(nullptr)) {
        arena_.reset(found);
        return;
      }
    arena_ = std::make_unique<Arena>();
  }
  ~LentArena() {
    if (!arena_->kept()) return;
    for (auto& place : idle_arenas) {
      Arena* empty = nullptr;
      if (place.compare_exchange_strong(empty, arena_.get())) {
        arena_.release();
        return;
      }
    }
  }
  LentArena(const LentArena&) = delete;
  LentArena& operator=(const LentArena&) = delete;
  char* reserve(size_t bytes) { return arena_->reserve(bytes); }

 private:
  std::unique_ptr<Arena> arena_;
};

template <class T>
const Kernels<T>& kernels();
template <>
const Kernels<float>& kernels() {
  return *instruction_set().f32;
}
template <>
const Kernels<double>& kernels() {
  return *instruction_set().f64;
}

// Live positions alone count, so that padding does not change how a batch is shared.
int parts_for(const Spec& spec, const Sizes& sizes, int64_t live) {
  const CellTraits cell = traits(spec);
  const double columns = cell.gates * sizes.features + cell.recurrent_gates * sizes.units;
  const double flops = 2.0 * live * sizes.units * columns;
  const double worth = std::max(1.0, flops / least_part_flops);
  const int64_t most = std::min<int64_t>({num_threads(), sizes.batch, most_threads});
  return static_cast<int>(std::max<double>(1.0, std::min<double>(most, worth)));
}

// Places a call's shared and private scratch into an arena.
template <class Call>
void place(Call& call, LentArena& arena, size_t shared_bytes, size_t part_bytes) {
  call.part_bytes = aligned(part_bytes);
  call.shared = arena.reserve(aligned(shared_bytes) + call.parts * call.part_bytes);
  call.scratch = call.shared + aligned(shared_bytes);
}

template <class Call>
struct Work {
  const Call* call;
  void (*part)(const Call&, int);
  static void run(void* context, int part) {
    const auto* work = static_cast<const Work*>(context);
    work->part(*work->call, part);
  }
};

template <class Call>
void share(const Call& call, void (*part)(const Call&, int)) {
  Work<Call> work{&call, part};
  run_parts(call.parts, &Work<Call>::run, &work);
}

// Whether all rows begin from the same state. Denormals are zero to the kernels.
template <class T>
bool one_state(const T* states, int64_t batch, int64_t units) {
  const auto same = [](T a, T b) {
    return a == b || std::max(std::abs(a), std::abs(b)) < std::numeric_limits<T>::min();
  };
  for (int64_t row = 1; states && row < batch; ++row)
    if (!std::equal(states, states + units, states + row * units, same)) return false;
  return true;
}

// What is live, and which tokens the live positions hold. Returns what is wrong with the lengths or the ids, or null.
template <class T>
const char* prepare(const Spec& spec, Sizes& sizes, const Inputs<T>& in, const Live& live, bool may_share,
                    Schedule& schedule, Tokens& tokens) {
  if (const char* wrong = schedule.build(live, sizes.batch, sizes.time, spec.reverse)) return wrong;
  sizes.zoneout = in.zoneout_mask || spec.zoneout != 0;
  if (!in.ids) return nullptr;
  const char* wrong = tokens.build(in.ids, sizes.table, schedule.view(), sizes.batch, sizes.time);
  if (wrong) return wrong;
  sizes.tokens = tokens.distinct();
  const bool whole = sizes.batch > 1 && sizes.time > 0 && schedule.live() == sizes.batch * sizes.time;
  const bool rows_differ = sizes.recurrent_dropout_masks || in.zoneout_mask;
  if (may_share && whole && !rows_differ && one_state(in.h0, sizes.batch, sizes.units) &&
      one_state(in.c0, sizes.batch, sizes.units))
    schedule.share_prefixes(in.ids, sizes.batch, sizes.time);
  return nullptr;
}

}  // namespace

size_t take_most_scratch() { return most_reserved.exchange(0); }

std::vector<const char*> cell_names() {
  const Kernels<float>& kernel = kernels<float>();
  return {kernel.cell_names, kernel.cell_names + kernel.cells};
}

CellTraits traits(const Spec& spec) { return kernels<float>().traits(spec); }

template <class T>
const char* run_forward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live, const Outputs<T>& out) {
  Schedule schedule;
  Tokens tokens;
  if (const char* wrong = prepare(spec, sizes, in, live, true, schedule, tokens)) return wrong;
  LentArena arena;
  const Kernels<T>& kernel = kernels<T>();
  ForwardCall<T> call{
      spec,    sizes,   in, out, schedule.view(), tokens.view(), parts_for(spec, sizes, schedule.live()),
      nullptr, nullptr, 0};
  place(call, arena, kernel.forward_shared_bytes(spec, sizes), kernel.forward_part_bytes(spec, sizes, call.parts));
  share(call, kernel.forward_pack);
  if (in.ids) share(call, kernel.forward_tokens);
  share(call, kernel.forward_part);
  return nullptr;
}

template <class T>
const char* run_backward(const Spec& spec, Sizes sizes, const Inputs<T>& in, const Live& live,
                         const BackwardInputs<T>& back, const Gradients<T>& grad) {
  Schedule schedule;
  Tokens tokens;
  // Steps that rows share have one gradient for all of them, which is no row's own gradient by its first state.
  if (const char* wrong = prepare(spec, sizes, in, live, !grad.h0, schedule, tokens)) return wrong;
  LentArena arena;
  const Kernels<T>& kernel = kernels<T>();
  BackwardCall<T> call{
      spec,    sizes,   in, back, grad, schedule.view(), tokens.view(), parts_for(spec, sizes, schedule.live()),
      nullptr, nullptr, 0};
  place(call, arena, kernel.backward_shared_bytes(spec, sizes), kernel.backward_part_bytes(spec, sizes, call.parts));
  share(call, kernel.backward_pack);
  share(call, kernel.backward_part);
  if (in.ids) share(call, kernel.backward_tokens);
  share(call, kernel.backward_finish);
  return nullptr;
}

#define GW_INSTANTIATE(T)                                                                                           \
  template const char* run_forward<T>(const Spec&, Sizes, const Inputs<T>&, const Live&, const Outputs<T>&);        \
  template const char* run_backward<T>(const Spec&, Sizes, const Inputs<T>&, const Live&, const BackwardInputs<T>&, \
                                       const Gradients<T>&);
GW_INSTANTIATE(float)
GW_INSTANTIATE(double)

}  // namespace gatewright
