// Scratch memory of the calls. It is kept for later calls: fresh pages cost more than the arithmetic.
#pragma once

#include <cstddef>
#include <memory>

namespace gatewright {

// The largest number of bytes that is kept while no call uses it, in all arenas together.
void set_scratch_limit(size_t bytes);
size_t scratch_limit();

// Return the number of bytes that is kept while no call uses it.
size_t kept_scratch();

// Return the largest number of bytes of scratch memory that a call has used since the last call of this function.
size_t take_peak_scratch();

class Arena;

// The scratch memory of one call.
class PooledArena {
 public:
  PooledArena();
  ~PooledArena();
  PooledArena(const PooledArena&) = delete;
  PooledArena& operator=(const PooledArena&) = delete;
  char* reserve(size_t bytes);  // once a call

 private:
  std::unique_ptr<Arena> arena_;
};

}  // namespace gatewright
