#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/pipeline/update.h"
#include "lowrank/recommend/fold_in.h"
#include "pipeline/update_fixture.h"

namespace lowrank::update_methods_test {
namespace {

using testing_update::dataset_of;
using testing_update::Line;
using testing_update::pairs_of;
using testing_update::planted_lines;
using testing_update::small_model;
using testing_update::updated;

bool learns_weights_alone(const std::string& name) { return name == "neighbours" || name == "slim" || name == "ease"; }

/// A new user of known items, and a new item of known users.
const std::vector<Line> kNews = {{"new", "i0", 5},   {"new", "i1", 5},   {"new", "i2", 4},
                                 {"u1", "fresh", 5}, {"u2", "fresh", 5}, {"u3", "fresh", 5}};

TEST(UpdateMethods, EveryMethodTakesInWhatIsNew) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.4);
  for (const std::string_view name : method_names()) {
    const Model model = small_model(std::string(name), lines);
    const Updated result = updated(model, kNews, {lines[50]});
    const Model& after = result.model;
    EXPECT_EQ(after.users.ids.id(40), "new") << name;
    EXPECT_EQ(after.items.ids.id(25), "fresh") << name;
    EXPECT_EQ(after.users.counts[40], 3U) << name;
    EXPECT_EQ(after.items.counts[25], 3U) << name;
    EXPECT_TRUE(after.users.knows(40)) << name;
    EXPECT_EQ(result.summary.added, 6U) << name;
    EXPECT_EQ(result.summary.removed, 1U) << name;
    EXPECT_EQ(deserialize_model(serialize_model(after)), after) << name;
    // The new user is not treated as one that nobody knows; the new item is scored by what it has.
    bool differs = false;
    for (std::uint32_t item = 0; item < 25; ++item) differs = differs || score(after, 40, item) != 0;
    EXPECT_TRUE(differs) << name;
    EXPECT_TRUE(std::isfinite(score(after, 1, 25))) << name;
    if (learns_weights_alone(std::string(name))) continue;
    const auto is_touched = [&](std::string_view id, std::initializer_list<const char*> touched) {
      return std::ranges::find(touched, id) != touched.end() || id == lines[50].user || id == lines[50].item;
    };
    for (std::uint32_t user = 0; user < 40; ++user) {
      if (is_touched(after.users.ids.id(user), {"u1", "u2", "u3"})) continue;
      EXPECT_TRUE(std::ranges::equal(after.users.factors.row(user), model.users.factors.row(user))) << name;
      EXPECT_EQ(after.users.biases[user], model.users.biases[user]) << name;
    }
    for (std::uint32_t item = 0; item < 25; ++item) {
      if (is_touched(after.items.ids.id(item), {"i0", "i1", "i2"})) continue;
      EXPECT_TRUE(std::ranges::equal(after.items.factors.row(item), model.items.factors.row(item))) << name;
      EXPECT_EQ(after.items.biases[item], model.items.biases[item]) << name;
    }
  }
}

TEST(UpdateMethods, WeightsAloneAndCountsAreThoseOfATraining) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.4);
  std::vector<Line> all = lines;
  all.insert(all.end(), kNews.begin(), kNews.end());
  for (const std::string name : {"neighbours", "slim", "ease", "popular"}) {
    const Updated result = updated(small_model(name, lines), kNews);
    const Model& after = result.model;
    const Model again = small_model(name, all);
    // What was learned anew from all ratings has nothing that calls for a training.
    EXPECT_EQ(after.record.lineage.has_value(), !learns_weights_alone(name)) << name;
    EXPECT_EQ(result.summary.changed_share > 0, !learns_weights_alone(name)) << name;
    EXPECT_EQ(after.record.ratings, again.record.ratings) << name;
    for (std::uint32_t user = 0; user < 41; ++user) {
      for (std::uint32_t item = 0; item < 26; ++item) {
        const std::uint32_t other_user = again.users.ids.find(after.users.ids.id(user));
        const std::uint32_t other_item = again.items.ids.find(after.items.ids.id(item));
        EXPECT_NEAR(score(after, user, item), score(again, other_user, other_item), 1e-5) << name;
      }
    }
  }
}

TEST(UpdateMethods, AreTheSameOnAnyNumberOfThreads) {
  const std::vector<Line> lines = planted_lines(300, 60, 0.4);
  std::vector<Line> news = kNews;
  for (std::uint32_t user = 0; user < 200; ++user) news.push_back({"u" + std::to_string(user), "i" + std::to_string(user % 60), 4.5F});
  for (const std::string_view name : method_names()) {
    const Model model = small_model(std::string(name), lines);
    const std::string one = serialize_model(updated(model, news, {lines[50]}, {.threads = 1}).model);
    for (const int threads : {2, 3, 8})
      EXPECT_EQ(one, serialize_model(updated(model, news, {lines[50]}, {.threads = threads}).model)) << name;
  }
}

TEST(UpdateMethods, CanAllBeRetrained) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.4);
  for (const std::string_view name : method_names()) {
    const Updated result = updated(small_model(std::string(name), lines), kNews, {}, {.retrain = true});
    EXPECT_TRUE(result.summary.retrained) << name;
    EXPECT_EQ(result.model.users.size(), 41U) << name;
    EXPECT_EQ(result.model.record.method, name);
    EXPECT_EQ(result.model.history.user_count(), 41U) << name;
  }
}

/// The whole objective of implicit feedback over the rows that an update touches, by a loop over all cells.
double implicit_objective(const Model& model, const std::vector<std::uint8_t>& users, const std::vector<std::uint8_t>& items) {
  const auto& problem = std::get<WeightedLeastSquares>(model.fold_in);
  const auto weight_of = [](const PowerWeight& weight, std::uint32_t count) {
    return weight.exponent == 0 ? 1.0 : count == 0 ? 0.0 : weight.scale * std::pow(static_cast<double>(count), weight.exponent);
  };
  double sum = 0;
  for (std::uint32_t user = 0; user < model.users.size(); ++user) {
    const std::vector<std::uint32_t> seen = model.history.items_of(user);
    for (std::uint32_t item = 0; item < model.items.size(); ++item) {
      if (users[user] == 0 && items[item] == 0) continue;
      const double x = score(model, user, item);
      const double unobserved = problem.unobserved_weight * weight_of(problem.unobserved_item, model.items.counts[item]) *
                                weight_of(problem.unobserved_user, model.users.counts[user]);
      const bool is_seen = std::ranges::binary_search(seen, item);
      if (is_seen) sum += problem.observed_weight * weight_of(problem.observed_item, model.items.counts[item]) * (1 - x) * (1 - x);
      if (!is_seen || problem.unobserved_includes_seen) sum += unobserved * x * x;
    }
  }
  const auto penalties = [&](const Side& side, const Side& other, const RowPenalty& penalty, const std::vector<std::uint8_t>& touched,
                             const PowerWeight& fixed, const PowerWeight& own) {
    double shares = 0;
    for (const std::uint32_t count : other.counts) shares += weight_of(fixed, count);
    for (std::uint32_t row = 0; row < side.size(); ++row) {
      if (touched[row] == 0) continue;
      double squares = 0;
      for (const float x : side.factors.row(row)) squares += static_cast<double>(x) * static_cast<double>(x);
      const double size =
          std::pow(side.counts[row] + problem.unobserved_weight * weight_of(own, side.counts[row]) * shares, problem.size_exponent);
      sum += (penalty.l2 * size + penalty.l2_constant) * squares;
    }
  };
  penalties(model.users, model.items, problem.users, users, problem.unobserved_item, problem.unobserved_user);
  penalties(model.items, model.users, problem.items, items, problem.unobserved_user, problem.unobserved_item);
  return sum;
}

TEST(UpdateMethods, ImplicitTellsItsObjective) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.4);
  const Updated result = updated(small_model("implicit", lines), kNews);
  std::vector<std::uint8_t> users(41);
  std::vector<std::uint8_t> items(26);
  for (const char* user : {"u1", "u2", "u3", "new"}) users[result.model.users.ids.find(user)] = 1;
  for (const char* item : {"i0", "i1", "i2", "fresh"}) items[result.model.items.ids.find(item)] = 1;
  const double expected = implicit_objective(result.model, users, items);
  EXPECT_NEAR(*result.summary.objective_after, expected, 1e-3 * std::abs(expected));
  EXPECT_LT(*result.summary.objective_after, *result.summary.objective_before);
}

TEST(UpdateMethods, KeepNeighboursBesideFactors) {
  const std::vector<Line> lines = planted_lines(60, 30, 0.5);
  for (const std::string name : {"sgd", "als", "implicit", "bpr"}) {
    Method method = method_by_name(name);
    for (const char* setting : {"rank=3", "epochs=5", "neighbours=6"}) {
      const std::string text(setting);
      set_option(method, text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
    }
    const Model model = train({.data = dataset_of(lines)}, method).model;
    ASSERT_TRUE(model.neighbours) << name;
    const Model after = updated(model, kNews).model;
    ASSERT_TRUE(after.neighbours) << name;
    EXPECT_EQ(after.neighbours->rows(), 31U) << name;
    EXPECT_EQ(after.neighbours->rule(), model.neighbours->rule()) << name;
    // The new item has neighbours, in one direction or the other.
    std::size_t of_new = after.neighbours->items_of(30).size();
    for (std::uint32_t item = 0; item < 30; ++item) of_new += after.neighbours->weight(item, 30) != 0 ? 1U : 0U;
    EXPECT_TRUE(of_new > 0 || name == "sgd" || name == "als") << name;
    // An item that nothing touched keeps its own: what it speaks for in sums, what speaks for it in means.
    const std::uint32_t quiet = model.items.ids.find("i20");
    for (std::uint32_t item = 0; item < 30; ++item) {
      if (after.neighbours->is_mean()) {
        EXPECT_EQ(after.neighbours->weight(item, quiet), model.neighbours->weight(item, quiet)) << name;
      } else {
        EXPECT_EQ(after.neighbours->weight(quiet, item), model.neighbours->weight(quiet, item)) << name;
      }
    }
    UpdateInput input;
    input.forgotten_items = {2, 5};
    EXPECT_EQ(update(model, input).model.neighbours->rows(), 28U) << name;
  }
}

TEST(UpdateMethods, KeepIntervals) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.4);
  const Model model = small_model("bayes", lines);
  ASSERT_TRUE(model.uncertainty);
  std::vector<Line> news;
  for (int item = 0; item < 20; ++item) news.push_back({"keen", "i" + std::to_string(item), 4});
  news.push_back({"shy", "i0", 4});
  Model after = updated(model, news).model;
  ASSERT_EQ(after.uncertainty->users.biases.size(), 43U);
  EXPECT_LT(after.uncertainty->users.biases[40], after.uncertainty->users.biases[41]);
  EXPECT_LE(after.uncertainty->users.biases[41], after.uncertainty->users.biases[42] * 1.0001F);
  EXPECT_EQ(after.uncertainty->users.biases[7], model.uncertainty->users.biases[7]);
  EXPECT_EQ(after.uncertainty->users.biases[42], model.uncertainty->users.biases[40]);
  // The two users have different factors, by which the variances of the items' factors would count.
  after.uncertainty->items.factors = FactorMatrix(after.items.size() + 1, after.rank());
  const std::vector<std::uint32_t> users{40, 41};
  const std::vector<std::uint32_t> items{1, 1};
  std::vector<double> variances(2);
  predict_variances(after, users, items, variances);
  EXPECT_LT(variances[0], variances[1]);
}

TEST(UpdateMethods, TakesAFoldedInModel) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.4);
  for (const std::string name : {"als", "sgd", "implicit", "bayes"}) {
    const Model model = small_model(name, lines);
    const Model folded = fold_in(model, pairs_of(model, {{"x", "i1", 5}, {"x", "i2", 1}, {"y", "i3", 4}, {"y", "i4", 2}}));
    const Updated result = updated(folded, {{"y", "i5", 3}, {"z", "i6", 2}});
    EXPECT_EQ(result.model.users.size(), 3U) << name;
    EXPECT_EQ(result.model.users.counts[1], 3U) << name;
    EXPECT_TRUE(std::ranges::equal(result.model.users.factors.row(0), folded.users.factors.row(0))) << name;
    // The ratings that items were trained on are not in the model: they stay.
    EXPECT_EQ(result.model.items.factors, folded.items.factors) << name;
    EXPECT_EQ(result.model.items.counts[folded.items.ids.find("i5")], folded.items.counts[folded.items.ids.find("i5")] + 1) << name;
    EXPECT_EQ(result.summary.incomplete_rows, 2U) << name;
    const Updated fresh = updated(folded, {{"y", "unheard", 3}, {"z", "unheard", 2}});
    EXPECT_EQ(fresh.summary.incomplete_rows, 0U) << name;
    EXPECT_EQ(fresh.model.items.counts.back(), 2U) << name;
  }
}

TEST(UpdateMethods, NeedsTheFeaturesOfTouchedRows) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.4);
  const auto table_of = [](std::uint32_t items) {
    std::vector<std::vector<std::string>> columns(2);
    for (std::uint32_t item = 0; item < items; ++item) {
      columns[0].push_back(item == 25 ? "fresh" : "i" + std::to_string(item));
      columns[1].push_back(item % 2 == 0 ? "even" : "odd");
    }
    return make_feature_table({"item", "parity"}, columns, {.side = FeatureSide::items});
  };
  for (const std::string name : {"als", "bayes"}) {
    TrainInput input{.data = dataset_of(lines)};
    input.item_features = learn_features(table_of(25), input.data.items, {.side = FeatureSide::items});
    Method method = method_by_name(name);
    set_option(method, "rank", "2");
    const Model model = train(std::move(input), method).model;
    EXPECT_THROW(updated(model, {{"u1", "i3", 1}}), OptionError) << name;
    FeatureGaps gaps;
    const NewFeatures features = new_features(table_of(26), FeatureSide::items, model, gaps);
    UpdateInput news;
    news.ratings = pairs_of(model, {{"u1", "fresh", 5}, {"u2", "i3", 1}});
    news.item_features = &features;
    const Model after = update(model, news).model;
    EXPECT_EQ(after.items.features->rows.size(), 26U) << name;
    EXPECT_EQ(after.items.features->rows[25], 1) << name;
    // A folded-in item with the same ratings and features is the same, where users stay as they are.
    EXPECT_THROW(update(model, news, {.retrain = true}), OptionError) << name;
    UpdateInput user_alone;
    user_alone.ratings = pairs_of(model, {{"u1", "unheard", 5}});
    EXPECT_NO_THROW(update(model, user_alone)) << name;
  }
}

/// Lines of a pair in several contexts are one rating in the history: their mean, in training as in an update, which reads no contexts.
TEST(UpdateMethods, PairsInSeveralContextsCountByTheirMean) {
  const std::vector<Line> lines = planted_lines(30, 20, 0.5);
  Dataset data;
  data.situations.columns.push_back({"company", Period::none, {}});
  for (const char* level : {"alone", "kids"}) data.situations.columns[0].levels.add(level);
  RatingsBuilder builder;
  for (const Line& line : lines) {
    const std::uint32_t user = data.users.add(line.user);
    const std::uint32_t item = data.items.add(line.item);
    for (const std::uint16_t level : {std::uint16_t{0}, std::uint16_t{1}}) {
      builder.add_in_situation(user, item, line.value + static_cast<float>(level), data.situations.number({&level, 1}));
    }
  }
  data.ratings = builder.build(data.users.size(), data.items.size());
  Method method = method_by_name("context");
  set_option(method, "rank", "3");
  set_option(method, "epochs", "5");
  const Model model = train({.data = std::move(data)}, method).model;
  const auto rating_of = [](const Model& own, const std::string& user, const std::string& item) {
    const std::uint32_t row = own.users.ids.find(user);
    const std::vector<std::uint32_t> items = own.history.items_of(row);
    const std::vector<float> values = own.history.values_of(row);
    return values[static_cast<std::size_t>(std::ranges::find(items, own.items.ids.find(item)) - items.begin())];
  };
  EXPECT_EQ(rating_of(model, lines[3].user, lines[3].item), lines[3].value + 0.5F);
  const std::vector<Line> repeats = {
      {lines[3].user, lines[3].item, 1}, {"new", "i0", 2}, {lines[3].user, lines[3].item, 4}, {"new", "i0", 5}};
  const Model repeated = updated(model, repeats).model;
  EXPECT_EQ(rating_of(repeated, lines[3].user, lines[3].item), 2.5F);
  EXPECT_EQ(rating_of(repeated, "new", "i0"), 3.5F);
  const Model once = updated(model, {{lines[3].user, lines[3].item, 2.5F}, {"new", "i0", 3.5F}}).model;
  EXPECT_EQ(repeated.users, once.users);
  EXPECT_EQ(repeated.items, once.items);
  // Another rule is taken as it is stated, and without contexts the last one counts.
  UpdateInput input;
  input.ratings = pairs_of(model, repeats);
  input.duplicates = Duplicates::first;
  EXPECT_EQ(rating_of(update(model, input).model, "new", "i0"), 2);
  EXPECT_EQ(rating_of(updated(small_model("als", lines), repeats).model, "new", "i0"), 5);
}

}  // namespace
}  // namespace lowrank::update_methods_test
