#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lowrank/model/model_file.h"
#include "serve/jobs.h"
#include "serve/store_fixture.h"

namespace lowrank::serve::testing_jobs {

using testing_store::Folder;
using testing_store::put;
using testing_store::Sequence;
using namespace std::chrono_literals;

/// Ratings that a few factors explain, in no order, with ids whose order of bytes is not that of numbers.
inline std::vector<Operation> planted(std::uint64_t users, std::uint64_t items) {
  std::vector<Operation> operations;
  for (std::uint64_t n = 0; n < users * items / 4; ++n) {
    const std::uint64_t user = Sequence::mixed(2 * n) % users;
    const std::uint64_t item = Sequence::mixed(2 * n + 1) % items;
    const auto taste = std::sin(0.7 * static_cast<double>(user)) * std::cos(0.3 * static_cast<double>(item));
    operations.emplace_back(put("u" + std::to_string(user), "i" + std::to_string(item), static_cast<float>(std::round(3 + 2 * taste)),
                                1'600'000'000 + static_cast<std::int64_t>(n * 5000)));
  }
  return operations;
}

inline TrainRequest request_of(const std::string& json) { return read_train_request(json, {}); }

/// A store, and a service that only remembers which model it was given.
struct Service {
  explicit Service(const Folder& folder, JobOptions job_options = {}) : store({.folder = folder.state(), .vfs = {}, .on_log = {}}) {
    JobHooks hooks;
    hooks.serve = [this](std::int64_t id, Model model) {
      if (refuses) throw std::runtime_error("no room for the model");
      const std::lock_guard<std::mutex> lock(mutex);
      served.push_back(id);
      ranks.push_back(model.rank());
    };
    hooks.on_end = [this](const Job& job) {
      const std::lock_guard<std::mutex> lock(mutex);
      ended.push_back(job);
    };
    hooks.on_log = [this](std::string_view text) {
      const std::lock_guard<std::mutex> lock(mutex);
      log.emplace_back(text);
    };
    jobs = std::make_unique<Jobs>(store, std::move(job_options), std::move(hooks));
  }
  Job train(const std::string& json) {
    const std::uint64_t id = jobs->start(read_train_request(json, jobs->options().request));
    jobs->wait();
    return jobs->job(id).value();
  }
  bool logged(const std::string& part) {
    const std::lock_guard<std::mutex> lock(mutex);
    return std::ranges::any_of(log, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

  Store store;
  std::atomic<bool> refuses{false};
  std::mutex mutex;
  std::vector<std::int64_t> served;
  std::vector<std::size_t> ranks;
  std::vector<Job> ended;
  std::vector<std::string> log;
  std::unique_ptr<Jobs> jobs;
};

template <class Holds>
bool comes_true(const Holds& holds, std::chrono::milliseconds most = 20s) {
  for (auto waited = 0ms; waited < most; waited += 20ms) {
    if (holds()) return true;
    std::this_thread::sleep_for(20ms);
  }
  return holds();
}

}  // namespace lowrank::serve::testing_jobs
