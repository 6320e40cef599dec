#include "base/parallel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lowrank::parallel_test {
namespace {

TEST(Workers, RunEveryTaskOnce) {
  for (const int threads : {0, 1, 2, 3, 8, 16}) {
    Workers workers(threads);
    for (const std::size_t tasks : {0U, 1U, 2U, 7U, 1000U}) {
      std::vector<std::atomic<int>> runs(tasks);
      workers.for_each(tasks, [&](std::size_t task, int slot) {
        EXPECT_GE(slot, 0);
        EXPECT_LT(slot, workers.count());
        ++runs[task];
      });
      for (const auto& count : runs) EXPECT_EQ(count.load(), 1);
    }
  }
}

TEST(Workers, NoTwoRunningTasksShareASlot) {
  Workers workers(8);
  std::vector<std::atomic<int>> in_use(8);
  workers.for_each(2000, [&](std::size_t, int slot) {
    EXPECT_EQ(in_use[static_cast<std::size_t>(slot)]++, 0);
    std::this_thread::yield();
    --in_use[static_cast<std::size_t>(slot)];
  });
}

TEST(Workers, ATaskMayWaitForALowerOne) {
  Workers workers(8);
  std::vector<std::atomic<bool>> done(500);
  workers.for_each(500, [&](std::size_t task, int) {
    while (task > 0 && !done[task - 1].load(std::memory_order_acquire)) std::this_thread::yield();
    done[task].store(true, std::memory_order_release);
  });
  EXPECT_TRUE(done.back().load());
}

TEST(Workers, AnExceptionReachesTheCaller) {
  for (const int threads : {1, 2, 8}) {
    Workers workers(threads);
    EXPECT_THROW(workers.for_each(100,
                                  [](std::size_t task, int) {
                                    if (task == 37) throw std::runtime_error("task 37");
                                  }),
                 std::runtime_error);
    std::atomic<int> runs{0};
    workers.for_each(10, [&](std::size_t, int) { ++runs; });
    EXPECT_EQ(runs.load(), 10);
  }
}

TEST(Workers, ManyCallsAtTheSameTime) {
  std::atomic<std::size_t> sum{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&sum, caller] {
      Workers workers(caller + 1);
      for (int call = 0; call < 200; ++call) workers.for_each(10, [&sum](std::size_t task, int) { sum += task; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 8U * 200U * 45U);
}

TEST(Workers, RangesCoverWithoutOverlap) {
  Workers workers(3);
  for (const std::size_t size : {0U, 1U, 9U, 10U, 11U, 95U}) {
    std::vector<std::atomic<int>> seen(size);
    workers.for_ranges(size, 10, [&](std::size_t begin, std::size_t end, int) {
      EXPECT_EQ(begin % 10, 0U);
      EXPECT_LE(end - begin, 10U);
      for (std::size_t n = begin; n < end; ++n) ++seen[n];
    });
    for (const auto& count : seen) EXPECT_EQ(count.load(), 1);
  }
}

// Doubles whose sum depends on the order of the additions.
TEST(Workers, SumsAreAddedInOrderOfTheirPieces) {
  const std::vector<double> values = {1, 1e16, -1e16, 3, 1e-3, 7e15, 0.1, -7e15, 1e17, 5, -1e17};
  double expected = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += 2) {
    double piece = 0;
    for (std::size_t n = begin; n < std::min(values.size(), begin + 2); ++n) piece += values[n];
    expected += piece;
  }
  for (const int threads : {1, 2, 3, 8}) {
    Workers workers(threads);
    const double sum = workers.sum_ranges(values.size(), 2, [&](std::size_t begin, std::size_t end, int slot) {
      EXPECT_LT(slot, threads);
      double piece = 0;
      for (std::size_t n = begin; n < end; ++n) piece += values[n];
      return piece;
    });
    EXPECT_EQ(sum, expected);
  }
}

TEST(Workers, SumsOfNumbersStructsAndContainers) {
  struct Figures {
    std::size_t count = 0;
    double squares = 0;
    Figures& operator+=(const Figures& other) {
      count += other.count;
      squares += other.squares;
      return *this;
    }
  };
  Workers workers(2);
  for (const std::size_t size : {0U, 1U, 255U, 256U, 257U, 1000U}) {
    const auto n = static_cast<double>(size);
    const Figures figures = workers.sum_rows(size, [](std::size_t begin, std::size_t end, int) {
      EXPECT_EQ(begin % 256, 0U);
      EXPECT_LE(end - begin, 256U);
      Figures sum;
      for (std::size_t row = begin; row < end; ++row) sum += {1, static_cast<double>(row * row)};
      return sum;
    });
    EXPECT_EQ(figures.count, size);
    EXPECT_EQ(figures.squares, size == 0 ? 0 : (n - 1) * n * (2 * n - 1) / 6);
    const std::vector<double> both = workers.sum_ranges(size, 10, [](std::size_t begin, std::size_t end, int) {
      std::vector<double> sums(2);
      for (std::size_t row = begin; row < end; ++row) {
        sums[0] += 1;
        sums[1] += static_cast<double>(row);
      }
      return sums;
    });
    if (size == 0) {
      EXPECT_TRUE(both.empty());
    } else {
      EXPECT_EQ(both, (std::vector<double>{n, (n - 1) * n / 2}));
    }
  }
}

// Not under sanitizers: the thread sanitizer ends forked processes that start threads, and GCC 12's address sanitizer leaves the locks of
// its allocator to them as they were.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
bool sum_is_right(int threads = 4) {
  Workers workers(threads);
  std::atomic<std::size_t> sum{0};
  workers.for_each(1000, [&](std::size_t task, int) { sum += task; });
  return sum == 499500;
}

bool in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Workers, WorkInForkedProcessesAndTheirChildren) {
  ASSERT_TRUE(sum_is_right());
  for (int time = 0; time < 20; ++time) {
    // Forked while the workers have just been busy: some are on their way to sleep.
    ASSERT_TRUE(sum_is_right());
    ASSERT_TRUE(in_child([] { return sum_is_right() && in_child([] { return sum_is_right() && sum_is_right(); }) && sum_is_right(); }));
  }
  EXPECT_TRUE(sum_is_right());
}

/// Leaves room for `bytes` more in the address space of this process.
void limit_address_space(std::size_t bytes) {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages;
  const std::size_t limit = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit room{.rlim_cur = limit, .rlim_max = limit};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &room), 0);
}

// Room for the stacks of no, some and many threads.
TEST(Workers, WorkWithTheThreadsThatThereAre) {
  for (const std::size_t megabytes : {1U, 5U, 20U, 100U, 300U}) {
    EXPECT_TRUE(in_child([megabytes] {
      limit_address_space(megabytes << 20U);
      return sum_is_right(Workers::kMostThreads) && sum_is_right(64) && sum_is_right(Workers::kMostThreads);
    })) << megabytes;
  }
  ASSERT_TRUE(sum_is_right());
  EXPECT_TRUE(in_child([] {
    limit_address_space(std::size_t{5} << 20U);
    return sum_is_right() && in_child([] { return sum_is_right(64); });
  }));
}
#endif

}  // namespace
}  // namespace lowrank::parallel_test
