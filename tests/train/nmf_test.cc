#include "lowrank/train/nmf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"

namespace lowrank::nmf_test {
namespace {

constexpr auto kMissing = Absent::missing;
constexpr auto kZero = Absent::zero;
constexpr auto kFrobenius = NmfObjective::frobenius;
constexpr auto kDivergence = NmfObjective::kullback_leibler;
constexpr auto kCoordinate = NmfSolver::coordinate;
constexpr auto kMultiplicative = NmfSolver::multiplicative;

/// A reading, an objective and a solver.
struct Kind {
  const char* name;
  Absent absent;
  NmfObjective objective;
  NmfSolver solver;
  bool biases;

  [[nodiscard]] Nmf options(std::uint32_t rank) const {
    Nmf options;
    options.rank = rank;
    options.absent = absent;
    options.objective = objective;
    options.solver = solver;
    options.biases = biases;
    return options;
  }
};

constexpr Kind kKinds[] = {
    {"MissingFrobeniusBiasesCoordinate", kMissing, kFrobenius, kCoordinate, true},
    {"MissingFrobeniusBiasesMultiplicative", kMissing, kFrobenius, kMultiplicative, true},
    {"MissingFrobeniusCoordinate", kMissing, kFrobenius, kCoordinate, false},
    {"MissingFrobeniusMultiplicative", kMissing, kFrobenius, kMultiplicative, false},
    {"MissingDivergence", kMissing, kDivergence, kMultiplicative, false},
    {"ZeroFrobeniusCoordinate", kZero, kFrobenius, kCoordinate, false},
    {"ZeroFrobeniusMultiplicative", kZero, kFrobenius, kMultiplicative, false},
    {"ZeroDivergence", kZero, kDivergence, kMultiplicative, false},
};

class NmfOfKind : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, NmfOfKind, testing::ValuesIn(kKinds), [](const auto& kind) { return kind.param.name; });

/// Sum over cells of the divergence of a model without regularisation, cell by cell in double.
double plain_loss(const Model& model, const std::vector<Triple>& triples, const Nmf& options) {
  const std::size_t users = model.users.factors.rows();
  const std::size_t items = model.items.factors.rows();
  std::vector<double> values(users * items, std::nan(""));
  if (options.absent == kZero) std::fill(values.begin(), values.end(), 0.0);
  for (const Triple& triple : triples) values[triple.user * items + triple.item] = static_cast<double>(triple.value);
  double loss = 0;
  for (std::size_t user = 0; user < users; ++user) {
    for (std::size_t item = 0; item < items; ++item) {
      const double r = values[user * items + item];
      if (std::isnan(r)) continue;
      double s = model.centre.mean + static_cast<double>(model.users.biases[user]) + static_cast<double>(model.items.biases[item]);
      for (std::size_t k = 0; k < model.rank(); ++k) {
        s += static_cast<double>(model.users.factors.row(user)[k]) * static_cast<double>(model.items.factors.row(item)[k]);
      }
      if (options.objective == kFrobenius) {
        loss += 0.5 * (r - s) * (r - s);
      } else {
        loss += s - r + (r > 0 ? r * std::log(r / s) : 0);
      }
    }
  }
  return loss;
}

bool non_negative(const FactorMatrix& factors) {
  return std::all_of(factors.data(), factors.data() + factors.rows() * factors.stride(), [](float x) { return x >= 0; });
}

TEST_P(NmfOfKind, LossNeverRisesOver200Seeds) {
  Nmf options = GetParam().options(3);
  options.epochs = 30;
  const bool exact = options.solver == kMultiplicative;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    options.seed = seed;
    // Every other one with weights on the rows.
    options.regularization = seed % 2 == 0 ? 0 : 0.03;
    options.l1_regularization = seed % 3 == 0 ? 0.01 : 0;
    const std::vector<Triple> triples = synthetic(25, 18, 150, seed);
    const Trained trained = train_quietly(make_ratings(triples, 25, 18), options);
    ASSERT_EQ(trained.history.size(), 30U);
    // The solver in float takes its loss from sums of products as large as the sum of squares, each good to some 1e-7.
    double squares = 0;
    for (const Triple& triple : triples) squares += std::pow(double{triple.value}, 2);
    for (std::size_t epoch = 1; epoch < 30; ++epoch) {
      const double before = *trained.history[epoch - 1].train_loss;
      ASSERT_LE(*trained.history[epoch].train_loss, before + (exact ? 1e-12 * before : 2e-7 * squares))
          << "seed " << seed << " epoch " << epoch + 1;
    }
    ASSERT_LT(*trained.history.back().train_loss, *trained.history.front().train_loss);
    ASSERT_TRUE(non_negative(trained.model.users.factors) && non_negative(trained.model.items.factors));
  }
}

TEST_P(NmfOfKind, ReportsTheLossOfItsModel) {
  Nmf options = GetParam().options(4);
  options.epochs = 10;
  options.regularization = 0;
  const std::vector<Triple> triples = synthetic(40, 30, 400, 7);
  const Trained trained = train_quietly(make_ratings(triples, 41, 32), options);
  double expected = plain_loss(trained.model, triples, options);
  if (GetParam().biases) {
    const auto& fold_in = std::get<LeastSquares>(trained.model.fold_in);
    for (const float bias : trained.model.users.biases) expected += 0.5 * fold_in.users.bias_constant * std::pow(double{bias}, 2);
    for (const float bias : trained.model.items.biases) expected += 0.5 * fold_in.items.bias_constant * std::pow(double{bias}, 2);
  } else {
    EXPECT_NEAR(*trained.train_loss, expected, 1e-5 * expected);
  }
  EXPECT_EQ(trained.train_rmse.has_value(), options.predicts_ratings());
  EXPECT_EQ(trained.model.centre.predicts_ratings, options.predicts_ratings());
  EXPECT_EQ(trained.model.centre.has_biases, GetParam().biases);
  if (options.predicts_ratings()) {
    EXPECT_NEAR(*trained.train_rmse, rmse_of(trained.model, triples), 1e-6);
  } else {
    EXPECT_FALSE(trained.model.centre.clips);
  }
}

TEST_P(NmfOfKind, SameBytesForAnyNumberOfThreads) {
  // A user and an item with more ratings than one thread takes.
  std::vector<Triple> triples = synthetic(33'500, 40, 40'000, 3);
  for (std::uint32_t n = 0; n < 33'400; ++n) triples.push_back({n, 40, static_cast<float>(1 + n % 5)});
  for (std::uint32_t n = 41; n < 33'400; ++n) triples.push_back({7, n, static_cast<float>(1 + n % 4)});
  const auto ratings = [&] { return make_ratings(triples, 33'500, 33'400); };
  Nmf options = GetParam().options(5);
  options.epochs = 2;
  const std::string expected = bytes_of(train_quietly(ratings(), options, 1).model, ratings());
  for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_quietly(ratings(), options, threads).model, ratings()), expected) << threads;
}

TEST_P(NmfOfKind, LongRowsAreSummedRight) {
  // Two users who agree, one of whom has more ratings than is solved in one piece: a piece that got lost would show.
  std::vector<Triple> triples;
  for (std::uint32_t item = 0; item < 33'000; ++item) {
    const auto value = static_cast<float>(1 + item % 5);
    triples.push_back({0, item, value});
    if (item < 32'000) triples.push_back({1, item, value});
  }
  Nmf options = GetParam().options(1);
  options.biases = false;
  options.epochs = 40;
  options.regularization = 0;
  const Model model = train_quietly(make_ratings(triples, 2, 33'000), options, 2).model;
  for (std::uint32_t item = 0; item < 32'000; item += 1111) {
    EXPECT_NEAR(score(model, 0, item), 1 + item % 5, 0.2) << item;
    EXPECT_NEAR(score(model, 1, item), 1 + item % 5, 0.2) << item;
  }
}

TEST_P(NmfOfKind, StartsFromAModel) {
  const std::vector<Triple> triples = synthetic(60, 40, 900, 5);
  const auto ratings = [&] { return make_ratings(triples, 60, 40); };
  Nmf options = GetParam().options(4);
  options.epochs = 30;
  const Trained first = train_quietly(ratings(), options);
  options.epochs = 1;
  const auto loss_from = [&](const Model* init) {
    TrainingObserver observer;
    return *train_ratings(ratings(), options, {}, observer, {.threads = 1, .init = init, .min_rating = {}, .max_rating = {}}).train_loss;
  };
  EXPECT_LE(loss_from(&first.model), *first.train_loss * (1 + 1e-5));
  EXPECT_GT(loss_from(nullptr), *first.train_loss);
  // Of a model with factors of any sign what is negative starts at zero.
  Sgd sgd;
  sgd.rank = 4;
  const Model signed_model = train_quietly(ratings(), sgd).model;
  EXPECT_TRUE(std::isfinite(loss_from(&signed_model)));
}

TEST_P(NmfOfKind, ValidationKeepsTheBestEpochAndAnObserverEnds) {
  const std::vector<Triple> triples = synthetic(60, 40, 900, 5);
  Nmf options = GetParam().options(3);
  options.patience = 2;
  int calls = 0;
  std::vector<Model> seen;
  const Validation validation{.measure = [&](const Model& model) {
    seen.push_back(model);
    return ++calls == 3 ? 0.1 : 1.0;
  }};
  TrainingObserver observer;
  const Trained trained = train_ratings(make_ratings(triples, 60, 40), options, validation, observer);
  EXPECT_EQ(trained.best_epoch, 3U);
  EXPECT_EQ(trained.epochs, 5U);
  EXPECT_EQ(trained.stopped, Stopped::patience);
  EXPECT_TRUE(trained.model.items.factors == seen[2].items.factors);

  class EndsAtTwo : public TrainingObserver {
    bool on_epoch(const EpochReport& report, const std::function<Model()>& /*model*/) override { return report.epoch < 2; }
  } ends;
  const Trained ended = train_ratings(make_ratings(triples, 60, 40), options, {}, ends);
  EXPECT_EQ(ended.stopped, Stopped::observer);
  EXPECT_EQ(ended.epochs, 2U);
  EXPECT_TRUE(ended.model.items.factors == seen[1].items.factors);
}

TEST_P(NmfOfKind, DoesNotMindTheScaleOfRatings) {
  const std::vector<Triple> triples = synthetic(60, 40, 900, 5);
  const Nmf options = GetParam().options(3);
  const double loss = *train_quietly(make_ratings(triples, 60, 40), options).train_loss;
  for (const float scale : {20.0F, 1e30F, 1e-30F}) {
    std::vector<Triple> scaled = triples;
    for (Triple& triple : scaled) triple.value *= scale;
    const Trained trained = train_quietly(make_ratings(scaled, 60, 40), options);
    EXPECT_TRUE(all_finite(trained.model));
    const double unit = options.objective == kFrobenius ? std::pow(static_cast<double>(scale), 2) : static_cast<double>(scale);
    EXPECT_NEAR(*trained.train_loss / unit, loss, 1e-2 * loss) << scale;
  }
}

TEST_P(NmfOfKind, EdgesAreDefined) {
  for (const std::uint32_t rank : {0U, 1U, 2U, 17U, 40U}) {
    Nmf options = GetParam().options(rank);
    options.epochs = 5;
    // One rating; ids without any; more parts than rows; all ratings equal; all of them zero.
    const Model one = train_quietly(make_ratings({{1, 1, 4}}, 3, 3), options).model;
    EXPECT_TRUE(all_finite(one));
    EXPECT_FALSE(one.users.knows(0));
    for (const float x : one.users.factors.row(0)) EXPECT_EQ(x, 0.0F);
    for (const float x : one.items.factors.row(2)) EXPECT_EQ(x, 0.0F);
    EXPECT_TRUE(all_finite(train_quietly(make_ratings(article(), 6, 6), options).model));
    EXPECT_TRUE(all_finite(train_quietly(make_ratings({{0, 0, 3}, {0, 1, 3}, {1, 0, 3}}, 2, 2), options).model));
    const Model zeros = train_quietly(make_ratings({{0, 0, 0}, {0, 1, 0}, {1, 0, 0}}, 2, 2), options).model;
    EXPECT_TRUE(all_finite(zeros));
    EXPECT_NEAR(predict(zeros, 0, 0), 0, 1e-6);
  }
}

TEST_P(NmfOfKind, FindsAMatrixOfItsRank) {
  RandomStream random(11, Purpose::generate_users);
  std::vector<double> p(60 * 3);
  std::vector<double> q(40 * 3);
  for (double& x : p) x = random.uniform();
  for (double& x : q) x = random.uniform();
  std::vector<Triple> triples;
  double squares = 0;
  for (std::uint32_t user = 0; user < 60; ++user) {
    for (std::uint32_t item = 0; item < 40; ++item) {
      double value = 0;
      for (std::size_t k = 0; k < 3; ++k) value += p[user * 3 + k] * q[item * 3 + k];
      squares += value * value;
      triples.push_back({user, item, static_cast<float>(value)});
    }
  }
  Nmf options = GetParam().options(3);
  options.biases = false;
  options.regularization = 0;
  options.epochs = 3000;
  const Model model = train_quietly(make_ratings(triples, 60, 40), options).model;
  double error = 0;
  for (const Triple& triple : triples) error += std::pow(score(model, triple.user, triple.item) - static_cast<double>(triple.value), 2);
  EXPECT_LT(std::sqrt(error / squares), 0.01);
}

TEST_P(NmfOfKind, NegativeRatingsAreRefused) {
  try {
    train_quietly(make_ratings({{0, 0, 3}, {1, 0, -2.5}, {1, 1, 4}}, 2, 2), GetParam().options(2));
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "method nmf needs ratings of at least 0, for its factors are not negative; the least rating here is -2.5");
  }
}

/// Blocks of users that rate their own block of items alone: the parts are the blocks.
TEST_P(NmfOfKind, FactorsAreThePlantedParts) {
  constexpr std::uint32_t kBlocks = 4;
  constexpr std::uint32_t kUsers = 12;
  constexpr std::uint32_t kItems = 9;
  std::vector<Triple> triples;
  for (std::uint32_t user = 0; user < kBlocks * kUsers; ++user) {
    for (std::uint32_t item = 0; item < kBlocks * kItems; ++item) {
      const bool inside = user / kUsers == item / kItems;
      const float value = inside ? static_cast<float>(1 + user % 3) * static_cast<float>(1 + item % 4) : 0.0F;
      // Observed cells must hold the zeros too.
      if (inside || GetParam().absent == kMissing) triples.push_back({user, item, value});
    }
  }
  Nmf options = GetParam().options(kBlocks);
  options.biases = false;
  options.regularization = 0;
  options.epochs = 500;
  const Model model = train_quietly(make_ratings(triples, kBlocks * kUsers, kBlocks * kItems), options).model;
  std::vector<std::size_t> part_of(kBlocks);
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    const auto first = model.items.factors.row(block * kItems);
    part_of[block] = static_cast<std::size_t>(std::max_element(first.begin(), first.end()) - first.begin());
    // Up to scale a part is its block's items, each with its share, and nothing else.
    const double unit = static_cast<double>(first[part_of[block]]) / (1 + block * kItems % 4);
    for (std::uint32_t item = block * kItems; item < (block + 1) * kItems; ++item) {
      for (std::size_t k = 0; k < kBlocks; ++k) {
        EXPECT_NEAR(static_cast<double>(model.items.factors.row(item)[k]) / unit, k == part_of[block] ? 1 + item % 4 : 0.0, 0.02);
      }
    }
  }
  std::sort(part_of.begin(), part_of.end());
  for (std::size_t block = 0; block < kBlocks; ++block) EXPECT_EQ(part_of[block], block);
}

TEST_P(NmfOfKind, LearnsTheArticlesExample) {
  Nmf options = GetParam().options(2);
  options.biases = false;
  options.regularization = 0;
  options.epochs = 2000;
  const Trained trained = train_quietly(make_ratings(article(), 5, 4), options);
  if (GetParam().absent == kMissing) {
    // Two parts nearly reproduce the 13 ratings.
    EXPECT_LT(rmse_of(trained.model, article()), 0.25);
  }
  // One is what U1 and U2 like, D1 above all; the other what U3 and U4 like, D4.
  const auto part = [](std::span<const float> row) { return row[0] > row[1]; };
  const FactorMatrix& users = trained.model.users.factors;
  const FactorMatrix& items = trained.model.items.factors;
  EXPECT_EQ(part(users.row(0)), part(users.row(1)));
  EXPECT_NE(part(users.row(0)), part(users.row(2)));
  EXPECT_EQ(part(users.row(2)), part(users.row(3)));
  EXPECT_EQ(part(items.row(0)), part(users.row(0)));
  EXPECT_EQ(part(items.row(3)), part(users.row(2)));
}

TEST(Nmf, FoldInEndsWhereTrainingDoes) {
  const std::vector<Triple> triples = synthetic(80, 40, 1500, 5);
  for (const Kind& kind : kKinds) {
    Nmf options = kind.options(5);
    options.regularization = 0.02;
    options.l1_regularization = 0.01;
    if (kind.absent == kMissing) options.prior_ratings = options.biases ? 70 : 0;
    options.epochs = kind.solver == kCoordinate ? 500 : 5000;
    // Training's multiplicative updates creep where a factor is to leave zero, and never leave it once it is reached; a fold-in starts
    // anew.
    const float near = kind.objective == kDivergence && kind.absent == kZero ? 0.1F : 0.01F;
    const Model model = train_quietly(make_ratings(triples, 80, 40), options).model;
    // When nothing moves any more, a half-step of the users would leave them where they are, at the solution.
    for (std::uint32_t user = 0; user < 80; ++user) {
      std::vector<std::uint32_t> rated;
      std::vector<float> values;
      for (const Triple& triple : triples) {
        if (triple.user != user) continue;
        rated.push_back(triple.item);
        values.push_back(triple.value);
      }
      const FoldedRow folded = fold_in_user(model, rated, values);
      EXPECT_NEAR(folded.bias, model.users.biases[user], near);
      for (std::size_t k = 0; k < 5; ++k) {
        EXPECT_GE(folded.factors[k], 0.0F);
        EXPECT_NEAR(folded.factors[k], model.users.factors.row(user)[k], near) << kind.name << ' ' << user;
      }
    }
  }
}

/// Hierarchical alternating least squares as a loop in double over dense matrices, against the same start.
TEST(Nmf, CoordinateDescentEqualsALoopInDouble) {
  const std::vector<Triple> triples = synthetic(30, 20, 250, 9);
  constexpr std::size_t kUsers = 30;
  constexpr std::size_t kItems = 20;
  constexpr std::size_t kRank = 4;
  for (const Absent absent : {kMissing, kZero}) {
    Nmf options;
    options.rank = kRank;
    options.absent = absent;
    options.biases = false;
    options.solver = kCoordinate;
    options.regularization = 0.03;
    options.l1_regularization = 0.002;
    options.epochs = 1;
    const Model start = train_quietly(make_ratings(triples, kUsers, kItems), options).model;
    TrainingObserver observer;
    const Model model = train_ratings(make_ratings(triples, kUsers, kItems), options, {}, observer,
                                      {.threads = 1, .init = &start, .min_rating = {}, .max_rating = {}})
                            .model;

    double scale = 0;
    for (const Triple& triple : triples) scale += std::pow(static_cast<double>(triple.value), 2) / static_cast<double>(triples.size());
    scale = std::sqrt(scale);
    std::vector<double> r(kUsers * kItems);
    std::vector<double> w(kUsers * kItems, absent == kZero ? 1.0 : 0.0);
    for (const Triple& triple : triples) {
      r[triple.user * kItems + triple.item] = static_cast<double>(triple.value) / scale;
      w[triple.user * kItems + triple.item] = 1;
    }
    std::vector<double> p;
    std::vector<double> q;
    for (std::size_t user = 0; user < kUsers; ++user) {
      for (const float x : start.users.factors.row(user)) p.push_back(static_cast<double>(x) / std::sqrt(scale));
    }
    for (std::size_t item = 0; item < kItems; ++item) {
      for (const float x : start.items.factors.row(item)) q.push_back(static_cast<double>(x) / std::sqrt(scale));
    }
    const auto half = [&](std::vector<double>& x, const std::vector<double>& y, std::size_t rows, std::size_t others, bool by_user) {
      const auto cell = [&](std::size_t row, std::size_t other) { return by_user ? row * kItems + other : other * kItems + row; };
      for (std::size_t row = 0; row < rows; ++row) {
        double weight = 0;
        for (std::size_t other = 0; other < others; ++other) weight += w[cell(row, other)];
        for (int sweep = 0; sweep < 4; ++sweep) {
          for (std::size_t k = 0; k < kRank; ++k) {
            double up = -weight * options.l1_regularization;
            double down = weight * *options.regularization;
            for (std::size_t other = 0; other < others; ++other) {
              double rest = r[cell(row, other)];
              for (std::size_t l = 0; l < kRank; ++l) rest -= l == k ? 0 : x[row * kRank + l] * y[other * kRank + l];
              up += w[cell(row, other)] * rest * y[other * kRank + k];
              down += w[cell(row, other)] * y[other * kRank + k] * y[other * kRank + k];
            }
            x[row * kRank + k] = std::max(0.0, up / down);
          }
        }
      }
    };
    half(p, q, kUsers, kItems, true);
    half(q, p, kItems, kUsers, false);
    for (std::size_t user = 0; user < kUsers; ++user) {
      for (std::size_t k = 0; k < kRank; ++k)
        EXPECT_NEAR(static_cast<double>(model.users.factors.row(user)[k]) / std::sqrt(scale), p[user * kRank + k], 2e-4);
    }
    for (std::size_t item = 0; item < kItems; ++item) {
      for (std::size_t k = 0; k < kRank; ++k)
        EXPECT_NEAR(static_cast<double>(model.items.factors.row(item)[k]) / std::sqrt(scale), q[item * kRank + k], 2e-4);
    }
  }
}

TEST(Nmf, WeightsOfTheSumMakeFactorsSparse) {
  const std::vector<Triple> triples = synthetic(80, 40, 1500, 5);
  Nmf options;
  options.rank = 8;
  options.absent = kZero;
  const auto zeros = [&] {
    const Model model = train_quietly(make_ratings(triples, 80, 40), options).model;
    return std::count(model.users.factors.data(), model.users.factors.data() + 80 * model.users.factors.stride(), 0.0F);
  };
  const auto before = zeros();
  options.l1_regularization = 0.01;
  EXPECT_GT(zeros(), before);
}

/// A part that the penalty took from one side has nothing left on the other: the minimum of a pure penalty is 0.
TEST(Nmf, APartThatDiedIsZeroOnBothSides) {
  const std::vector<Triple> triples = synthetic(80, 40, 900, 5);
  for (const Absent absent : {kZero, kMissing}) {
    for (const double l1 : {0.001, 0.01, 0.1, 1.0}) {
      Nmf options;
      options.rank = 12;
      options.absent = absent;
      options.solver = kCoordinate;
      options.l1_regularization = l1;
      options.regularization = 0;
      if (absent == kMissing) options.prior_ratings = 0;
      options.biases = false;
      const Model model = train_quietly(make_ratings(triples, 80, 40), options).model;
      for (std::size_t k = 0; k < options.rank; ++k) {
        const auto dead = [k](const FactorMatrix& factors) {
          for (std::size_t row = 0; row < factors.rows(); ++row) {
            if (factors.row(row)[k] != 0) return false;
          }
          return true;
        };
        EXPECT_EQ(dead(model.users.factors), dead(model.items.factors)) << "l1 " << l1 << ", part " << k;
      }
    }
  }
}

TEST(Nmf, RefusesWhatHasNoMeaning) {
  const auto ratings = [] { return make_ratings(article(), 5, 4); };
  Nmf options;
  options.objective = kDivergence;
  options.solver = kCoordinate;
  EXPECT_THROW(train_quietly(ratings(), options), OptionError);
  options = {};
  options.regularization = -0.5;
  EXPECT_THROW(train_quietly(ratings(), options), OptionError);
}

}  // namespace
}  // namespace lowrank::nmf_test
