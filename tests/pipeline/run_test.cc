#include "lowrank/pipeline/run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/data/split.h"
#include "lowrank/model/model_file.h"
#include "pipeline/run_fixture.h"

namespace lowrank::run_test {
namespace {

TEST_F(RunTest, WritesTheModelThatTheDataInMemoryGives) {
  const TrainRun run = synthetic_run();
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  EXPECT_EQ(load_model(run.output), model);
  EXPECT_EQ(summary.model, run.output);

  const Dataset data = read_ratings(run.ratings);
  EXPECT_EQ(model.record.fingerprint, fingerprint(data.users, data.items, data.ratings));
  EXPECT_EQ(summary.ratings, data.ratings.size());
  EXPECT_EQ(summary.users, data.users.size());
  EXPECT_EQ(summary.items, data.items.size());
  EXPECT_EQ(model, train({.data = data}, run.method).model);
}

TEST_F(RunTest, GivesTheSameFileForAnyNumberOfThreads) {
  TrainRun run = synthetic_run();
  run.holdout = 0.2;
  run.refit = true;
  run.threads = 1;
  run_training(run, silent_);
  const Model expected = load_model(run.output);
  run.threads = 3;
  run_training(run, silent_);
  EXPECT_EQ(serialize_model(load_model(run.output)), serialize_model(expected));
}

TEST_F(RunTest, ReportsTheErrorOfTheKeptModelOverItsTrainingRatings) {
  TrainRun run = synthetic_run();
  run.holdout = 0.2;
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  const Dataset data = read_ratings(run.ratings);
  const Holdout parts = hold_out(data.ratings, run.holdout, sgd_of(run).seed);
  EXPECT_NEAR(summary.train_rmse.value(), score_ratings(model, parts.train).rmse, 1e-5);
  ASSERT_TRUE(summary.validation);
  EXPECT_DOUBLE_EQ(summary.validation->rmse, score_ratings(model, parts.held).rmse);
}

TEST_F(RunTest, HoldsOutForValidationButCountsHeldPairsAsSeen) {
  TrainRun run = synthetic_run();
  run.holdout = 0.25;
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  const Dataset data = read_ratings(run.ratings);
  const auto held = static_cast<std::size_t>(std::lround(0.25 * static_cast<double>(data.ratings.size())));
  EXPECT_EQ(summary.ratings, data.ratings.size() - held);
  ASSERT_TRUE(summary.validation);
  EXPECT_EQ(summary.validation->ratings, held);
  EXPECT_EQ(model.history, History(data.ratings, HistoryValues::kept));
  EXPECT_EQ(model.record.ratings, summary.ratings);
  const Holdout parts = hold_out(data.ratings, 0.25, sgd_of(run).seed);
  EXPECT_EQ(model.record.fingerprint, fingerprint(data.users, data.items, parts.train));
}

TEST_F(RunTest, KeepsTheBestEpoch) {
  TrainRun run = synthetic_run(600);
  run.validation = path("test.csv");
  sgd_of(run).epochs = 60;
  sgd_of(run).regularization = 0;
  sgd_of(run).learning_rate = 0.1;
  for (const char* monitor : {"rmse", "mae"}) {
    run.monitor = monitor;
    const TrainSummary summary = run_training(run, silent_);
    ASSERT_TRUE(summary.validation);
    EXPECT_EQ(summary.monitor, monitor);
    const auto best = std::ranges::min_element(summary.history, {}, [](const EpochReport& report) { return *report.validation; });
    EXPECT_EQ(summary.best_epoch, best->epoch);
    EXPECT_EQ(*best->validation, run.monitor == "rmse" ? summary.validation->rmse : summary.validation->mae);
    EXPECT_EQ(summary.stopped, "patience");
    EXPECT_EQ(summary.epochs, summary.best_epoch + sgd_of(run).patience);
    EXPECT_EQ(load_model(run.output).record.epochs, summary.best_epoch);
  }
}

TEST_F(RunTest, AMetricOfListsPicksTheEpoch) {
  TrainRun run = synthetic_run();
  run.holdout = 0.2;
  run.monitor = "ndcg@5";
  run.test = path("test.csv");
  sgd_of(run).patience = 100;
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  ASSERT_TRUE(summary.validation_ranking && summary.test_ranking && summary.validation);
  const auto best = std::max_element(summary.history.begin(), summary.history.end(),
                                     [](const EpochReport& a, const EpochReport& b) { return *a.validation < *b.validation; });
  EXPECT_EQ(best->epoch, summary.best_epoch);
  EXPECT_EQ(*best->validation, summary.validation_ranking->ndcg);

  // What was seen in training alone, made anew: the monitor leaves that out and nothing else.
  const Dataset data = read_ratings(run.ratings);
  const Holdout parts = hold_out(data.ratings, run.holdout, sgd_of(run).seed);
  const History trained(parts.train);
  const std::vector<std::size_t> tops{5};
  EXPECT_EQ(RankingTest(parts.held, trained).score(model, tops).front().ndcg, *best->validation);
  // Afterwards what was held out counts as seen.
  const Pairs test = read_pairs(run.test, data.users, data.items);
  EXPECT_EQ(RankingTest(test, History(data.ratings)).score(model, tops).front().ndcg, summary.test_ranking->ndcg);
  EXPECT_NE(to_json(summary).find("\"validation_ndcg@5\":"), std::string::npos);
}

TEST_F(RunTest, RefitsOnAllRatingsForTheBestNumberOfEpochs) {
  TrainRun run = synthetic_run(600);
  run.holdout = 0.2;
  sgd_of(run).epochs = 60;
  sgd_of(run).patience = 2;
  sgd_of(run).learning_rate = 0.1;
  sgd_of(run).tolerance = 1e-7;
  const TrainSummary first = run_training(run, silent_);
  run.refit = true;
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  EXPECT_EQ(summary.best_epoch, first.best_epoch);
  EXPECT_EQ(summary.epochs, first.epochs);
  EXPECT_EQ(summary.validation->rmse, first.validation->rmse);

  Sgd again = sgd_of(run);
  again.epochs = static_cast<std::uint32_t>(summary.best_epoch);
  again.tolerance = 0;
  again.patience = Sgd{}.patience;
  const Model expected = train({.data = read_ratings(run.ratings)}, again).model;
  EXPECT_EQ(model.users.factors, expected.users.factors);
  EXPECT_EQ(model.items.factors, expected.items.factors);
  EXPECT_EQ(model.items.biases, expected.items.biases);
  EXPECT_EQ(model.record.fingerprint, expected.record.fingerprint);
  EXPECT_EQ(summary.ratings, first.ratings + first.validation->ratings);
}

TEST_F(RunTest, RefitsWithTheWeightOfNeighboursThatValidationChose) {
  const std::map<std::string, std::vector<std::string>> tried = {{"implicit", {"0", "0.1", "0.2", "0.4", "0.8", "1.6"}},
                                                                 {"bpr", {"0", "0.1", "0.2", "0.4", "0.8", "1.6"}},
                                                                 {"als", {"0", "0.25", "0.5", "0.75", "1", "1.25", "1.5"}}};
  for (const auto& [name, weights] : tried) {
    TrainRun run = synthetic_run(900);
    run.method = method_by_name(name);
    set_option(run.method, "rank", "3");
    set_option(run.method, "epochs", "3");
    set_option(run.method, "neighbours", "5");
    run.holdout = 0.2;
    const auto figure = [&](const TrainRun& one) {
      const TrainSummary summary = run_training(one, silent_);
      return summary.validation_ranking ? -summary.validation_ranking->ndcg : summary.validation->rmse;
    };
    std::string best;
    double least = std::numeric_limits<double>::infinity();
    for (const std::string& weight : weights) {
      TrainRun stated = run;
      set_option(stated.method, "neighbour_weight", weight);
      const double value = figure(stated);
      if (value < least) best = weight;
      least = std::min(least, value);
    }
    run.refit = true;
    Model model;
    run_training(run, silent_, {}, &model);
    EXPECT_EQ(nlohmann::json::parse(model.record.options)["neighbour_weight"], std::stod(best)) << name;
    EXPECT_EQ(model.neighbours.has_value(), best != "0") << name;
  }
}

TEST_F(RunTest, RefitsWithAValidationFileOnTheSameRatings) {
  TrainRun run = synthetic_run();
  run.validation = path("test.csv");
  run.refit = true;
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  EXPECT_EQ(summary.ratings, read_ratings(run.ratings).ratings.size());
  EXPECT_EQ(model.record.epochs, summary.best_epoch);
}

TEST_F(RunTest, ScoresTheTestFileWithTheKeptModel) {
  TrainRun run = synthetic_run();
  run.test = write("other.csv", "u0,i0,3\nu0,i0,3\nnobody,i0,4\nu0,nothing,2\n");
  const TrainSummary summary = run_training(run, silent_);
  const Model model = load_model(run.output);
  ASSERT_TRUE(summary.test);
  EXPECT_EQ(summary.test->ratings, 4U);
  EXPECT_EQ(summary.test->unknown, 2U);
  const RatingScores scores = score_ratings(model, read_pairs(run.test, model.users.ids, model.items.ids));
  EXPECT_EQ(summary.test->rmse, scores.rmse);
  EXPECT_EQ(summary.test->mae, scores.mae);
  std::vector<std::string> names;
  for (const Metric& metric : model.record.metrics) names.push_back(metric.name);
  EXPECT_EQ(names, (std::vector<std::string>{"train_rmse", "test_rmse", "test_mae"}));
}

TEST_F(RunTest, LeavesUsersWithoutATrainingRatingUnknown) {
  TrainRun run = synthetic_run();
  std::ofstream(run.ratings, std::ios::app) << "lonely,rare,5\n";
  run.holdout = 0.5;
  bool met = false;
  for (std::uint64_t seed = 1; seed < 20 && !met; ++seed) {
    sgd_of(run).seed = seed;
    Model model;
    const TrainSummary summary = run_training(run, silent_, {}, &model);
    const std::uint32_t user = model.users.ids.find("lonely");
    ASSERT_NE(user, Vocabulary::kUnknown);
    if (model.users.knows(user)) continue;
    met = true;
    EXPECT_EQ(summary.users + std::ranges::count(model.users.counts, 0U), model.users.ids.size());
    EXPECT_GE(summary.validation->unknown, 1U);
    EXPECT_TRUE(std::ranges::all_of(model.users.factors.row(user), [](float x) { return x == 0; }));
    EXPECT_EQ(model.history.items_of(user), std::vector<std::uint32_t>{model.items.ids.find("rare")});
  }
  EXPECT_TRUE(met);
}

TEST_F(RunTest, EndsWithTheRunningEpochWhenInterrupted) {
  TrainRun run = synthetic_run();
  // Asked once before training, then after every epoch.
  const TrainSummary summary = run_training(run, silent_, yes_from(4));
  EXPECT_EQ(summary.stopped, "interrupt");
  EXPECT_EQ(summary.epochs, 3U);
  EXPECT_EQ(summary.history.size(), 3U);
  EXPECT_EQ(load_model(run.output).record.epochs, 3U);
}

TEST_F(RunTest, WritesNothingWhenInterruptedBeforeTheFirstEpoch) {
  const TrainRun run = synthetic_run();
  const TrainSummary summary = run_training(run, silent_, yes_from(1));
  EXPECT_EQ(summary.stopped, "interrupt");
  EXPECT_EQ(summary.epochs, 0U);
  EXPECT_TRUE(summary.model.empty());
  EXPECT_FALSE(std::filesystem::exists(run.output));
}

TEST_F(RunTest, KeepsTheFirstModelWhenTheRefitIsInterrupted) {
  TrainRun run = synthetic_run();
  run.holdout = 0.2;
  sgd_of(run).patience = 1000;
  Model first;
  const TrainSummary plain = run_training(run, silent_, {}, &first);
  run.refit = true;
  Model model;
  const int after_first_training = 1 + static_cast<int>(plain.epochs) + 1;
  const TrainSummary summary = run_training(run, silent_, yes_from(after_first_training + 1), &model);
  EXPECT_EQ(summary.stopped, "interrupt");
  EXPECT_EQ(model, first);
}

TEST_F(RunTest, EndsWhenTheObserverSaysSo) {
  class Stopper : public TrainingObserver {
   public:
    bool on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) override { return report.epoch < 2; }
  };
  Stopper stopper;
  const TrainRun run = synthetic_run();
  const TrainSummary summary = run_training(run, stopper);
  EXPECT_EQ(summary.stopped, "observer");
  EXPECT_EQ(summary.epochs, 2U);
  EXPECT_EQ(load_model(run.output).record.epochs, 2U);
}

TEST_F(RunTest, CountsDuplicates) {
  TrainRun run = synthetic_run();
  run.ratings = write("twice.csv", "a,x,1\na,y,2\na,x,3\nb,x,4\na,x,5\n");
  Model model;
  const TrainSummary summary = run_training(run, silent_, {}, &model);
  EXPECT_EQ(summary.duplicates, 2U);
  EXPECT_EQ(summary.ratings, 3U);
  EXPECT_EQ(model.centre.max_rating, 5.0F);
  EXPECT_EQ(model.centre.min_rating, 2.0F);
}

TEST_F(RunTest, MeasuresItsTimes) {
  const TrainSummary summary = run_training(synthetic_run(), silent_);
  EXPECT_GT(summary.seconds.read, 0);
  EXPECT_GT(summary.seconds.train, 0);
  EXPECT_GT(summary.seconds.write, 0);
  EXPECT_GE(summary.seconds.total, summary.seconds.read + summary.seconds.train + summary.seconds.write);
  double epochs = 0;
  for (const EpochReport& report : summary.history) epochs += report.seconds;
  EXPECT_LE(epochs, summary.seconds.train);
  EXPECT_NEAR(summary.updates_per_second, static_cast<double>(summary.ratings * summary.epochs) / epochs,
              1e-6 * summary.updates_per_second);
}

TEST_F(RunTest, RefitOfAMethodWithoutEpochsKeepsItsTolerance) {
  TrainRun run = synthetic_run();
  run.method = Slim{.candidates = 20, .tolerance = 0.5};
  Model direct;
  run_training(run, silent_, {}, &direct);
  run.holdout = 0.2;
  run.refit = true;
  Model refitted;
  run_training(run, silent_, {}, &refitted);
  EXPECT_TRUE(refitted.neighbours == direct.neighbours);
}

TEST_F(RunTest, OnDataInMemoryIsTheRunOnTheFile) {
  TrainRun run = synthetic_run();
  run.holdout = 0.2;
  run.refit = true;
  Model from_file;
  run_training(run, silent_, {}, &from_file);
  TrainData data;
  data.data = read_ratings(run.ratings);
  run.ratings.clear();
  run.output.clear();
  Model from_memory;
  run_training(std::move(data), run, silent_, {}, &from_memory);
  EXPECT_TRUE(from_memory == from_file);

  run.holdout = 0.5;
  TrainData both;
  both.data = read_ratings(path("ratings.csv"));
  both.validation = read_pairs(path("test.csv"), both.data.users, both.data.items);
  EXPECT_THROW(run_training(std::move(both), run, silent_), OptionError);
}

}  // namespace
}  // namespace lowrank::run_test
