// Factorization with contexts as a method: planted tensors, threads, and the edges.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/model_file.h"
#include "lowrank/train/context_als.h"
#include "lowrank/train/train.h"
#include "train/dense_oracle.h"
#include "train/tensor.h"

namespace lowrank::context_als_train_test {
namespace {

Trained train_tensor(const Tensor& tensor, const ContextAls& options, int threads = 2) {
  TrainSettings settings;
  settings.threads = threads;
  return train({.data = tensor.dataset()}, options, {}, TrainingObserver::silent(), settings);
}

ContextAls small(ContextForm form) {
  ContextAls options;
  options.form = form;
  options.rank = 6;
  options.epochs = 4;
  return options;
}

TEST(ContextAls, SameBytesOnAnyThreads) {
  for (const ContextForm form : {ContextForm::pairwise, ContextForm::cp, ContextForm::both, ContextForm::biases}) {
    ContextAls options = small(form);
    options.context_biases = ContextBiases::both;
    for (const Solver solver : {Solver::exact, Solver::cg}) {
      options.solver = solver;
      const std::string one = serialize_model(train_tensor(random_tensor(), options, 1).model);
      EXPECT_EQ(serialize_model(train_tensor(random_tensor(), options, 2).model), one);
      EXPECT_EQ(serialize_model(train_tensor(random_tensor(), options, 8).model), one);
    }
  }
}

TEST(ContextAls, OfRankZeroThereAreBiases) {
  for (const ContextBiases biases : {ContextBiases::none, ContextBiases::items, ContextBiases::both}) {
    ContextAls options;
    options.rank = 0;
    options.epochs = 4;
    options.context_biases = biases;
    const Trained trained = train_tensor(random_tensor(), options);
    EXPECT_EQ(trained.model.rank(), 0U);
    EXPECT_LT(*trained.train_rmse, 2);
    EXPECT_NE(trained.model.contexts.at(0).biases.at(0), 0);
  }
}

TEST(ContextAls, WithoutContextsItIsAls) {
  const std::vector<Triple> triples = synthetic(60, 40, 700, 3);
  Als als;
  als.rank = 6;
  als.epochs = 4;
  Dataset one;
  one.ratings = make_ratings(triples, 60, 40);
  Dataset other;
  other.ratings = make_ratings(triples, 60, 40);
  Model expected = train({.data = std::move(one)}, als).model;
  Model model = train({.data = std::move(other)}, small(ContextForm::pairwise)).model;
  model.record.method = expected.record.method;
  model.record.options = expected.record.options;
  EXPECT_EQ(serialize_model(model), serialize_model(expected));
}

/// A column of one level tells nothing: it adds nothing, and changes nothing.
TEST(ContextAls, AConstantColumnAddsNothing) {
  for (const ContextForm form : {ContextForm::pairwise, ContextForm::cp, ContextForm::both}) {
    Tensor tensor(60, 40, {1});
    const std::vector<std::uint16_t> level = {0};
    const std::uint32_t situation = tensor.situations.number(level);
    for (const Triple& triple : synthetic(60, 40, 700, 3)) tensor.cells.push_back({triple.user, triple.item, situation, triple.value});
    const Model model = train_tensor(tensor, small(form)).model;
    ASSERT_EQ(model.contexts.size(), 1U);
    const ContextVectors& context = model.contexts.front();
    EXPECT_EQ(context.counts, std::vector<std::uint32_t>{700});
    EXPECT_NEAR(context.biases[0], 0, 1e-6);
    for (std::size_t k = 0; k < 6; ++k) {
      EXPECT_NEAR(context.user_factors.row(0)[k], 0, 1e-6);
      EXPECT_NEAR(context.item_factors.row(0)[k], 0, 1e-6);
      if (context.scales.rows() != 0) {
        EXPECT_NEAR(context.scales.row(0)[k], 1, 1e-6);
      }
    }
  }
}

/// Ratings of which no level is known are as those of data without contexts.
TEST(ContextAls, LevelsThatAreAllMissingAddNothing) {
  Tensor tensor(60, 40, {2});
  const std::vector<std::uint16_t> level = {Situations::kMissing};
  const std::uint32_t situation = tensor.situations.number(level);
  for (const Triple& triple : synthetic(60, 40, 700, 3)) tensor.cells.push_back({triple.user, triple.item, situation, triple.value});
  const Trained trained = train_tensor(tensor, small(ContextForm::both));
  Dataset plain;
  plain.ratings = make_ratings(synthetic(60, 40, 700, 3), 60, 40);
  Als als;
  als.rank = 6;
  als.epochs = 4;
  EXPECT_NEAR(*trained.train_rmse, *train({.data = std::move(plain)}, als).train_rmse, 1e-4);
}

TEST(ContextAls, LevelsOfFewRatingsNeedNoRegularization) {
  // One level of nearly all ratings, and levels of one to five, fewer than factors.
  Tensor tensor(30, 20, {6});
  RandomStream stream(3, Purpose::generate_ratings);
  for (std::uint32_t user = 0; user < 30; ++user) {
    for (std::uint32_t item = 0; item < 20; ++item) {
      const bool rare = user == 7 && item < 15;
      std::uint16_t level = 0;
      for (std::uint32_t first = 0, size = 1; rare && size < 6; first += size++) {
        if (item >= first && item < first + size) level = static_cast<std::uint16_t>(size);
      }
      const auto value = static_cast<float>(3 + 0.5 * stream.normal());
      tensor.cells.push_back({user, item, tensor.situations.number(std::vector<std::uint16_t>{level}), value, 1});
    }
  }
  for (const ContextForm form : {ContextForm::pairwise, ContextForm::both}) {
    ContextAls options;
    options.rank = 16;
    options.form = form;
    options.context_regularization = 0;
    EXPECT_LT(train({.data = tensor.dataset()}, options).train_rmse.value(), 0.6);
  }
}

TEST(ContextAls, ContextsAreForMethodsThatReadThem) {
  EXPECT_TRUE(reads_contexts(ContextAls{}));
  EXPECT_FALSE(reads_contexts(Als{}));
  try {
    train({.data = random_tensor().dataset()}, Als{});
    FAIL();
  } catch (const OptionError& error) {
    EXPECT_EQ(error.option(), "contexts");
  }
}

/// Ratings of a planted tensor with noise of deviation 1, of which a hundredth of the cells is seen; every tenth is held out.
struct Planted {
  Tensor train;
  Tensor test;
};

Planted planted(ContextForm form, std::size_t rank, std::uint32_t users, std::uint32_t items, const std::vector<std::uint32_t>& levels,
                std::size_t ratings, std::uint64_t seed) {
  Planted planted{Tensor(users, items, levels), Tensor(users, items, levels)};
  const auto table = [&](std::uint32_t rows, std::uint64_t number, double deviation, double mean) {
    FactorMatrix result(rows, rank);
    RandomStream stream(seed, Purpose::generate_users, number);
    for (std::uint32_t row = 0; row < rows; ++row) {
      for (float& x : result.row(row)) x = static_cast<float>(mean + deviation * stream.normal());
    }
    return result;
  };
  const bool scales = form == ContextForm::cp;
  const double deviation = std::sqrt(2 / std::sqrt(static_cast<double>(rank)));
  const FactorMatrix p = table(users, 1, deviation, 0);
  const FactorMatrix q = table(items, 2, deviation, 0);
  std::vector<FactorMatrix> t;
  for (std::size_t column = 0; column < levels.size(); ++column) t.push_back(table(levels[column], 3 + column, scales ? 1 : deviation, 0));
  RandomStream stream(seed, Purpose::generate_ratings);
  for (std::size_t n = 0; n < ratings; ++n) {
    const auto user = static_cast<std::uint32_t>(stream.below(users));
    const auto item = static_cast<std::uint32_t>(stream.below(items));
    std::vector<std::uint16_t> own;
    for (const std::uint32_t count : levels) own.push_back(static_cast<std::uint16_t>(stream.below(count)));
    double value = stream.normal();
    for (std::size_t k = 0; k < rank; ++k) {
      double term = double{p.row(user)[k]} * double{q.row(item)[k]};
      for (std::size_t column = 0; column < own.size(); ++column) {
        const double x = double{t[column].row(own[column])[k]};
        if (scales) term *= x;
        if (!scales) value += x * (double{p.row(user)[k]} + double{q.row(item)[k]});
      }
      value += term;
    }
    Tensor& tensor = n % 10 == 9 ? planted.test : planted.train;
    const std::uint32_t situation = tensor.situations.number(own);
    tensor.cells.push_back({user, item, situation, static_cast<float>(value)});
  }
  return planted;
}

double held_out_rmse(const Planted& planted, const ContextAls& options) {
  const Model model = train_tensor(planted.train, options, 0).model;
  return score_ratings(model, planted.test.pairs()).rmse;
}

ContextAls recovery(ContextForm form, std::uint32_t rank) {
  ContextAls options;
  options.form = form;
  options.rank = rank;
  options.regularization_scaling = RegularizationScaling::constant;
  options.regularization = 0.5;
  if (form == ContextForm::cp) {
    options.scale_regularization = 0.01;
  } else {
    options.context_regularization = 0.5;
  }
  return options;
}

/// Of ranks 3 to 10, with one context and with two, a hundredth of the cells observed. The error is that of the noise, 1, and of what its
/// share in the parameters costs: half the parameters per rating.
TEST(ContextAls, PlantedPairwiseTensorsAreFound) {
  ContextAls options = recovery(ContextForm::pairwise, 3);
  options.epochs = 12;
  EXPECT_LT(held_out_rmse(planted(ContextForm::pairwise, 3, 500, 400, {75}, 150'000, 1), options), 1.02);
  options.rank = 10;
  EXPECT_LT(held_out_rmse(planted(ContextForm::pairwise, 10, 300, 200, {30, 12}, 216'000, 2), options), 1.02);
}

TEST(ContextAls, PlantedCpTensorsAreFound) {
  ContextAls options = recovery(ContextForm::cp, 3);
  options.epochs = 15;
  options.starts = 6;
  EXPECT_LT(held_out_rmse(planted(ContextForm::cp, 3, 500, 400, {75}, 150'000, 1), options), 1.02);
}

}  // namespace
}  // namespace lowrank::context_als_train_test
