// The threads that run the shards of a call.
//
// One thread pool serves the process. The caller works on the shards too, and takes those that no thread of the pool
// has started. So concurrent callers never wait for each other's threads, and a caller can finish alone. The rows of a
// shard are fixed in advance, so results do not depend on the thread that runs it. A forked child has no threads: it
// starts a pool of its own at its first call.
#pragma once

namespace gatewright {

using ShardFunction = void (*)(void* context, int shard);

// Runs run(context, shard) for every shard, on the caller's thread too, and returns when all are done.
void run_shards(int shards, ShardFunction run, void* context);

void set_num_threads(int threads);  // at least 1; the caller's own thread counts as one
int num_threads();

}  // namespace gatewright
