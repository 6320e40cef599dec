#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/data/split.h"
#include "train/dense_oracle.h"
#include "train/fixtures.h"
#include "train/row_weights.h"

namespace lowrank::weights_test {
namespace {

constexpr std::uint32_t kUsers = 60;
constexpr std::uint32_t kItems = 40;

struct Weighted {
  std::vector<Triple> triples;
  std::vector<float> weights;

  [[nodiscard]] Ratings ratings() const {
    RatingsBuilder builder;
    for (std::size_t n = 0; n < triples.size(); ++n) builder.add_weighted(triples[n].user, triples[n].item, triples[n].value, weights[n]);
    return builder.build(kUsers, kItems);
  }
  [[nodiscard]] double total() const { return std::accumulate(weights.begin(), weights.end(), 0.0); }
};

/// Ratings with weights from .1 to about 6.
Weighted weighted(std::uint64_t seed, std::uint64_t count = 700) {
  Weighted result{synthetic(kUsers, kItems, count, seed), {}};
  RandomStream random(seed, Purpose::split);
  for (std::size_t n = 0; n < result.triples.size(); ++n) result.weights.push_back(static_cast<float>(0.1 + std::exp(random.normal())));
  return result;
}

/// The methods that read weights, with options under which they do.
std::vector<Method> weighing_methods() {
  return {Sgd{.rank = 4, .epochs = 3},
          Als{.rank = 4, .epochs = 3},
          Als{.rank = 4, .epochs = 3, .non_negative = true},
          Als{.rank = 30, .epochs = 3, .solver = Solver::cg},
          Implicit{.rank = 4, .epochs = 3},
          Nmf{.rank = 4, .epochs = 3},
          Nmf{.rank = 4, .epochs = 3, .solver = NmfSolver::multiplicative},
          Nmf{.rank = 4, .epochs = 3, .objective = NmfObjective::kullback_leibler},
          Baseline{},
          Popular{}};
}

double greatest_difference(const Model& a, const Model& b) {
  double most = std::abs(a.centre.mean - b.centre.mean);
  for (const auto& [one, other] : {std::pair(&a.users, &b.users), std::pair(&a.items, &b.items)}) {
    for (std::size_t row = 0; row < one->factors.rows(); ++row) {
      for (std::size_t k = 0; k < one->factors.rank(); ++k) {
        most = std::max(most, std::abs(double{one->factors.row(row)[k]} - double{other->factors.row(row)[k]}));
      }
      most = std::max(most, std::abs(double{one->biases[row]} - double{other->biases[row]}));
    }
  }
  return most;
}

TEST(Weights, OnesAreAsNone) {
  Weighted ones = weighted(1);
  std::ranges::fill(ones.weights, 1.0F);
  for (const Method& method : weighing_methods()) {
    const Trained with = train_quietly(ones.ratings(), method);
    const Trained without = train_quietly(make_ratings(ones.triples, kUsers, kItems), method);
    EXPECT_LT(greatest_difference(with.model, without.model), 2e-4) << name_of(method);
    EXPECT_EQ(with.train_rmse.has_value(), without.train_rmse.has_value());
    if (with.train_rmse) {
      EXPECT_NEAR(*with.train_rmse, *without.train_rmse, 1e-4) << name_of(method);
    }
    if (with.train_loss) {
      EXPECT_NEAR(*with.train_loss, *without.train_loss, 1e-3 * *without.train_loss) << name_of(method);
    }
  }
}

TEST(Weights, SameBytesForAnyNumberOfThreads) {
  const Weighted data = weighted(2);
  const Ratings ratings = data.ratings();
  for (const Method& method : weighing_methods()) {
    EXPECT_EQ(bytes_of(train_quietly(ratings, method, 1).model, ratings), bytes_of(train_quietly(ratings, method, 3).model, ratings))
        << name_of(method);
  }
}

TEST(Weights, MethodsThatReadNoneRefuseThem) {
  const Weighted data = weighted(3, 100);
  for (const Method& method :
       {Method(Bpr{}), Method(ItemNeighbours{}), Method(Nmf{.absent = Absent::zero}), Method(Sgd{.update_order = UpdateOrder::tutorial})}) {
    try {
      train_quietly(data.ratings(), method);
      ADD_FAILURE() << name_of(method);
    } catch (const OptionError& error) {
      EXPECT_EQ(error.option(), "weights");
      EXPECT_NE(std::string(error.what()).find("reads no weights of ratings"), std::string::npos) << error.what();
    }
  }
}

/// Each item's row, which is solved last, against the users' rows: weighted normal equations, collected cell by cell. A rating of weight w
/// adds what w equal ones add, to the regularisation too.
TEST(Weights, AlsSolvesTheWeightedNormalEquations) {
  const Weighted data = weighted(4);
  for (const std::uint32_t rank : {0U, 4U, 30U}) {
    for (const bool biases : {true, false}) {
      for (const bool constant : {true, false}) {
        Als options{.rank = rank, .epochs = 4, .regularization = constant ? 2 : 0.1, .biases = biases};
        if (constant) options.regularization_scaling = RegularizationScaling::constant;
        if (constant) options.bias_regularization = BiasRegularization::factors;
        if (!constant) options.prior_ratings = 3;
        const Trained trained = train_quietly(data.ratings(), options);
        const Model& model = trained.model;
        const RowPenalty& penalty = std::get<LeastSquares>(model.fold_in).items;
        double squared = 0;
        for (std::uint32_t item = 0; item < kItems; ++item) {
          const std::size_t size = rank + (biases ? 1 : 0);
          if (size == 0) continue;
          DenseSystem system(size);
          double n = 0;
          for (std::size_t at = 0; at < data.triples.size(); ++at) {
            const Triple& triple = data.triples[at];
            if (triple.item != item) continue;
            std::vector<double> row(model.users.factors.row(triple.user).begin(), model.users.factors.row(triple.user).end());
            if (biases) row.push_back(1);
            system.add(double{data.weights[at]}, double{triple.value} - model.centre.mean - double{model.users.biases[triple.user]}, row);
            n += double{data.weights[at]};
          }
          if (n == 0) continue;
          for (std::size_t k = 0; k < rank; ++k) system.damp(k, penalty.l2 * n + penalty.l2_constant);
          if (biases) system.damp(rank, penalty.bias * n + penalty.bias_constant);
          const std::vector<double> expected = system.solve();
          for (std::size_t k = 0; k < rank; ++k) EXPECT_NEAR(double{model.items.factors.row(item)[k]}, expected[k], 1e-4);
          if (biases) {
            EXPECT_NEAR(double{model.items.biases[item]}, expected[rank], 1e-4);
          }
        }
        double mean = 0;
        for (std::size_t at = 0; at < data.triples.size(); ++at) {
          const Triple& triple = data.triples[at];
          mean += double{data.weights[at]} * double{triple.value} / data.total();
          squared += double{data.weights[at]} * std::pow(double{triple.value} - predict(model, triple.user, triple.item), 2);
        }
        if (biases) {
          EXPECT_NEAR(model.centre.mean, mean, 1e-6);
        }
        EXPECT_NEAR(trained.train_rmse.value(), std::sqrt(squared / data.total()), 1e-6);
      }
    }
  }
}

/// Users that sgd retrains solve the same equations against its items.
TEST(Weights, SgdRetrainsUsersByThem) {
  const Weighted data = weighted(12);
  Sgd options{.rank = 3, .epochs = 3};
  options.prior_ratings = 20;
  options.retrain = Retrain::users;
  const Model model = train_quietly(data.ratings(), options).model;
  const RowPenalty& penalty = std::get<LeastSquares>(model.fold_in).users;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    DenseSystem system(4);
    double n = 0;
    for (std::size_t at = 0; at < data.triples.size(); ++at) {
      const Triple& triple = data.triples[at];
      if (triple.user != user) continue;
      std::vector<double> row(model.items.factors.row(triple.item).begin(), model.items.factors.row(triple.item).end());
      row.push_back(1);
      system.add(double{data.weights[at]}, double{triple.value} - model.centre.mean - double{model.items.biases[triple.item]}, row);
      n += double{data.weights[at]};
    }
    if (n == 0) continue;
    for (std::size_t k = 0; k < 3; ++k) system.damp(k, penalty.l2 * n + penalty.l2_constant);
    system.damp(3, penalty.bias * n + penalty.bias_constant);
    const std::vector<double> expected = system.solve();
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(double{model.users.factors.row(user)[k]}, expected[k], 1e-4);
    EXPECT_NEAR(double{model.users.biases[user]}, expected[3], 1e-4);
  }
}

TEST(Weights, BaselineSolvesTheWeightedMeans) {
  const Weighted data = weighted(5);
  const Trained trained = train_quietly(data.ratings(), Baseline{.user_damping = 2, .item_damping = 3});
  const Model& model = trained.model;
  std::vector<double> left(kUsers);
  std::vector<double> weights(kUsers);
  for (std::size_t at = 0; at < data.triples.size(); ++at) {
    const Triple& triple = data.triples[at];
    left[triple.user] += double{data.weights[at]} * (double{triple.value} - model.centre.mean - double{model.items.biases[triple.item]});
    weights[triple.user] += double{data.weights[at]};
  }
  for (std::uint32_t user = 0; user < kUsers; ++user) EXPECT_NEAR(double{model.users.biases[user]}, left[user] / (weights[user] + 2), 1e-5);
}

/// After many epochs no factor of an item can move: the weighted gradient is 0, or points outside where the factor is 0.
TEST(Weights, NmfEndsWhereTheWeightedGradientDoes) {
  const Weighted data = weighted(6);
  for (const bool divergence : {false, true}) {
    Nmf options{.rank = 3, .epochs = 3000, .regularization = divergence ? 0.0 : 0.05, .biases = false, .tolerance = 0};
    options.objective = divergence ? NmfObjective::kullback_leibler : NmfObjective::frobenius;
    const Model model = train_quietly(data.ratings(), options).model;
    const RowPenalty penalty = divergence ? RowPenalty{} : std::get<LeastSquares>(model.fold_in).items;
    for (std::uint32_t item = 0; item < kItems; ++item) {
      std::vector<double> gradient(3);
      std::vector<double> size(3);
      double n = 0;
      for (std::size_t at = 0; at < data.triples.size(); ++at) {
        const Triple& triple = data.triples[at];
        if (triple.item != item) continue;
        const double product = dot_of(model.users.factors, triple.user, model.items.factors, item);
        const auto weight = double{data.weights[at]};
        n += weight;
        for (std::size_t k = 0; k < 3; ++k) {
          const auto p = double{model.users.factors.row(triple.user)[k]};
          gradient[k] += weight * (divergence ? double{triple.value} / product - 1 : double{triple.value} - product) * p;
          size[k] += weight * (divergence ? 1 : double{triple.value}) * p;
        }
      }
      for (std::size_t k = 0; k < 3; ++k) {
        const auto q = double{model.items.factors.row(item)[k]};
        gradient[k] -= (penalty.l2 * n + penalty.l2_constant) * q;
        EXPECT_LT(gradient[k], 2e-3 * size[k] + 1e-9);
        EXPECT_GT(gradient[k] * q, -2e-3 * size[k] - 1e-9);
      }
    }
  }
}

/// The confidence of a cell is observed_weight + alpha r: what weights multiply.
TEST(Weights, ImplicitMultipliesItsConfidence) {
  Weighted data = weighted(7);
  std::vector<Triple> by_value = data.triples;
  for (std::size_t n = 0; n < by_value.size(); ++n) {
    data.triples[n].value = 1;
    by_value[n].value = data.weights[n];
  }
  for (const bool automatic : {true, false}) {
    Implicit by_weight{.rank = 5, .epochs = 5, .observed_weight = 1, .alpha = 0};
    if (!automatic) by_weight.unobserved_weight = 0.1;
    Implicit by_alpha = by_weight;
    by_alpha.observed_weight = 0;
    by_alpha.alpha = 1;
    const Model one = train_quietly(data.ratings(), by_weight).model;
    const Model other = train_quietly(make_ratings(by_value, kUsers, kItems), by_alpha).model;
    EXPECT_LT(greatest_difference(one, other), 1e-4);
  }
}

TEST(Weights, PopularAddsThemUp) {
  const Weighted data = weighted(8);
  const Model model = train_quietly(data.ratings(), Popular{}).model;
  std::vector<double> sums(kItems);
  for (std::size_t n = 0; n < data.triples.size(); ++n) sums[data.triples[n].item] += double{data.weights[n]};
  for (std::uint32_t item = 0; item < kItems; ++item) EXPECT_NEAR(double{model.items.biases[item]}, sums[item], 1e-4 * sums[item]);
}

/// Two groups of users who say the opposite, one of them with weights next to nothing: the other is believed.
TEST(Weights, SgdBelievesTheHeavier) {
  Weighted data;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      const bool heavy = user % 2 == 0;
      data.triples.push_back({user, item, (item % 2 == 0) == heavy ? 5.0F : 1.0F});
      data.weights.push_back(heavy ? 4.0F : 0.01F);
    }
  }
  const Model model = train_quietly(data.ratings(), Sgd{.rank = 0, .epochs = 20}).model;
  for (std::uint32_t item = 0; item < kItems; ++item) EXPECT_NEAR(model.items.biases[item], item % 2 == 0 ? 2 : -2, 0.3) << item;
  EXPECT_NEAR(model.centre.mean, 3, 1e-6);
}

TEST(Weights, AnyWeightGivesAModelThatIsFinite) {
  for (const float scale : {1e-12F, 1e-3F, 1e4F, 1e12F}) {
    Weighted data = weighted(9);
    for (std::size_t n = 0; n < data.weights.size(); ++n) data.weights[n] *= n % 3 == 0 ? scale : 1.0F;
    for (const Method& method : weighing_methods()) {
      EXPECT_TRUE(all_finite(train_quietly(data.ratings(), method).model)) << name_of(method) << " " << scale;
    }
  }
}

TEST(Weights, HoldoutsKeepThem) {
  const Weighted data = weighted(10);
  std::map<std::pair<std::uint32_t, std::uint32_t>, float> of;
  for (std::size_t n = 0; n < data.triples.size(); ++n) of[{data.triples[n].user, data.triples[n].item}] = data.weights[n];
  const Ratings train = hold_out(data.ratings(), 0.3, 1).train;
  ASSERT_EQ(train.weights().size(), train.size());
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::size_t at = train.row_offsets()[user]; at < train.row_offsets()[user + 1]; ++at) {
      EXPECT_EQ(train.weights()[at], (of[{user, train.items()[at]}]));
    }
  }
}

TEST(Weights, AreAddedUpByRow) {
  const std::vector<std::size_t> offsets = {0, 2, 2, 3};
  const std::vector<float> weights = {0.5F, 2, 4};
  EXPECT_EQ(row_weights(offsets, weights), (std::vector<double>{2.5, 0, 4}));
  EXPECT_EQ(row_weights(offsets, {}), (std::vector<double>{2, 0, 1}));
}

TEST(Weights, ArePartOfTheFingerprint) {
  Weighted data = weighted(11, 50);
  Vocabulary users;
  Vocabulary items;
  const std::string one = fingerprint(users, items, data.ratings());
  data.weights[7] += 1;
  EXPECT_NE(fingerprint(users, items, data.ratings()), one);
  EXPECT_NE(fingerprint(users, items, make_ratings(data.triples, kUsers, kItems)), one);
}

}  // namespace
}  // namespace lowrank::weights_test
