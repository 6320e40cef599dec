#include "lowrank/pipeline/update.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/models.h"
#include "pipeline/update_fixture.h"

namespace lowrank::update_test {
namespace {

using testing_update::Line;
using testing_update::pairs_of;
using testing_update::planted_lines;
using testing_update::small_model;
using testing_update::updated;

/// The ratings of one row: the rows of the other side, and values.
struct Cells {
  std::vector<std::uint32_t> others;
  std::vector<double> values;
};

/// Solves a dense system by Gaussian elimination with pivots.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t row = k; row < n; ++row) {
      if (std::abs(a[row][k]) > std::abs(a[pivot][k])) pivot = row;
    }
    std::swap(a[k], a[pivot]);
    std::swap(b[k], b[pivot]);
    for (std::size_t row = k + 1; row < n; ++row) {
      const double factor = a[row][k] / a[k][k];
      for (std::size_t l = k; l < n; ++l) a[row][l] -= factor * a[k][l];
      b[row] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t l = k + 1; l < n; ++l) b[k] -= a[k][l] * b[l];
    b[k] /= a[k][k];
  }
  return b;
}

/// The ridge solution of one row against a side: factors, then the bias.
std::vector<double> ridge(const Cells& cells, const Side& fixed, double mean, const RowPenalty& penalty) {
  const std::size_t rank = fixed.factors.rank();
  const auto count = static_cast<double>(cells.others.size());
  std::vector<std::vector<double>> a(rank + 1, std::vector<double>(rank + 1));
  std::vector<double> b(rank + 1);
  for (std::size_t n = 0; n < cells.others.size(); ++n) {
    std::vector<double> q;
    for (const float x : fixed.factors.row(cells.others[n])) q.push_back(static_cast<double>(x));
    q.push_back(1);
    const double target = cells.values[n] - mean - static_cast<double>(fixed.biases[cells.others[n]]);
    for (std::size_t k = 0; k <= rank; ++k) {
      for (std::size_t l = 0; l <= rank; ++l) a[k][l] += q[k] * q[l];
      b[k] += q[k] * target;
    }
  }
  for (std::size_t k = 0; k < rank; ++k) a[k][k] += penalty.l2 * count + penalty.l2_constant;
  a[rank][rank] += penalty.bias * count + penalty.bias_constant;
  return solve(std::move(a), std::move(b));
}

Cells cells_of_user(const Model& model, std::uint32_t user, const std::vector<std::uint8_t>& usable = {}) {
  Cells cells;
  const std::vector<std::uint32_t> items = model.history.items_of(user);
  const std::vector<float> values = model.history.values_of(user);
  for (std::size_t n = 0; n < items.size(); ++n) {
    if (!usable.empty() && usable[items[n]] == 0) continue;
    cells.others.push_back(items[n]);
    cells.values.push_back(static_cast<double>(values[n]));
  }
  return cells;
}

Cells cells_of_item(const Model& model, std::uint32_t item) {
  Cells cells;
  for (std::uint32_t user = 0; user < model.users.size(); ++user) {
    const std::vector<std::uint32_t> items = model.history.items_of(user);
    const auto found = std::ranges::lower_bound(items, item);
    if (found == items.end() || *found != item) continue;
    cells.others.push_back(user);
    cells.values.push_back(static_cast<double>(model.history.values_of(user)[static_cast<std::size_t>(found - items.begin())]));
  }
  return cells;
}

void expect_row(const Side& side, std::uint32_t row, const std::vector<double>& expected, const std::string& what) {
  for (std::size_t k = 0; k < side.factors.rank(); ++k)
    EXPECT_NEAR(static_cast<double>(side.factors.row(row)[k]), expected[k], 2e-4) << what;
  EXPECT_NEAR(static_cast<double>(side.biases[row]), expected.back(), 2e-4) << what;
}

Model als_model() {
  Model model = testing_models::random_model(30, 20, 3, 5, 0.4);
  model.history = History(testing_models::random_ratings(30, 20, 0.4, 5), HistoryValues::kept);
  model.record.method = "als";
  model.record.options = "{}";
  return model;
}

TEST(Update, SolvesTouchedRowsAsADenseRidge) {
  const Model before = als_model();
  const std::string known_item(before.items.ids.id(4));
  const Updated result = updated(before, {{"user 3", known_item, 4.5F}, {"fresh", known_item, 2}, {"user 7", "new", 5}}, {}, {.sweeps = 1});
  const Model& after = result.model;
  ASSERT_EQ(after.users.size(), 31U);
  ASSERT_EQ(after.items.size(), 21U);
  EXPECT_EQ(after.users.ids.id(30), "fresh");
  EXPECT_EQ(after.items.ids.id(20), "new");
  const auto& problem = std::get<LeastSquares>(before.fold_in);
  // Users first, against the items as they were; the new item is not known yet.
  Side items = before.items;
  for (const std::uint32_t user : {3U, 7U, 30U}) {
    std::vector<std::uint8_t> usable(21, 1);
    usable[20] = 0;
    Cells cells = cells_of_user(after, user, usable);
    expect_row(after.users, user, ridge(cells, items, before.centre.mean, problem.users), "user " + std::to_string(user));
  }
  for (const std::uint32_t item : {4U, 20U})
    expect_row(after.items, item, ridge(cells_of_item(after, item), after.users, before.centre.mean, problem.items), "item");
  for (std::uint32_t user = 0; user < 30; ++user) {
    if (user == 3 || user == 7) continue;
    EXPECT_TRUE(std::ranges::equal(after.users.factors.row(user), before.users.factors.row(user)));
    EXPECT_EQ(after.users.biases[user], before.users.biases[user]);
    EXPECT_EQ(after.users.counts[user], before.users.counts[user]);
  }
  for (std::uint32_t item = 0; item < 20; ++item) {
    EXPECT_TRUE(item == 4 || std::ranges::equal(after.items.factors.row(item), before.items.factors.row(item)));
  }
  EXPECT_EQ(after.users.counts[30], 1U);
  EXPECT_EQ(after.items.counts[20], 1U);
  EXPECT_EQ(result.summary.added + result.summary.replaced, 3U);
  EXPECT_EQ(result.summary.new_users, 1U);
  EXPECT_EQ(result.summary.new_items, 1U);
  EXPECT_LE(*result.summary.objective_after, *result.summary.objective_before);
}

/// Every score of two models, by id.
double farthest_score(const Model& a, const Model& b) {
  double far = 0;
  for (std::uint32_t user = 0; user < a.users.size(); ++user) {
    for (std::uint32_t item = 0; item < a.items.size(); ++item) {
      const std::uint32_t other_user = b.users.ids.find(a.users.ids.id(user));
      const std::uint32_t other_item = b.items.ids.find(a.items.ids.id(item));
      far = std::max(far, std::abs(score(a, user, item) - score(b, other_user, other_item)));
    }
  }
  return far;
}

Model converged_als(const std::vector<Line>& lines) {
  Als als;
  als.rank = 2;
  als.epochs = 300;
  als.regularization = 0.1;
  return train({.data = testing_update::dataset_of(lines)}, als).model;
}

TEST(Update, GivesBackAModelWhoseRatingWasRemovedAndAdded) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.5);
  const Model model = converged_als(lines);
  const std::vector<Line> some(lines.begin() + 10, lines.begin() + 13);
  const Model without = updated(model, {}, some, {.sweeps = 300}).model;
  EXPECT_GT(farthest_score(model, without), 1e-3);
  const Model again = updated(without, some, {}, {.sweeps = 300}).model;
  EXPECT_LT(farthest_score(model, again), 2e-3);
  EXPECT_EQ(model.history, again.history);
  EXPECT_EQ(model.users.counts, again.users.counts);
}

/// Where both touch the same rows, and these are solved to the end.
TEST(Update, OfTwoFilesIsThatOfBothAtOnce) {
  const Model model = converged_als(planted_lines(40, 25, 0.5));
  std::vector<Line> first;
  std::vector<Line> second;
  for (std::uint32_t user = 35; user < 42; ++user) {
    for (std::uint32_t item = 20; item < 27; ++item) {
      const Line line{"u" + std::to_string(user), "i" + std::to_string(item), static_cast<float>(1 + (3 * user + 2 * item) % 5)};
      ((user + item) % 2 == 0 ? first : second).push_back(line);
    }
  }
  std::vector<Line> both = first;
  both.insert(both.end(), second.begin(), second.end());
  const UpdateOptions to_the_end{.sweeps = 2000};
  const Model once = updated(model, both, {}, to_the_end).model;
  const Model twice = updated(updated(model, first, {}, to_the_end).model, second, {}, to_the_end).model;
  EXPECT_EQ(once.users.counts, twice.users.counts);
  EXPECT_EQ(once.users.size(), 42U);
  EXPECT_LT(farthest_score(once, twice), 5e-3);
}

TEST(Update, OfNothingNewChangesNothing) {
  const std::vector<Line> lines = planted_lines(20, 15, 0.5);
  const Model model = small_model("als", lines);
  const Updated result = updated(model, {lines[3], lines[8]});
  EXPECT_EQ(serialize_model(result.model), serialize_model(model));
  EXPECT_EQ(result.summary.added + result.summary.replaced, 0U);
}

TEST(Update, TakesRepeatsByTheRule) {
  const std::vector<Line> lines = {{"a", "x", 2}, {"a", "y", 3}, {"b", "x", 4}, {"b", "y", 1}, {"c", "x", 5}};
  const Model model = small_model("als", lines);
  const auto value_after = [&](Duplicates rule, const std::string& user) {
    UpdateInput input;
    input.ratings = pairs_of(model, {{"a", "x", 5}, {"a", "x", 1}, {"d", "x", 3}, {"d", "x", 1}});
    input.duplicates = rule;
    const Model after = update(model, input).model;
    return after.history.values_of(after.users.ids.find(user)).front();
  };
  EXPECT_EQ(value_after(Duplicates::last, "a"), 1);
  EXPECT_EQ(value_after(Duplicates::first, "a"), 2);
  EXPECT_FLOAT_EQ(value_after(Duplicates::mean, "a"), 8.0F / 3);
  EXPECT_EQ(value_after(Duplicates::sum, "a"), 8);
  EXPECT_EQ(value_after(Duplicates::count, "a"), 4);
  EXPECT_EQ(value_after(Duplicates::last, "d"), 1);
  EXPECT_EQ(value_after(Duplicates::first, "d"), 3);
  EXPECT_EQ(value_after(Duplicates::count, "d"), 2);
  EXPECT_THROW(value_after(Duplicates::error, "a"), DataError);
}

/// What an error says.
template <class Run>
std::string message_of(const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Update, NeedsTheValuesOfTheRatings) {
  const std::vector<Line> lines = planted_lines(20, 15, 0.5);
  const Model model = small_model("als", lines);
  const Model bare = small_model("als", lines, HistoryValues::dropped);
  ASSERT_FALSE(bare.history.has_values());
  EXPECT_NE(message_of([&] { updated(bare, {{"u1", "i1", 5}}); }).find("history"), std::string::npos);
  UpdateInput input;
  input.ratings = pairs_of(bare, {{"u1", "i1", 5}, {"new", "i2", 4}});
  input.history = pairs_of(bare, lines);
  EXPECT_EQ(serialize_model(update(bare, input).model), serialize_model(updated(model, {{"u1", "i1", 5}, {"new", "i2", 4}}).model));
  input.history = pairs_of(bare, {lines.begin() + 1, lines.end()});
  EXPECT_NE(message_of([&] { update(bare, input); }).find("is not that of the model"), std::string::npos);
  std::vector<Line> more = lines;
  more.push_back({"stranger", "i1", 3});
  input.history = pairs_of(bare, more);
  EXPECT_NE(message_of([&] { update(bare, input); }).find("stranger"), std::string::npos);
}

TEST(Update, RefusesToRemoveWhatIsNotThere) {
  const std::vector<Line> lines = {{"a", "x", 2}, {"a", "y", 3}, {"b", "x", 4}};
  const Model model = small_model("als", lines);
  EXPECT_NE(message_of([&] { updated(model, {}, {{"b", "y"}}); }).find("\"b\" and item \"y\""), std::string::npos);
  EXPECT_NE(message_of([&] { updated(model, {}, {{"eve", "y"}}); }).find("\"eve\" and item \"y\""), std::string::npos);
  EXPECT_NE(message_of([&] { updated(model, {}, lines); }).find("no rating"), std::string::npos);
  EXPECT_THROW(updated(model, {{"a", "x", 1}}, {}, {.sweeps = 0}), OptionError);
  EXPECT_THROW(updated(model, {{"a", "x", 1}}, {}, {.max_seconds = -1}), OptionError);
  EXPECT_THROW(updated(model, {{"a", "x", 1}}, {}, {.retrain_share = 0}), OptionError);
}

TEST(Update, RefusesPairsThatDoNotFitTogether) {
  const std::vector<Line> lines = {{"a", "x", 2}, {"a", "y", 3}, {"b", "x", 4}};
  const Model model = small_model("als", lines);
  const auto spoilt = [&](const auto& spoil) {
    Pairs pairs = pairs_of(model, lines);
    spoil(pairs);
    return pairs;
  };
  for (const Pairs& pairs : {spoilt([](Pairs& own) { own.items.pop_back(); }), spoilt([](Pairs& own) { own.values.pop_back(); }),
                             spoilt([](Pairs& own) { own.users[1] = 99; }), spoilt([](Pairs& own) { own.known_users = 1; })}) {
    EXPECT_EQ(message_of([&] { update(model, {.ratings = pairs}); }).find("ratings: "), 0U);
    EXPECT_EQ(message_of([&] { update(model, {.removed = pairs}); }).find("removed: "), 0U);
    EXPECT_EQ(message_of([&] { update(model, {.history = pairs}); }).find("history: "), 0U);
  }
}

/// A user who is forgotten and comes back in the same update is no new kind of id.
TEST(Update, KeepsTheKindOfIds) {
  Model model = small_model("als", {{"1", "7", 2}, {"1", "8", 3}, {"2", "7", 4}, {"3", "8", 1}});
  model.users.ids.set_kind(IdKind::integer);
  UpdateInput input{.ratings = pairs_of(model, {{"1", "8", 5}})};
  input.forgotten_users = {model.users.ids.find("1")};
  const Model after = update(model, input).model;
  EXPECT_EQ(after.users.ids.kind(), IdKind::integer);
  EXPECT_NE(after.users.ids.find("1"), Vocabulary::kUnknown);
  input.ratings = pairs_of(model, {{"new", "8", 5}});
  EXPECT_EQ(update(model, input).model.users.ids.kind(), IdKind::text) << "the ids that are new are texts";
}

TEST(Update, EndsBetweenRowsWhenTheTimeIsUp) {
  const std::vector<Line> lines = planted_lines(40, 25, 0.5);
  const Model model = small_model("als", lines);
  std::vector<Line> news = lines;
  for (Line& line : news) line.value = 6 - line.value;
  const Updated result = updated(model, news, {}, {.max_seconds = 1e-12});
  EXPECT_GT(result.summary.row_solves_left, 0U);
  EXPECT_EQ(result.summary.row_solves + result.summary.row_solves_left, 2U * (40 + 25));
  const Updated whole = updated(model, news, {}, {.max_seconds = 1000});
  EXPECT_EQ(whole.summary.row_solves_left, 0U);
  EXPECT_EQ(serialize_model(whole.model), serialize_model(updated(model, news).model));
}

TEST(Update, CountsWhatChangedSinceTheTraining) {
  const std::vector<Line> lines = planted_lines(20, 15, 0.5);
  const Model model = small_model("als", lines);
  Updated first = updated(model, {{"new", "i1", 5}, {"new", "i2", 4}});
  ASSERT_TRUE(first.model.record.lineage);
  EXPECT_EQ(first.model.record.lineage->trained, lines.size());
  EXPECT_EQ(first.model.record.lineage->trained_fingerprint, model.record.fingerprint);
  EXPECT_NE(first.model.record.fingerprint, model.record.fingerprint);
  EXPECT_DOUBLE_EQ(first.summary.changed_share, 2.0 / static_cast<double>(lines.size()));
  EXPECT_FALSE(first.summary.retrain_recommended);
  const Updated second = updated(first.model, {}, {{"new", "i1"}}, {.retrain_share = 0.01});
  EXPECT_TRUE(second.summary.retrain_recommended);
  EXPECT_EQ(second.model.record.lineage->updates, 2U);
  EXPECT_EQ(second.model.record.lineage->removed, 1U);
  EXPECT_TRUE(second.model.record.lineage->trained_fingerprint.empty());
  const std::string bytes = serialize_model(second.model);
  EXPECT_EQ(serialize_model(deserialize_model(bytes)), bytes);
  const Updated third = updated(second.model, {{"new", "i3", 1}}, {}, {.retrain = true});
  EXPECT_FALSE(third.model.record.lineage);
  EXPECT_TRUE(third.summary.retrained);
  EXPECT_EQ(third.model.record.options, model.record.options);
}

TEST(Update, MovesTheRangeWhereItIsThatOfTheRatings) {
  const std::vector<Line> lines = planted_lines(20, 15, 0.5);
  const Model model = small_model("sgd", lines);
  EXPECT_EQ(updated(model, {{"u1", "i1", 7}}).model.centre.max_rating, 7);
  Model limited = model;
  limited.centre.max_rating = 6;
  EXPECT_EQ(updated(limited, {{"u1", "i1", 7}}).model.centre.max_rating, 6);
}

/// Forgetting a user must leave nothing of their ratings but in rows that nobody touches.
TEST(Update, ForgetsWithoutATrace) {
  std::vector<Line> lines = planted_lines(30, 20, 0.5);
  for (const std::string method : {"als", "sgd", "implicit", "nmf", "bayes", "baseline"}) {
    const Model model = small_model(method, lines);
    // The same model with other ratings of u3, and other rows of what u3 touches.
    std::vector<Line> others = lines;
    for (Line& line : others) {
      if (line.user == "u3") line.value = line.value > 2.5F ? 1.0F : 5.0F;
    }
    Model changed = small_model(method, others);
    changed.centre = model.centre;
    changed.fold_in = model.fold_in;
    changed.users.prior = model.users.prior;
    changed.items.prior = model.items.prior;
    changed.uncertainty = model.uncertainty;
    changed.record = model.record;
    const std::uint32_t gone = model.users.ids.find("u3");
    const std::vector<std::uint32_t> touched = model.history.items_of(gone);
    for (std::uint32_t user = 0; user < model.users.size(); ++user) {
      if (user == gone) continue;
      std::ranges::copy(model.users.factors.row(user), changed.users.factors.row(user).begin());
      changed.users.biases[user] = model.users.biases[user];
    }
    for (std::uint32_t item = 0; item < model.items.size(); ++item) {
      if (std::ranges::binary_search(touched, item)) continue;
      std::ranges::copy(model.items.factors.row(item), changed.items.factors.row(item).begin());
      changed.items.biases[item] = model.items.biases[item];
    }
    UpdateInput input;
    input.forgotten_users = {gone};
    const Updated result = update(model, input);
    EXPECT_EQ(serialize_model(result.model), serialize_model(update(changed, input).model)) << method;
    EXPECT_EQ(result.model.users.ids.find("u3"), Vocabulary::kUnknown);
    EXPECT_EQ(result.model.users.size(), 29U);
    EXPECT_EQ(result.summary.removed, touched.size());
    EXPECT_EQ(result.summary.touched_items, touched.size());
  }
}

TEST(Update, RemovesWithoutATraceInTouchedRows) {
  const std::vector<Line> lines = planted_lines(30, 20, 0.5);
  const Model model = small_model("als", lines);
  const std::vector<Line> some = {lines[5], lines[90], lines[200]};
  Model changed = model;
  for (const Line& line : some) {
    for (float& x : changed.users.factors.row(model.users.ids.find(line.user))) x += 1;
    for (float& x : changed.items.factors.row(model.items.ids.find(line.item))) x -= 1;
    changed.users.biases[model.users.ids.find(line.user)] = 9;
  }
  EXPECT_EQ(serialize_model(updated(model, {}, some).model), serialize_model(updated(changed, {}, some).model));
}

TEST(Update, ForgetsItems) {
  const std::vector<Line> lines = planted_lines(30, 20, 0.5);
  const Model model = small_model("als", lines);
  UpdateInput input;
  input.forgotten_items = {model.items.ids.find("i4"), model.items.ids.find("i4")};
  input.ratings = pairs_of(model, {{"u1", "i4", 5}, {"u2", "i0", 1}});
  const Updated result = update(model, input);
  EXPECT_EQ(result.summary.forgotten_items, 1U);
  // It came back by a new rating, behind all others.
  EXPECT_EQ(result.model.items.ids.id(19), "i4");
  EXPECT_EQ(result.model.items.counts[19], 1U);
  EXPECT_EQ(result.model.items.size(), 20U);
  std::map<std::string, std::vector<std::string>> expected;
  for (const Line& line : lines) {
    if (line.item != "i4") expected[line.user].push_back(line.item);
  }
  expected["u1"].push_back("i4");
  if (std::ranges::find(expected["u2"], "i0") == expected["u2"].end()) expected["u2"].push_back("i0");
  for (std::uint32_t user = 0; user < result.model.users.size(); ++user) {
    std::vector<std::string> items;
    for (const std::uint32_t item : result.model.history.items_of(user)) items.emplace_back(result.model.items.ids.id(item));
    std::vector<std::string>& wanted = expected[std::string(result.model.users.ids.id(user))];
    std::ranges::sort(items);
    std::ranges::sort(wanted);
    EXPECT_EQ(items, wanted);
  }
}

}  // namespace
}  // namespace lowrank::update_test
