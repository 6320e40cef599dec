/// \file
/// The thread that writes.

#include <chrono>
#include <exception>

#include "serve/store_state.h"

namespace lowrank::serve {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

void Store::State::serve() noexcept {
  for (;;) {
    std::function<void()> task;
    bool writes = false;
    {
      std::unique_lock<std::mutex> lock(mutex);
      const auto ready = [this] { return closing || !queue.empty() || !tasks.empty(); };
      if (problem == StoreProblem::full) {
        if (!changed.wait_for(lock, std::chrono::seconds(1), ready)) {
          lock.unlock();
          look_for_space();
          continue;
        }
      } else {
        changed.wait(lock, ready);
      }
      writes = !queue.empty();
      if (!tasks.empty()) {
        task = std::move(tasks.front());
        tasks.pop_front();
      }
      if (!writes && !task) return;  // closing, and nothing is left
    }
    // One of each in turn, so that neither a flood of writes nor a long read keeps the other from its turn.
    if (writes) commit_waiting();
    if (task) task();
  }
}

void Store::State::commit_waiting() noexcept {
  std::vector<Waiting> batch;
  if (commit_and_answer(batch) && batch.size() > 1) {
    // One of them was refused by the store itself. Each alone, so that it takes none of the others along.
    for (Waiting& one : batch) {
      std::vector<Waiting> alone;
      alone.push_back(std::move(one));
      commit_and_answer(alone);
    }
  }
  empty_log();
}

bool Store::State::commit_and_answer(std::vector<Waiting>& batch) noexcept {
  std::vector<Outcome> outcomes;
  std::string message;
  const Clock::time_point start = Clock::now();
  StoreProblem found = StoreProblem::failed;
  try {
    found = commit(batch, outcomes, message);
  } catch (const std::exception& error) {
    message = error.what();
  }
  if (found == StoreProblem::invalid && batch.size() > 1) return true;
  if (found != StoreProblem::invalid) note_problem(found, message);
  if (found != StoreProblem::none) {
    for (const Waiting& one : batch) one.done({.problem = found, .message = message, .changes = {}});
    return false;
  }
  std::size_t operations = 0;
  for (const Waiting& one : batch) operations += one.operations.size();
  after_commit(operations, seconds_since(start));
  for (std::size_t n = 0; n < batch.size(); ++n) batch[n].done(outcomes[n]);
  return false;
}

void Store::State::empty_log() noexcept {
  // After the answers, and where nobody waits unless the log has become long.
  constexpr int kPages = 1000;
  constexpr int kManyPages = 8000;
  if (database->log_pages() < kPages) return;
  if (database->log_pages() < kManyPages) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!queue.empty()) return;
  }
  try {
    database->execute("PRAGMA wal_checkpoint(PASSIVE)");
  } catch (const StoreError& error) {
    // What is in the log stays there, and is safe there.
    log(error.what());
  }
}

StoreProblem Store::State::commit(std::vector<Waiting>& batch, std::vector<Outcome>& outcomes, std::string& message) {
  const bool given = !batch.empty();
  outcomes.clear();
  const auto take = [this, &batch] {
    const std::lock_guard<std::mutex> lock(mutex);
    if (queue.empty()) return false;
    waiting -= queue.front().operations.size();
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
    return true;
  };
  if (problem == StoreProblem::failed) {
    while (!given && take()) {
    }
    message = counts.problem;
    return problem;
  }
  const Clock::time_point start = Clock::now();
  std::size_t operations = 0;
  if (!given && !take()) return StoreProblem::none;
  try {
    changes->begin();
    for (std::size_t next = 0; next < batch.size(); ++next) {
      Outcome outcome;
      for (const Operation& operation : batch[next].operations) outcome.changes.push_back(changes->apply(operation));
      outcomes.push_back(std::move(outcome));
      operations += batch[next].operations.size();
      if (given || next + 1 < batch.size() || operations >= options.most_operations || Clock::now() - start >= options.most_gathering)
        continue;
      take();
    }
    const bool erased = changes->erased();
    changes->commit();
    for (std::vector<RowChange>* log : logs) log->insert(log->end(), changes->rows().begin(), changes->rows().end());
    if (erased) {
      // Old pages in the log still have what was erased. Where the disk has no room for them in the file, a later checkpoint does it.
      try {
        database->execute("PRAGMA wal_checkpoint(TRUNCATE)");
      } catch (const StoreError& error) {
        log(error.what());
      }
    }
    return StoreProblem::none;
  } catch (const StoreError& error) {
    changes->roll_back();
    message = error.what();
    return error.problem();
  } catch (...) {
    changes->roll_back();
    throw;
  }
}

void Store::State::after_commit(std::size_t operations, double seconds) {
  publish();
  std::function<void(double, std::size_t)> observer;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    ++counts.commits;
    observer = commit_observer;
  }
  if (observer) observer(seconds, operations);
}

void Store::State::note_problem(StoreProblem found, const std::string& message) {
  if (found == problem) return;
  problem = found;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    counts.writable = found == StoreProblem::none;
    counts.problem = counts.writable ? "" : message;
  }
  log(found == StoreProblem::none ? "the store takes writes again" : message);
}

void Store::State::look_for_space() noexcept {
  try {
    changes->set("clean_end", "0");
    note_problem(StoreProblem::none, "");
  } catch (const StoreError& error) {
    database->roll_back();
    if (error.problem() != StoreProblem::full) note_problem(error.problem(), error.what());
  }
}

}  // namespace lowrank::serve
