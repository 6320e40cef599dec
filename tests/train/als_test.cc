#include "lowrank/train/als.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"
#include "train/dense_oracle.h"
#include "train/fixtures.h"

namespace lowrank::als_test {
namespace {

std::vector<Als> many_options() {
  std::vector<Als> all;
  for (const std::uint32_t rank : {0U, 1U, 4U, 30U}) {
    Als options;
    options.rank = rank;
    options.epochs = 4;
    all.push_back(options);
    options.regularization_scaling = RegularizationScaling::constant;
    options.regularization = 2;
    options.bias_regularization = BiasRegularization::factors;
    all.push_back(options);
    options.regularization_scaling = RegularizationScaling::count;
    options.regularization = 0.1;
    options.prior_ratings = 3;
    all.push_back(options);
    options.biases = false;
    all.push_back(options);
  }
  return all;
}

DenseRatings some_ratings(std::uint64_t seed) {
  // Three users and two items without a rating at the ends.
  return {synthetic(60, 40, 700, seed), 63, 42};
}

std::vector<double> row_of(const FactorMatrix& factors, std::size_t row, bool bias) {
  std::vector<double> numbers(factors.row(row).begin(), factors.row(row).end());
  if (bias) numbers.push_back(1);
  return numbers;
}

/// What an item's row should be, by the model's own row problem: it states the weights of users, and those of items differ in the bias
/// alone.
TEST(Als, ItemRowsSolveTheDenseNormalEquations) {
  for (const Solver solver : {Solver::exact, Solver::cg}) {
    const DenseRatings ratings = some_ratings(1);
    for (Als options : many_options()) {
      options.solver = solver;
      options.cg_steps = 100;
      const Model model = train_quietly(ratings.sparse(), options).model;
      const RowPenalty& penalty = std::get<LeastSquares>(model.fold_in).items;
      for (std::uint32_t item = 0; item < ratings.items; ++item) {
        const std::size_t count = ratings.count_of_item(item);
        if (count == 0) continue;
        const std::size_t size = options.rank + (options.biases ? 1 : 0);
        if (size == 0) continue;
        DenseSystem system(size);
        for (const auto& [cell, value] : ratings.cells) {
          if (cell.second != item) continue;
          system.add(1, value - model.centre.mean - double{model.users.biases[cell.first]},
                     row_of(model.users.factors, cell.first, options.biases));
        }
        const auto n = static_cast<double>(count);
        for (std::size_t k = 0; k < options.rank; ++k) system.damp(k, penalty.l2 * n + penalty.l2_constant);
        if (options.biases) system.damp(options.rank, penalty.bias * n + penalty.bias_constant);
        const std::vector<double> expected = system.solve();
        for (std::size_t k = 0; k < options.rank; ++k) {
          EXPECT_NEAR(double{model.items.factors.row(item)[k]}, expected[k], solver == Solver::exact ? 1e-5 : 1e-3);
        }
        if (!options.biases) continue;
        EXPECT_NEAR(double{model.items.biases[item]}, expected[options.rank], solver == Solver::exact ? 1e-5 : 1e-3);
      }
    }
  }
}

TEST(Als, ReportsErrorAndLossOfTheModel) {
  const DenseRatings ratings = some_ratings(2);
  for (const Als& options : many_options()) {
    TrainingObserver observer;
    const Trained trained = train_ratings(ratings.sparse(), options, {}, observer,
                                          {.threads = 1, .init = nullptr, .min_rating = {}, .max_rating = {}, .clips = false});
    double squares = 0;
    for (const auto& [cell, value] : ratings.cells) squares += std::pow(value - score(trained.model, cell.first, cell.second), 2);
    const double rmse = std::sqrt(squares / static_cast<double>(ratings.cells.size()));
    EXPECT_NEAR(trained.train_rmse.value(), rmse, 1e-6);
    EXPECT_NEAR(trained.history.back().train_rmse.value(), rmse, 1e-4);
    EXPECT_GE(trained.train_loss.value(), squares * (1 - 1e-5));
    double before = std::numeric_limits<double>::infinity();
    for (const EpochReport& report : trained.history) {
      EXPECT_LE(report.train_loss.value(), before * (1 + 1e-6));
      before = *report.train_loss;
    }
  }
}

/// The users of an epoch that starts from a model are what fold-in makes of their ratings.
TEST(Als, FoldInIsAHalfStep) {
  const DenseRatings ratings = some_ratings(3);
  for (Als options : many_options()) {
    for (const bool non_negative : {false, true}) {
      options.non_negative = non_negative;
      Model start = train_quietly(ratings.sparse(), options).model;
      for (std::uint32_t item = 0; item < ratings.items; ++item) start.items.ids.add(std::to_string(item));
      Als once = options;
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
        EXPECT_NEAR(folded.bias, next.users.biases[user], 1e-5);
      }
    }
  }
}

TEST(Als, NonNegativeFactorsAreNonNegativeAndOptimal) {
  const DenseRatings ratings = some_ratings(4);
  Als options;
  options.rank = 6;
  options.non_negative = true;
  options.bias_regularization = BiasRegularization::factors;
  for (const bool biases : {true, false}) {
    options.biases = biases;
    const Model model = train_quietly(ratings.sparse(), options).model;
    const RowPenalty& penalty = std::get<LeastSquares>(model.fold_in).items;
    std::size_t zeros = 0;
    for (std::uint32_t item = 0; item < ratings.items; ++item) {
      const std::size_t count = ratings.count_of_item(item);
      const auto q = model.items.factors.row(item);
      std::vector<double> gradient(6);
      for (const auto& [cell, value] : ratings.cells) {
        if (cell.second != item) continue;
        const double e = value - score(model, cell.first, item);
        for (std::size_t k = 0; k < 6; ++k) gradient[k] -= e * double{model.users.factors.row(cell.first)[k]};
      }
      for (std::size_t k = 0; k < 6; ++k) {
        gradient[k] += (penalty.l2 * static_cast<double>(count) + penalty.l2_constant) * double{q[k]};
        EXPECT_GE(q[k], 0);
        if (q[k] > 0) {
          EXPECT_NEAR(gradient[k], 0, 1e-3);
        } else {
          EXPECT_GE(gradient[k], -1e-3);
          ++zeros;
        }
      }
    }
    EXPECT_GT(biases ? zeros : 1, 0U) << "the bound should matter";
  }
}

TEST(Als, ScaleOfRatingsDoesNotMatter) {
  std::vector<Triple> triples = synthetic(80, 50, 1500, 5);
  const std::vector<Triple> test = take_tenth(triples);
  const double rmse = rmse_of(train_quietly(make_ratings(triples, 80, 50), Als{}).model, test);
  std::vector<Triple> scaled = triples;
  std::vector<Triple> scaled_test = test;
  for (std::vector<Triple>* all : {&scaled, &scaled_test}) {
    for (Triple& triple : *all) triple.value = 20 * triple.value - 50;
  }
  EXPECT_NEAR(rmse_of(train_quietly(make_ratings(scaled, 80, 50), Als{}).model, scaled_test), 20 * rmse, 0.01 * rmse);
}

TEST(Als, BytesDoNotDependOnThreads) {
  const std::vector<Triple> triples = synthetic(6000, 30, 60000, 6);
  const Ratings ratings = make_ratings(triples, 6000, 30);
  for (const Solver solver : {Solver::exact, Solver::cg}) {
    for (const bool non_negative : {false, true}) {
      Als options;
      options.rank = non_negative ? 12 : 250;
      options.epochs = 2;
      options.solver = solver;
      options.non_negative = non_negative;
      const std::string expected = bytes_of(train_quietly(make_ratings(triples, 6000, 30), options, 1).model, ratings);
      for (const int threads : {2, 5}) {
        EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, 6000, 30), options, threads).model, ratings), expected);
      }
    }
  }
}

TEST(Als, ConjugateGradientsComeNearTheExactLoss) {
  const DenseRatings ratings = some_ratings(7);
  Als options;
  options.rank = 8;
  const double exact = train_quietly(ratings.sparse(), options).train_loss.value();
  options.solver = Solver::cg;
  EXPECT_NEAR(train_quietly(ratings.sparse(), options).train_loss.value(), exact, 0.02 * exact);
}

TEST(Als, ExtremesGiveAFiniteModel) {
  for (const std::uint32_t rank : {0U, 1U, 70U}) {
    for (const double regularization : {0.0, 1e-9, 1e6}) {
      for (const bool biases : {true, false}) {
        for (const Solver solver : {Solver::exact, Solver::cg}) {
          for (const bool non_negative : {false, true}) {
            Als options;
            options.rank = rank;
            options.epochs = 3;
            options.regularization = regularization;
            options.biases = biases;
            options.solver = solver;
            options.non_negative = non_negative;
            SCOPED_TRACE(options_json(options));
            EXPECT_NO_THROW(EXPECT_TRUE(all_finite(train_quietly(make_ratings(article(), 6, 4), options).model)));
            EXPECT_NO_THROW(EXPECT_TRUE(all_finite(train_quietly(make_ratings({{0, 0, -3}}, 1, 1), options).model)));
            EXPECT_NO_THROW(
                EXPECT_TRUE(all_finite(train_quietly(make_ratings({{0, 0, 3e38F}, {1, 0, -3e38F}, {1, 1, 1}}, 2, 2), options).model)));
          }
        }
      }
    }
  }
}

TEST(Als, OneRatingIsPredicted) {
  const Model model = train_quietly(make_ratings({{1, 2, 4}}, 3, 4), Als{}).model;
  EXPECT_NEAR(predict(model, 1, 2), 4, 1e-6);
  EXPECT_EQ(squares_of(model.users.factors, 0), 0);
}

}  // namespace
}  // namespace lowrank::als_test
