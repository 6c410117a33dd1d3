#include "core/scratch.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace gatewright {
namespace {

constexpr size_t page = 4096;
constexpr size_t huge_page = size_t{2} << 20;
// Smaller scratch memory would grow by a large part if it consisted of whole huge pages.
constexpr size_t min_bytes_for_huge_pages = 16 * huge_page;

size_t aligned(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

// Scratch memory lies outside the heap and has room to spare: otherwise calls of slightly different sizes would
// fragment the heap. Under the address sanitizer it comes from the heap, has exactly the size asked for and is new at
// each call, so that an access past its end is found.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool reuses_arenas = false;
size_t with_room(size_t bytes) { return bytes; }
char* take_pages(size_t bytes) { return static_cast<char*>(std::aligned_alloc(page, bytes)); }
void give_back(char* pages, size_t) { std::free(pages); }
#else
constexpr bool reuses_arenas = true;
size_t with_room(size_t bytes) { return aligned(bytes + bytes / 8, page); }
void give_back(char* pages, size_t bytes) { munmap(pages, bytes); }

char* map_pages(size_t bytes) {
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<char*>(pages);
}

// Large memory begins at a huge page, if the system has them.
char* take_pages(size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes >= min_bytes_for_huge_pages) {
    char* const pages = map_pages(bytes + huge_page);
    if (!pages) return nullptr;
    const size_t before = aligned(reinterpret_cast<uintptr_t>(pages), huge_page) - reinterpret_cast<uintptr_t>(pages);
    if (before) give_back(pages, before);
    give_back(pages + before + bytes, huge_page - before);
    madvise(pages + before, bytes, MADV_HUGEPAGE);
    return pages + before;
  }
#endif
  return map_pages(bytes);
}
#endif

// The largest size that a call has asked for since it was last read. Peak memory is reported with it.
std::atomic<size_t> peak_reserved{0};
std::atomic<size_t> limit{size_t{64} << 20};

}  // namespace

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    if (memory_) give_back(memory_, bytes_);
  }

  size_t bytes() const { return bytes_; }

  char* reserve(size_t bytes) {
    size_t peak = peak_reserved.load(std::memory_order_relaxed);
    while (bytes > peak && !peak_reserved.compare_exchange_weak(peak, bytes, std::memory_order_relaxed)) {
    }
    needed_ = std::max(needed_, bytes);
    if (bytes > bytes_) {
      if (memory_) give_back(memory_, bytes_);
      bytes_ = 0;
      memory_ = take_pages(with_room(bytes));
      if (!memory_) throw std::bad_alloc();
      bytes_ = with_room(bytes);
    }
    return memory_;
  }

  // Once in many calls, frees what none of them has needed, such as the memory of a single large call.
  void shrink_now_and_then() {
    constexpr int calls_between = 256;
    if (++calls_ < calls_between) return;
    const size_t enough = with_room(needed_);
    if (reuses_arenas && enough < bytes_ / 2) {
      give_back(memory_ + enough, bytes_ - enough);
      bytes_ = enough;
    }
    calls_ = 0;
    needed_ = 0;
  }

 private:
  char* memory_ = nullptr;
  size_t bytes_ = 0;
  size_t needed_ = 0;  // the largest call since the arena was last checked
  int calls_ = 0;
};

namespace {

// The arenas that no call uses, and their size together. The calls of a program often come from many threads, one after
// another, and one arena serves them all. An arena is taken and returned by one atomic exchange, so a fork cannot leave
// it locked.
std::atomic<Arena*> idle_arenas[8];
std::atomic<size_t> idle_bytes{0};

}  // namespace

PooledArena::PooledArena() {
  for (auto& place : idle_arenas)
    if (Arena* found = place.exchange(nullptr)) {
      arena_.reset(found);
      idle_bytes -= arena_->bytes();
      return;
    }
  arena_ = std::make_unique<Arena>();
}

PooledArena::~PooledArena() {
  arena_->shrink_now_and_then();
  const size_t bytes = arena_->bytes();
  if (reuses_arenas && idle_bytes.fetch_add(bytes) + bytes <= limit) {
    for (auto& place : idle_arenas) {
      Arena* empty = nullptr;
      if (place.compare_exchange_strong(empty, arena_.get())) {
        arena_.release();
        return;
      }
    }
  }
  if (reuses_arenas) idle_bytes -= bytes;
}

char* PooledArena::reserve(size_t bytes) { return arena_->reserve(bytes); }

void set_scratch_limit(size_t bytes) {
  limit = bytes;
  for (auto& place : idle_arenas) {
    if (idle_bytes <= bytes) return;
    const std::unique_ptr<Arena> found(place.exchange(nullptr));
    if (found) idle_bytes -= found->bytes();
  }
}
size_t scratch_limit() { return limit; }
size_t kept_scratch() { return idle_bytes; }
size_t take_peak_scratch() { return peak_reserved.exchange(0); }

}  // namespace gatewright
