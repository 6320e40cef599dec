// What bayes knows of the ratings besides their means: intervals, noises of rows, ordinal scales.

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/calibration.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/train/bayes.h"

namespace lowrank::bayes_uncertainty_test {
namespace {

constexpr std::uint32_t kUsers = 200;
constexpr std::uint32_t kItems = 80;

Bayes options() {
  Bayes options;
  options.rank = 4;
  options.samples = 60;
  options.burn_in = 20;
  return options;
}

/// Planted ratings of rank 2. User u has the noise noise_of(u).
template <class NoiseOfUser>
std::vector<Triple> planted(std::size_t count, std::uint64_t seed, const NoiseOfUser& noise_of) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> rows(std::size_t{3} * (kUsers + kItems));
  std::ranges::generate(rows, [&] { return 0.7 * normal(random); });
  std::vector<std::uint32_t> cells(std::size_t{kUsers} * kItems);
  std::iota(cells.begin(), cells.end(), 0U);
  std::ranges::shuffle(cells, random);
  std::vector<Triple> triples;
  for (const std::uint32_t cell : std::span(cells).first(count)) {
    const std::uint32_t user = cell / kItems;
    const std::uint32_t item = cell % kItems;
    const double* p = rows.data() + std::size_t{3} * user;
    const double* q = rows.data() + std::size_t{3} * (kUsers + item);
    triples.push_back({user, item, static_cast<float>(3 + p[0] * q[0] + p[1] * q[1] + p[2] + q[2] + noise_of(user) * normal(random))});
  }
  return triples;
}

Pairs pairs_of(const std::vector<Triple>& triples) {
  Pairs pairs;
  for (const Triple& triple : triples) {
    pairs.users.push_back(triple.user);
    pairs.items.push_back(triple.item);
    pairs.values.push_back(triple.value);
  }
  pairs.known_users = kUsers;
  pairs.known_items = kItems;
  return pairs;
}

double even(std::uint32_t /*user*/) { return 0.6; }
/// Every other user is easy to predict.
double uneven(std::uint32_t user) { return user % 2 == 0 ? 0.2 : 1.2; }

TEST(BayesUncertainty, IntervalsHoldWhatTheySay) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    std::vector<Triple> kept = planted(8000, seed, even);
    const std::vector<Triple> test = take_tenth(kept);
    Bayes settings = options();
    settings.samples = 150;
    Model model = train_quietly(make_ratings(kept, kUsers, kItems), settings).model;
    model.centre.clips = false;
    const Calibration calibration = calibration_of(model, pairs_of(test));
    for (std::size_t n = 0; n < calibration.coverage.size(); ++n) {
      // 800 ratings: four standard errors.
      const double level = Calibration::kLevels[n];
      EXPECT_NEAR(calibration.coverage[n], level, 4 * std::sqrt(level * (1 - level) / 800)) << seed;
    }
    EXPECT_NEAR(std::sqrt(model.uncertainty->noise), 0.6, 0.04);
  }
}

TEST(BayesUncertainty, FewRatingsAreLessCertain) {
  Bayes settings = options();
  settings.noise = NoiseOf::all;
  std::vector<Triple> kept = planted(8000, 4, even);
  // User 0 has three ratings left, user 1 none.
  std::uint32_t first = 0;
  std::erase_if(kept, [&](const Triple& triple) { return triple.user == 1 || (triple.user == 0 && first++ >= 3); });
  const Model model = train_quietly(make_ratings(kept, kUsers, kItems), settings).model;
  // A score's variance is that of the item's factors, too, by the user's: with larger ones it may be larger. This is what the user adds.
  ASSERT_TRUE(model.uncertainty);
  const RowVariances& users = model.uncertainty->users;
  const auto own = [&](std::size_t user) {
    double sum = static_cast<double>(users.biases[user]);
    for (std::size_t k = 0; k < model.rank(); ++k) {
      const auto q = static_cast<double>(model.items.factors.row(5)[k]);
      sum += static_cast<double>(users.factors.row(user)[k]) * (q * q + static_cast<double>(model.uncertainty->items.factors.row(5)[k]));
    }
    return sum;
  };
  EXPECT_LT(own(2), own(0));
  EXPECT_LT(own(0), own(1));
  std::vector<double> variances(3);
  predict_variances(model, std::vector<std::uint32_t>{2, 1, 1000}, std::vector<std::uint32_t>{5, 5, 5}, variances);
  EXPECT_LT(variances[0], variances[1]);
  EXPECT_DOUBLE_EQ(variances[1], variances[2]);
}

TEST(BayesUncertainty, UsersWithNoisesOfTheirOwnAreTold) {
  std::vector<Triple> kept = planted(9000, 5, uneven);
  const std::vector<Triple> test = take_tenth(kept);
  Bayes settings = options();
  const Ratings data = make_ratings(kept, kUsers, kItems);
  settings.noise = NoiseOf::all;
  const Model one = train_quietly(data, settings).model;
  for (const NoiseOf noise : {NoiseOf::users, NoiseOf::both}) {
    settings.noise = noise;
    const Model own = train_quietly(data, settings).model;
    EXPECT_LT(calibration_of(own, pairs_of(test)).crps, 0.95 * calibration_of(one, pairs_of(test)).crps);
    EXPECT_LT(rmse_of(own, test), rmse_of(one, test) * 1.005);
    const std::vector<float>& shares = own.uncertainty->users.noise;
    ASSERT_EQ(shares.size(), kUsers + 1);
    double easy = 0;
    double hard = 0;
    for (std::uint32_t user = 0; user < kUsers; ++user) (user % 2 == 0 ? easy : hard) += std::log(static_cast<double>(shares[user]));
    EXPECT_GT(hard - easy, 2 * 100);
  }
}

class BayesForm : public testing::TestWithParam<std::string> {
 public:
  static Bayes settings() {
    Bayes settings = options();
    settings.samples = 20;
    if (GetParam() == "ordinal") settings.likelihood = Likelihood::ordinal;
    if (GetParam() == "all") settings.noise = NoiseOf::all;
    if (GetParam() == "items") settings.noise = NoiseOf::items;
    if (GetParam() == "both") settings.noise = NoiseOf::both;
    return settings;
  }
};
INSTANTIATE_TEST_SUITE_P(Forms, BayesForm, testing::Values("plain", "ordinal", "all", "items", "both"),
                         [](const auto& form) { return form.param; });

TEST_P(BayesForm, SameBytesForAnyNumberOfThreads) {
  const Ratings data = make_ratings(synthetic(kUsers, kItems, 6000, 3), kUsers, kItems);
  const std::string bytes = bytes_of(train_quietly(data, settings(), 1).model, data);
  for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_quietly(data, settings(), threads).model, data), bytes) << threads;
}

TEST_P(BayesForm, ModelsTravelThroughFiles) {
  const Ratings data = make_ratings(synthetic(kUsers, kItems, 6000, 3), kUsers, kItems);
  const std::string bytes = bytes_of(train_quietly(data, settings(), 1).model, data);
  const Model model = deserialize_model(bytes);
  ASSERT_TRUE(model.uncertainty.has_value());
  EXPECT_EQ(model.centre.ordinal.has_value(), GetParam() == "ordinal");
  EXPECT_EQ(serialize_model(model), bytes);
}

TEST_P(BayesForm, PredictsBetterThanBiases) {
  std::vector<Triple> kept = synthetic(kUsers, kItems, 6000, 3);
  const std::vector<Triple> test = take_tenth(kept);
  const Ratings data = make_ratings(kept, kUsers, kItems);
  const double own = rmse_of(train_quietly(data, settings()).model, test);
  EXPECT_LT(own, 0.97 * rmse_of(train_quietly(data, Baseline{}).model, test));
}

// New rows: the variances are the diagonal of the inverse of the precision, by dense algebra.
TEST(BayesUncertainty, NewRowsHaveTheVariancesOfTheirPosterior) {
  const Ratings data = make_ratings(synthetic(kUsers, kItems, 6000, 3), kUsers, kItems);
  const Model model = train_quietly(data, options()).model;
  const std::vector<std::uint32_t> items = {3, 17, 40, 41, 77};
  Pairs pairs;
  pairs.users.assign(items.size(), kUsers);
  pairs.items = items;
  pairs.values = {5, 3, 1, 4, 2};
  pairs.known_users = kUsers;
  pairs.known_items = kItems;
  pairs.unknown_users.add("new");
  const Model folded = fold_in(deserialize_model(bytes_of(model, data)), pairs);
  const auto size = static_cast<Eigen::Index>(model.rank() + 1);
  ASSERT_TRUE(folded.uncertainty);
  // The new user, and one that nobody knows.
  const RowVariances& variances = folded.uncertainty->users;
  ASSERT_EQ(variances.factors.rows(), 2U);
  ASSERT_EQ(variances.factors.rank(), model.rank());
  ASSERT_EQ(variances.biases.size(), 2U);
  EXPECT_EQ(variances.biases[1], model.uncertainty->users.biases.back());
  EXPECT_EQ(folded.uncertainty->items, model.uncertainty->items);
  EXPECT_EQ(folded.uncertainty->noise, model.uncertainty->noise);
  EXPECT_EQ(folded.uncertainty->scale, model.uncertainty->scale);
  const double noise = std::get<PosteriorMean>(model.fold_in).noise;
  Eigen::MatrixXd a(size, size);
  for (Eigen::Index i = 0; i < size; ++i) {
    for (Eigen::Index j = 0; j < size; ++j)
      a(i, j) = static_cast<double>(model.users.prior->precision.row(static_cast<std::size_t>(i))[static_cast<std::size_t>(j)]);
  }
  for (const std::uint32_t item : items) {
    Eigen::VectorXd h(size);
    for (Eigen::Index k = 0; k + 1 < size; ++k) h(k) = static_cast<double>(model.items.factors.row(item)[static_cast<std::size_t>(k)]);
    h(size - 1) = 1;
    a += h * h.transpose() / noise;
  }
  const Eigen::MatrixXd inverse = a.inverse();
  for (Eigen::Index k = 0; k < size; ++k) {
    const double variance =
        static_cast<double>(k + 1 == size ? variances.biases[0] : variances.factors.row(0)[static_cast<std::size_t>(k)]);
    EXPECT_NEAR(variance, inverse(k, k), 1e-3 * inverse(k, k)) << k;
  }
}

/// Ratings as steps of planted scores.
std::vector<Triple> stepped(std::uint64_t seed) {
  std::vector<Triple> triples = planted(9000, seed, [](std::uint32_t) { return 0.8; });
  const std::vector<float> cuts = {1.5F, 2.0F, 2.4F, 4.4F};
  // Far from even: most are 4.
  for (Triple& triple : triples) triple.value = static_cast<float>(1 + (std::ranges::upper_bound(cuts, triple.value) - cuts.begin()));
  return triples;
}

TEST(BayesOrdinal, ProbabilitiesAreThoseOfTheRatings) {
  std::vector<Triple> kept = stepped(6);
  const std::vector<Triple> test = take_tenth(kept);
  Bayes settings = options();
  const Ratings data = make_ratings(kept, kUsers, kItems);
  const Model gaussian = train_quietly(data, settings).model;
  settings.likelihood = Likelihood::ordinal;
  const Model model = train_quietly(data, settings).model;
  ASSERT_TRUE(model.centre.ordinal.has_value());
  EXPECT_EQ(model.centre.ordinal->levels, (std::vector<float>{1, 2, 3, 4, 5}));
  EXPECT_LT(rmse_of(model, test), rmse_of(gaussian, test));
  // How often each rating is expected and how often it is there.
  const Pairs pairs = pairs_of(test);
  std::vector<double> variances(pairs.size());
  predict_variances(model, pairs.users, pairs.items, variances);
  std::vector<double> expected(5);
  std::vector<double> found(5);
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    std::vector<double> probabilities(5);
    const double score_of_pair = score(model, pairs.users[n], pairs.items[n]);
    model.centre.ordinal->probabilities(score_of_pair, variances[n], probabilities);
    EXPECT_NEAR(std::accumulate(probabilities.begin(), probabilities.end(), 0.0), 1, 1e-12);
    double mean = 0;
    for (std::size_t level = 0; level < 5; ++level) {
      expected[level] += probabilities[level] / static_cast<double>(pairs.size());
      mean += probabilities[level] * static_cast<double>(level + 1);
    }
    found[static_cast<std::size_t>(pairs.values[n]) - 1] += 1 / static_cast<double>(pairs.size());
    // Predictions are made with the mean variance of all scores.
    EXPECT_NEAR(mean, predict(model, pairs.users[n], pairs.items[n]), 0.35);
  }
  for (std::size_t level = 0; level < 5; ++level) EXPECT_NEAR(expected[level], found[level], 0.04) << level;
  // The distribution, not only its mean.
  const Calibration calibration = calibration_of(model, pairs);
  EXPECT_LT(calibration.crps, calibration_of(gaussian, pairs).crps);
  EXPECT_GT(calibration.coverage[0], 0.5 - 0.05);
  EXPECT_GT(calibration.coverage[2], 0.9 - 0.02);
}

TEST(BayesOrdinal, NewUsersAreSolvedOnTheScale) {
  std::vector<Triple> kept = stepped(7);
  const Ratings data = make_ratings(kept, kUsers, kItems);
  Bayes settings = options();
  settings.likelihood = Likelihood::ordinal;
  const Model model = train_quietly(data, settings).model;
  // A user of training, folded in with the same ratings.
  double squares = 0;
  double spread = 0;
  for (std::uint32_t user = 0; user < 20; ++user) {
    const std::size_t begin = data.row_offsets()[user];
    const std::size_t end = data.row_offsets()[user + 1];
    std::vector<float> values;
    for (std::size_t at = begin; at < end; ++at) values.push_back(data.value(at));
    const FoldedRow row = fold_in_user(model, data.items().subspan(begin, end - begin), values);
    for (std::uint32_t item = 0; item < kItems; ++item) {
      double own = model.centre.mean + static_cast<double>(row.bias) + static_cast<double>(model.items.biases[item]);
      for (std::size_t k = 0; k < model.rank(); ++k) {
        own += static_cast<double>(row.factors[k]) * static_cast<double>(model.items.factors.row(item)[k]);
      }
      const double there = score(model, user, item);
      squares += (own - there) * (own - there);
      spread += (there - model.centre.mean) * (there - model.centre.mean);
    }
  }
  EXPECT_LT(squares, 0.05 * spread);
}

TEST(BayesOrdinal, NeedsAScaleOfFewSteps) {
  Bayes settings = options();
  settings.likelihood = Likelihood::ordinal;
  EXPECT_THROW(train_quietly(make_ratings({{0, 0, 3}, {1, 1, 3}}, 2, 2), settings), DataError);
  std::vector<Triple> many;
  for (std::uint32_t n = 0; n < 33; ++n) many.push_back({n, 0, static_cast<float>(n)});
  EXPECT_THROW(train_quietly(make_ratings(many, 33, 1), settings), DataError);
  many.pop_back();
  EXPECT_NO_THROW(train_quietly(make_ratings(many, 33, 1), settings));
}

TEST(Conformal, IntervalsHoldNewRatingsWhateverTheDistribution) {
  std::vector<Triple> kept = planted(9000, 8, even);
  // Errors that are anything but normal.
  std::mt19937_64 random(3);
  for (Triple& triple : kept) triple.value += random() % 10 == 0 ? 4.0F : 0.0F;
  const std::vector<Triple> test = take_tenth(kept);
  const std::vector<Triple> held = take_tenth(kept);
  Model model = train_quietly(make_ratings(kept, kUsers, kItems), options()).model;
  model.centre.clips = false;
  const double before = calibration_of(model, pairs_of(test)).coverage[0];
  model.uncertainty->quantiles = conformal_quantiles(model, pairs_of(held));
  const Calibration after = calibration_of(model, pairs_of(test));
  EXPECT_GT(before, 0.6);
  for (std::size_t n = 0; n < after.coverage.size(); ++n) EXPECT_NEAR(after.coverage[n], Calibration::kLevels[n], 0.05) << n;
  EXPECT_THROW(conformal_quantiles(model, pairs_of({held.begin(), held.begin() + 98})), DataError);
  model.uncertainty.reset();
  EXPECT_THROW(conformal_quantiles(model, pairs_of(held)), DataError);
}

}  // namespace
}  // namespace lowrank::bayes_uncertainty_test
