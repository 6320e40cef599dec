#include "lowrank/train/train.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/recommend.h"
#include "train/fixtures.h"

namespace lowrank::train_test {
namespace {

Dataset dataset() {
  Dataset data;
  for (std::uint32_t user = 0; user < 40; ++user) data.users.add("user " + std::to_string(user));
  for (std::uint32_t item = 0; item < 30; ++item) data.items.add("item " + std::to_string(item));
  data.ratings = make_ratings(synthetic(40, 30, 300, 5), 40, 30);
  return data;
}

TEST(Train, EndsInACompleteModelForEveryMethod) {
  const Dataset data = dataset();
  for (const std::string_view name : method_names()) {
    const Model model = train({.data = data}, method_by_name(name)).model;
    EXPECT_EQ(model.users.ids, data.users) << name;
    EXPECT_EQ(model.items.ids, data.items) << name;
    EXPECT_TRUE(std::ranges::equal(model.history.bytes(), History(data.ratings).bytes())) << name;
    // Values are kept where an update reads them.
    const bool likes =
        name.starts_with("implicit") || name == "bpr" || name == "neighbours" || name == "slim" || name == "ease" || name == "popular";
    EXPECT_EQ(model.history.has_values(), !likes) << name;
    EXPECT_EQ(model.record.fingerprint, fingerprint(data.users, data.items, data.ratings)) << name;
    EXPECT_EQ(model.record.metrics.empty(), !predicts_ratings(method_by_name(name))) << name;
    EXPECT_EQ(deserialize_model(serialize_model(model)), model) << name;
  }
}

TEST(Train, ListsLeaveOutWhatWasRated) {
  const Dataset data = dataset();
  const Model model = train({.data = data}, Sgd{.rank = 4, .epochs = 3}).model;
  for (std::uint32_t user = 0; user < 40; ++user) {
    const auto rated = data.ratings.items_of(user);
    recommend(model, std::vector{user}, {.top = 30}, [&](std::size_t, std::span<const Scored> list) {
      for (const Scored& item : list) EXPECT_FALSE(std::ranges::binary_search(rated, item.index));
    });
  }
}

TEST(Train, RowsWithoutIdsAreNumbered) {
  TrainInput input;
  input.data.ratings = dataset().ratings;
  const Model model = train(std::move(input), Baseline{}).model;
  EXPECT_EQ(model.users.ids.id(39), "39");
  EXPECT_EQ(model.items.ids.size(), 30U);
}

TEST(Train, SomeRowsWithoutIdsAreRefused) {
  TrainInput input{.data = dataset()};
  input.data.ratings = make_ratings(synthetic(40, 30, 300, 5), 41, 30);
  EXPECT_THROW(train(std::move(input), Baseline{}), DataError);
}

TEST(Train, FeaturesAreRefusedByMethodsThatDoNotReadThem) {
  Features features;
  features.extend(40);
  for (const std::string_view name : method_names()) {
    if (reads_features(method_by_name(name))) continue;
    try {
      train({.data = dataset(), .user_features = features}, method_by_name(name));
      ADD_FAILURE() << name << " reads features";
    } catch (const OptionError& error) {
      EXPECT_EQ(error.option(), "user_features");
    }
  }
}

TEST(Train, KeepsTheValuesWhenAsked) {
  const Dataset data = dataset();
  const Model model = train({.data = data, .history = HistoryValues::kept}, Baseline{}).model;
  for (std::uint32_t user = 0; user < 40; ++user) {
    const std::vector<float> values = model.history.values_of(user);
    ASSERT_EQ(values.size(), data.ratings.items_of(user).size());
    for (std::size_t n = 0; n < values.size(); ++n) EXPECT_EQ(values[n], data.ratings.value(data.ratings.row_offsets()[user] + n));
  }
}

}  // namespace
}  // namespace lowrank::train_test
