#pragma once

/// \file
/// The inside of a Store: the queue, the thread that writes, and what is read on that thread in between.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "serve/store.h"
#include "serve/store_database.h"
#include "serve/store_lock.h"
#include "serve/store_write.h"

namespace lowrank::serve {

struct Store::State {
  explicit State(StoreOptions given);

  /// A submission that waits.
  struct Waiting {
    std::vector<Operation> operations;
    Done done;
  };

  /// Runs `body` on the thread of the writer, between two commits, and returns what it returns or throws.
  template <class Body>
  auto run(Body body) {
    using Result = decltype(body());
    auto task = std::make_shared<std::packaged_task<Result()>>(std::move(body));
    std::future<Result> result = task->get_future();
    {
      const std::lock_guard<std::mutex> lock(mutex);
      if (closing) throw StoreError(StoreProblem::closed, options.folder + ": the store is closed");
      tasks.emplace_back([task] { (*task)(); });
    }
    changed.notify_one();
    return result.get();
  }

  void open();
  void serve() noexcept;
  void commit_waiting() noexcept;
  /// Commits and answers. \return true where nothing was done, because one of several submissions is one that the store refuses
  bool commit_and_answer(std::vector<Waiting>& batch) noexcept;
  /// Moves what is in the log to the file, where that is due.
  void empty_log() noexcept;
  /// Applies and commits submissions. \return what went wrong
  StoreProblem commit(std::vector<Waiting>& batch, std::vector<Outcome>& outcomes, std::string& message);
  void after_commit(std::size_t operations, double seconds);
  void note_problem(StoreProblem problem, const std::string& message);
  void look_for_space() noexcept;
  void publish();
  void end() noexcept;
  void log(std::string_view message) const {
    if (options.on_log) options.on_log(message);
  }

  StoreOptions options;
  std::string path;
  std::unique_ptr<FolderLock> folder_lock;
  std::unique_ptr<Database> database;
  std::unique_ptr<Changes> changes;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Waiting> queue;                                 ///< guarded by mutex
  std::size_t waiting = 0;                                   ///< operations in the queue; guarded by mutex
  std::deque<std::function<void()>> tasks;                   ///< guarded by mutex
  bool closing = false;                                      ///< guarded by mutex
  StoreCounts counts;                                        ///< guarded by mutex; but `waiting` and `bytes`, which are asked for
  std::function<void(double, std::size_t)> commit_observer;  ///< guarded by mutex
  StoreProblem problem = StoreProblem::none;                 ///< of the last commit; only the writer
  std::vector<std::vector<RowChange>*> logs;                 ///< of snapshots under way; only the writer
  std::mutex closing_mutex;
  std::thread thread;
};

}  // namespace lowrank::serve
