#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "lowrank/data/generate.h"
#include "lowrank/pipeline/run.h"

namespace lowrank {

/// A folder of its own with synthetic ratings, and short runs over them.
class RunTest : public testing::Test {
 protected:
  RunTest() {
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("lowrank_") + test->test_suite_name() + "_" + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~RunTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name)) << content;
    return path(name);
  }

  /// Ratings of 60 users and 40 items; every tenth line or so goes to `test.csv`.
  [[nodiscard]] TrainRun synthetic_run(std::uint64_t ratings = 900) const {
    GenerateOptions options;
    options.users = 60;
    options.items = 40;
    options.ratings = ratings;
    options.test_fraction = 0.1;
    std::ofstream train(path("ratings.csv"));
    std::ofstream test(path("test.csv"));
    generate(options, [&](const GeneratedRating& rating) {
      (rating.test ? test : train) << 'u' << rating.user << ",i" << rating.item << ',' << rating.value << '\n';
    });
    TrainRun run;
    run.ratings = path("ratings.csv");
    run.output = path("model.safetensors");
    run.threads = 2;
    Sgd method;
    method.rank = 4;
    method.epochs = 8;
    run.method = method;
    return run;
  }

  std::filesystem::path folder_;
  TrainingObserver silent_;
};

/// The method of a run, to change its options.
inline Sgd& sgd_of(TrainRun& run) { return std::get<Sgd>(run.method); }

/// Answers yes from the `count`th question on.
inline std::function<bool()> yes_from(int count) {
  return [count, asked = 0]() mutable { return ++asked >= count; };
}

}  // namespace lowrank
