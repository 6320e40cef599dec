#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "lowrank/base/error.h"
#include "lowrank/data/split.h"
#include "lowrank/evaluate/validation.h"
#include "lowrank/tune/tune.h"
#include "pipeline/run_fixture.h"
#include "tune/method_search.h"

namespace lowrank::search_test {
namespace {

class SearchTest : public RunTest {
 protected:
  TrainData data(std::uint64_t ratings = 900) {
    TrainData data;
    data.data = read_ratings(synthetic_run(ratings).ratings);
    return data;
  }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  [[nodiscard]] std::string problem(const TuneOptions& options) {
    try {
      search(data(), options);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(SearchTest, HalvingKeepsTheBestThirdAndTheDefault) {
  MethodSearch search(Space(Sgd{}, {}, {}), 60, 1, 0);
  std::size_t trials = 0;
  std::vector<std::size_t> sizes;
  std::map<std::size_t, double> quality;
  std::set<std::size_t> left;
  for (std::size_t rung = 0; rung < 3; ++rung) {
    const std::vector<Job> jobs = search.next(trials);
    sizes.push_back(jobs.size());
    std::set<std::size_t> there;
    std::vector<double> losses;
    for (const Job& job : jobs) {
      there.insert(job.trial);
      // The default is the worst of all.
      losses.push_back(job.trial == 1 ? 1000 : std::fmod(static_cast<double>(job.trial) * 7.0, 27.0));
      const std::size_t epochs = std::get<Sgd>(job.method).epochs;
      const std::size_t own = nlohmann::json::parse(job.options).at("epochs").get<std::size_t>();
      const std::size_t divisor = rung == 0 ? 9 : rung == 1 ? 3 : 1;
      EXPECT_EQ(epochs, std::max<std::size_t>(2, (own + divisor - 1) / divisor));
      EXPECT_EQ(job.full, rung == 2);
    }
    EXPECT_TRUE(there.contains(1));
    if (rung > 0) {
      EXPECT_EQ(there, left);
    }
    // What must go on: the best third, ties aside, and trial 1.
    std::vector<std::size_t> order(jobs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t at) { return losses[at]; });
    left = {1};
    for (std::size_t at = 0; at < (jobs.size() + 2) / 3; ++at) left.insert(jobs[order[at]].trial);
    search.absorb(losses);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{27, 10, 5}));
  // Then rounds of 8, all in full, up to 60 trials.
  for (const std::size_t size : {8U, 8U, 8U, 8U, 1U, 0U}) {
    const std::vector<Job> jobs = search.next(trials);
    EXPECT_EQ(jobs.size(), size);
    for (const Job& job : jobs) EXPECT_TRUE(job.full);
    search.absorb(std::vector<double>(jobs.size(), 5.0));
  }
  EXPECT_EQ(trials, 60U);
}

TEST_F(SearchTest, TheFirstTrialIsTheDefault) {
  TuneOptions options;
  options.trials = 4;
  const TuneResult result = search(data(), options);
  EXPECT_EQ(result.trials, 4U);
  ASSERT_FALSE(result.history.empty());
  EXPECT_EQ(nlohmann::json::parse(result.history.front().options).at("rank"), Sgd{}.rank);
}

/// The figures are those of `train --holdout`, with the same seed, and those of the best few on other splits those of seeds after it.
TEST_F(SearchTest, FiguresAreThoseOfTraining) {
  TuneOptions options;
  options.trials = 6;
  options.seed = 5;
  options.holdout = 0.2;
  options.threads = 1;
  const TrainData given = data();
  const TuneResult result = search(given, options);
  ASSERT_FALSE(result.finalists.empty());
  for (const TuneRun& run : result.history) {
    Method method = Sgd{};
    const auto searched = nlohmann::json::parse(run.options);
    for (const auto& [name, value] : searched.items()) {
      if (!value.is_null()) set_option(method, name, value.dump());
    }
    std::get<Sgd>(method).epochs = static_cast<std::uint32_t>(run.epochs);
    std::get<Sgd>(method).seed = options.seed + run.split;
    TrainRun train;
    train.method = method;
    train.holdout = options.holdout;
    TrainData copy;
    copy.data = given.data;
    const TrainSummary summary = run_training(std::move(copy), train);
    ASSERT_TRUE(run.figure);
    EXPECT_EQ(*run.figure, summary.validation->rmse);
    EXPECT_EQ(run.best_epoch, summary.best_epoch);
  }
}

TEST_F(SearchTest, ModelAndTrialsAreTheSameOnAnyNumberOfThreads) {
  static_cast<void>(synthetic_run());
  std::vector<std::string> models;
  std::vector<std::string> trials;
  for (const int threads : {1, 2, 3}) {
    TuneOptions options;
    options.methods = {Sgd{}, Baseline{}};
    options.trials = 12;
    options.threads = threads;
    options.trials_file = path("trials" + std::to_string(threads));
    TuneFiles files;
    files.ratings = path("ratings.csv");
    files.output = path("model" + std::to_string(threads));
    tune(files, options);
    models.push_back(content(files.output));
    trials.push_back(content(options.trials_file));
  }
  EXPECT_EQ(models[0], models[1]);
  EXPECT_EQ(models[0], models[2]);
  EXPECT_EQ(trials[0], trials[1]);
  EXPECT_EQ(trials[0], trials[2]);
}

/// The model is that of a training on all ratings with the options that the result states.
TEST_F(SearchTest, TheModelIsThatOfTheChosenOptions) {
  TuneOptions options;
  options.trials = 6;
  const TrainData given = data();
  TrainData copy;
  copy.data = given.data;
  const TuneSummary summary = tune(std::move(copy), options, path("tuned"));
  TrainRun run;
  run.method = summary.result.method;
  run.output = path("trained");
  copy.data = given.data;
  run_training(std::move(copy), run);
  EXPECT_EQ(content(path("tuned")), content(path("trained")));
}

/// Warnings about the validation and test parts, the ratings, the options and the model that is trained at the end.
TEST_F(SearchTest, WarnsOfPartsAndOfTheModel) {
  struct Heard final : TuneObserver {
    std::vector<std::string> warnings;
    void on_warning(std::string_view text) override { warnings.emplace_back(text); }
  };
  std::ofstream ratings(path("counts.csv"));
  ratings << "user,item,rating,place\n";
  for (int n = 0; n < 2000; ++n) ratings << n % 40 << ',' << n / 40 << ',' << (n % 97 == 0 ? 900 + n : 1 + n % 3) << ",home\n";
  ratings.close();
  std::ofstream(path("held.csv")) << "user,item,rating,place\n0,0,2,home\n1,99,2,sea\n2,3,2,home\n";
  TuneOptions options;
  options.trials = 2;
  // Both values are ends.
  options.space = "rank=2..3";
  options.methods = {ContextAls{}};
  TuneFiles files;
  files.ratings = path("counts.csv");
  files.validation = path("held.csv");
  files.test = path("held.csv");
  files.output = path("model");
  files.read.contexts = {"place"};
  Heard heard;
  const TuneSummary summary = tune(files, options, heard);
  const auto count = [&](const std::string& part) {
    return std::ranges::count_if(heard.warnings, [&](const std::string& text) { return text.find(part) != std::string::npos; });
  };
  ASSERT_EQ(heard.warnings.size(), summary.result.warnings.size());
  for (std::size_t n = 0; n < heard.warnings.size(); ++n) {
    EXPECT_EQ(summary.result.warnings[n], Error(heard.warnings[n]).what()) << "options as C++ spells them, without marks";
  }
  EXPECT_EQ(count("lies at the end of its range"), 1);
  EXPECT_EQ(count("2 of the 3 pairs of the validation set are also in the training data"), 1);
  EXPECT_EQ(count("2 of the 3 pairs of the test set are also in the training data"), 1);
  EXPECT_EQ(count("ratings of the validation set"), 1);
  EXPECT_EQ(count("ratings of the test set"), 1);
  EXPECT_EQ(count("look like counts"), 1);
  const auto json = nlohmann::json::parse(to_json(summary));
  EXPECT_EQ(json.at("warnings").size(), heard.warnings.size());
}

TEST_F(SearchTest, EveryMethodHasTheSameNumberOfTrials) {
  TuneOptions options;
  options.methods = {Sgd{}, Als{}, Baseline{}};
  options.trials = 7;
  const TuneResult result = search(data(), options);
  std::map<std::string, std::set<std::size_t>> trials;
  for (const TuneRun& run : result.history) trials[run.method].insert(run.trial);
  for (const char* method : {"sgd", "als", "baseline"}) EXPECT_EQ(trials[method].size(), 7U) << method;
  EXPECT_EQ(result.trials, 21U);
}

TEST_F(SearchTest, ASpaceWithoutMoreToTryEndsTheSearch) {
  TuneOptions options;
  options.methods = {Popular{}};
  TuneResult result = search(data(), options);
  EXPECT_EQ(result.trials, 1U);
  EXPECT_EQ(result.stopped, "space");
  EXPECT_EQ(result.monitor, "ndcg@20");
  options.methods = {Baseline{.user_damping = 3.0, .item_damping = 4.0}};
  options.space = "epochs=3|4|20";
  result = search(data(), options);
  EXPECT_EQ(result.trials, 3U);
  EXPECT_EQ(result.stopped, "space");
}

/// Rates and weights at which training must fail: those trials are the worst, and the search goes on.
TEST_F(SearchTest, TrialsThatFailCountAsTheWorst) {
  TuneOptions options;
  options.trials = 20;
  options.space = "initial_scale=.01|1e200";
  const TuneResult result = search(data(), options);
  EXPECT_GT(result.failed, 0U);
  for (const TuneRun& run : result.history) {
    EXPECT_EQ(run.problem.empty(), run.figure.has_value());
  }
  EXPECT_LT(std::get<Sgd>(result.method).initial_scale, 1);
}

TEST_F(SearchTest, ASearchInWhichNothingCanBeTrainedSaysWhy) {
  TuneOptions options;
  options.trials = 3;
  options.memory = 1;
  EXPECT_NE(problem(options).find("no trial could be trained: training needs about "), std::string::npos) << problem(options);
}

TEST_F(SearchTest, WrongOptionsAreOneSentence) {
  const auto with = [](const std::function<void(TuneOptions&)>& change) {
    TuneOptions options;
    change(options);
    return options;
  };
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.trials = 0; })), "trials: must be 1 to 100000, got 0");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.methods.clear(); })), "methods: there is no method to search");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.methods = {Sgd{}, Sgd{}}; })), "methods: has sgd twice");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.seconds = -1; })), "seconds: must be at least 0");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.holdout = 1; })), "holdout: must be at least 0 and below 1");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.folds = 1; })), "folds: must be 2 to 100, got 1");
  EXPECT_EQ(problem(with([](TuneOptions& o) {
              o.folds = 3;
              o.holdout = 0.1;
            })),
            "folds: cannot be given together with holdout");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.space = "solver=exact|cg"; })),
            "space: solver is not an option of a method of this search");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.fixed = {"solver"}; })), "fixed: solver is not an option of a method of this search");
  EXPECT_EQ(problem(with([](TuneOptions& o) { o.methods = {Sgd{.seed = 4}}; })), "seed: is one for the whole search, not one of a method");
  EXPECT_EQ(problem(with([](TuneOptions& o) {
              o.methods = {Sgd{}, Ease{}};
              o.monitor = "rmse";
            })),
            "monitor: method ease does not predict ratings and has no rmse; take a metric of lists, such as ndcg@20");
}

TEST_F(SearchTest, FoldsAreDisjointAndComplete) {
  TuneOptions options;
  options.folds = 3;
  options.trials = 3;
  const TuneResult result = search(data(), options);
  ASSERT_FALSE(result.finalists.empty());
  for (const Finalist& finalist : result.finalists) EXPECT_EQ(finalist.figures.size(), 3U);
}

TEST_F(SearchTest, AnInterruptLeavesTheBestSoFar) {
  TuneOptions options;
  options.threads = 1;
  const TrainData given = data();
  const TuneResult none = search(given, options, TuneObserver::silent(), [] { return true; });
  EXPECT_EQ(none.trial, 0U);
  EXPECT_EQ(none.stopped, "interrupt");
  const TuneResult some = search(given, options, TuneObserver::silent(), yes_from(150));
  EXPECT_EQ(some.stopped, "interrupt");
  ASSERT_NE(some.trial, 0U);
  double best = std::numeric_limits<double>::infinity();
  bool full = false;
  for (const TuneRun& run : some.history) {
    if (run.full && !full) best = std::numeric_limits<double>::infinity();
    full = full || run.full;
    if (run.full == full) best = std::min(best, *run.figure);
  }
  EXPECT_EQ(some.figure, best);
}

TEST_F(SearchTest, TimeEndsTheSearchAfterARoundAndIsRecorded) {
  TuneOptions options;
  options.seconds = 1e-9;
  options.trials_file = path("trials");
  const TrainData given = data();
  const TuneResult result = search(given, options);
  EXPECT_EQ(result.stopped, "seconds");
  EXPECT_EQ(result.trials, 27U);
  const std::string first = content(options.trials_file);
  EXPECT_NE(first.find(R"({"stopped":"seconds","runs":27})"), std::string::npos);
  // The stop is part of the path.
  EXPECT_EQ(search(given, options).stopped, "seconds");
  EXPECT_EQ(content(options.trials_file), first);
}

}  // namespace
}  // namespace lowrank::search_test
