#include "core/thread_pool.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace gatewright {
namespace {

struct Job {
  Job(int parts, PartFunction run, void* context) : parts(parts), run(run), context(context) {}
  const int parts;
  const PartFunction run;
  void* const context;
  int next = 0;  // the first part that nobody has begun
  std::atomic<int> finished{0};
};

// How long a thread looks for what it waits for before it sleeps. The phases of a call follow one another within less,
// and to wake a thread on an idle core can take as long.
constexpr std::chrono::microseconds patience{100};

template <class F>
void look_for(F found) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!found() && std::chrono::steady_clock::now() < end) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

class Team {
 public:
  void run(int parts, PartFunction function, void* context) {
    const auto job = std::make_shared<Job>(parts, function, context);
    std::unique_lock<std::mutex> lock(mutex_);
    start_threads(parts - 1);
    jobs_.push_back(job);
    ++calls_;
    work_.notify_all();
    while (take_part(*job, lock)) {
    }
    const auto done = [&] { return job->finished == job->parts; };
    lock.unlock();
    look_for(done);
    lock.lock();
    done_.wait(lock, done);
  }

 private:
  // Where the system gives no more threads, those that there are (the caller at least) do the work.
  void start_threads(int wanted) {
    try {
      for (; started_ < wanted; ++started_) std::thread(&Team::serve, this).detach();
    } catch (const std::system_error&) {
    }
  }

  // Runs one part of a job with the lock released; false if none is left to begin.
  bool take_part(Job& job, std::unique_lock<std::mutex>& lock) {
    if (job.next == job.parts) return false;
    const int part = job.next++;
    if (job.next == job.parts) forget(job);
    lock.unlock();
    job.run(job.context, part);
    lock.lock();
    if (++job.finished == job.parts) done_.notify_all();
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
      take_part(*job, lock);
      if (!jobs_.empty()) continue;
      const int seen = calls_;
      lock.unlock();
      look_for([&] { return calls_ != seen; });
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable work_, done_;
  std::deque<std::shared_ptr<Job>> jobs_;  // those with parts left to begin
  int started_ = 0;
  std::atomic<int> calls_{0};
};

// The team is never destroyed: its threads may outlive every static object.
std::atomic<Team*> the_team{nullptr};
std::atomic<int> wanted_threads{1};

Team& team() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { the_team.store(nullptr); });
  (void)registered;
  Team* current = the_team.load();
  if (current) return *current;
  auto* fresh = new Team;
  if (the_team.compare_exchange_strong(current, fresh)) return *fresh;
  delete fresh;
  return *current;
}

}  // namespace

void run_parts(int parts, PartFunction run, void* context) {
  if (parts == 1) return run(context, 0);
  team().run(parts, run, context);
}

void set_num_threads(int threads) { wanted_threads.store(threads < 1 ? 1 : threads); }
int num_threads() { return wanted_threads.load(); }

}  // namespace gatewright
