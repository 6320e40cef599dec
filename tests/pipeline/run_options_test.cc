#include <limits>

#include "lowrank/base/error.h"
#include "lowrank/pipeline/run.h"
#include "pipeline/run_fixture.h"

namespace lowrank::run_options_test {
namespace {

using RunOptionsTest = RunTest;

/// The option that an error names, for a run whose ratings are not there: options come first.
std::string refused_option(const TrainRun& run) {
  TrainingObserver silent;
  try {
    run_training(run, silent);
  } catch (const OptionError& error) {
    return error.option();
  } catch (const FileError&) {
    return "(none)";
  }
  return "(nothing thrown)";
}

TEST_F(RunOptionsTest, ChecksOptionsBeforeAnythingElse) {
  TrainRun good = synthetic_run();
  good.ratings = path("missing.csv");
  EXPECT_EQ(refused_option(good), "(none)");
  const auto refused = [&good](const std::function<void(TrainRun&)>& change) {
    TrainRun run = good;
    change(run);
    return refused_option(run);
  };
  EXPECT_EQ(refused([](TrainRun& run) { sgd_of(run).learning_rate = -1; }), "learning_rate");
  EXPECT_EQ(refused([](TrainRun& run) { run.holdout = 1; }), "holdout");
  EXPECT_EQ(refused([](TrainRun& run) { run.holdout = -0.1; }), "holdout");
  EXPECT_EQ(refused([](TrainRun& run) { run.holdout = std::numeric_limits<double>::quiet_NaN(); }), "holdout");
  EXPECT_EQ(refused([](TrainRun& run) { run.holdout = 0.1, run.validation = "v.csv"; }), "holdout");
  EXPECT_EQ(refused([](TrainRun& run) { run.refit = true; }), "refit");
  EXPECT_EQ(refused([](TrainRun& run) { run.monitor = "rmse"; }), "monitor");
  EXPECT_EQ(refused([](TrainRun& run) { run.holdout = 0.1, run.monitor = "beauty"; }), "monitor");
  EXPECT_EQ(refused([](TrainRun& run) { run.threads = -1; }), "threads");
  EXPECT_EQ(refused([](TrainRun& run) { run.min_rating = 5, run.max_rating = 1; }), "min_rating");
  EXPECT_EQ(refused([](TrainRun& run) { run.max_rating = std::numeric_limits<float>::infinity(); }), "max_rating");
  EXPECT_EQ(refused([](TrainRun& run) { run.max_rating = 1, run.clips = false; }), "max_rating");
  EXPECT_EQ(refused([](TrainRun& run) { sgd_of(run).patience = 3; }), "patience");
  EXPECT_EQ(refused([](TrainRun& run) { run.stated = {"patience"}; }), "patience");
  EXPECT_EQ(refused([](TrainRun& run) { run.stated = {"patience"}, run.holdout = 0.1; }), "(none)");
  EXPECT_EQ(refused([](TrainRun& run) { run.stated = {"rank", "schedule"}; }), "(none)");
  EXPECT_EQ(refused([](TrainRun& run) { run.stated = {"schedule"}, sgd_of(run).update_order = UpdateOrder::tutorial; }), "schedule");
  EXPECT_EQ(refused([](TrainRun& run) { run.method = Implicit{}, run.holdout = 0.1, run.monitor = "mae"; }), "monitor");
  EXPECT_EQ(refused([](TrainRun& run) { run.method = Implicit{}, run.clips = false; }), "clip");
  EXPECT_EQ(refused([](TrainRun& run) { run.method = Popular{}, run.init = "m"; }), "init");
  EXPECT_EQ(refused([](TrainRun& run) { run.method = Baseline{.seed = 2}; }), "seed");
  EXPECT_EQ(refused([](TrainRun& run) { run.method = Popular{}, run.stated = {"seed"}; }), "seed");
  EXPECT_EQ(refused([](TrainRun& run) { run.method = Baseline{.seed = 2}, run.validation = "v.csv"; }), "seed");
  EXPECT_EQ(refused([](TrainRun& run) { run.method = Baseline{.seed = 2}, run.holdout = 0.1; }), "(none)");
  EXPECT_EQ(refused([](TrainRun& run) { run.ratings.clear(); }), "ratings");
  EXPECT_EQ(refused([](TrainRun& run) { run.ratings = "-", run.test = "-"; }), "");
}

TEST_F(RunOptionsTest, ChecksTheTargetBeforeReading) {
  TrainRun run = synthetic_run();
  run.ratings = path("missing.csv");
  run.output = path("nowhere/model");
  try {
    run_training(run, silent_);
    FAIL();
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find("nowhere"), std::string::npos) << error.what();
  }
}

TEST_F(RunOptionsTest, ReadsEveryInputBeforeTraining) {
  class Counter : public TrainingObserver {
   public:
    bool on_epoch(const EpochReport& /*report*/, const std::function<Model()>& /*model*/) override {
      ++epochs;
      return true;
    }
    int epochs = 0;
  };
  Counter counter;
  TrainRun run = synthetic_run();
  run.test = write("bad.csv", "u0,i0,3\nu0,i0,three\n");
  EXPECT_THROW(run_training(run, counter), DataError);
  run.test.clear();
  run.validation = path("missing.csv");
  EXPECT_THROW(run_training(run, counter), FileError);
  EXPECT_EQ(counter.epochs, 0);
}

TEST_F(RunOptionsTest, LeavesTheOldFileWhenItFails) {
  TrainRun run = synthetic_run();
  run.output = write("model.safetensors", "old");
  run.test = path("missing.csv");
  EXPECT_THROW(run_training(run, silent_), FileError);
  std::ifstream file(run.output);
  std::string content;
  file >> content;
  EXPECT_EQ(content, "old");
}

TEST_F(RunOptionsTest, WarnsOfOpinionsOnce) {
  class Listener : public TrainingObserver {
   public:
    void on_warning(std::string_view text) override { warnings.emplace_back(text); }
    std::vector<std::string> warnings;
  };
  for (const bool refit : {false, true}) {
    for (const Method& method : {Method(Bpr{.epochs = 2}), Method(Popular{}), Method(Sgd{.epochs = 2})}) {
      Listener listener;
      TrainRun run = synthetic_run();
      run.method = method;
      run.holdout = 0.2;
      run.refit = refit;
      run_training(run, listener);
      EXPECT_EQ(listener.warnings.size(), predicts_ratings(method) ? 0U : 1U) << name_of(method);
    }
  }
}

TEST_F(RunOptionsTest, ClipsToTheRangeGiven) {
  TrainRun run = synthetic_run();
  run.min_rating = 2.5F;
  run.max_rating = 2.75F;
  Model model;
  run_training(run, silent_, {}, &model);
  EXPECT_EQ(model.centre.min_rating, 2.5F);
  EXPECT_EQ(model.centre.max_rating, 2.75F);
  EXPECT_TRUE(model.centre.clips);
  run.min_rating.reset();
  run.max_rating.reset();
  run.clips = false;
  run_training(run, silent_, {}, &model);
  EXPECT_FALSE(model.centre.clips);
}

TEST_F(RunOptionsTest, ARangeBeyondTheRatingsIsRefusedBeforeTheFirstEpoch) {
  class Counter : public TrainingObserver {
   public:
    bool on_epoch(const EpochReport& /*report*/, const std::function<Model()>& /*model*/) override {
      ++epochs;
      return true;
    }
    int epochs = 0;
  };
  for (const Method& method : {Method(Sgd{}), Method(Als{}), Method(Nmf{}), Method(Baseline{})}) {
    Counter counter;
    TrainRun run = synthetic_run();
    run.method = method;
    run.min_rating = 50;
    EXPECT_THROW(run_training(run, counter), OptionError) << name_of(method);
    run.min_rating.reset();
    run.max_rating = -50;
    EXPECT_THROW(run_training(run, counter), OptionError) << name_of(method);
    EXPECT_EQ(counter.epochs, 0);
    EXPECT_FALSE(std::filesystem::exists(run.output));
    // Both limits together are taken as given.
    run.min_rating = -60;
    EXPECT_NO_THROW(run_training(run, counter)) << name_of(method);
    EXPECT_TRUE(std::filesystem::exists(run.output));
    std::filesystem::remove(run.output);
  }
}

TEST_F(RunOptionsTest, AModelOfOtherIdsIsNoStart) {
  TrainRun run = synthetic_run();
  run.output = path("first.safetensors");
  run_training(run, silent_);
  run.init = run.output;
  run.output = path("second.safetensors");
  EXPECT_NO_THROW(run_training(run, silent_));
  run.ratings = write("others.csv", "a,x,3\nb,x,4\nb,y,1\n");
  EXPECT_EQ(refused_option(run), "init");
  run.ratings = write("one.csv", "a,x,3\nb,i0,4\nb,y,1\n");
  EXPECT_EQ(refused_option(run), "(nothing thrown)");
}

TEST_F(RunOptionsTest, CanDoWithoutAFile) {
  TrainRun run = synthetic_run();
  run.output.clear();
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  EXPECT_TRUE(summary.model.empty());
  EXPECT_EQ(model.rank(), 4U);
  EXPECT_FALSE(std::filesystem::exists(path("model.safetensors")));
}

}  // namespace
}  // namespace lowrank::run_options_test
