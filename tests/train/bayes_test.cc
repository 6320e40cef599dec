#include "lowrank/train/bayes.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fixtures.h"
#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"

namespace lowrank::bayes_test {
namespace {

constexpr std::uint32_t kUsers = 200;
constexpr std::uint32_t kItems = 80;

Bayes options() {
  Bayes options;
  options.rank = 5;
  options.samples = 30;
  options.burn_in = 10;
  return options;
}

const std::vector<Triple>& triples() {
  static const std::vector<Triple> all = synthetic(kUsers, kItems, 6000, 3);
  return all;
}
Ratings ratings() { return make_ratings(triples(), kUsers, kItems); }

class BayesOf : public testing::TestWithParam<ImplicitFeatures> {};
INSTANTIATE_TEST_SUITE_P(Features, BayesOf,
                         testing::Values(ImplicitFeatures::none, ImplicitFeatures::users, ImplicitFeatures::items, ImplicitFeatures::both));

TEST_P(BayesOf, SameBytesForAnyNumberOfThreads) {
  Bayes settings = options();
  settings.implicit_features = GetParam();
  settings.samples = 5;
  const Ratings data = ratings();
  // With the bias 6, 9, 17 and 25 columns, which threads cut into slices.
  for (const std::uint32_t rank : {5U, 8U, 16U, 24U}) {
    settings.rank = rank;
    settings.seed = 1;
    const std::string bytes = bytes_of(train_quietly(data, settings, 1).model, data);
    for (const int threads : {2, 3, 8}) EXPECT_EQ(bytes_of(train_quietly(data, settings, threads).model, data), bytes) << threads;
    settings.seed = 2;
    EXPECT_NE(bytes_of(train_quietly(data, settings, 1).model, data), bytes);
  }
}

TEST_P(BayesOf, PredictsPlantedRatingsBetterThanBiases) {
  std::vector<Triple> kept = triples();
  const std::vector<Triple> test = take_tenth(kept);
  Bayes settings = options();
  settings.implicit_features = GetParam();
  const Ratings data = make_ratings(kept, kUsers, kItems);
  const double own = rmse_of(train_quietly(data, settings).model, test);
  EXPECT_LT(own, 0.97 * rmse_of(train_quietly(data, Baseline{}).model, test));
}

// One sample is far from the mean of many: that is why the mean is kept.
TEST(Bayes, MoreSamplesLowerTheError) {
  std::vector<Triple> kept = triples();
  const std::vector<Triple> test = take_tenth(kept);
  const Ratings data = make_ratings(kept, kUsers, kItems);
  Bayes one = options();
  one.samples = 1;
  Bayes many = options();
  many.samples = 100;
  EXPECT_LT(rmse_of(train_quietly(data, many).model, test), 0.95 * rmse_of(train_quietly(data, one).model, test));
}

TEST(Bayes, RankZeroIsABayesianBaseline) {
  Bayes settings = options();
  settings.rank = 0;
  settings.samples = 300;
  settings.implicit_features = ImplicitFeatures::none;
  const Ratings data = ratings();
  const Model model = train_quietly(data, settings).model;
  EXPECT_EQ(model.rank(), 0U);
  const double own = rmse_of(model, triples());
  EXPECT_NEAR(own, rmse_of(train_quietly(data, Baseline{}).model, triples()), 0.01 * own);
}

TEST(Bayes, SmallDataAreFinite) {
  const std::vector<std::vector<Triple>> sets = {
      {{0, 0, 3}}, {{0, 0, 3}, {0, 1, 3}, {1, 0, 3}}, {{0, 0, 1e30F}, {1, 1, -1e30F}}, {{0, 0, 1}, {0, 1, 5}, {1, 0, 5}, {1, 1, 1}}};
  for (const std::vector<Triple>& set : sets) {
    const Model model = train_quietly(make_ratings(set, 3, 3), options()).model;
    for (std::uint32_t user = 0; user < 3; ++user) {
      for (std::uint32_t item = 0; item < 3; ++item) EXPECT_TRUE(std::isfinite(predict(model, user, item)));
    }
  }
}

// The prior of the rows' spread must not outweigh some tens of rows.
TEST(Bayes, SmallPlantedDataAreFound) {
  constexpr std::uint32_t kFew = 40;
  constexpr std::uint32_t kFewer = 30;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 3; ++round) {
    std::vector<float> numbers(std::size_t{2} * (kFew + kFewer));
    std::ranges::generate(numbers, [&] { return normal(random); });
    std::vector<Triple> kept;
    std::vector<Triple> test;
    for (std::uint32_t user = 0; user < kFew; ++user) {
      for (std::uint32_t item = 0; item < kFewer; ++item) {
        const float* p = numbers.data() + std::size_t{2} * user;
        const float* q = numbers.data() + std::size_t{2} * (kFew + item);
        const Triple cell{user, item, 3 + p[0] * q[0] + p[1] * q[1] + 0.2F * normal(random)};
        (random() % 2 == 0 ? kept : test).push_back(cell);
      }
    }
    const Ratings data = make_ratings(kept, kFew, kFewer);
    Bayes settings;
    settings.samples = 100;
    EXPECT_LT(rmse_of(train_quietly(data, settings).model, test), 0.5 * rmse_of(train_quietly(data, Baseline{}).model, test)) << round;
  }
}

TEST(Bayes, KeepsTheBestRunningMeanWithValidation) {
  std::vector<Triple> kept = triples();
  const std::vector<Triple> held = take_tenth(kept);
  const Ratings data = make_ratings(kept, kUsers, kItems);
  Validation validation;
  validation.name = "rmse";
  validation.measure = [&](const Model& model) { return rmse_of(model, held); };
  Bayes settings = options();
  settings.samples = 100;
  settings.patience = 5;
  const Trained trained = train_quietly(data, settings, 2, validation);
  EXPECT_LE(trained.epochs, settings.burn_in + settings.samples);
  double best = 1e9;
  for (const EpochReport& report : trained.history) {
    EXPECT_EQ(report.validation.has_value(), report.epoch > settings.burn_in);
    if (report.validation) best = std::min(best, *report.validation);
  }
  EXPECT_DOUBLE_EQ(rmse_of(trained.model, held), best);
}

/// The row that minimises the problem of PosteriorMean, by dense algebra. \param side, other  the row's side, and the fixed one
Eigen::VectorXd dense_row(const Model& model, const Side& side, const Side& other, const std::vector<std::uint32_t>& rated,
                          const std::vector<float>& values) {
  const auto size = static_cast<Eigen::Index>(model.rank() + 1);
  const double noise = std::get<PosteriorMean>(model.fold_in).noise;
  Eigen::MatrixXd precision(size, size);
  for (Eigen::Index i = 0; i < size; ++i) {
    for (Eigen::Index j = 0; j < size; ++j) {
      precision(i, j) = noise * static_cast<double>(side.prior->precision.row(static_cast<std::size_t>(i))[static_cast<std::size_t>(j)]);
    }
  }
  Eigen::VectorXd expected = Eigen::VectorXd::Zero(size);
  if (side.prior->history.rows() != 0) {
    for (const std::uint32_t row : rated) {
      for (Eigen::Index k = 0; k < size; ++k) {
        expected(k) += static_cast<double>(side.prior->history.row(row)[static_cast<std::size_t>(k)]) / std::sqrt(rated.size());
      }
    }
    for (Eigen::Index k = 0; k < size; ++k) expected(k) -= static_cast<double>(side.prior->average[static_cast<std::size_t>(k)]);
  }
  Eigen::MatrixXd a = precision;
  Eigen::VectorXd b = precision * expected;
  for (std::size_t n = 0; n < rated.size(); ++n) {
    Eigen::VectorXd h(size);
    for (Eigen::Index k = 0; k + 1 < size; ++k) h(k) = static_cast<double>(other.factors.row(rated[n])[static_cast<std::size_t>(k)]);
    h(size - 1) = 1;
    a += h * h.transpose();
    b += (static_cast<double>(values[n]) - model.centre.mean - static_cast<double>(other.biases[rated[n]])) * h;
  }
  return a.ldlt().solve(b);
}

TEST_P(BayesOf, NewRowsAreTheMeanOfTheirPosterior) {
  Bayes settings = options();
  settings.implicit_features = GetParam();
  const Model model = train_quietly(ratings(), settings).model;
  const std::vector<std::uint32_t> rated = {2, 5, 17, 40};
  const std::vector<float> values = {5, 1, 4, 2};
  for (const bool of_users : {true, false}) {
    const Side& side = of_users ? model.users : model.items;
    const Side& other = of_users ? model.items : model.users;
    const FoldedRow row = of_users ? fold_in_user(model, rated, values) : fold_in_item(model, rated, values);
    const Eigen::VectorXd dense = dense_row(model, side, other, rated, values);
    for (std::uint32_t fixed = 0; fixed < other.size(); fixed += 7) {
      double own = static_cast<double>(row.bias);
      double wanted = dense(dense.size() - 1);
      for (std::size_t k = 0; k < model.rank(); ++k) {
        const auto q = static_cast<double>(other.factors.row(fixed)[k]);
        own += static_cast<double>(row.factors[k]) * q;
        wanted += dense(static_cast<Eigen::Index>(k)) * q;
      }
      EXPECT_NEAR(own, wanted, 2e-3 * (1 + std::abs(wanted)));
    }
  }
}

// Where many ratings are good ratings, an item without any is not taken for the worst: that would be 1.2 below the mean.
TEST_P(BayesOf, AnItemWithoutRatingsIsNotTakenForTheWorst) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  std::vector<Triple> all;
  for (std::uint32_t item = 0; item + 1 < kItems; ++item) {
    for (std::uint32_t user = 0; user < kUsers; ++user) {
      if (random() % kItems <= item) all.push_back({user, item, 2 + 2 * static_cast<float>(item) / kItems + 0.3F * normal(random)});
    }
  }
  Bayes settings = options();
  settings.implicit_features = GetParam();
  const Model model = train_quietly(make_ratings(all, kUsers, kItems), settings).model;
  double mean = 0;
  double expected = 0;
  for (const Triple& rating : all) {
    mean += static_cast<double>(rating.value) / static_cast<double>(all.size());
    expected += predict(model, rating.user, kItems - 1) / static_cast<double>(all.size());
  }
  EXPECT_NEAR(expected, mean, 0.85);
  EXPECT_NEAR(predict(model, kUsers, 0), predict(model, 0, 0), 0.4);
}

// A user of training who is folded in with the same ratings is about the one of training.
TEST_P(BayesOf, FoldInIsCloseToTraining) {
  Bayes settings = options();
  settings.samples = 100;
  settings.implicit_features = GetParam();
  const Ratings data = ratings();
  const Model model = train_quietly(data, settings).model;
  double squares = 0;
  double differences = 0;
  for (std::uint32_t user = 0; user < kUsers; user += 10) {
    const std::span<const std::uint32_t> items = data.items_of(user);
    std::vector<float> values;
    for (std::size_t n = 0; n < items.size(); ++n) values.push_back(data.value(data.row_offsets()[user] + n));
    const FoldedRow row = fold_in_user(model, items, values);
    for (std::uint32_t item = 0; item < kItems; ++item) {
      double folded = model.centre.mean + static_cast<double>(row.bias) + static_cast<double>(model.items.biases[item]);
      for (std::size_t k = 0; k < model.rank(); ++k) {
        folded += static_cast<double>(row.factors[k]) * static_cast<double>(model.items.factors.row(item)[k]);
      }
      const double trained = score(model, user, item);
      squares += std::pow(trained - model.centre.mean - static_cast<double>(model.items.biases[item]), 2);
      differences += std::pow(trained - folded, 2);
    }
  }
  EXPECT_LT(differences, 0.1 * squares);
}

// Users of two kinds, told apart by a feature: users without ratings are then predicted as their kind.
TEST(Bayes, FeaturesTellWhatNewRowsAreLike) {
  std::vector<Triple> cells;
  Features features;
  for (std::uint32_t user = 0; user < 80; ++user) {
    const std::uint32_t kind = user % 2;
    features.columns.push_back(kind);
    features.values.push_back(1);
    features.offsets.push_back(features.columns.size());
    if (user >= 76) continue;  // no ratings
    for (std::uint32_t item = user % 3; item < 30; item += 3) cells.push_back({user, item, item % 2 == kind ? 5.0F : 1.0F});
  }
  features.description.names = Vocabulary(std::vector<std::string_view>{"kind=a", "kind=b"});
  Bayes settings = options();
  settings.samples = 60;
  TrainingObserver observer;
  const auto train = [&](int threads) {
    return train_ratings(make_ratings(cells, 80, 30), settings, {}, observer,
                         {.threads = threads, .init = nullptr, .min_rating = {}, .max_rating = {}, .user_features = &features})
        .model;
  };
  const Model model = train(1);
  for (std::uint32_t user = 76; user < 80; ++user) {
    for (std::uint32_t item = 0; item < 30; ++item) EXPECT_NEAR(predict(model, user, item), item % 2 == user % 2 ? 5 : 1, 1) << user;
  }
  for (const int threads : {2, 3, 8}) EXPECT_EQ(train(threads), model) << threads;
}

// What ratings let expect of an item is not known of one without any: it is expected where items are on the average, not where an item
// would be that nobody cared to rate.
TEST_P(BayesOf, NewItemsAreExpectedWhereItemsAre) {
  std::vector<Triple> cells = triples();
  // Popular items are better by far, so that who rated an item says how good it is.
  std::vector<int> counts(kItems);
  for (const Triple& cell : cells) ++counts[cell.item];
  for (Triple& cell : cells) cell.value += std::log(1.0F + static_cast<float>(counts[cell.item]));
  std::erase_if(cells, [](const Triple& cell) { return cell.item % 8 == 0; });
  Features features;
  for (std::uint32_t item = 0; item < kItems; ++item) {
    features.columns.push_back(item % 2);
    features.values.push_back(1);
    features.offsets.push_back(features.columns.size());
  }
  features.description.names = Vocabulary(std::vector<std::string_view>{"kind=a", "kind=b"});
  Bayes settings = options();
  settings.implicit_features = GetParam();
  TrainingObserver observer;
  const Model model = train_ratings(make_ratings(cells, kUsers, kItems), settings, {}, observer,
                                    {.threads = 2, .init = nullptr, .min_rating = {}, .max_rating = {}, .item_features = &features})
                          .model;
  double known = 0;
  double fresh = 0;
  constexpr double kFresh = 10;
  static_assert(kItems == 80, "every eighth item is new");
  for (std::uint32_t item = 0; item < kItems; ++item) {
    for (std::uint32_t user = 0; user < kUsers; ++user) {
      if (model.users.counts[user] == 0) continue;
      if (item % 8 == 0) {
        fresh += score(model, user, item) / kFresh;
      } else if (model.items.counts[item] != 0) {
        known += score(model, user, item) / (kItems - kFresh);
      }
    }
  }
  EXPECT_NEAR(fresh / kUsers, known / kUsers, 0.35);
}

}  // namespace
}  // namespace lowrank::bayes_test
