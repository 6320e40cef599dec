#include "train/prior_trials.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "train/fixtures.h"

namespace lowrank::prior_trials_test {
namespace {

struct Planted {
  std::vector<Triple> train;
  std::vector<Triple> test;  ///< other cells, as noisy
  std::uint32_t users;
  std::uint32_t items;
};

/// Cells of a matrix of products of random factors, with noise. \param positive  factors uniform in [0, 1), not normal
Planted planted(std::uint32_t users, std::uint32_t items, std::size_t count, std::size_t rank, double noise, std::uint64_t seed,
                bool positive = false) {
  RandomStream random(seed, Purpose::generate_ratings);
  const auto draw = [&](std::size_t rows) {
    std::vector<double> factors(rows * rank);
    for (double& x : factors) x = positive ? random.uniform() : random.normal();
    return factors;
  };
  const std::vector<double> p = draw(users);
  const std::vector<double> q = draw(items);
  std::vector<std::uint32_t> cells(std::size_t{users} * items);
  for (std::uint32_t cell = 0; cell < cells.size(); ++cell) cells[cell] = cell;
  random.shuffle(std::span(cells));
  Planted result{.train = {}, .test = {}, .users = users, .items = items};
  for (std::size_t n = 0; n < std::min(cells.size(), 2 * count); ++n) {
    const std::uint32_t user = cells[n] / items;
    const std::uint32_t item = cells[n] % items;
    double value = positive ? 1 : 3;
    for (std::size_t k = 0; k < rank; ++k) value += p[user * rank + k] * q[item * rank + k];
    value += noise * random.normal();
    (n < count ? result.train : result.test).push_back({user, item, static_cast<float>(value)});
  }
  return result;
}

template <class Options>
double test_error(const Planted& data, std::optional<double> prior) {
  Options options;
  options.prior_ratings = prior;
  return rmse_of(train_quietly(make_ratings(data.train, data.users, data.items), options, 2).model, data.test);
}

/// The error with the estimated prior, as a part of the least with any of the fixed ones.
template <class Options>
double against_best_fixed(const std::vector<Planted>& all) {
  double found = 0;
  for (const Planted& data : all) found += test_error<Options>(data, {});
  double best = std::numeric_limits<double>::max();
  for (const double prior : {0.0, 3.0, 10.0, 30.0, 85.0, 150.0}) {
    double sum = 0;
    for (const Planted& data : all) sum += test_error<Options>(data, prior);
    best = std::min(best, sum);
  }
  return found / best;
}

TEST(PriorTrials, SmallCleanDataAreLearnedAsWithTheBestFixedPrior) {
  for (const double noise : {0.1, 0.5}) {
    std::vector<Planted> signed_data;
    std::vector<Planted> positive;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      signed_data.push_back(planted(40, 30, 600, 2, noise, seed));
      positive.push_back(planted(40, 30, 600, 2, noise / 5, seed, true));
    }
    EXPECT_LE(against_best_fixed<Sgd>(signed_data), 1.1) << noise;
    EXPECT_LE(against_best_fixed<Als>(signed_data), 1.1) << noise;
    EXPECT_LE(against_best_fixed<Nmf>(positive), 1.1) << noise;
  }
}

TEST(PriorTrials, LargerPlantedDataAreLearnedAsWithTheBestFixedPrior) {
  for (const double noise : {0.1, 1.0}) {
    for (const std::size_t rank : {2U, 5U}) {
      const std::vector<Planted> data{planted(1000, 500, 15'000, rank, noise, 7)};
      EXPECT_LE(against_best_fixed<Sgd>(data), 1.1) << noise << ", rank " << rank;
      EXPECT_LE(against_best_fixed<Als>(data), 1.1) << noise << ", rank " << rank;
    }
  }
}

TEST(PriorTrials, TheArticlesRatingsAreReproduced) {
  for (const bool turned : {false, true}) {
    for (const Method& method : {Method{Sgd{}}, Method{Als{}}, Method{Nmf{}}}) {
      std::vector<Triple> triples = article();
      if (turned) {
        for (Triple& triple : triples) std::swap(triple.user, triple.item);
      }
      const Model model = train_quietly(make_ratings(triples, turned ? 4 : 5, turned ? 5 : 4), method).model;
      for (const Triple& triple : triples) {
        EXPECT_NEAR(predict(model, triple.user, triple.item), static_cast<double>(triple.value), 0.3)
            << name_of(method) << ": user " << triple.user << ", item " << triple.item;
      }
    }
  }
}

TEST(PriorTrials, NoiseKeepsTheUsualPrior) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Planted data = planted(60, 50, 1500, 0, 1, seed);
    const Model usual = train_quietly(make_ratings(data.train, 60, 50), Als{.prior_ratings = 150}).model;
    const Model found = train_quietly(make_ratings(data.train, 60, 50), Als{}).model;
    EXPECT_EQ(std::get<LeastSquares>(found.fold_in), std::get<LeastSquares>(usual.fold_in)) << seed;
  }
}

/// The constants of the fold-in are those of the weight that was found, whatever the number of threads.
TEST(PriorTrials, TheModelIsThatOfTheWeightFound) {
  const Planted data = planted(40, 30, 600, 2, 0.1, 1);
  const auto train = [&](const Method& method, int threads) {
    return train_quietly(make_ratings(data.train, data.users, data.items), method, threads).model;
  };
  for (const Method& method : {Method{Sgd{}}, Method{Als{}}}) {
    const Model one = train(method, 1);
    const Model four = train(method, 4);
    const Ratings ratings = make_ratings(data.train, data.users, data.items);
    EXPECT_EQ(bytes_of(one, ratings), bytes_of(four, ratings)) << name_of(method);
    const RowPenalty& users = std::get<LeastSquares>(one.fold_in).users;
    EXPECT_LE(users.l2_constant / users.l2, 10.001) << name_of(method);
  }
  const RowPenalty users = std::get<LeastSquares>(train(Als{}, 1).fold_in).users;
  const Model stated = train(Als{.prior_ratings = users.l2_constant / users.l2}, 1);
  const Model found = train(Als{}, 1);
  for (const Triple& triple : data.test) {
    ASSERT_EQ(predict(stated, triple.user, triple.item), predict(found, triple.user, triple.item));
  }
}

/// Of a large matrix the block has the most active rows; every cell of it is tried with others.
TEST(PriorTrials, TheBlockIsThatOfTheMostActiveRows) {
  std::vector<Triple> triples;
  // User u has the items 0 .. 2000 - 2 u - 1: item i has the users 0 .. 999 - i / 2.
  for (std::uint32_t user = 0; user < 1000; ++user) {
    for (std::uint32_t item = 0; item < 2000 - 2 * user; ++item) triples.push_back({user, item, static_cast<float>((user + item) % 5)});
  }
  const Ratings ratings = make_ratings(triples, 1000, 2000);
  std::vector<std::uint32_t> users(1000);
  std::vector<std::uint32_t> items(2000);
  for (const Triple& triple : triples) ++users[triple.user], ++items[triple.item];
  std::size_t trained = 0;
  const std::vector<double> errors = Trials(ratings, users, items).errors([&](const Ratings& part) {
    trained += part.size();
    EXPECT_NEAR(part.user_count() * 2.0, part.item_count(), 1);
    EXPECT_NEAR(static_cast<double>(part.size()), Trials::kBlock * .9, Trials::kBlock * .1);
    EXPECT_GT(static_cast<double>(part.size()), .85 * part.user_count() * part.item_count());
    return train_quietly(make_ratings(article(), 5, 4), Baseline{}).model;
  });
  EXPECT_NEAR(static_cast<double>(errors.size()), static_cast<double>(trained) / 9, 2);
}

TEST(PriorTrials, WhatCannotBeTrainedIsNeverChosen) {
  const Planted data = planted(40, 30, 600, 2, 0.1, 1);
  const Ratings ratings = make_ratings(data.train, 40, 30);
  const Trials trials(ratings, std::vector<std::uint32_t>(40, 15), std::vector<std::uint32_t>(30, 20));
  EXPECT_EQ(settle_prior(trials, 85, [](const Ratings&, double) -> Model { throw TrainingError("no"); }), 85);
}

TEST(PriorTrials, ClearlyLowerIsBeyondTheStandardError) {
  const std::vector<double> usual{1, 2, 3, 4};
  EXPECT_TRUE(clearly_lower(std::vector<double>{.5, 1.4, 2.6, 3.5}, usual));
  EXPECT_FALSE(clearly_lower(std::vector<double>{1, 2, 3, 3.9}, usual));
  EXPECT_FALSE(clearly_lower(usual, usual));
  EXPECT_FALSE(clearly_lower(std::vector<double>{2, 3, 4, 5}, usual));
}

}  // namespace
}  // namespace lowrank::prior_trials_test
