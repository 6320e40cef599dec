#include "pipeline/warnings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "pipeline/run_fixture.h"

namespace lowrank::warnings_test {
namespace {

Ratings ratings_of(const std::vector<float>& values) {
  RatingsBuilder builder;
  for (std::uint32_t n = 0; n < values.size(); ++n) builder.add(n / 10, n % 10, values[n]);
  return builder.build(static_cast<std::uint32_t>(values.size() / 10 + 1), 10);
}

/// `count` ratings around `usual`, and one of `greatest`.
Ratings with_tail(float usual, float greatest, std::size_t count = 500, float step = 1) {
  std::vector<float> values;
  for (std::size_t n = 0; n < count; ++n) values.push_back(usual + step * static_cast<float>(n % 3));
  values.push_back(greatest);
  return ratings_of(values);
}

TEST(WarningOfCounts, OfWholeNumbersWithALongTail) {
  EXPECT_EQ(warning_of_counts(with_tail(4, 5000), "sgd"),
            "the ratings look like counts, with a median of 5 and up to 5000: method sgd predicts them as they are, and a few great ones "
            "outweigh all others; take a method of interactions, such as implicit, or the logarithms of the counts");
  EXPECT_TRUE(warning_of_counts(with_tail(1, 250), "als"));
  // With more than 256 distinct values, ratings are not coded.
  std::vector<float> many;
  for (std::size_t n = 0; n < 2000; ++n) many.push_back(static_cast<float>(n < 1500 ? 1 + n % 7 : n));
  ASSERT_FALSE(ratings_of(many).coded());
  EXPECT_TRUE(warning_of_counts(ratings_of(many), "sgd"));
}

TEST(WarningOfCounts, NotOfOpinions) {
  EXPECT_FALSE(warning_of_counts({}, "sgd"));
  EXPECT_FALSE(warning_of_counts(with_tail(1, 5), "sgd"));
  EXPECT_FALSE(warning_of_counts(with_tail(0, 100), "sgd"));
  EXPECT_FALSE(warning_of_counts(with_tail(50, 100), "sgd"));
  EXPECT_FALSE(warning_of_counts(with_tail(4, 500), "sgd"));
  EXPECT_FALSE(warning_of_counts(with_tail(0.5F, 5000), "sgd"));
  EXPECT_FALSE(warning_of_counts(with_tail(-1, 5000), "sgd"));
}

TEST(WarningOfUnknownLevels, CountsThem) {
  Situations training;
  training.columns.push_back({"daytime", Period::none, {}});
  training.columns[0].levels.add("noon");
  Pairs pairs;
  pairs.users = pairs.items = {0, 1, 2};
  pairs.situations.columns.push_back({"daytime", Period::none, {}});
  for (const char* level : {"noon", "dawn"}) {
    const auto own = static_cast<std::uint16_t>(pairs.situations.columns[0].levels.add(level));
    pairs.situation.push_back(pairs.situations.number({&own, 1}));
  }
  pairs.situation.push_back(pairs.situation.back());
  EXPECT_EQ(warning_of_unknown_levels(pairs, training, "validation"),
            "2 of 3 ratings of the validation set have a level of daytime that the model has not met; they are taken as without one");
  training.columns[0].levels.add("dawn");
  EXPECT_FALSE(warning_of_unknown_levels(pairs, training, "validation"));
  EXPECT_FALSE(warning_of_unknown_levels({}, training, "validation"));
}

TEST(WarningOfSharedPairs, CountsThem) {
  const History training(ratings_of(std::vector<float>(25, 1)));
  Pairs pairs;
  pairs.users = {2, 0, 1, 2, 9, 0};
  pairs.items = {4, 3, 9, 5, 0, 3};
  EXPECT_EQ(warning_of_shared_pairs(pairs, training, "test"),
            "4 of the 6 pairs of the test set are also in the training data: errors on them are too good, and lists leave "
            "them out");
  pairs.users = {2, 9};
  pairs.items = {5, 0};
  EXPECT_FALSE(warning_of_shared_pairs(pairs, training, "test"));
  EXPECT_FALSE(warning_of_shared_pairs({}, training, "test"));
}

/// Runs, and what was warned of.
class WarningsTest : public RunTest {
 protected:
  std::vector<std::string> warnings_of(const TrainRun& run) {
    class Listener : public TrainingObserver {
     public:
      void on_warning(std::string_view text) override { heard.emplace_back(text); }
      std::vector<std::string> heard;
    };
    Listener listener;
    const TrainSummary summary = run_training(run, listener);
    EXPECT_EQ(summary.warnings, listener.heard);
    const std::string json = to_json(summary);
    EXPECT_EQ(json.find("\"warnings\":[\"") != std::string::npos, !listener.heard.empty());
    return listener.heard;
  }
};

TEST_F(WarningsTest, NothingOfAnOrdinaryRun) {
  TrainRun run = synthetic_run(1500);
  run.method = Als{.rank = 4, .epochs = 10};
  run.test = path("test.csv");
  EXPECT_EQ(warnings_of(run), std::vector<std::string>());
  run.holdout = 0.2;
  run.refit = true;
  EXPECT_EQ(warnings_of(run), std::vector<std::string>());
  run.holdout = 0;
  run.validation = path("test.csv");
  EXPECT_EQ(warnings_of(run), std::vector<std::string>());
}

TEST_F(WarningsTest, OfPairsThatAreInTwoParts) {
  TrainRun run = synthetic_run();
  run.test = run.ratings;
  const std::vector<std::string> heard = warnings_of(run);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_NE(heard[0].find("pairs of the test set are also in the training data"), std::string::npos);
  run.validation = run.ratings;
  EXPECT_EQ(warnings_of(run).size(), 2U);
}

TEST_F(WarningsTest, OfFactorsThatLearnNothing) {
  // Noise alone, and a regularization that leaves no room for factors.
  RandomStream random(1, Purpose::generate_ratings);
  std::string lines;
  for (std::uint32_t user = 0; user < 200; ++user) {
    for (std::uint32_t n = 0; n < 10; ++n) {
      lines += "u" + std::to_string(user) + ",i" + std::to_string(random.below(50)) + "," + std::to_string(1 + random.below(5)) + "\n";
    }
  }
  TrainRun run = synthetic_run();
  run.ratings = write("noise.csv", lines);
  run.method = Als{.rank = 4, .epochs = 10, .regularization = 100};
  const std::vector<std::string> heard = warnings_of(run);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_NE(heard[0].find("the factors explain less than 1 %"), std::string::npos);
  std::get<Als>(run.method).rank = 0;
  EXPECT_EQ(warnings_of(run).size(), 0U);
  run = synthetic_run(1500);
  run.method = Als{.rank = 4, .epochs = 10};
  EXPECT_EQ(warnings_of(run).size(), 0U);
}

}  // namespace
}  // namespace lowrank::warnings_test
