// Implicit feedback with contexts: each step of an epoch and the loss against sums over all cells of the tensor in double, what is stored
// against what was trained, and the edges.

#include "lowrank/train/implicit_context.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/recommend.h"
#include "lowrank/train/train.h"
#include "train/dense_oracle.h"
#include "train/implicit_context_learner.h"
#include "train/implicit_contexts.h"
#include "train/implicit_weights.h"
#include "train/same_options.h"
#include "train/tensor.h"

namespace lowrank::implicit_context_test {
namespace {

using testing_implicit_context::all_options;
using testing_implicit_context::feedback;
using testing_implicit_context::kForms;
using testing_implicit_context::regularize_levels;

/// A learner and what it borrows.
struct Bench {
  Tensor tensor;
  ImplicitContext options;
  Workers workers{2};
  TrainContext context;
  Ratings copy;
  Implicit settled;
  std::unique_ptr<ImplicitContextLearner> learner;

  explicit Bench(const ImplicitContext& asked, const std::vector<std::uint32_t>& levels = {4, 1, 3}, bool weighted = false)
      : Bench(asked, feedback(levels), weighted) {}
  Bench(const ImplicitContext& asked, Tensor data, bool weighted = false) : tensor(std::move(data)), options(asked) {
    context.situations = &tensor.situations;
    copy = tensor.dataset(weighted).ratings;
    Model frame;
    frame.users.counts.assign(tensor.users, 0);
    frame.items.counts.assign(tensor.items, 0);
    for (std::uint32_t user = 0; user < tensor.users; ++user) {
      for (const std::uint32_t item : copy.items_of(user)) ++frame.users.counts[user], ++frame.items.counts[item];
    }
    settled = settle_implicit(same_options<Implicit>(options), copy, frame);
    learner = std::make_unique<ImplicitContextLearner>(tensor.dataset(weighted).ratings, options, settled, frame, context, workers);
  }

  [[nodiscard]] std::size_t columns() const { return tensor.situations.columns.size(); }

  /// A term of the loss: weight (target - score)^2.
  struct Term {
    std::uint32_t user;
    std::uint32_t item;
    std::vector<std::size_t> rows;  ///< of its levels; a missing level's row is the last
    double weight;
    double target;
  };
  /// Of all cells, and of the observed ones.
  [[nodiscard]] std::vector<Term> terms() const {
    std::vector<Term> all;
    const ObservedWeights observed(settled, learner->items().counts);
    for (std::uint32_t user = 0; user < tensor.users; ++user) {
      for (std::size_t at = copy.row_offsets()[user]; at < copy.row_offsets()[user + 1]; ++at) {
        Term term{
            user, copy.items()[at], {}, observed(copy.items()[at], copy.value(at), copy.weights(), at), copy.value(at) > 0 ? 1.0 : 0.0};
        for (std::size_t column = 0; column < columns(); ++column) {
          const std::size_t level = tensor.situations.levels(copy.situation(at))[column];
          term.rows.push_back(std::min<std::size_t>(level, tensor.situations.columns[column].levels.size()));
        }
        all.push_back(term);
      }
    }
    for (std::uint32_t user = 0; user < tensor.users; ++user) {
      for (std::uint32_t item = 0; item < tensor.items; ++item) {
        const double weight = *settled.unobserved_weight * learner->users().unobserved[user] * learner->items().unobserved[item];
        add_combinations({user, item, {}, weight, 0}, all);
      }
    }
    return all;
  }
  void add_combinations(const Term& begun, std::vector<Term>& all) const {
    const std::size_t column = begun.rows.size();
    if (column == columns()) return all.push_back(begun);
    for (std::size_t level = 0; level < learner->column(column).levels(); ++level) {
      Term next = begun;
      next.rows.push_back(level);
      next.weight *= learner->shares(column)[level];
      add_combinations(next, all);
    }
  }

  [[nodiscard]] double scale(const Term& term, std::size_t k, std::size_t except = 99) const {
    double product = 1;
    for (std::size_t column = 0; column < columns(); ++column) {
      if (column != except) product *= double{learner->column(column).scales.row(term.rows[column])[k]};
    }
    return product;
  }
  [[nodiscard]] double vector(const Term& term, std::size_t k) const {
    double sum = 0;
    for (std::size_t column = 0; column < columns(); ++column) sum += double{learner->column(column).vectors.row(term.rows[column])[k]};
    return sum;
  }
  [[nodiscard]] double p(const Term& term, std::size_t k) const { return double{learner->users().factors.row(term.user)[k]}; }
  [[nodiscard]] double q(const Term& term, std::size_t k) const { return double{learner->items().factors.row(term.item)[k]}; }
  [[nodiscard]] double score(const Term& term) const {
    double sum = 0;
    for (std::size_t k = 0; k < options.rank; ++k)
      sum += p(term, k) * q(term, k) * scale(term, k) + vector(term, k) * (p(term, k) + q(term, k));
    return sum;
  }
  [[nodiscard]] double loss() const {
    double sum = 0;
    for (const Term& term : terms()) sum += term.weight * std::pow(term.target - score(term), 2);
    for (const ImplicitContextLearner::Rows* side : {&learner->users(), &learner->items()}) {
      for (std::size_t row = 0; row < side->counts.size(); ++row) sum += side->ridges[row] * squares_of(side->factors, row);
    }
    for (std::size_t column = 0; column < columns(); ++column) {
      const LevelTable& table = learner->column(column);
      for (std::size_t level = 0; level < table.levels(); ++level) {
        sum += table.vector_ridges[level] * squares_of(table.vectors, level);
        for (std::size_t k = 0; k < options.rank; ++k)
          sum += table.scale_ridges[level] * std::pow(double{table.scales.row(level)[k]} - 1, 2);
      }
    }
    return sum;
  }
};

/// The minimum of a row over the terms that `of` takes, with the regressor z of each. \param around  where the row is regularised towards
template <class Of, class Regressor>
std::vector<double> dense_row(const Bench& bench, const Of& of, const Regressor& regressor, double ridge, std::span<const float> now,
                              double around = 0) {
  const std::size_t rank = bench.options.rank;
  DenseSystem system(rank);
  for (const Bench::Term& term : bench.terms()) {
    if (!of(term)) continue;
    std::vector<double> z;
    double own = 0;
    for (std::size_t k = 0; k < rank; ++k) {
      z.push_back(regressor(term, k));
      own += z[k] * (double{now[k]} - around);
    }
    system.add(term.weight, term.target - bench.score(term) + own, z);
  }
  for (std::size_t k = 0; k < rank; ++k) system.damp(k, ridge);
  return system.solve();
}

void expect_row(const std::vector<double>& expected, std::span<const float> row, double around, const std::string& what) {
  for (std::size_t k = 0; k < row.size(); ++k)
    EXPECT_NEAR(double{row[k]} - around, expected[k], 1e-4 * (1 + std::abs(expected[k]))) << what;
}

std::string text_of(const ImplicitContext& options) { return options_json(options); }

/// After an epoch, each further step is the minimum over its rows.
TEST(ImplicitContext, EveryStepSolvesItsNormalEquations) {
  for (const ImplicitContext& options : all_options()) {
    for (const bool weighted : {false, true}) {
      SCOPED_TRACE(text_of(options) + (weighted ? " weighted" : ""));
      Bench bench(options, {4, 1, 3}, weighted);
      ImplicitContextLearner& learner = *bench.learner;
      ASSERT_TRUE(learner.run(1));
      for (const bool of_users : {true, false}) {
        ImplicitContextLearner::Rows& rows = of_users ? learner.users() : learner.items();
        std::vector<std::vector<double>> expected;
        for (std::uint32_t row = 0; row < rows.counts.size(); ++row) {
          expected.push_back(rows.counts[row] == 0
                                 ? std::vector<double>(3)
                                 : dense_row(
                                       bench, [&](const Bench::Term& term) { return (of_users ? term.user : term.item) == row; },
                                       [&](const Bench::Term& term, std::size_t k) {
                                         return (of_users ? bench.q(term, k) : bench.p(term, k)) * bench.scale(term, k) +
                                                bench.vector(term, k);
                                       },
                                       rows.ridges[row], rows.factors.row(row)));
        }
        if (of_users) {
          learner.solve_users();
        } else {
          learner.solve_items();
        }
        for (std::uint32_t row = 0; row < rows.counts.size(); ++row)
          expect_row(expected[row], rows.factors.row(row), 0, of_users ? "user" : "item");
      }
      for (std::size_t column = 0; column < 3; ++column) {
        LevelTable& table = learner.column(column);
        const auto in_level = [column](std::size_t level) { return [=](const Bench::Term& term) { return term.rows[column] == level; }; };
        std::vector<std::vector<double>> expected;
        for (std::size_t level = 0; level < table.levels() && options.form != ContextForm::cp; ++level) {
          expected.push_back(dense_row(
              bench, in_level(level), [&](const Bench::Term& term, std::size_t k) { return bench.p(term, k) + bench.q(term, k); },
              table.vector_ridges[level], table.vectors.row(level)));
        }
        learner.solve_levels(column);
        for (std::size_t level = 0; level < expected.size(); ++level) expect_row(expected[level], table.vectors.row(level), 0, "vector");
        for (std::size_t level = 0; level < table.levels() && options.form != ContextForm::pairwise; ++level) {
          // The step of the scales came last: its solution is the minimum from wherever it is looked at.
          expect_row(dense_row(
                         bench, in_level(level),
                         [&](const Bench::Term& term, std::size_t k) {
                           return bench.p(term, k) * bench.q(term, k) * bench.scale(term, k, column);
                         },
                         table.scale_ridges[level], table.scales.row(level), 1),
                     table.scales.row(level), 1, "scale");
        }
      }
    }
  }
}

TEST(ImplicitContext, TheLossIsThatOfTheWholeTensor) {
  for (const ImplicitContext& options : all_options()) {
    SCOPED_TRACE(text_of(options));
    Bench bench(options, {4, 1, 3}, true);
    for (std::size_t epoch = 1; epoch < 4; ++epoch) {
      const std::optional<EpochFigures> figures = bench.learner->run(epoch);
      ASSERT_TRUE(figures);
      const double loss = bench.loss();
      EXPECT_NEAR(*figures->train_loss, loss, 1e-5 * loss);
    }
  }
}

/// The loss after every epoch.
struct Losses final : TrainingObserver {
  std::vector<double> all;
  bool on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) override {
    all.push_back(*report.train_loss);
    return true;
  }
};

/// With no level missing, no step raises the loss.
TEST(ImplicitContext, TheLossDoesNotRise) {
  for (ImplicitContext options : all_options()) {
    SCOPED_TRACE(text_of(options));
    Tensor tensor = feedback({4, 3});
    std::erase_if(tensor.cells, [&](const TensorCell& cell) {
      return std::ranges::count(tensor.situations.levels(cell.situation), Situations::kMissing) != 0;
    });
    options.epochs = 12;
    Losses losses;
    train({.data = tensor.dataset()}, options, {}, losses);
    ASSERT_EQ(losses.all.size(), 12U);
    for (std::size_t n = 1; n < 12; ++n) EXPECT_LE(losses.all[n], losses.all[n - 1] * (1 + 1e-6));
    EXPECT_LT(losses.all.back(), losses.all.front());
  }
}

Model stored(Bench& bench) {
  Model model;
  for (const auto& [rows, side] : {std::pair(&bench.learner->users(), &model.users), std::pair(&bench.learner->items(), &model.items)}) {
    side->counts = rows->counts;
    side->factors = FactorMatrix(rows->counts.size(), bench.options.rank);
    side->biases.resize(rows->counts.size());
  }
  model.centre.has_biases = false;
  bench.learner->store(model);
  return model;
}

/// Where levels change nothing, the loss and the rows are those of method implicit.
TEST(ImplicitContext, ContextsThatChangeNothingAreImplicit) {
  for (ImplicitContext options : all_options()) {
    SCOPED_TRACE(text_of(options));
    options.epochs = 3;
    Tensor tensor = feedback({4, 1, 3});
    std::set<std::pair<std::uint32_t, std::uint32_t>> pairs;
    std::erase_if(tensor.cells, [&](const TensorCell& cell) { return !pairs.emplace(cell.user, cell.item).second; });
    RatingsBuilder builder;
    for (const TensorCell& cell : tensor.cells) builder.add(cell.user, cell.item, cell.value);
    Dataset plain;
    plain.ratings = builder.build(tensor.users, tensor.items);
    Losses losses;
    const Model expected = train({.data = std::move(plain)}, same_options<Implicit>(options), {}, losses).model;
    ASSERT_EQ(losses.all.size(), 3U);
    Bench bench(options, tensor);
    for (std::size_t column = 0; column < bench.columns(); ++column) {
      LevelTable& table = bench.learner->column(column);
      for (std::size_t level = 0; level < table.levels(); ++level) {
        std::ranges::fill(table.vectors.row(level), 0.0F);
        std::ranges::fill(table.scales.row(level), 1.0F);
      }
      bench.learner->refresh(column);
    }
    for (const double loss : losses.all) {
      bench.learner->solve_users();
      bench.learner->solve_items();
      EXPECT_NEAR(bench.learner->loss(), loss, 1e-5 * loss);
    }
    const Model model = stored(bench);
    EXPECT_NEAR(model.centre.mean, 0, 1e-6);
    for (std::uint32_t user = 0; user < tensor.users; ++user) {
      for (std::uint32_t item = 0; item < tensor.items; ++item)
        EXPECT_NEAR(score(model, user, item), score(expected, user, item), 1e-3) << user << " " << item;
    }
    const Model trained = train({.data = tensor.dataset()}, options).model;
    EXPECT_EQ(trained.fold_in, expected.fold_in);
    EXPECT_EQ(trained.centre.has_biases, expected.centre.has_biases);
    EXPECT_EQ(trained.centre.clips, expected.centre.clips);
  }
}

/// What is stored says of every cell what was trained, missing levels included: of pairs with contexts, and of models that are bound.
TEST(ImplicitContext, TheModelScoresAsTheLearnerDoes) {
  for (const ImplicitContext& options : all_options()) {
    for (const std::vector<std::uint32_t>& levels : {std::vector<std::uint32_t>{4, 1, 3}, std::vector<std::uint32_t>{4}}) {
      SCOPED_TRACE(text_of(options) + " columns " + std::to_string(levels.size()));
      Bench bench(options, levels);
      for (std::size_t epoch = 1; epoch < 4; ++epoch) ASSERT_TRUE(bench.learner->run(epoch));
      const Model model = stored(bench);
      Situations& situations = bench.tensor.situations;
      // Every combination of levels, the missing one among them.
      std::vector<std::vector<std::uint16_t>> all = {{}};
      for (const std::uint32_t count : levels) {
        std::vector<std::vector<std::uint16_t>> longer;
        for (const std::vector<std::uint16_t>& begun : all) {
          for (std::uint16_t level = 0; level <= count; ++level) {
            longer.push_back(begun);
            longer.back().push_back(level == count ? Situations::kMissing : level);
          }
        }
        all = std::move(longer);
      }
      for (const std::vector<std::uint16_t>& own : all) {
        std::vector<ContextValue> given;
        Bench::Term term{0, 0, {}, 0, 0};
        for (std::size_t column = 0; column < levels.size(); ++column) {
          const bool missing = own[column] == Situations::kMissing;
          term.rows.push_back(missing ? levels[column] : own[column]);
          if (!missing) given.emplace_back(situations.columns[column].name, situations.columns[column].levels.id(own[column]));
        }
        const Model bound = bind_context(model, given);
        Pairs pairs;
        const std::uint32_t situation = situations.number(own);
        for (std::uint32_t user = 0; user < bench.tensor.users; ++user) {
          for (std::uint32_t item = 0; item < bench.tensor.items; ++item) {
            pairs.users.push_back(user);
            pairs.items.push_back(item);
            pairs.situation.push_back(situation);
          }
        }
        pairs.situations = situations;
        std::vector<double> scores(pairs.size());
        score_pairs(model, pairs.users, pairs.items, scores);
        add_contexts(model, pairs, scores);
        for (std::size_t n = 0; n < pairs.size(); ++n) {
          term.user = pairs.users[n];
          term.item = pairs.items[n];
          const bool known = model.users.knows(term.user) && model.items.knows(term.item);
          const double expected = known ? bench.score(term) : 0;
          EXPECT_NEAR(scores[n], expected, 1e-4 * (1 + std::abs(expected)));
          EXPECT_NEAR(score(bound, term.user, term.item), expected, 1e-4 * (1 + std::abs(expected)));
        }
      }
    }
  }
}

/// The model without a context is the mean of the bound ones over the shares of levels. All of it is in its rows, without scales or of one
/// column; the mean adds the same to all.
TEST(ImplicitContext, WithoutAContextItIsTheMean) {
  for (const ImplicitContext& options : all_options()) {
    for (const std::vector<std::uint32_t>& levels : {std::vector<std::uint32_t>{4, 1, 3}, std::vector<std::uint32_t>{4}}) {
      SCOPED_TRACE(text_of(options) + " columns " + std::to_string(levels.size()));
      Bench bench(options, levels);
      for (std::size_t epoch = 1; epoch < 4; ++epoch) ASSERT_TRUE(bench.learner->run(epoch));
      const Model model = stored(bench);
      const bool separates = options.form == ContextForm::pairwise || levels.size() == 1;
      if (separates) {
        EXPECT_TRUE(std::ranges::all_of(model.items.biases, [](float bias) { return std::abs(bias) < 1e-4F; }));
      }
      for (std::uint32_t user = 0; user < bench.tensor.users - 1; ++user) {
        for (std::uint32_t item = 0; item < bench.tensor.items - 1; ++item) {
          std::vector<Bench::Term> cells;
          bench.add_combinations({user, item, {}, 1, 0}, cells);
          double mean = 0;
          for (const Bench::Term& cell : cells) mean += cell.weight * bench.score(cell);
          EXPECT_NEAR(score(model, user, item), mean, 1e-4 * (1 + std::abs(mean)));
        }
      }
    }
  }
}

/// Conjugate gradients end at the minimum too.
TEST(ImplicitContext, ManyStepsOfCgSolveRows) {
  for (ImplicitContext options : all_options()) {
    SCOPED_TRACE(text_of(options));
    options.solver = Solver::cg;
    options.cg_steps = 30;
    Bench cg(options);
    options.solver = Solver::exact;
    Bench exact(options);
    for (std::size_t epoch = 1; epoch < 3; ++epoch) {
      const std::optional<EpochFigures> one = cg.learner->run(epoch);
      const std::optional<EpochFigures> other = exact.learner->run(epoch);
      ASSERT_TRUE(one && other);
      EXPECT_NEAR(*one->train_loss, *other->train_loss, 2e-4 * *other->train_loss);
    }
  }
}

}  // namespace
}  // namespace lowrank::implicit_context_test
