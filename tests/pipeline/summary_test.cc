#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "lowrank/pipeline/run.h"

namespace lowrank::summary_test {
namespace {

using Json = nlohmann::json;

TrainSummary plain_summary() {
  TrainSummary summary;
  summary.method = "sgd";
  summary.options = R"({"rank":2,"learning_rate":0.05})";
  summary.ratings = 4'000'000'000;
  summary.epochs = summary.best_epoch = 1;
  summary.stopped = "epochs";
  summary.train_rmse = 0.1;
  summary.history.resize(1);
  summary.history[0].epoch = 1;
  return summary;
}

TEST(SummaryTest, LeavesOutWhatDoesNotApply) {
  const Json json = Json::parse(to_json(plain_summary()));
  for (const char* key : {"validation", "test", "model"}) EXPECT_FALSE(json.contains(key)) << key;
  EXPECT_EQ(json["train"], Json::parse(R"({"rmse":0.1})"));
  EXPECT_EQ(json["history"], Json::parse(R"([{"epoch":1,"seconds":0.0}])"));
  EXPECT_EQ(json["ratings"], 4'000'000'000);
}

TEST(SummaryTest, WritesNumbersInShortestDigits) {
  const std::string text = to_json(plain_summary());
  EXPECT_NE(text.find(R"("rmse":0.1})"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("learning_rate":0.05})"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(SummaryTest, NamesTheMonitoredFigure) {
  TrainSummary summary = plain_summary();
  summary.monitor = "ndcg@20";
  summary.history[0].validation = 0.25;
  summary.validation = RatingScores{.rmse = 1, .mae = 2, .ratings = 3, .unknown = 4};
  const Json json = Json::parse(to_json(summary));
  EXPECT_EQ(json["history"][0]["validation_ndcg@20"], 0.25);
  EXPECT_EQ(json["validation"], Json::parse(R"({"rmse":1.0,"mae":2.0,"ratings":3,"unknown":4})"));
}

TEST(SummaryTest, NeverHoldsWhatIsNoJsonNumber) {
  TrainSummary summary = plain_summary();
  summary.updates_per_second = std::numeric_limits<double>::infinity();
  summary.train_rmse = std::numeric_limits<double>::quiet_NaN();
  summary.history[0].train_rmse = std::numeric_limits<double>::quiet_NaN();
  const std::string text = to_json(summary);
  EXPECT_EQ(text.find("null"), std::string::npos) << text;
  EXPECT_FALSE(Json::parse(text).contains("updates_per_second"));
}

TEST(PeakMemoryTest, GrowsWithWhatIsTouched) {
  const std::size_t before = peak_memory_bytes();
  EXPECT_GT(before, 1'000'000U);
  {
    constexpr std::size_t kBytes = 256 << 20;
    std::vector<char> memory(kBytes, 1);
    EXPECT_EQ(memory[kBytes / 2], 1);
    EXPECT_GT(peak_memory_bytes(), std::size_t{250} << 20U);
  }
  EXPECT_GE(peak_memory_bytes(), std::size_t{250} << 20U);
}

}  // namespace
}  // namespace lowrank::summary_test
