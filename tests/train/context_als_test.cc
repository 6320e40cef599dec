// Factorization with contexts: each step of an epoch against dense normal equations, and what is stored against what was trained.

#include "lowrank/train/context_als.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/model_file.h"
#include "lowrank/train/train.h"
#include "train/context_learner.h"
#include "train/dense_oracle.h"
#include "train/tensor.h"

namespace lowrank::context_als_test {
namespace {

/// A learner and what it borrows.
struct Bench {
  Tensor tensor;
  Workers workers{2};
  TrainContext context;
  Units units;
  AlsWeights weights;
  Ratings copy;
  std::unique_ptr<ContextLearner> learner;
  ContextAls options;

  explicit Bench(const ContextAls& asked, bool weighted = false, int count = 420)
      : tensor(random_tensor(5, {4, 1, 3}, count)), options(asked) {
    context.situations = &tensor.situations;
    copy = tensor.dataset(weighted).ratings;
    Ratings ratings = tensor.dataset(weighted).ratings;
    Als als;
    als.prior_ratings = 3;
    als.biases = options.biases;
    als.regularization = options.regularization;
    Model frame;
    const AlsStart start = begin_als(als, ratings, frame, context, workers);
    units = start.units;
    weights = start.weights;
    frame.users.counts.assign(tensor.users, 0);
    frame.items.counts.assign(tensor.items, 0);
    for (std::uint32_t user = 0; user < tensor.users; ++user) {
      for (const std::uint32_t item : ratings.items_of(user)) {
        ++frame.users.counts[user];
        ++frame.items.counts[item];
      }
    }
    learner = std::make_unique<ContextLearner>(std::move(ratings), options, units, weights, frame, context, workers);
  }

  /// The ratings in double, in the order of users.
  struct Rating {
    std::uint32_t user;
    std::uint32_t item;
    std::vector<std::size_t> rows;  ///< of its levels; a missing level's row is the last
    double value;
    double weight;
  };
  [[nodiscard]] std::vector<Rating> ratings() const {
    std::vector<Rating> all;
    for (std::uint32_t user = 0; user < tensor.users; ++user) {
      for (std::size_t at = copy.row_offsets()[user]; at < copy.row_offsets()[user + 1]; ++at) {
        Rating rating{user, copy.items()[at], {}, (double{copy.value(at)} - units.mean) / units.scale, 1};
        if (copy.has_weights()) rating.weight = double{copy.weights()[at]};
        for (std::size_t column = 0; column < 3; ++column) {
          const std::size_t level = tensor.situations.levels(copy.situation(at))[column];
          rating.rows.push_back(std::min<std::size_t>(level, tensor.situations.columns[column].levels.size()));
        }
        all.push_back(rating);
      }
    }
    return all;
  }

  [[nodiscard]] double scale(const Rating& rating, std::size_t k, std::size_t except = 99) const {
    double product = 1;
    for (std::size_t column = 0; column < 3; ++column) {
      if (column != except) product *= double{learner->column(column).scales.row(rating.rows[column])[k]};
    }
    return product;
  }
  [[nodiscard]] double vector(const Rating& rating, std::size_t k, std::size_t except = 99) const {
    double sum = 0;
    for (std::size_t column = 0; column < 3; ++column) {
      if (column != except) sum += double{learner->column(column).vectors.row(rating.rows[column])[k]};
    }
    return sum;
  }
  [[nodiscard]] double p(const Rating& rating, std::size_t k) const { return double{learner->users().factors.row(rating.user)[k]}; }
  [[nodiscard]] double q(const Rating& rating, std::size_t k) const { return double{learner->items().factors.row(rating.item)[k]}; }
  /// All biases of a rating.
  [[nodiscard]] double biases(const Rating& rating) const {
    double sum = double{learner->users().biases[rating.user]} + double{learner->items().biases[rating.item]};
    for (std::size_t column = 0; column < 3; ++column) {
      const LevelTable& table = learner->column(column);
      const auto level = static_cast<std::uint32_t>(rating.rows[column]);
      sum += double{table.biases[level]};
      if (!table.user_biases.empty()) sum += double{table.user_biases.at(rating.user, level)};
      if (!table.item_biases.empty()) sum += double{table.item_biases.at(rating.item, level)};
    }
    return sum;
  }
  [[nodiscard]] double score(const Rating& rating) const {
    double sum = biases(rating);
    for (std::size_t k = 0; k < options.rank; ++k)
      sum += p(rating, k) * q(rating, k) * scale(rating, k) + vector(rating, k) * (p(rating, k) + q(rating, k));
    return sum;
  }
};

/// The solution of one row: of the ratings that `of` takes, with the regressor z of each, and the bias `bias` of the row solved with it.
template <class Of, class Regressor>
std::vector<double> dense_row(const Bench& bench, const Of& of, const Regressor& regressor, double ridge, std::optional<double> damping,
                              double bias, std::span<const float> now, double around = 0) {
  const std::size_t rank = bench.options.rank;
  DenseSystem system(rank + (damping ? 1 : 0));
  for (const Bench::Rating& rating : bench.ratings()) {
    if (!of(rating)) continue;
    std::vector<double> z;
    double own = damping ? bias : 0;
    for (std::size_t k = 0; k < rank; ++k) {
      z.push_back(regressor(rating, k));
      own += z[k] * (double{now[k]} - around);
    }
    if (damping) z.push_back(1);
    system.add(rating.weight, rating.value - bench.score(rating) + own, z);
  }
  for (std::size_t k = 0; k < rank; ++k) system.damp(k, ridge);
  if (damping) system.damp(rank, *damping);
  return system.solve();
}

void expect_row(const std::vector<double>& expected, std::span<const float> row, double bias, double around, const std::string& what) {
  for (std::size_t k = 0; k < row.size(); ++k)
    EXPECT_NEAR(double{row[k]} - around, expected[k], 1e-4 * (1 + std::abs(expected[k]))) << what;
  if (expected.size() > row.size()) {
    EXPECT_NEAR(bias, expected.back(), 1e-4 * (1 + std::abs(expected.back()))) << what;
  }
}

std::vector<ContextAls> all_forms() {
  std::vector<ContextAls> all;
  for (const ContextForm form : {ContextForm::pairwise, ContextForm::cp, ContextForm::both, ContextForm::biases}) {
    for (const bool biases : {true, false}) {
      ContextAls options;
      options.form = form;
      options.rank = 3;
      options.biases = biases;
      options.context_regularization = 2;
      options.scale_regularization = 0.5;
      options.initial_scale = 1;
      if (form == ContextForm::biases && !biases) continue;
      all.push_back(options);
      if (!biases) continue;
      options.context_biases = ContextBiases::both;
      all.push_back(options);
    }
  }
  return all;
}

/// Of so many ratings products with levels are kept for no side, for items, and for both.
constexpr int kRatings[] = {250, 420, 900};

/// After an epoch, each further step is the minimum over its rows.
TEST(ContextAls, EveryStepSolvesItsNormalEquations) {
  for (const ContextAls& options : all_forms()) {
    for (const auto& [weighted, ratings] :
         {std::pair(false, kRatings[0]), {true, kRatings[1]}, {false, kRatings[1]}, {true, kRatings[2]}}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(options.form)) + (options.biases ? " biases" : "") + (weighted ? " weighted" : ""));
      Bench bench(options, weighted, ratings);
      ContextLearner& learner = *bench.learner;
      ASSERT_TRUE(learner.run(1));
      const bool vectors = options.form == ContextForm::pairwise || options.form == ContextForm::both;
      const bool scales = options.form == ContextForm::cp || options.form == ContextForm::both;
      for (const bool of_users : {true, false}) {
        ContextLearner::Rows& rows = of_users ? learner.users() : learner.items();
        std::vector<std::vector<double>> expected;
        for (std::uint32_t row = 0; row < rows.counts.size(); ++row) {
          expected.push_back(dense_row(
              bench, [&](const Bench::Rating& rating) { return (of_users ? rating.user : rating.item) == row; },
              [&](const Bench::Rating& rating, std::size_t k) {
                return (of_users ? bench.q(rating, k) : bench.p(rating, k)) * bench.scale(rating, k) + bench.vector(rating, k);
              },
              rows.ridges[row], options.biases ? std::optional(rows.bias_dampings[row]) : std::nullopt, double{rows.biases[row]},
              rows.factors.row(row)));
        }
        // Biases of rows in levels come after the rows.
        const bool keeps = options.context_biases == ContextBiases::none;
        if (of_users) {
          learner.solve_users();
        } else {
          learner.solve_items();
        }
        for (std::uint32_t row = 0; keeps && row < rows.counts.size(); ++row)
          expect_row(expected[row], rows.factors.row(row), double{rows.biases[row]}, 0, of_users ? "user" : "item");
        if (!keeps) {
          // Of the last column they are at their minimum: what they leave of the ratings is their damping's share.
          const LevelBiases& biases = of_users ? learner.column(2).user_biases : learner.column(2).item_biases;
          for (std::uint32_t row = 0; row < rows.counts.size(); ++row) {
            for (std::uint64_t at = biases.offsets[row]; at < biases.offsets[row + 1]; ++at) {
              double left = 0;
              for (const Bench::Rating& rating : bench.ratings()) {
                if ((of_users ? rating.user : rating.item) != row || rating.rows[2] != biases.levels[at]) continue;
                left += rating.weight * (rating.value - bench.score(rating));
              }
              EXPECT_NEAR(left, rows.bias_dampings[row] * double{biases.values[at]}, 1e-4);
            }
          }
        }
      }
      for (std::size_t column = 0; column < 3; ++column) {
        LevelTable& table = learner.column(column);
        const auto damping = [&](std::size_t level) { return std::optional(table.bias_dampings[level]); };
        const auto in_level = [column](std::size_t level) {
          return [=](const Bench::Rating& rating) { return rating.rows[column] == level; };
        };
        std::vector<std::vector<double>> expected;
        for (std::size_t level = 0; vectors && level < table.levels(); ++level) {
          expected.push_back(dense_row(
              bench, in_level(level), [&](const Bench::Rating& rating, std::size_t k) { return bench.p(rating, k) + bench.q(rating, k); },
              table.vector_ridges[level], options.biases ? damping(level) : std::nullopt, double{table.biases[level]},
              table.vectors.row(level)));
        }
        const FactorMatrix before = table.scales;
        learner.solve_levels(column);
        for (std::size_t level = 0; vectors && level < table.levels(); ++level)
          expect_row(expected[level], table.vectors.row(level), double{table.biases[level]}, 0, "vector");
        for (std::size_t level = 0; scales && level < table.levels(); ++level) {
          // The step of the scales came last: its solution is the minimum from wherever it is looked at.
          const bool with_bias = options.biases && !vectors;
          const std::vector<double> minimum = dense_row(
              bench, in_level(level),
              [&](const Bench::Rating& rating, std::size_t k) {
                return bench.p(rating, k) * bench.q(rating, k) * bench.scale(rating, k, column);
              },
              table.scale_ridges[level], with_bias ? damping(level) : std::nullopt, double{table.biases[level]}, table.scales.row(level),
              1);
          expect_row(minimum, table.scales.row(level), double{table.biases[level]}, 1, "scale");
        }
        if (options.form == ContextForm::biases) {
          for (std::size_t level = 0; level < table.levels(); ++level) {
            double left = 0;
            for (const Bench::Rating& rating : bench.ratings()) {
              if (rating.rows[column] == level) left += rating.weight * (rating.value - bench.score(rating));
            }
            EXPECT_NEAR(left, table.bias_dampings[level] * double{table.biases[level]}, 1e-4);
          }
        }
      }
    }
  }
}

TEST(ContextAls, TheLossIsThatOfTheFormula) {
  for (const ContextAls& options : all_forms()) {
    for (const int ratings : kRatings) {
      Bench bench(options, true, ratings);
      const std::optional<EpochFigures> figures = bench.learner->run(1);
      ASSERT_TRUE(figures);
      double errors = 0;
      double weight = 0;
      for (const Bench::Rating& rating : bench.ratings()) {
        errors += rating.weight * std::pow(rating.value - bench.score(rating), 2);
        weight += rating.weight;
      }
      double loss = errors;
      for (const ContextLearner::Rows* side : {&bench.learner->users(), &bench.learner->items()}) {
        for (std::size_t row = 0; row < side->counts.size(); ++row) {
          loss += side->ridges[row] * squares_of(side->factors, row) + side->bias_dampings[row] * std::pow(double{side->biases[row]}, 2);
        }
      }
      for (std::size_t column = 0; column < 3; ++column) {
        const LevelTable& table = bench.learner->column(column);
        for (std::size_t level = 0; level < table.levels(); ++level) {
          loss += table.bias_dampings[level] * std::pow(double{table.biases[level]}, 2);
          for (std::size_t k = 0; k < 3; ++k) {
            loss += table.vector_ridges[level] * std::pow(double{table.vectors.row(level)[k]}, 2);
            loss += table.scale_ridges[level] * std::pow(double{table.scales.row(level)[k]} - 1, 2);
          }
        }
        for (const auto& [biases, side] :
             {std::pair(&table.user_biases, &bench.learner->users()), std::pair(&table.item_biases, &bench.learner->items())}) {
          for (std::size_t row = 0; !biases->empty() && row < side->counts.size(); ++row) {
            for (std::uint64_t at = biases->offsets[row]; at < biases->offsets[row + 1]; ++at)
              loss += side->bias_dampings[row] * std::pow(double{biases->values[at]}, 2);
          }
        }
      }
      EXPECT_NEAR(*figures->train_rmse, std::sqrt(errors / weight) * bench.units.scale, 1e-5);
      EXPECT_NEAR(*figures->train_loss, loss * bench.units.scale * bench.units.scale, 1e-5 * *figures->train_loss);
    }
  }
}

/// What is stored says of every rating what was trained, missing levels included, and a level adds nothing on the average.
TEST(ContextAls, TheModelScoresAsTheLearnerDoes) {
  for (const ContextAls& options : all_forms()) {
    Bench bench(options);
    for (int epoch = 1; epoch < 4; ++epoch) ASSERT_TRUE(bench.learner->run(static_cast<std::size_t>(epoch)));
    Model model;
    model.users.counts = bench.learner->users().counts;
    model.items.counts = bench.learner->items().counts;
    model.users.factors = FactorMatrix(model.users.counts.size(), 3);
    model.items.factors = FactorMatrix(model.items.counts.size(), 3);
    model.users.biases.resize(model.users.counts.size());
    model.items.biases.resize(model.items.counts.size());
    model.centre.has_biases = options.biases;
    bench.learner->store(model);
    const std::vector<Bench::Rating> ratings = bench.ratings();
    Pairs pairs;
    for (std::uint32_t user = 0; user < bench.tensor.users; ++user) {
      for (std::size_t at = bench.copy.row_offsets()[user]; at < bench.copy.row_offsets()[user + 1]; ++at) {
        pairs.users.push_back(user);
        pairs.items.push_back(bench.copy.items()[at]);
        pairs.situation.push_back(bench.copy.situation(at));
      }
    }
    pairs.situations = bench.tensor.situations;
    std::vector<double> scores(pairs.size());
    score_pairs(model, pairs.users, pairs.items, scores);
    add_contexts(model, pairs, scores);
    for (std::size_t n = 0; n < ratings.size(); ++n)
      EXPECT_NEAR(scores[n], bench.score(ratings[n]) * bench.units.scale + bench.units.mean, 2e-5);
    for (const ContextVectors& context : model.contexts) {
      double bias = 0;
      std::vector<double> vector(3);
      std::vector<double> scale(3);
      double count = 0;
      for (std::size_t level = 0; level < context.counts.size(); ++level) {
        count += context.counts[level];
        bias += context.counts[level] * double{context.biases[level]};
        for (std::size_t k = 0; k < 3; ++k) {
          vector[k] += context.counts[level] * double{context.user_factors.row(level)[k]};
          if (context.scales.rows() != 0) scale[k] += context.counts[level] * double{context.scales.row(level)[k]};
        }
      }
      EXPECT_NEAR(bias / count, 0, 1e-6);
      for (std::size_t k = 0; k < 3; ++k) {
        if (options.biases) {
          EXPECT_NEAR(vector[k] / count, 0, 1e-6);
        }
        if (context.scales.rows() != 0) {
          EXPECT_NEAR(scale[k] / count, 1, 1e-5);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lowrank::context_als_test
