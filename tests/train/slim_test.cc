#include "lowrank/train/slim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "train/fixtures.h"

namespace lowrank::slim_test {
namespace {

constexpr std::uint32_t kUsers = 80;
constexpr std::uint32_t kItems = 50;

std::vector<Triple> clicks(std::uint64_t seed) {
  std::vector<Triple> triples;
  RandomStream random(seed, Purpose::split);
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (random.uniform() < 0.04 + 0.4 / (1 + item % 9)) triples.push_back({user, item, 1});
    }
  }
  return triples;
}

using Matrix = std::vector<std::vector<double>>;

Matrix dense(const std::vector<Triple>& triples) {
  Matrix x(kUsers, std::vector<double>(kItems));
  for (const Triple& triple : triples) x[triple.user][triple.item] = triple.value > 0 ? 1 : 0;
  return x;
}

/// The gradient of 1/2 |x_j - X w|^2 + l2/2 |w|^2 + l1 sum of w by w_k, for the weights w of item j.
double gradient(const Matrix& x, const Model& model, const Slim& options, std::uint32_t j, std::uint32_t k) {
  double sum = options.l1 + options.l2 * double{model.neighbours->weight(k, j)};
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    double rest = x[user][j];
    for (std::uint32_t i = 0; i < kItems; ++i) rest -= x[user][i] * double{model.neighbours->weight(i, j)};
    sum -= x[user][k] * rest;
  }
  return sum;
}

/// At the minimum the gradient is 0 by each weight above 0, and not below 0 by the others.
TEST(Slim, MeetsTheConditionsOfTheMinimum) {
  std::vector<Triple> triples = clicks(1);
  triples[5].value = 0;
  triples[9].value = -2;
  const Matrix x = dense(triples);
  for (const double l1 : {0.0, 0.4, 3.0}) {
    for (const double l2 : {0.5, 20.0}) {
      const Slim options{.l1 = l1, .l2 = l2, .candidates = 0, .tolerance = 1e-7, .passes = 100'000};
      const Model model = train_quietly(make_ratings(triples, kUsers, kItems), options).model;
      std::size_t above = 0;
      for (std::uint32_t j = 0; j < kItems; ++j) {
        for (std::uint32_t k = 0; k < kItems; ++k) {
          if (j == k) continue;
          const double weight = double{model.neighbours->weight(k, j)};
          const double slope = gradient(x, model, options, j, k);
          EXPECT_GE(weight, 0);
          if (weight > 0) {
            EXPECT_NEAR(slope, 0, 1e-3) << j << " " << k;
            ++above;
          } else {
            EXPECT_GE(slope, -1e-3) << j << " " << k;
          }
        }
      }
      EXPECT_GT(above, 100U);
    }
  }
}

/// With few candidates the conditions hold among these: the items of the greatest cosine.
TEST(Slim, CandidatesAreTheMostSimilarItems) {
  const std::vector<Triple> triples = clicks(2);
  const Matrix x = dense(triples);
  const Slim options{.l1 = 0, .l2 = 1, .candidates = 8, .tolerance = 1e-7, .passes = 100'000};
  const Model model = train_quietly(make_ratings(triples, kUsers, kItems), options).model;
  for (std::uint32_t j = 0; j < kItems; ++j) {
    std::vector<std::pair<double, std::uint32_t>> similar;
    for (std::uint32_t k = 0; k < kItems; ++k) {
      double jk = 0;
      double jj = 0;
      double kk = 0;
      for (std::uint32_t user = 0; user < kUsers; ++user) {
        jk += x[user][j] * x[user][k];
        jj += x[user][j];
        kk += x[user][k];
      }
      if (k != j) similar.emplace_back(-jk / std::sqrt(jj * kk), k);
    }
    std::ranges::sort(similar);
    for (std::size_t n = 0; n < similar.size(); ++n) {
      const std::uint32_t k = similar[n].second;
      const double weight = double{model.neighbours->weight(k, j)};
      if (n < 8 && similar[7].first < similar[8].first) {
        EXPECT_NEAR(std::min(weight, gradient(x, model, options, j, k)), 0, 1e-3);
      }
      if (n >= 8 && similar[n].first > similar[7].first) {
        EXPECT_EQ(weight, 0);
      }
    }
  }
}

TEST(Slim, BytesDoNotDependOnThreads) {
  const std::vector<Triple> triples = clicks(3);
  const Ratings ratings = make_ratings(triples, kUsers, kItems);
  const std::string expected = bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), Slim{}, 1).model, ratings);
  for (const int threads : {2, 3, 8})
    EXPECT_EQ(bytes_of(train_quietly(make_ratings(triples, kUsers, kItems), Slim{}, threads).model, ratings), expected);
}

TEST(Slim, NothingAboveZeroIsAnError) { EXPECT_THROW(train_quietly(make_ratings({{0, 0, 0}, {1, 1, -1}}, 2, 2), Slim{}), DataError); }

}  // namespace
}  // namespace lowrank::slim_test
