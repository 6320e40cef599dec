#include "train/gibbs.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <array>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "fixtures.h"
#include "train/gibbs_sampler.h"

namespace lowrank::gibbs_test {
namespace {

TEST(Draws, GammaHasItsMeanAndVariance) {
  for (const double shape : {1.0, 1.5, 7.0, 300.0}) {
    constexpr int kDraws = 20'000;
    RandomStream stream(1, Purpose::gibbs, 0, static_cast<std::uint64_t>(shape * 2));
    double sum = 0;
    double squares = 0;
    for (int n = 0; n < kDraws; ++n) {
      const double x = draw_gamma(stream, shape);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / kDraws;
    EXPECT_NEAR(mean, shape, 4 * std::sqrt(shape / kDraws));
    EXPECT_NEAR(squares / kDraws - mean * mean, shape, 4 * shape * std::sqrt((2 + 6 / shape) / kDraws));
  }
}

TEST(Draws, WishartHasItsMeanAndVariance) {
  // S^-1 = V: the mean is degrees V, the variance of cell (i, j) is degrees (V_ij^2 + V_ii V_jj).
  const std::vector<double> s = {2, 0.5, 0, 0.5, 1, -0.3, 0, -0.3, 3};
  const std::vector<double> root = inverse_of_lower(lower_root(s, 3), 3);
  std::vector<double> v(9);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 3; ++k) v[i * 3 + j] += root[k * 3 + i] * root[k * 3 + j];
    }
  }
  constexpr double kDegrees = 4.5;
  constexpr int kDraws = 20'000;
  RandomStream stream(2, Purpose::gibbs);
  std::vector<double> sum(9);
  std::vector<double> squares(9);
  for (int n = 0; n < kDraws; ++n) {
    const std::vector<double> drawn = draw_wishart(stream, s, 3, kDegrees);
    for (std::size_t i = 0; i < 9; ++i) {
      sum[i] += drawn[i];
      squares[i] += drawn[i] * drawn[i];
    }
  }
  for (std::size_t i = 0; i < 9; ++i) {
    const double variance = kDegrees * (v[i] * v[i] + v[i / 3 * 4] * v[i % 3 * 4]);
    const double mean = sum[i] / kDraws;
    EXPECT_NEAR(mean, kDegrees * v[i], 4.5 * std::sqrt(variance / kDraws)) << i;
    EXPECT_NEAR(squares[i] / kDraws - mean * mean, variance, 0.1 * variance) << i;
  }
}

// Geweke's joint distribution test (Getting it right, JASA 2004): ratings and parameters drawn from the model by one and by the other way
// have the same distribution. The one way draws all parameters from their priors. The other alternates: a sweep of the sampler given the
// ratings, and ratings given the parameters. Any conditional that is not the model's shows in the means of some function.
class Geweke {
 public:
  static constexpr std::uint32_t kUsers = 3;
  static constexpr std::uint32_t kItems = 4;
  static constexpr std::size_t kRank = 2;
  static constexpr std::size_t kSize = kRank + 1;

  std::vector<Triple> cells = {{0, 0, 0}, {0, 1, 0}, {0, 3, 0}, {1, 0, 0}, {1, 2, 0}, {2, 1, 0}, {2, 2, 0}, {2, 3, 0}};
  std::vector<std::uint32_t> user_counts = {3, 2, 3};
  std::vector<std::uint32_t> item_counts = {2, 2, 2, 2};
  std::mt19937_64 random{7};
  bool chained = false;

  double normal() { return std::normal_distribution<double>()(random); }
  double gamma(double shape) { return std::gamma_distribution<double>(shape, 1)(random); }

  /// A prior of three or four rows would be so wide that the means below need too many draws.
  static constexpr double kPriorRows = 100;
  static constexpr double kPriorScatter = 3;
  static void narrow(GibbsSide& side) {
    side.prior_rows = kPriorRows;
    side.prior_scatter = kPriorScatter;
  }

  /// Bartlett's decomposition for the prior, a multiple of the identity.
  std::vector<double> prior_precision(std::vector<double>& root) {
    std::vector<double> a(kSize * kSize);
    const double scale = 1 / std::sqrt(kPriorScatter);
    for (std::size_t i = 0; i < kSize; ++i) {
      for (std::size_t j = 0; j < i; ++j) a[i * kSize + j] = scale * normal();
      a[i * kSize + i] = scale * std::sqrt(2 * gamma((kPriorRows + kSize - static_cast<double>(i)) / 2));
    }
    std::vector<double> precision(kSize * kSize);
    for (std::size_t i = 0; i < kSize; ++i) {
      for (std::size_t j = 0; j < kSize; ++j) {
        for (std::size_t k = 0; k < kSize; ++k) precision[i * kSize + j] += a[i * kSize + k] * a[j * kSize + k];
      }
    }
    root = inverse_of_lower(a, kSize);
    return precision;
  }
  /// A draw of N(0, P^-1) / sqrt(factor).
  std::vector<double> row_draw(const std::vector<double>& root, double factor) {
    std::vector<double> draw(kSize);
    for (std::size_t j = 0; j < kSize; ++j) {
      const double n = normal() / std::sqrt(factor);
      for (std::size_t k = 0; k <= j; ++k) draw[k] += root[j * kSize + k] * n;
    }
    return draw;
  }

  void draw_side(GibbsSide& side) {
    std::vector<double> root;
    side.precision = prior_precision(root);
    side.means = row_draw(root, GibbsSide::kMeanWeight);
    for (GibbsSide::Block& block : side.blocks) {
      block.strength = gamma(1);
      for (std::size_t feature = 0; feature < block.coefficients.rows(); ++feature) {
        const std::vector<double> draw = row_draw(root, block.strength);
        for (std::size_t k = 0; k < kSize; ++k) block.coefficients.row(feature)[k] = static_cast<float>(draw[k]);
      }
    }
    Workers workers(1);
    const FactorMatrix means = side.row_means(workers);
    for (std::size_t row = 0; row < side.biases.size(); ++row) {
      const std::vector<double> draw = row_draw(root, 1);
      for (std::size_t k = 0; k < kRank; ++k) side.factors.row(row)[k] = means.row(row)[k] + static_cast<float>(draw[k]);
      side.biases[row] = means.row(row)[kRank] + static_cast<float>(draw[kRank]);
    }
  }

  /// Adds a rating of a pair that has one, in another context.
  void repeat() {
    cells.push_back({0, 1, 0});
    ++user_counts[0];
    ++item_counts[1];
  }
  [[nodiscard]] std::size_t row_of(std::size_t column, std::size_t level) const {
    return chained ? ChainParts{column == 0 ? kLevels : 2}.row(level) : level;
  }
  void draw_levels(GibbsSampler& sampler) {
    for (std::size_t column = 0; column < sampler.levels.size(); ++column) {
      GibbsSide& side = sampler.levels[column];
      std::vector<double> root;
      side.precision = prior_precision(root);
      std::vector<double> last(kSize);
      for (std::size_t level = 0; level < (column == 0 ? kLevels : 2); ++level) {
        const std::size_t row = row_of(column, level);
        const std::vector<double> draw = row_draw(root, 1);
        for (std::size_t k = 0; k < kSize; ++k) last[k] = draw[k] + (chained ? last[k] : 0);
        for (std::size_t k = 0; k < kRank; ++k) side.factors.row(row)[k] = static_cast<float>(last[k]);
        side.biases[row] = static_cast<float>(last[kRank]);
      }
    }
  }

  void draw_noises(GibbsSampler& sampler) {
    for (std::vector<float>* side : {&sampler.user_noise, &sampler.item_noise}) {
      for (float& share : *side) share = static_cast<float>(gamma(GibbsSampler::kNoiseShape) / GibbsSampler::kNoiseShape);
    }
  }

  /// The levels of a cell in two columns of contexts, of four and of two levels.
  static constexpr std::size_t kLevels = 4;
  static std::array<std::uint16_t, 2> levels_of(std::size_t cell) {
    return {static_cast<std::uint16_t>(cell % kLevels), static_cast<std::uint16_t>(cell / 3 % 2)};
  }
  /// \param columns  of contexts that ratings have
  [[nodiscard]] Ratings ratings(Situations& situations, std::size_t columns) const {
    for (std::size_t column = 0; column < columns; ++column) {
      ContextColumn& added = situations.columns.emplace_back();
      added.name = column == 0 ? "first" : "second";
      for (std::size_t level = 0; level < (column == 0 ? kLevels : 2); ++level) added.levels.add(std::to_string(level));
    }
    RatingsBuilder builder;
    for (std::size_t n = 0; n < cells.size(); ++n) {
      if (columns == 0) {
        builder.add(cells[n].user, cells[n].item, cells[n].value);
      } else {
        const std::array<std::uint16_t, 2> levels = levels_of(n);
        builder.add_in_situation(cells[n].user, cells[n].item, cells[n].value, situations.number(std::span(levels).first(columns)));
      }
    }
    return builder.build(kUsers, kItems);
  }

  void draw_ratings(const GibbsSampler& sampler) {
    for (std::size_t n = 0; n < cells.size(); ++n) {
      Triple& cell = cells[n];
      double score = static_cast<double>(sampler.users.biases[cell.user]) + static_cast<double>(sampler.items.biases[cell.item]);
      for (std::size_t k = 0; k < kRank; ++k) {
        score +=
            static_cast<double>(sampler.users.factors.row(cell.user)[k]) * static_cast<double>(sampler.items.factors.row(cell.item)[k]);
      }
      for (std::size_t column = 0; column < sampler.levels.size(); ++column) {
        const std::size_t row = row_of(column, levels_of(n)[column]);
        score += static_cast<double>(sampler.levels[column].biases[row]);
        for (std::size_t k = 0; k < kRank; ++k) {
          score +=
              static_cast<double>(sampler.levels[column].factors.row(row)[k]) *
              (static_cast<double>(sampler.users.factors.row(cell.user)[k]) + static_cast<double>(sampler.items.factors.row(cell.item)[k]));
        }
      }
      double precision = sampler.noise;
      if (!sampler.user_noise.empty())
        precision *= static_cast<double>(sampler.user_noise[cell.user]) * static_cast<double>(sampler.item_noise[cell.item]);
      cell.value = static_cast<float>(score + normal() / std::sqrt(precision));
    }
  }

  /// What is compared: functions that heavy tails do not spoil.
  [[nodiscard]] std::vector<double> functions(const GibbsSampler& sampler) const {
    std::vector<double> values{std::log(sampler.noise)};
    for (const GibbsSide* side : {&sampler.users, &sampler.items}) {
      values.push_back(std::log(side->precision[0]));
      values.push_back(std::log(side->precision[kSize * kSize - 1]));
      values.push_back(std::tanh(side->precision[1] / 10));
      values.push_back(std::tanh(side->means[0] * 10));
      values.push_back(std::abs(side->means[kRank] * 10));
      values.push_back(std::log(side->blocks[0].strength));
      values.push_back(std::tanh(std::abs(side->blocks[0].coefficients.row(1)[0])));
      values.push_back(std::tanh(std::abs(side->blocks[0].coefficients.row(0)[kRank])));
      values.push_back(std::tanh(std::abs(side->factors.row(0)[1])));
      values.push_back(std::tanh(std::abs(side->biases[1])));
    }
    if (!sampler.user_noise.empty()) {
      values.push_back(std::log(static_cast<double>(sampler.user_noise[0])));
      values.push_back(std::log(static_cast<double>(sampler.item_noise[1])));
      values.push_back(std::log(static_cast<double>(sampler.user_noise[1])) * std::log(static_cast<double>(sampler.item_noise[0])));
    }
    for (std::size_t column = 0; column < sampler.levels.size(); ++column) {
      const GibbsSide& side = sampler.levels[column];
      const std::size_t first = row_of(column, 0);
      const std::size_t last = row_of(column, column == 0 ? kLevels - 1 : 1);
      values.push_back(std::log(side.precision[0]));
      values.push_back(std::log(side.precision[kSize * kSize - 1]));
      values.push_back(std::tanh(std::abs(side.factors.row(first)[1])));
      values.push_back(std::tanh(std::abs(side.biases[last])));
      values.push_back(std::tanh(side.biases[last] * side.biases[first]));
      values.push_back(std::tanh(side.biases[row_of(column, 1)] * sampler.users.biases[0]));
    }
    values.push_back(std::tanh(cells[0].value));
    values.push_back(std::tanh(cells[0].value * cells[1].value));
    values.push_back(std::tanh(std::abs(cells[4].value)));
    return values;
  }
};

/// Mean and its standard error, by means of batches.
std::pair<double, double> mean_of_batches(const std::vector<double>& values) {
  constexpr std::size_t kBatches = 40;
  const std::size_t size = values.size() / kBatches;
  std::vector<double> means(kBatches);
  double mean = 0;
  for (std::size_t n = 0; n < kBatches * size; ++n) means[n / size] += values[n] / static_cast<double>(size);
  for (const double one : means) mean += one / kBatches;
  double squares = 0;
  for (const double one : means) squares += (one - mean) * (one - mean);
  return {mean, std::sqrt(squares / (kBatches - 1) / kBatches)};
}

/// \param columns  of contexts \param chained  their names \param repeats  whether a pair is rated in two contexts
void expect_joint_distribution(const GibbsSampler::Form& form, std::size_t columns = 0, const std::vector<std::string>& chained = {},
                               bool repeats = false) {
  constexpr std::size_t kSteps = 12'000;
  Geweke one;
  one.chained = !chained.empty();
  if (repeats) one.repeat();
  Geweke other = one;
  other.random.seed(8);
  std::vector<std::vector<double>> direct;
  std::vector<std::vector<double>> chain;
  const auto record = [](std::vector<std::vector<double>>& values, const std::vector<double>& now) {
    values.resize(now.size());
    for (std::size_t n = 0; n < now.size(); ++n) values[n].push_back(now[n]);
  };
  Workers workers(1);
  const Units units;
  const auto sampler_of = [&](const Geweke& geweke, const auto& use) {
    Situations situations;
    const Ratings ratings = geweke.ratings(situations, columns);
    const ByItem by_item = transpose(ratings, workers);
    const RatingContexts contexts = by_level(ratings, by_item, situations, chained);
    GibbsSampler sampler(ratings, by_item, units, geweke.user_counts, geweke.item_counts, form, workers, {}, {},
                         columns != 0 ? &contexts : nullptr);
    Geweke::narrow(sampler.users);
    Geweke::narrow(sampler.items);
    for (GibbsSide& side : sampler.levels) Geweke::narrow(side);
    use(sampler);
  };
  for (std::size_t step = 0; step < kSteps; ++step) {
    sampler_of(one, [&](GibbsSampler& sampler) {
      sampler.noise = one.gamma(0.5) * 2;
      one.draw_side(sampler.users);
      one.draw_side(sampler.items);
      one.draw_levels(sampler);
      one.draw_noises(sampler);
      one.draw_ratings(sampler);
      record(direct, one.functions(sampler));
    });
  }
  struct State {
    FactorMatrix factors;
    std::vector<float> biases;
    std::vector<double> precision;
    std::vector<double> means;
    FactorMatrix coefficients;
    double strength = 1;
  };
  std::array<State, 4> states;
  double noise = 1;
  std::array<std::vector<float>, 2> noises;
  const auto keep = [](const GibbsSide& side, State& state) {
    state = {side.factors, side.biases, side.precision, side.means, {}};
    if (side.blocks.empty()) return;
    state.coefficients = side.blocks[0].coefficients;
    state.strength = side.blocks[0].strength;
  };
  const auto give = [](const State& state, GibbsSide& side) {
    side.factors = state.factors;
    side.biases = state.biases;
    side.precision = state.precision;
    side.means = state.means;
    if (side.blocks.empty()) return;
    side.blocks[0].coefficients = state.coefficients;
    side.blocks[0].strength = state.strength;
  };
  sampler_of(other, [&](GibbsSampler& sampler) {
    sampler.noise = other.gamma(0.5) * 2;
    other.draw_side(sampler.users);
    other.draw_side(sampler.items);
    other.draw_levels(sampler);
    other.draw_noises(sampler);
    other.draw_ratings(sampler);
    keep(sampler.users, states[0]);
    keep(sampler.items, states[1]);
    for (std::size_t column = 0; column < columns; ++column) keep(sampler.levels[column], states[2 + column]);
    noise = sampler.noise;
    noises = {sampler.user_noise, sampler.item_noise};
  });
  for (std::size_t step = 0; step < 2 * kSteps; ++step) {
    sampler_of(other, [&](GibbsSampler& sampler) {
      give(states[0], sampler.users);
      give(states[1], sampler.items);
      for (std::size_t column = 0; column < columns; ++column) give(states[2 + column], sampler.levels[column]);
      sampler.noise = noise;
      sampler.user_noise = noises[0];
      sampler.item_noise = noises[1];
      sampler.start(workers);
      sampler.sweep({5, step}, workers);
      other.draw_ratings(sampler);
      record(chain, other.functions(sampler));
      keep(sampler.users, states[0]);
      keep(sampler.items, states[1]);
      for (std::size_t column = 0; column < columns; ++column) keep(sampler.levels[column], states[2 + column]);
      noise = sampler.noise;
      noises = {sampler.user_noise, sampler.item_noise};
    });
  }
  for (std::size_t n = 0; n < direct.size(); ++n) {
    const auto [mean, error] = mean_of_batches(direct[n]);
    const auto [chain_mean, chain_error] = mean_of_batches(chain[n]);
    EXPECT_NEAR(chain_mean, mean, 4.5 * std::hypot(error, chain_error))
        << "function " << n << ", standard error " << std::hypot(error, chain_error);
  }
}

TEST(GibbsSampler, DrawsTheModelsJointDistribution) { expect_joint_distribution({.rank = Geweke::kRank}); }

TEST(GibbsSampler, DrawsNoisesOfRowsFromTheirJointDistribution) {
  expect_joint_distribution({.rank = Geweke::kRank, .user_noise = true, .item_noise = true});
}

TEST(GibbsSampler, DrawsContextsFromTheirJointDistribution) {
  expect_joint_distribution({.rank = Geweke::kRank}, 1);
  expect_joint_distribution({.rank = Geweke::kRank, .user_noise = true, .item_noise = true}, 2);
}

TEST(GibbsSampler, DrawsRepeatedPairsFromTheirJointDistribution) {
  expect_joint_distribution({.rank = Geweke::kRank, .pairs_once = false}, 1, {}, true);
}

TEST(GibbsSampler, DrawsChainsFromTheirJointDistribution) {
  expect_joint_distribution({.rank = Geweke::kRank}, 1, {"first"});
  expect_joint_distribution({.rank = Geweke::kRank}, 2, {"first", "second"});
}

// Three users and three items without factors: given the precisions of noise, users and items, ratings and scores are normal, so that the
// mean scores are a three-dimensional integral.
TEST(GibbsSampler, MeansOfThreeByThreeAreThoseOfQuadrature) {
  const std::vector<Triple> cells = {{0, 0, 1.5F}, {0, 1, -0.5F}, {1, 1, -1.0F}, {1, 2, 0.25F}, {2, 0, 0.75F}};
  const std::vector<std::uint32_t> user_counts = {2, 2, 1};
  const std::vector<std::uint32_t> item_counts = {2, 2, 1};
  constexpr double kPriorRows = 4;
  constexpr double kPriorScatter = 1.5;
  // Scores of all nine pairs, user by user; each side's rows share a mean of the weight 2.
  const auto covariance = [](double user, double item) {
    Eigen::Matrix<double, 9, 9> matrix;
    for (int a = 0; a < 9; ++a) {
      for (int b = 0; b < 9; ++b) {
        matrix(a, b) = ((a / 3 == b / 3 ? 1.0 : 0.0) + 1 / GibbsSide::kMeanWeight) / user +
                       ((a % 3 == b % 3 ? 1.0 : 0.0) + 1 / GibbsSide::kMeanWeight) / item;
      }
    }
    return matrix;
  };
  Eigen::Matrix<double, 9, 1> expected = Eigen::Matrix<double, 9, 1>::Zero();
  double expected_noise = 0;
  double weight = 0;
  // Precisions on a logarithmic grid: density times the precision. P of a side is Gamma((1 + rows) / 2, scatter / 2).
  const auto log_gamma_density = [](double x, double shape, double rate) { return shape * std::log(x) - rate * x; };
  constexpr int kGrid = 36;
  const auto precision_at = [](int place) { return std::exp(-4.5 + 10.0 * place / kGrid); };
  for (int of_user = 0; of_user < kGrid; ++of_user) {
    for (int of_item = 0; of_item < kGrid; ++of_item) {
      const double user = precision_at(of_user);
      const double item = precision_at(of_item);
      const Eigen::Matrix<double, 9, 9> all = covariance(user, item);
      Eigen::Matrix<double, 5, 5> seen;
      Eigen::Matrix<double, 9, 5> cross;
      Eigen::Matrix<double, 5, 1> values;
      for (int n = 0; n < 5; ++n) {
        const auto place = [&](int cell) {
          return static_cast<int>(cells[static_cast<std::size_t>(cell)].user * 3 + cells[static_cast<std::size_t>(cell)].item);
        };
        values(n) = static_cast<double>(cells[static_cast<std::size_t>(n)].value);
        for (int m = 0; m < 5; ++m) seen(n, m) = all(place(n), place(m));
        for (int row = 0; row < 9; ++row) cross(row, n) = all(row, place(n));
      }
      for (int of_noise = 0; of_noise < kGrid; ++of_noise) {
        const double noise = precision_at(of_noise);
        const Eigen::LLT<Eigen::Matrix<double, 5, 5>> root(seen + Eigen::Matrix<double, 5, 5>::Identity() / noise);
        const Eigen::Matrix<double, 5, 1> solved = root.solve(values);
        const double own = std::exp(-0.5 * values.dot(solved) - root.matrixLLT().diagonal().array().log().sum() +
                                    log_gamma_density(noise, 0.5, 0.5) + log_gamma_density(user, (1 + kPriorRows) / 2, kPriorScatter / 2) +
                                    log_gamma_density(item, (1 + kPriorRows) / 2, kPriorScatter / 2));
        weight += own;
        expected += own * (cross * solved);
        expected_noise += own * std::log(noise);
      }
    }
  }
  expected /= weight;

  Workers workers(1);
  const Ratings ratings = make_ratings(cells, 3, 3);
  const ByItem by_item = transpose(ratings, workers);
  GibbsSampler sampler(ratings, by_item, Units{}, user_counts, item_counts, {.rank = 0, .implicit = {false, false}}, workers);
  for (GibbsSide* side : {&sampler.users, &sampler.items}) {
    side->prior_rows = kPriorRows;
    side->prior_scatter = kPriorScatter;
  }
  sampler.start(workers);
  std::vector<std::vector<double>> scores(9);
  std::vector<double> noises;
  for (std::uint64_t sweep = 0; sweep < 40'000; ++sweep) {
    sampler.sweep({11, sweep}, workers);
    if (sweep < 100) continue;
    for (std::uint32_t pair = 0; pair < 9; ++pair) scores[pair].push_back(sampler.score(pair / 3, pair % 3));
    noises.push_back(std::log(sampler.noise));
  }
  for (std::size_t pair = 0; pair < 9; ++pair) {
    const auto [mean, error] = mean_of_batches(scores[pair]);
    EXPECT_NEAR(mean, expected(static_cast<Eigen::Index>(pair)), 4.5 * error + 1e-3) << pair;
  }
  const auto [mean, error] = mean_of_batches(noises);
  EXPECT_NEAR(mean, expected_noise / weight, 4.5 * error + 5e-3);
}

}  // namespace
}  // namespace lowrank::gibbs_test
