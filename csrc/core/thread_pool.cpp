#include "core/thread_pool.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace gatewright {
namespace {

// The work of a thread that has called `run`, again and again: it is in the list of jobs only while a shard is left to
// start, and all its shards have finished before the next call. Threads of the pool may then still have a pointer to it.
struct Job {
  int shards = 0;
  ShardFunction run = nullptr;
  void* context = nullptr;
  int next = 0;  // the first shard that no thread has started
  std::atomic<int> finished{0};
};

// How long a thread spins before it sleeps. The phases of a call follow each other within less, and waking a thread on
// an idle core can take as long.
constexpr std::chrono::microseconds spin_time{100};

template <class F>
void spin_until(F found) {
  const auto end = std::chrono::steady_clock::now() + spin_time;
  while (!found() && std::chrono::steady_clock::now() < end) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

class ThreadPool {
 public:
  void run(int shards, ShardFunction function, void* context) {
    // Kept, since a backward pass calls this function for each segment of its positions.
    thread_local const auto job = std::make_shared<Job>();
    std::unique_lock<std::mutex> lock(mutex_);
    job->shards = shards;
    job->run = function;
    job->context = context;
    job->next = job->finished = 0;
    start_threads(shards - 1);
    jobs_.push_back(job);
    ++calls_;
    work_.notify_all();
    while (take_shard(*job, lock)) {
    }
    const auto done = [&] { return job->finished == job->shards; };
    lock.unlock();
    spin_until(done);
    lock.lock();
    done_.wait(lock, done);
  }

 private:
  // If the system gives no more threads, the existing ones (at least the caller) do the work.
  void start_threads(int wanted) {
    try {
      for (; started_ < wanted; ++started_) std::thread(&ThreadPool::serve, this).detach();
    } catch (const std::system_error&) {
    }
  }

  // Runs one shard of a job with the lock released; false if none is left to start.
  bool take_shard(Job& job, std::unique_lock<std::mutex>& lock) {
    if (job.next == job.shards) return false;
    const int shard = job.next++;
    if (job.next == job.shards) forget(job);
    lock.unlock();
    job.run(job.context, shard);
    lock.lock();
    if (++job.finished == job.shards) done_.notify_all();
    return true;
  }

  void forget(const Job& job) {
    for (auto at = jobs_.begin(); at != jobs_.end(); ++at)
      if (at->get() == &job) {
        jobs_.erase(at);
        return;
      }
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      work_.wait(lock, [&] { return !jobs_.empty(); });
      const auto job = jobs_.front();
      take_shard(*job, lock);
      if (!jobs_.empty()) continue;
      const int seen = calls_;
      lock.unlock();
      spin_until([&] { return calls_ != seen; });
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable work_, done_;
  std::vector<std::shared_ptr<Job>> jobs_;  // those with shards left to start, oldest first
  int started_ = 0;
  std::atomic<int> calls_{0};
};

// The pool is never destroyed: its threads may outlive every static object.
std::atomic<ThreadPool*> current_pool{nullptr};
std::atomic<int> wanted_threads{1};

ThreadPool& thread_pool() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { current_pool.store(nullptr); });
  (void)registered;
  ThreadPool* current = current_pool.load();
  if (current) return *current;
  auto* fresh = new ThreadPool;
  if (current_pool.compare_exchange_strong(current, fresh)) return *fresh;
  delete fresh;
  return *current;
}

}  // namespace

void run_shards(int shards, ShardFunction run, void* context) {
  if (shards == 1) return run(context, 0);
  thread_pool().run(shards, run, context);
}

void set_num_threads(int threads) { wanted_threads.store(threads < 1 ? 1 : threads); }
int num_threads() { return wanted_threads.load(); }

}  // namespace gatewright
