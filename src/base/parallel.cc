#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "lowrank/base/error.h"

#ifndef LOWRANK_STD_THREADS
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <pthread.h>
#endif

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

void run_on_new_threads(Claims& claims, int threads) {
  std::vector<std::thread> others;
  others.reserve(static_cast<std::size_t>(threads) - 1);
  for (int slot = 1; slot < threads; ++slot) others.emplace_back([&claims, slot] { claims.work(slot); });
  claims.work(0);
  for (std::thread& other : others) other.join();
}

}  // namespace

#ifdef LOWRANK_STD_THREADS

struct Workers::Impl {
  explicit Impl(int) {}
  static void run(Claims& claims, int threads) { run_on_new_threads(claims, threads); }
};

#else

namespace {

/// True in a process that was forked from one where TBB had been in use: there TBB counts on threads and holds locks of threads that the
/// fork did not bring along. Such a process starts threads of its own, and never touches TBB.
std::atomic<bool> lost_its_threads{false};

/// TBB gives an arena no more threads than there are processors unless told so, once for the whole process; a limit that comes and goes
/// makes it complain on stderr. From here on a fork is noticed.
void prepare_process() {
  // Never destroyed: a forked child must not touch TBB even when it ends.
  alignas(oneapi::tbb::global_control) static std::array<std::byte, sizeof(oneapi::tbb::global_control)> room;
  static const bool prepared = [] {
    pthread_atfork(nullptr, nullptr, [] { lost_its_threads = true; });
    new (room.data()) oneapi::tbb::global_control(oneapi::tbb::global_control::max_allowed_parallelism, Workers::kMostThreads);
    return true;
  }();
  static_cast<void>(prepared);
}

}  // namespace

struct Workers::Impl {
  explicit Impl(int threads) {
    if (lost_its_threads) return;
    prepare_process();
    arena.initialize(threads);
  }

  void run(Claims& claims, int threads) {
    if (lost_its_threads) {
      run_on_new_threads(claims, threads);
      return;
    }
    arena.execute([&] {
      oneapi::tbb::task_group group;
      for (int slot = 1; slot < threads; ++slot) group.run([&claims, slot] { claims.work(slot); });
      claims.work(0);
      group.wait();
    });
  }

  oneapi::tbb::task_arena arena;
};

#endif

void Workers::check(int threads) {
  if (threads < 0 || threads > kMostThreads) {
    throw OptionError("threads", "must be 0 to " + std::to_string(kMostThreads) + ", got " + std::to_string(threads));
  }
}

Workers::Workers(int threads) : count_(threads > 0 ? threads : hardware_threads()) {
  check(threads);
  impl_ = std::make_unique<Impl>(count_);
}

Workers::~Workers() = default;

void Workers::for_each(std::size_t tasks, const std::function<void(std::size_t, int)>& body) {
  Claims claims(tasks, body);
  const int threads = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(count_), tasks));
  if (threads <= 1) {
    claims.work(0);
  } else {
    impl_->run(claims, threads);
  }
  claims.rethrow();
}

void Workers::for_ranges(std::size_t size, std::size_t grain, const std::function<void(std::size_t, std::size_t, int)>& body) {
  const std::size_t pieces = (size + grain - 1) / grain;
  for_each(pieces, [&](std::size_t piece, int slot) { body(piece * grain, std::min(size, (piece + 1) * grain), slot); });
}

}  // namespace lowrank
