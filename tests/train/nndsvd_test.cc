#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/train/nmf.h"

namespace lowrank::nndsvd_test {
namespace {

/// A matrix of rank 5 without noise is decomposed from the singular vectors, whatever the seed.
TEST(Nndsvd, LeadsToExactParts) {
  int exact = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    RandomStream random(seed, Purpose::generate_ratings);
    std::vector<double> p(30 * 5);
    std::vector<double> q(20 * 5);
    for (double& x : p) x = std::abs(random.normal());
    for (double& x : q) x = std::abs(random.normal());
    std::vector<Triple> triples;
    double squares = 0;
    for (std::uint32_t user = 0; user < 30; ++user) {
      for (std::uint32_t item = 0; item < 20; ++item) {
        double value = 0;
        for (std::size_t k = 0; k < 5; ++k) value += p[user * 5 + k] * q[item * 5 + k];
        triples.push_back({user, item, static_cast<float>(value)});
        squares += value * value;
      }
    }
    Nmf options;
    options.rank = 5;
    options.absent = Absent::zero;
    options.initialization = NmfInitialization::nndsvd;
    options.epochs = 1000;
    const Trained trained = train_quietly(make_ratings(triples, 30, 20), options);
    exact += std::sqrt(2 * trained.train_loss.value() / squares) < .02 ? 1 : 0;
    options.seed = 77;
    const Model other = train_quietly(make_ratings(triples, 30, 20), options, 3).model;
    for (std::uint32_t user = 0; user < 30; ++user) EXPECT_EQ(score(other, user, 3), score(trained.model, user, 3));
  }
  EXPECT_EQ(exact, 5);
}

/// The whole matrix is decomposed, so its cells must be known; more parts than the matrix has are zero or start low.
TEST(Nndsvd, NeedsZeros) {
  Nmf options;
  options.initialization = NmfInitialization::nndsvd;
  EXPECT_THROW(train_quietly(make_ratings(article(), 5, 4), options), OptionError);
  options.absent = Absent::zero;
  for (const NmfSolver solver : {NmfSolver::coordinate, NmfSolver::multiplicative}) {
    options.solver = solver;
    options.rank = 9;  // more than the matrix has
    EXPECT_TRUE(all_finite(train_quietly(make_ratings(article(), 5, 4), options).model));
  }
}

}  // namespace
}  // namespace lowrank::nndsvd_test
