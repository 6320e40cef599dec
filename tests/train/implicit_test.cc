#include "lowrank/train/implicit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"
#include "train/dense_oracle.h"
#include "train/fixtures.h"

namespace lowrank::implicit_test {
namespace {

DenseRatings counts(std::uint32_t users, std::uint32_t items, std::size_t size, std::uint64_t seed) {
  RandomStream random(seed, Purpose::split);
  std::vector<Triple> triples;
  for (std::size_t n = 0; n < size; ++n) {
    // Some users and items are met far more often than others; the last of each never.
    const auto user = static_cast<std::uint32_t>(random.below(1 + random.below(users - 1)));
    const auto item = static_cast<std::uint32_t>(random.below(1 + random.below(items - 1)));
    triples.push_back({user, item, static_cast<float>(1 + random.below(5))});
  }
  return {triples, users, items};
}

/// The weights that the header states, cell by cell.
class DenseWeights {
 public:
  DenseWeights(const DenseRatings& ratings, const Implicit& options) : ratings_(ratings), options_(options) {
    double item_cells = 0;
    double items = 0;
    for (std::uint32_t item = 0; item < ratings.items; ++item) {
      const auto count = static_cast<double>(ratings.count_of_item(item));
      items_.push_back(power(count, options.unobserved_item_exponent));
      observed_.push_back(power(count, options.observed_item_exponent.value_or(0)));
      item_cells += count * observed_.back();
      items += count > 0 ? 1 : 0;
    }
    double users = 0;
    for (std::uint32_t user = 0; user < ratings.users; ++user) {
      const auto count = static_cast<double>(ratings.count_of_user(user));
      users_.push_back(power(count, options.unobserved_user_exponent.value_or(0)));
      users += count > 0 ? 1 : 0;
    }
    // Each to a mean of 1.
    if (options.unobserved_item_exponent != 0) scale(items_, items / std::accumulate(items_.begin(), items_.end(), 0.0));
    if (options.unobserved_user_exponent.value_or(0) != 0) scale(users_, users / std::accumulate(users_.begin(), users_.end(), 0.0));
    scale(observed_, static_cast<double>(ratings.cells.size()) / item_cells);
  }

  [[nodiscard]] double observed(std::uint32_t item, double rating) const {
    return (options_.observed_weight + options_.alpha * std::abs(rating)) * observed_[item];
  }
  [[nodiscard]] double unobserved(std::uint32_t user, std::uint32_t item) const {
    return options_.unobserved_weight.value() * users_[user] * items_[item];
  }
  [[nodiscard]] double ridge_of_user(std::uint32_t user) const {
    double sum = static_cast<double>(ratings_.count_of_user(user));
    for (std::uint32_t item = 0; item < ratings_.items; ++item) sum += unobserved(user, item);
    return options_.regularization * std::pow(sum, options_.regularization_exponent);
  }
  [[nodiscard]] double ridge_of_item(std::uint32_t item) const {
    double sum = static_cast<double>(ratings_.count_of_item(item));
    for (std::uint32_t user = 0; user < ratings_.users; ++user) sum += unobserved(user, item);
    return options_.regularization * std::pow(sum, options_.regularization_exponent);
  }

 private:
  static double power(double count, double exponent) {
    if (exponent == 0) return 1;
    return count > 0 ? std::pow(count, exponent) : 0;
  }
  static void scale(std::vector<double>& weights, double factor) {
    for (double& weight : weights) weight *= factor;
  }

  const DenseRatings& ratings_;
  const Implicit& options_;
  std::vector<double> users_;
  std::vector<double> items_;
  std::vector<double> observed_;
};

/// The loss that the header states, over every cell.
double dense_loss(const Model& model, const DenseRatings& ratings, const Implicit& options) {
  const DenseWeights weights(ratings, options);
  double loss = 0;
  for (std::uint32_t user = 0; user < ratings.users; ++user) {
    loss += weights.ridge_of_user(user) * squares_of(model.users.factors, user);
    for (std::uint32_t item = 0; item < ratings.items; ++item) {
      const double s = dot_of(model.users.factors, user, model.items.factors, item);
      const auto cell = ratings.cells.find({user, item});
      const bool seen = cell != ratings.cells.end();
      if (seen) loss += weights.observed(item, cell->second) * std::pow((cell->second > 0 ? 1 : 0) - s, 2);
      if (!seen || options.unobserved == Unobserved::all) loss += weights.unobserved(user, item) * s * s;
    }
  }
  for (std::uint32_t item = 0; item < ratings.items; ++item) loss += weights.ridge_of_item(item) * squares_of(model.items.factors, item);
  return loss;
}

std::vector<Implicit> many_options() {
  std::vector<Implicit> all;
  for (const std::uint32_t rank : {1U, 5U, 20U}) {
    Implicit rendle;
    rendle.rank = rank;
    rendle.unobserved_weight = 0.05;
    all.push_back(rendle);
    Implicit hu;
    hu.rank = rank;
    hu.unobserved = Unobserved::missing;
    hu.unobserved_weight = 1;
    hu.alpha = 2;
    hu.regularization = 3;
    hu.regularization_exponent = 0;
    all.push_back(hu);
    Implicit weights = rendle;
    weights.observed_weight = 0;
    weights.alpha = 0.5;
    weights.regularization_exponent = 1;
    all.push_back(weights);
    // Weights below that of the missing cells.
    weights.unobserved = Unobserved::missing;
    weights.unobserved_weight = 1.2;
    weights.regularization = 0.5;
    all.push_back(weights);
    // Weights that follow popularity and activity.
    Implicit popularity = rendle;
    popularity.unobserved_item_exponent = 0.4;
    popularity.unobserved_user_exponent = -0.3;
    all.push_back(popularity);
    popularity.observed_item_exponent = -0.5;
    popularity.unobserved_user_exponent = 0;
    popularity.alpha = 0.5;
    popularity.unobserved = Unobserved::missing;
    all.push_back(popularity);
    rendle.observed_item_exponent = 0.5;
    all.push_back(rendle);
  }
  for (Implicit& options : all) options.epochs = 4;
  return all;
}

TEST(Implicit, ReportsTheLossOfTheModel) {
  const DenseRatings ratings = counts(40, 30, 300, 1);
  for (Implicit options : many_options()) {
    for (const Solver solver : {Solver::exact, Solver::cg, Solver::subspace}) {
      options.solver = solver;
      options.block_size = 16;
      const Trained trained = train_quietly(ratings.sparse(), options);
      const double expected = dense_loss(trained.model, ratings, options);
      EXPECT_NEAR(trained.train_loss.value(), expected, 2e-5 * expected) << options.rank << " " << static_cast<int>(solver);
      EXPECT_EQ(trained.train_loss, trained.history.back().train_loss);
      EXPECT_FALSE(trained.train_rmse.has_value());
    }
  }
}

TEST(Implicit, ItemRowsSolveTheDenseNormalEquations) {
  const DenseRatings ratings = counts(40, 30, 300, 2);
  for (const Implicit& options : many_options()) {
    const Model model = train_quietly(ratings.sparse(), options).model;
    const DenseWeights weights(ratings, options);
    for (std::uint32_t item = 0; item < ratings.items; ++item) {
      if (ratings.count_of_item(item) == 0) continue;
      DenseSystem system(options.rank);
      for (std::uint32_t user = 0; user < ratings.users; ++user) {
        const auto row = model.users.factors.row(user);
        const std::vector<double> p(row.begin(), row.end());
        const auto cell = ratings.cells.find({user, item});
        const bool seen = cell != ratings.cells.end();
        if (seen) system.add(weights.observed(item, cell->second), 1, p);
        if (!seen || options.unobserved == Unobserved::all) system.add(weights.unobserved(user, item), 0, p);
      }
      for (std::size_t k = 0; k < options.rank; ++k) system.damp(k, weights.ridge_of_item(item));
      const std::vector<double> expected = system.solve();
      for (std::size_t k = 0; k < options.rank; ++k) EXPECT_NEAR(double{model.items.factors.row(item)[k]}, expected[k], 1e-5);
    }
  }
}

TEST(Implicit, LossNeverRisesWithTheExactSolver) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const DenseRatings ratings = counts(200, 150, 3000, seed);
    for (Implicit options : many_options()) {
      options.epochs = 25;
      options.seed = seed;
      double before = std::numeric_limits<double>::infinity();
      for (const EpochReport& report : train_quietly(ratings.sparse(), options).history) {
        EXPECT_LE(report.train_loss.value(), before * (1 + 1e-6));
        before = *report.train_loss;
      }
    }
  }
}

/// Of the subspace solver, the last one smaller.
Implicit three_blocks() {
  Implicit options;
  options.rank = 40;
  options.unobserved_weight = 0.1;
  options.regularization = 0.5;
  options.block_size = 16;
  return options;
}

TEST(Implicit, EverySolverEndsAtTheSameLoss) {
  const DenseRatings ratings = counts(150, 120, 2500, 3);
  Implicit options = three_blocks();
  options.epochs = 60;
  const double exact = train_quietly(ratings.sparse(), options).train_loss.value();
  for (const Solver solver : {Solver::cg, Solver::subspace}) {
    options.solver = solver;
    EXPECT_NEAR(train_quietly(ratings.sparse(), options).train_loss.value(), exact, 0.01 * exact);
  }
}

/// The factorised blocks of the first sweep serve the others, which lead to where the exact solver ends: from far away, so that one sweep
/// is not enough.
TEST(Implicit, SweepsLeadToTheExactRows) {
  const DenseRatings ratings = counts(60, 50, 2000, 5);
  Implicit options = three_blocks();
  options.initial_scale = 10;
  options.epochs = 1;
  const double exact = train_quietly(ratings.sparse(), options).train_loss.value();
  options.solver = Solver::subspace;
  double before = std::numeric_limits<double>::infinity();
  for (const std::uint32_t sweeps : {1U, 2U, 4U, 200U}) {
    options.sweeps = sweeps;
    const double loss = train_quietly(ratings.sparse(), options).train_loss.value();
    const double off = std::abs(loss - exact) / exact;
    EXPECT_LT(off, before) << sweeps;
    if (sweeps == 1) {
      EXPECT_GT(off, 1e-3);
    }
    before = off;
  }
  EXPECT_LT(before, 1e-5);
}

/// The users of an epoch that starts from a model are what fold-in makes of their ratings.
TEST(Implicit, FoldInIsAHalfStep) {
  const DenseRatings ratings = counts(40, 30, 300, 4);
  for (const Implicit& options : many_options()) {
    Model start = train_quietly(ratings.sparse(), options).model;
    for (std::uint32_t item = 0; item < ratings.items; ++item) start.items.ids.add(std::to_string(item));
    Implicit once = options;
    once.epochs = 1;
    TrainingObserver observer;
    const Model next =
        train_ratings(ratings.sparse(), once, {}, observer, {.threads = 1, .init = &start, .min_rating = {}, .max_rating = {}}).model;
    for (std::uint32_t user = 0; user < ratings.users; ++user) {
      std::vector<std::uint32_t> items;
      std::vector<float> values;
      for (const auto& [cell, value] : ratings.cells) {
        if (cell.first != user) continue;
        items.push_back(cell.second);
        values.push_back(static_cast<float>(value));
      }
      const FoldedRow folded = fold_in_user(start, items, values);
      for (std::size_t k = 0; k < options.rank; ++k) EXPECT_NEAR(folded.factors[k], next.users.factors.row(user)[k], 1e-5);
    }
  }
}

/// Of 9000 users and 61 items, whose most popular one has more ratings than rows are solved in one piece.
std::vector<Triple> with_a_long_row() {
  std::vector<Triple> triples;
  RandomStream random(1, Purpose::split);
  for (std::uint32_t user = 0; user < 9000; ++user) {
    triples.push_back({user, 0, 1});
    triples.push_back({user, 1 + static_cast<std::uint32_t>(random.below(60)), 1});
  }
  return triples;
}

TEST(Implicit, RowsInPiecesHaveTheirOwnWeights) {
  const DenseRatings ratings(with_a_long_row(), 9000, 61);
  Implicit options;
  options.rank = 200;
  options.epochs = 2;
  options.unobserved_weight = 0.01;
  options.unobserved_item_exponent = 0.5;
  options.observed_item_exponent = -0.3;
  const Trained trained = train_quietly(ratings.sparse(), options);
  const double expected = dense_loss(trained.model, ratings, options);
  EXPECT_NEAR(trained.train_loss.value(), expected, 2e-5 * expected);
}

TEST(Implicit, BytesDoNotDependOnThreads) {
  const std::vector<Triple> triples = with_a_long_row();
  const Ratings ratings = make_ratings(triples, 9000, 61);
  for (const Solver solver : {Solver::exact, Solver::cg, Solver::subspace}) {
    Implicit options;
    options.rank = 200;
    options.epochs = 2;
    options.solver = solver;
    if (solver == Solver::cg) options.unobserved_item_exponent = 0.5;
    const std::string expected = bytes_of(train_quietly(make_ratings(triples, 9000, 61), options, 1).model, ratings);
    for (const int threads : {2, 5}) {
      EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, 9000, 61), options, threads).model, ratings), expected)
          << static_cast<int>(solver);
    }
  }
}

TEST(Implicit, ModelOnlyRanks) {
  const Model model = train_quietly(counts(20, 20, 60, 1).sparse(), Implicit{}).model;
  EXPECT_FALSE(model.centre.predicts_ratings);
  EXPECT_FALSE(model.centre.clips);
  EXPECT_FALSE(model.centre.has_biases);
  EXPECT_EQ(model.centre.mean, 0);
  EXPECT_EQ(model.centre.rating_mean, 0);
  EXPECT_TRUE(std::get<WeightedLeastSquares>(model.fold_in).binary_target);
}

TEST(Implicit, RowsWithoutRatingsAreZero) {
  const DenseRatings ratings = counts(20, 20, 60, 1);
  for (const Solver solver : {Solver::exact, Solver::cg, Solver::subspace}) {
    Implicit options;
    options.rank = 3;
    options.solver = solver;
    const Model model = train_quietly(ratings.sparse(), options).model;
    EXPECT_EQ(squares_of(model.users.factors, 19), 0);
    EXPECT_EQ(squares_of(model.items.factors, 19), 0);
    EXPECT_GT(squares_of(model.users.factors, 0), 0);
  }
}

TEST(Implicit, ExtremesGiveAFiniteModel) {
  for (const std::uint32_t rank : {0U, 1U, 70U}) {
    for (const double regularization : {0.0, 1e-6, 1e6}) {
      for (const double unobserved : {0.0, 1e-6, 100.0}) {
        for (const Solver solver : {Solver::exact, Solver::cg, Solver::subspace}) {
          Implicit options;
          options.rank = rank;
          options.epochs = 3;
          options.regularization = regularization;
          options.unobserved_weight = unobserved;
          options.solver = solver;
          options.block_size = 16;
          EXPECT_TRUE(all_finite(train_quietly(counts(12, 9, 40, 1).sparse(), options).model));
          EXPECT_TRUE(all_finite(train_quietly(make_ratings({{0, 0, 1}}, 1, 1), options).model));
        }
      }
    }
  }
}

TEST(Implicit, RankZeroKnowsNothing) {
  Implicit options;
  options.rank = 0;
  const DenseRatings ratings = counts(12, 9, 40, 1);
  EXPECT_NEAR(train_quietly(ratings.sparse(), options).train_loss.value(), static_cast<double>(ratings.cells.size()), 1e-9);
}

/// A value below 0 is a dislike: the target is 0, the weight that of a like as strong.
TEST(Implicit, DislikesHaveTheTargetZero) {
  DenseRatings ratings = counts(60, 45, 900, 4);
  std::vector<Triple> triples;
  for (const auto& [cell, value] : ratings.cells) {
    const auto signed_value = static_cast<float>((cell.first + cell.second) % 4 == 0 ? -value : value);
    triples.push_back({cell.first, cell.second, signed_value});
  }
  ratings = DenseRatings(triples, 60, 45);
  for (const Solver solver : {Solver::exact, Solver::cg}) {
    for (Implicit options : many_options()) {
      options.solver = solver;
      options.cg_steps = 100;
      const Trained trained = train_quietly(ratings.sparse(), options);
      const double expected = dense_loss(trained.model, ratings, options);
      EXPECT_NEAR(trained.train_loss.value(), expected, 2e-4 * expected);
    }
  }
}

TEST(Implicit, ADislikedItemIsRankedLower) {
  std::vector<Triple> triples;
  for (std::uint32_t user = 0; user < 40; ++user) {
    for (std::uint32_t item = 0; item < 8; ++item) {
      if ((user + item) % 3 != 0) triples.push_back({user, item, 1});
    }
  }
  triples.push_back({40, 0, 1});
  triples.push_back({40, 1, 1});
  Implicit options;
  options.rank = 4;
  const auto score_of_disliked = [&](float value) {
    std::vector<Triple> all = triples;
    if (value != 0) all.push_back({40, 3, value});
    return score(train_quietly(make_ratings(all, 41, 8), options).model, 40, 3);
  };
  EXPECT_LT(score_of_disliked(-1), score_of_disliked(0) - .01);
  EXPECT_GT(score_of_disliked(1), score_of_disliked(0) + .01);
}

TEST(Implicit, AnExplicitZeroIsNoInteraction) {
  const DenseRatings ratings = counts(30, 25, 200, 6);
  std::vector<Triple> triples;
  for (const auto& [cell, value] : ratings.cells) triples.push_back({cell.first, cell.second, static_cast<float>(value)});
  const Ratings without = make_ratings(triples, 30, 25);
  for (std::uint32_t user = 0; user < 30; ++user) {
    for (std::uint32_t item = 0; item < 25; ++item) {
      if (!ratings.cells.contains({user, item})) triples.push_back({user, item, 0});
    }
  }
  const Ratings with = make_ratings(triples, 30, 25);
  for (const Method& method : {Method{Implicit{}}, Method{Popular{}}, Method{Nmf{.absent = Absent::zero}}}) {
    EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, 30, 25), method).model, without),
              bytes_of(train_quietly(ratings.sparse(), method).model, without))
        << name_of(method);
  }
  EXPECT_THROW(train_quietly(make_ratings({{0, 0, 0}, {1, 1, 0}}, 2, 2), Implicit{}), DataError);
  EXPECT_THROW(train_quietly(make_ratings({{0, 0, -1}, {1, 1, 0}}, 2, 2), Popular{}), DataError);
}

TEST(Implicit, TheUnobservedWeightFollowsTheDensity) {
  for (const std::size_t size : {60U, 600U}) {
    const DenseRatings ratings = counts(50, 40, size, 2);
    double users = 0;
    double items = 0;
    for (std::uint32_t user = 0; user < 50; ++user) users += ratings.count_of_user(user) > 0 ? 1 : 0;
    for (std::uint32_t item = 0; item < 40; ++item) items += ratings.count_of_item(item) > 0 ? 1 : 0;
    const double share = static_cast<double>(ratings.cells.size()) / (users * items);
    const auto fold_in = std::get<WeightedLeastSquares>(train_quietly(ratings.sparse(), Implicit{}).model.fold_in);
    EXPECT_NEAR(fold_in.unobserved_weight, 3 * std::pow(share, 2.0 / 3), 1e-9);
    EXPECT_EQ(fold_in.observed_item.exponent, -0.25);
    EXPECT_EQ(fold_in.unobserved_user.exponent, 0.4);
    // Ten times the weight of observed cells is ten times that of the others.
    const auto heavy = std::get<WeightedLeastSquares>(train_quietly(ratings.sparse(), Implicit{.observed_weight = 10}).model.fold_in);
    EXPECT_NEAR(heavy.unobserved_weight, 10 * fold_in.unobserved_weight, 1e-9);
  }
  const auto stated =
      std::get<WeightedLeastSquares>(train_quietly(counts(50, 40, 60, 2).sparse(), Implicit{.unobserved_weight = .05}).model.fold_in);
  EXPECT_EQ(stated.unobserved_weight, .05);
  EXPECT_EQ(stated.observed_item.exponent, 0);
  EXPECT_EQ(stated.unobserved_user.exponent, 0);
}

}  // namespace
}  // namespace lowrank::implicit_test
