// Counts every request for memory. The linker's --wrap sends the calls of the kernels and the driver here; operator
// new is replaced for the sake of the C++ library, which --wrap does not reach where it is a shared object.
#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<long> count{0};
}

long allocations() { return count.load(); }

extern "C" {
void* __real_malloc(size_t bytes);
void* __real_calloc(size_t items, size_t bytes);
void* __real_realloc(void* memory, size_t bytes);
void* __real_aligned_alloc(size_t alignment, size_t bytes);
int __real_posix_memalign(void** memory, size_t alignment, size_t bytes);

void* __wrap_malloc(size_t bytes) { return ++count, __real_malloc(bytes); }
void* __wrap_calloc(size_t items, size_t bytes) { return ++count, __real_calloc(items, bytes); }
void* __wrap_realloc(void* memory, size_t bytes) { return ++count, __real_realloc(memory, bytes); }
void* __wrap_aligned_alloc(size_t alignment, size_t bytes) { return ++count, __real_aligned_alloc(alignment, bytes); }
int __wrap_posix_memalign(void** memory, size_t alignment, size_t bytes) {
  return ++count, __real_posix_memalign(memory, alignment, bytes);
}
}

void* operator new(size_t bytes) {
  if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
