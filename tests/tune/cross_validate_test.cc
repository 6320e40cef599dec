#include "lowrank/tune/cross_validate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "data/scratch_file.h"
#include "lowrank/base/error.h"
#include "lowrank/data/generate.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"

namespace lowrank::cross_validate_test {
namespace {

/// Ratings of 60 users and 40 items with times in a scrambled order, in a folder of the test's own.
class CrossValidateTest : public testing::Test {
 protected:
  CrossValidateTest() {
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("lowrank_cv_") + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    GenerateOptions options;
    options.users = 60;
    options.items = 40;
    options.ratings = 900;
    std::ofstream file(path("ratings.csv"));
    std::int64_t place = 0;
    generate(options, [&](const GeneratedRating& rating) {
      file << 'u' << rating.user << ",i" << rating.item << ',' << rating.value << ',' << 978300000 + place++ * 7919 % 10007 << '\n';
    });
  }
  ~CrossValidateTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  [[nodiscard]] CrossValidation options_of(SplitBy by, const std::string& method = "sgd") const {
    CrossValidation options;
    options.run.ratings = path("ratings.csv");
    options.run.method = method_by_name(method);
    options.run.threads = 2;
    if (method == "sgd") {
      set_option(options.run.method, "rank", "4");
      set_option(options.run.method, "epochs", "6");
    }
    options.folds.by = by;
    options.folds.folds = 3;
    return options;
  }

 private:
  std::filesystem::path folder_;
};

/// The document without what differs from run to run.
std::string steady(const CrossValidated& results) {
  nlohmann::json json = nlohmann::json::parse(to_json(results));
  json.erase("seconds");
  json.erase("peak_memory_bytes");
  for (nlohmann::json& fold : json["folds"]) fold.erase("seconds");
  return json.dump();
}

/// Writes the parts of each fold to files, trains on one with the pipeline for files, and scores the other.
TEST_F(CrossValidateTest, FiguresAreThoseOfTrainingAndTestingOnFiles) {
  for (const SplitBy by : {SplitBy::random, SplitBy::user, SplitBy::last, SplitBy::global_time}) {
    CrossValidation options = options_of(by);
    options.tops = {3, 10};
    options.run.holdout = 0.1;
    options.run.monitor = "mae";
    const CrossValidated results = cross_validate(options);
    ASSERT_EQ(results.folds.size(), 3U);
    EXPECT_EQ(results.by, name_of(by));
    ReadOptions timed;
    timed.keep_times = true;
    const RatingLines lines = read_lines(path("ratings.csv"), timed);
    const Folds folds = assign_folds(lines.user, lines.time, options.folds);
    for (std::uint32_t fold = 1; fold <= 3; ++fold) {
      std::ofstream train(path("train"));
      std::ofstream test(path("test"));
      std::size_t trained = 0;
      for (std::size_t n = 0; n < lines.size(); ++n) {
        if (!folds.tests(n, fold) && !folds.trains(n, fold)) continue;
        trained += folds.trains(n, fold) ? 1U : 0U;
        (folds.tests(n, fold) ? test : train) << lines.users.id(lines.user[n]) << '\t' << lines.items.id(lines.item[n]) << '\t'
                                              << lines.value[n] << '\n';
      }
      train.close();
      test.close();
      TrainRun run = options.run;
      run.ratings = path("train");
      Model model;
      const TrainSummary summary = run_training(run, TrainingObserver::silent(), {}, &model);
      const Pairs pairs = read_pairs(path("test"), model.users.ids, model.items.ids);
      const RatingScores scores = score_ratings(model, pairs);
      const auto lists = RankingTest(pairs, model.history).score(model, std::array<std::size_t, 2>{3, 10});
      const FoldScores& own = results.folds[fold - 1];
      EXPECT_EQ(own.train, trained);
      EXPECT_EQ(own.test, scores.ratings);
      EXPECT_EQ(own.unknown, scores.unknown);
      EXPECT_EQ(own.users, std::set<std::uint32_t>(pairs.users.begin(), pairs.users.end()).size());
      EXPECT_EQ(own.epochs, summary.epochs);
      EXPECT_EQ(own.best_epoch, summary.best_epoch);
      std::map<std::string, double> expected{{"rmse", scores.rmse}, {"mae", scores.mae}};
      for (const RankingScores& list : lists) {
        for (const std::string_view metric : ranking_metric_names()) {
          expected[std::string(metric) + "@" + std::to_string(list.top)] = ranking_metric(list, metric);
        }
      }
      ASSERT_EQ(results.names.size(), expected.size());
      for (std::size_t n = 0; n < results.names.size(); ++n) EXPECT_EQ(own.figures[n], expected.at(results.names[n])) << results.names[n];
    }
  }
}

TEST_F(CrossValidateTest, SummarizesTheFolds) {
  CrossValidation options = options_of(SplitBy::random);
  options.tops = {5};
  const CrossValidated results = cross_validate(options);
  ASSERT_EQ(results.figures.size(), results.names.size());
  double squares = 0;
  double ratings = 0;
  for (const FoldScores& fold : results.folds) {
    squares += fold.figures[0] * fold.figures[0] * static_cast<double>(fold.test);
    ratings += static_cast<double>(fold.test);
  }
  EXPECT_EQ(ratings, 900);
  for (std::size_t n = 0; n < results.figures.size(); ++n) {
    const FoldFigure& figure = results.figures[n];
    const double a = results.folds[0].figures[n];
    const double b = results.folds[1].figures[n];
    const double c = results.folds[2].figures[n];
    EXPECT_NEAR(figure.mean, (a + b + c) / 3, 1e-12);
    // The mean of the squares of all three differences is three times the variance.
    EXPECT_NEAR(figure.deviation * figure.deviation * 6, (a - b) * (a - b) + (b - c) * (b - c) + (a - c) * (a - c), 1e-12);
    EXPECT_EQ(figure.pooled.has_value(), figure.name != "coverage@5");
    ASSERT_EQ(figure.interval.has_value(), figure.name != "coverage@5") << figure.name;
    if (!figure.interval) continue;
    EXPECT_LT(figure.interval->low, figure.interval->high);
    EXPECT_LE(figure.interval->low, *figure.pooled);
    EXPECT_GE(figure.interval->high, *figure.pooled);
  }
  EXPECT_NEAR(*results.figures[0].pooled, std::sqrt(squares / ratings), 1e-12);
}

TEST_F(CrossValidateTest, ThreadsDoNotCount) {
  for (const char* method : {"sgd", "als", "implicit"}) {
    CrossValidation options = options_of(SplitBy::user, method);
    options.tops = {5};
    options.run.threads = 1;
    const std::string alone = steady(cross_validate(options));
    for (const int threads : {2, 3}) {
      options.run.threads = threads;
      EXPECT_EQ(steady(cross_validate(options)), alone);
    }
    options.folds.seed = 2;
    EXPECT_NE(steady(cross_validate(options)), alone);
  }
}

TEST_F(CrossValidateTest, MergesRepeatsFirst) {
  RatingLines lines = read_lines(path("ratings.csv"), {});
  const std::size_t size = lines.size();
  const CrossValidation options = options_of(SplitBy::random);
  const std::string without = steady(cross_validate(lines, options));
  for (std::size_t n = 0; n < size; n += 3) {
    lines.user.push_back(lines.user[n]);
    lines.item.push_back(lines.item[n]);
    lines.value.push_back(lines.value[n]);
    lines.value[n] = 99;
  }
  const CrossValidated merged = cross_validate(lines, options);
  EXPECT_EQ(merged.duplicates, 300U);
  nlohmann::json document = nlohmann::json::parse(steady(merged));
  document["duplicates"] = 0;
  EXPECT_EQ(document.dump(), without);
  CrossValidation strict = options;
  strict.run.read.duplicates = Duplicates::error;
  EXPECT_EQ(error_of<Error>([&] { cross_validate(lines, strict); }),
            "user \"" + std::string(lines.users.id(lines.user[size])) + "\" rated item \"" + std::string(lines.items.id(lines.item[size])) +
                "\" more than once (see duplicates)");
}

TEST_F(CrossValidateTest, MethodsOfListsHaveLists) {
  const CrossValidated results = cross_validate(options_of(SplitBy::last, "popular"));
  EXPECT_EQ(results.names.front(), "recall@20");
  EXPECT_EQ(std::ranges::count(results.names, "rmse"), 0);
}

/// The method of a fold is the one that a search on its training part alone finds.
TEST_F(CrossValidateTest, SearchesWithinEachFold) {
  CrossValidation options = options_of(SplitBy::user);
  options.tune = TuneOptions{};
  options.tune->methods = {};
  options.tune->trials = 4;
  options.tune->seed = 3;
  options.run.stated = {"rank"};
  const CrossValidated results = cross_validate(options);
  const RatingLines lines = read_lines(path("ratings.csv"), {});
  const Folds folds = assign_folds(lines.user, {}, options.folds);
  for (std::uint32_t fold = 1; fold <= 3; ++fold) {
    std::ofstream train(path("train"));
    std::ofstream test(path("test"));
    for (std::size_t n = 0; n < lines.size(); ++n) {
      (folds.tests(n, fold) ? test : train) << lines.users.id(lines.user[n]) << '\t' << lines.items.id(lines.item[n]) << '\t'
                                            << lines.value[n] << '\n';
    }
    train.close();
    test.close();
    TuneOptions search = *options.tune;
    search.methods = {options.run.method};
    search.fixed = {"rank"};
    TuneFiles files;
    files.ratings = path("train");
    files.test = path("test");
    const TuneSummary summary = tune(files, search);
    const FoldScores& own = results.folds[fold - 1];
    ASSERT_TRUE(summary.training.test);
    EXPECT_EQ(own.figures[0], summary.training.test->rmse);
    EXPECT_EQ(own.options, summary.training.options);
    EXPECT_EQ(own.trials, 4U);
    EXPECT_EQ(nlohmann::json::parse(own.options)["rank"], 4);
  }
  const std::string once = steady(results);
  options.run.threads = 1;
  EXPECT_EQ(steady(cross_validate(options)), once);
}

/// A search within a fold reads the times that its space or the method of the run asks for, from a file as from memory.
TEST_F(CrossValidateTest, SearchesWhatReadsTimes) {
  CrossValidation options = options_of(SplitBy::random, "bayes");
  for (const auto& [name, value] : {std::pair("rank", "2"), std::pair("samples", "6"), std::pair("burn_in", "2")}) {
    set_option(options.run.method, name, value);
  }
  options.tune = TuneOptions{};
  options.tune->methods = {};
  options.tune->trials = 2;
  options.tune->space = "time=day|week";
  const CrossValidated from_file = cross_validate(options);
  EXPECT_TRUE(
      std::ranges::any_of(from_file.folds, [](const FoldScores& fold) { return nlohmann::json::parse(fold.options)["time"] != "none"; }));
  ReadOptions read;
  read.keep_times = true;
  EXPECT_EQ(steady(cross_validate(read_lines(path("ratings.csv"), read), options)), steady(from_file));
}

/// Weights count in the training of a fold, as they do in that of a file.
TEST_F(CrossValidateTest, WeightsCountInTraining) {
  CrossValidation options = options_of(SplitBy::random, "baseline");
  const RatingLines lines = read_lines(path("ratings.csv"), {});
  const auto line = [&lines](std::size_t n) {
    return std::string(lines.users.id(lines.user[n])) + "\t" + std::string(lines.items.id(lines.item[n])) + "\t" +
           std::to_string(lines.value[n]);
  };
  const auto weight = [](std::size_t n) { return "\t" + std::to_string(n % 4) + "\n"; };
  std::ofstream all(path("weighted"));
  // A rating of weight 0 is left out, so the folds are those of the others.
  RatingLines counted;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    all << line(n) << weight(n);
    if (n % 4 != 0) counted.user.push_back(lines.user[n]);
  }
  all.close();
  options.run.ratings = path("weighted");
  options.run.read.columns = Columns::parse("user=1,item=2,rating=3,weight=4");
  const CrossValidated results = cross_validate(options);
  const Folds folds = assign_folds(counted.user, {}, options.folds);
  for (std::uint32_t fold = 1; fold <= 3; ++fold) {
    std::ofstream train(path("train"));
    std::ofstream test(path("test"));
    std::size_t place = 0;
    for (std::size_t n = 0; n < lines.size(); ++n) {
      if (n % 4 == 0) continue;
      if (folds.tests(place++, fold)) {
        test << line(n) << '\n';
      } else {
        train << line(n) << weight(n);
      }
    }
    train.close();
    test.close();
    TrainRun run = options.run;
    run.ratings = path("train");
    Model model;
    run_training(run, TrainingObserver::silent(), {}, &model);
    EXPECT_EQ(results.folds[fold - 1].figures[0], score_ratings(model, read_pairs(path("test"), model.users.ids, model.items.ids)).rmse);
  }
}

TEST_F(CrossValidateTest, EndsWithWhatIsTested) {
  std::size_t asked = 0;
  const CrossValidated results =
      cross_validate(options_of(SplitBy::random), CrossValidationObserver::silent(), [&] { return ++asked > 12; });
  EXPECT_TRUE(results.interrupted);
  EXPECT_EQ(results.folds.size(), 1U);
  EXPECT_TRUE(results.figures.empty());
  EXPECT_EQ(nlohmann::json::parse(to_json(results))["stopped"], "interrupt");
}

TEST_F(CrossValidateTest, SaysWhatIsWrong) {
  const auto problem = [&](SplitBy by, const std::function<void(CrossValidation&)>& change) {
    CrossValidation options = options_of(by);
    change(options);
    return error_of<Error>([&] { cross_validate(options); });
  };
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.run.output = "m"; }), "output: is not read by cross-validation");
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.run.init = "m"; }), "init: is not read by cross-validation");
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.run.validation = "v"; }), "validation: is not read by cross-validation");
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.run.test = "t"; }), "test: is not read by cross-validation");
  EXPECT_EQ(problem(SplitBy::last, [](auto& options) { options.run.read.columns = Columns::parse("user=1,item=2,rating=3,weight=4"); }),
            "columns: a weight is not read together with times");
  EXPECT_EQ(problem(SplitBy::last, [](auto& options) { options.folds.seed = 3; }), "fold_seed: is not read with by=last");
  EXPECT_EQ(problem(SplitBy::last, [](auto& options) { options.folds.stated = {"fold_seed"}; }), "fold_seed: is not read with by=last");
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.tops = {0}; }), "top: must be at least 1, got 0");
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.relevant_from = 3.0F; }), "relevant_from: needs top");
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.run.monitor = "rmse"; }), "monitor: needs validation or holdout");
  EXPECT_EQ(problem(SplitBy::random, [](auto& options) { options.run.ratings = ""; }), "ratings: no file is given");
  const auto searched = [&](const std::function<void(CrossValidation&)>& change) {
    return problem(SplitBy::random, [&](auto& options) {
      options.tune = TuneOptions{};
      change(options);
    });
  };
  EXPECT_EQ(searched([](auto& options) { options.run.holdout = 0.1; }), "holdout: is not read with tune, which has its own");
  EXPECT_EQ(searched([](auto& options) { options.run.monitor = "mae"; }), "monitor: is not read with tune, which has its own");
  EXPECT_EQ(searched([](auto& options) { options.run.refit = true; }), "refit: is not read with tune, which has its own");
  EXPECT_EQ(searched([](auto& options) { options.run.stated = {"rank"}; }), "rank: is not read with tune, which has its own");
  EXPECT_EQ(searched([](auto& options) { options.tune->trials = 0; }).substr(0, 7), "trials:");
  const std::string unread = " is not read with given folds, one per file";
  const auto given = [&](const std::function<void(CrossValidation&)>& change) {
    return problem(SplitBy::random, [&](auto& options) {
      options.folds = {};
      options.fold_files = {path("ratings.csv"), path("ratings.csv")};
      change(options);
    });
  };
  EXPECT_EQ(given([](auto& options) { options.folds.stated = {"folds"}; }), "folds:" + unread);
  EXPECT_EQ(given([](auto& options) { options.folds.by = SplitBy::user; }), "by:" + unread);
  EXPECT_EQ(given([](auto& options) { options.folds.seed = 2; }), "fold_seed:" + unread);
  EXPECT_EQ(given([](auto& options) { options.fold_files.pop_back(); }), "fold_files: must be at least 2 files");
  EXPECT_EQ(given([](auto& options) { options.fold_files = {"-", "-"}; }), "standard input can be read only once");
  EXPECT_EQ(error_of<Error>([&] { cross_validate(RatingLines(), options_of(SplitBy::random)); }),
            "there are no ratings to cross-validate on");
}

FeatureSource kinds_of_items(std::uint32_t count) {
  FeatureMatrix matrix;
  matrix.features.description.names.add("even");
  matrix.features.description.names.add("odd");
  for (std::uint32_t item = 0; item < count; ++item) {
    matrix.ids.add("i" + std::to_string(item));
    matrix.features.columns.push_back(item % 2);
    matrix.features.values.push_back(1);
    matrix.features.offsets.push_back(item + std::size_t{1});
  }
  FeatureSource source;
  source.given = std::move(matrix);
  return source;
}

TEST_F(CrossValidateTest, FeaturesInMemoryAreThoseOfAFile) {
  CrossValidation options = options_of(SplitBy::random, "als");
  {
    std::ofstream file(path("kinds.csv"));
    file << "item,feature\n";
    for (int item = 0; item < 44; ++item) file << 'i' << item << ',' << (item % 2 == 0 ? "even" : "odd") << '\n';
  }
  options.run.item_features = path("kinds.csv");
  const CrossValidated from_files = cross_validate(options);
  options.run.item_features.clear();
  const FeatureSource kinds = kinds_of_items(44);
  options.item_features = &kinds;
  ReadOptions read;
  const CrossValidated in_memory = cross_validate(read_lines(path("ratings.csv"), read), options);
  ASSERT_EQ(in_memory.folds.size(), 3U);
  options.item_features = nullptr;
  const CrossValidated without = cross_validate(options);
  for (std::size_t fold = 0; fold < 3; ++fold) {
    EXPECT_EQ(in_memory.folds[fold].figures, from_files.folds[fold].figures);
    EXPECT_NE(in_memory.folds[fold].figures, without.folds[fold].figures);
  }
}

TEST_F(CrossValidateTest, ItemsWithoutTrainingRatingsAreKnownByTheirFeatures) {
  // Given folds without a common item. Even items are liked, odd ones are not.
  const auto write = [this](const char* name, int first) {
    std::ofstream file(path(name));
    for (int user = 0; user < 12; ++user) {
      for (int item = first; item < first + 10; ++item) file << 'u' << user << ",i" << item << ',' << (item % 2 == 0 ? 5 : 1) << '\n';
    }
  };
  write("a.csv", 0);
  write("b.csv", 10);
  {
    std::ofstream file(path("kinds.csv"));
    file << "item,feature\n";
    for (int item = 0; item < 20; ++item) file << 'i' << item << ',' << (item % 2 == 0 ? "even" : "odd") << '\n';
  }
  CrossValidation options = options_of(SplitBy::random, "als");
  set_option(options.run.method, "rank", "0");
  options.run.ratings.clear();
  options.folds = {};
  options.fold_files = {path("a.csv"), path("b.csv")};
  const CrossValidated without = cross_validate(options);
  options.run.item_features = path("kinds.csv");
  const CrossValidated with = cross_validate(options);
  for (std::size_t fold = 0; fold < 2; ++fold) {
    EXPECT_EQ(without.folds[fold].unknown, 120U);
    EXPECT_EQ(with.folds[fold].unknown, 0U);
    EXPECT_NEAR(without.folds[fold].figures[0], 2, 1e-6);
    EXPECT_LT(with.folds[fold].figures[0], 1.5);  // B counts as ten rows, the kinds have five each
  }
}

TEST_F(CrossValidateTest, FeaturesThatAreNotReadAreRefused) {
  CrossValidation options = options_of(SplitBy::random, "sgd");
  const FeatureSource kinds = kinds_of_items(40);
  ReadOptions read;
  const RatingLines lines = read_lines(path("ratings.csv"), read);
  options.item_features = &kinds;
  EXPECT_THROW(cross_validate(lines, options), OptionError);
  EXPECT_THROW(cross_validate(options), OptionError);
  options = options_of(SplitBy::random, "als");
  options.run.user_features = path("ratings.csv");
  EXPECT_THROW(cross_validate(lines, options), OptionError);
  options.run.user_features.clear();
  options.run.feature_columns = "kind";
  EXPECT_THROW(cross_validate(options), OptionError);
}

}  // namespace
}  // namespace lowrank::cross_validate_test
