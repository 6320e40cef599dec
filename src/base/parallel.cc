#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank {

int hardware_threads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return std::max(1, CPU_COUNT(&allowed));
}

namespace {

/// One call of for_each: threads claim task numbers from `next` until none is left or one has failed.
class Claims {
 public:
  Claims(std::size_t tasks, const std::function<void(std::size_t, int)>& body) : tasks_(tasks), body_(body) {}

  void work(int slot) noexcept {
    try {
      for (;;) {
        const std::size_t task = next_.fetch_add(1, std::memory_order_relaxed);
        if (task >= tasks_) return;
        body_(task, slot);
      }
    } catch (...) {
      next_.store(tasks_, std::memory_order_relaxed);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::size_t tasks_;
  const std::function<void(std::size_t, int)>& body_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
};

/// A thread of the pool. It waits until it is offered a part in a call of for_each, and waits again when it has done that part.
class Helper {
 public:
  /// \return null where the system has no thread left
  static Helper* start() {
    auto helper = std::make_unique<Helper>();
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return nullptr;
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread{};
    const int failed = pthread_create(&thread, &attributes, &Helper::run, helper.get());
    pthread_attr_destroy(&attributes);
    return failed == 0 ? helper.release() : nullptr;
  }

  void offer(Claims& claims, int slot) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      offered_ = &claims;
      slot_ = slot;
    }
    changed_.notify_one();
  }

  /// Withdraws the offer if the thread has not come yet, or else waits until it has done its part.
  void release() {
    std::unique_lock<std::mutex> lock(mutex_);
    offered_ = nullptr;
    changed_.wait(lock, [this] { return !busy_; });
  }

 private:
  /// Room for the arrays of the kernels. The system's default of 8 MiB would use up a limited address space.
  static constexpr std::size_t kStackBytes = std::size_t{2} << 20U;

  static void* run(void* helper) {
    static_cast<Helper*>(helper)->serve();
    return nullptr;
  }

  [[noreturn]] void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return offered_ != nullptr; });
      Claims* const claims = std::exchange(offered_, nullptr);
      busy_ = true;
      lock.unlock();
      claims->work(slot_);
      lock.lock();
      busy_ = false;
      changed_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Claims* offered_ = nullptr;
  int slot_ = 0;
  bool busy_ = false;
};

/// The threads of the process that are not busy. They are made when they are needed for the first time, and never end.
class Pool {
 public:
  /// A forked process starts with an empty pool: the threads of its parent did not come along, and may hold locks there.
  static Pool& of_process() {
    [[maybe_unused]] static const int registered = pthread_atfork(nullptr, nullptr, [] { current = nullptr; });
    Pool* pool = current;
    if (pool == nullptr) {
      // Never destroyed: its threads wait for it until the process ends.
      auto made = std::make_unique<Pool>();
      if (current.compare_exchange_strong(pool, made.get())) pool = made.release();
    }
    return *pool;
  }

  /// At most `wanted` threads, fewer where the system or kMostThreads allows no more.
  std::vector<Helper*> take(std::size_t wanted) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.reserve(size_ + wanted);
    while (idle_.size() < wanted && size_ < Workers::kMostThreads) {
      Helper* const helper = Helper::start();
      if (helper == nullptr) break;
      idle_.push_back(helper);
      ++size_;
    }
    const auto taken = idle_.end() - static_cast<std::ptrdiff_t>(std::min(wanted, idle_.size()));
    std::vector<Helper*> helpers(taken, idle_.end());
    idle_.erase(taken, idle_.end());
    return helpers;
  }

  void give_back(std::span<Helper* const> helpers) {
    const std::lock_guard<std::mutex> lock(mutex_);
    // take() reserved the room.
    idle_.insert(idle_.end(), helpers.begin(), helpers.end());
  }

 private:
  static inline std::atomic<Pool*> current{nullptr};

  std::mutex mutex_;
  std::vector<Helper*> idle_;
  std::size_t size_ = 0;
};

void run_on_threads(Claims& claims, int threads) {
  Pool& pool = Pool::of_process();
  const std::vector<Helper*> helpers = pool.take(static_cast<std::size_t>(threads) - 1);
  for (std::size_t at = 0; at < helpers.size(); ++at) helpers[at]->offer(claims, static_cast<int>(at) + 1);
  claims.work(0);
  for (Helper* const helper : helpers) helper->release();
  pool.give_back(helpers);
}

}  // namespace

void Workers::check(int threads) {
  if (threads < 0 || threads > kMostThreads) {
    throw OptionError("threads", "must be 0 to " + std::to_string(kMostThreads) + ", got " + std::to_string(threads));
  }
}

Workers::Workers(int threads) : count_(threads > 0 ? threads : hardware_threads()) { check(threads); }

void Workers::for_each(std::size_t tasks, const std::function<void(std::size_t, int)>& body) {
  Claims claims(tasks, body);
  const int threads = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(count_), tasks));
  if (threads <= 1) {
    claims.work(0);
  } else {
    run_on_threads(claims, threads);
  }
  claims.rethrow();
}

void Workers::for_ranges(std::size_t size, std::size_t grain, const std::function<void(std::size_t, std::size_t, int)>& body) {
  const std::size_t pieces = (size + grain - 1) / grain;
  for_each(pieces, [&](std::size_t piece, int slot) { body(piece * grain, std::min(size, (piece + 1) * grain), slot); });
}

}  // namespace lowrank
