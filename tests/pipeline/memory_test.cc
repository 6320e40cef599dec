#include <string>

#include "lowrank/base/error.h"
#include "lowrank/pipeline/run.h"
#include "pipeline/run_fixture.h"

namespace lowrank::memory_test {
namespace {

using RunMemoryTest = RunTest;

class MemoryObserver : public TrainingObserver {
 public:
  void on_memory(const MemoryReport& given) override { report = given; }
  bool on_epoch(const EpochReport& /*report*/, const std::function<Model()>& /*model*/) override {
    trained = true;
    return true;
  }
  MemoryReport report;
  bool trained = false;
};

TEST_F(RunMemoryTest, IsReportedBeforeTraining) {
  MemoryObserver observer;
  run_training(synthetic_run(), observer);
  EXPECT_GT(observer.report.resident, 0U);
  EXPECT_GT(observer.report.available, observer.report.training);
  // 100 rows of 16 floats, twice.
  EXPECT_GT(observer.report.training, 100U * 16 * 4 * 2);
  EXPECT_LT(observer.report.training, 100U * 1000);
}

TEST_F(RunMemoryTest, WhatCannotFitIsRefusedBeforeItStarts) {
  TrainRun run = synthetic_run();
  sgd_of(run).rank = 1000;
  run.memory = 400'000;
  MemoryObserver observer;
  std::string message;
  try {
    run_training(run, observer);
  } catch (const MemoryError& error) {
    message = error.what();
  }
  EXPECT_FALSE(observer.trained);
  EXPECT_FALSE(std::filesystem::exists(run.output));
  ASSERT_NE(message.find("a rank of at most "), std::string::npos) << message;
  // What fits does fit.
  const std::string words = "at most ";
  sgd_of(run).rank = static_cast<std::uint32_t>(std::stoul(message.substr(message.find(words) + words.size())));
  EXPECT_NO_THROW(run_training(run, observer));
  sgd_of(run).rank += 16;
  EXPECT_THROW(run_training(run, observer), MemoryError);
}

TEST_F(RunMemoryTest, WhereNoRankFitsItSaysSo) {
  TrainRun run = synthetic_run();
  run.memory = 10;
  try {
    run_training(run, silent_);
    FAIL();
  } catch (const MemoryError& error) {
    EXPECT_NE(std::string(error.what()).find("fewer ratings"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace lowrank::memory_test
