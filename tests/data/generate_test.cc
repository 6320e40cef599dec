#include "lowrank/data/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank {

// Found by the comparison of vectors below.
static bool operator==(const GeneratedRating& a, const GeneratedRating& b) {
  return a.user == b.user && a.item == b.item && a.value == b.value && a.test == b.test;
}

namespace {

std::vector<GeneratedRating> generate_all(const GenerateOptions& options) {
  std::vector<GeneratedRating> ratings;
  generate(options, [&](const GeneratedRating& rating) { ratings.push_back(rating); });
  return ratings;
}

/// Options under which a rating is mean + biases + product + noise and nothing else.
GenerateOptions unscaled() {
  GenerateOptions options;
  options.min_rating = -1000;
  options.max_rating = 1000;
  options.step = 0;
  return options;
}

/// Every pair at most once, in order and in range; the promised number of them; as many test ratings as asked for.
void expect_sound(const GenerateOptions& options, const std::vector<GeneratedRating>& ratings) {
  EXPECT_EQ(ratings.size(), options.ratings);
  const auto before = [](const GeneratedRating& a, const GeneratedRating& b) {
    return a.user != b.user ? a.user < b.user : a.item < b.item;
  };
  for (std::size_t n = 1; n < ratings.size(); ++n) ASSERT_TRUE(before(ratings[n - 1], ratings[n])) << n;
  std::vector<std::uint32_t> all(options.users);
  std::vector<std::uint32_t> trained(options.users);
  std::uint64_t tests = 0;
  for (const GeneratedRating& rating : ratings) {
    ASSERT_LT(rating.user, options.users);
    ASSERT_LT(rating.item, options.items);
    ASSERT_GE(rating.value, static_cast<float>(options.min_rating));
    ASSERT_LE(rating.value, static_cast<float>(options.max_rating));
    ++all[rating.user];
    trained[rating.user] += rating.test ? 0 : 1;
    tests += rating.test ? 1 : 0;
  }
  EXPECT_EQ(tests, static_cast<std::uint64_t>(std::round(options.test_fraction * static_cast<double>(options.ratings))));
  if (options.ratings >= options.users) {
    EXPECT_EQ(std::count(all.begin(), all.end(), 0U), 0);
  }
  const auto rated = static_cast<std::uint64_t>(options.users - std::count(all.begin(), all.end(), 0U));
  if (tests <= options.ratings - rated) {
    for (std::uint32_t user = 0; user < options.users; ++user) EXPECT_EQ(trained[user] > 0, all[user] > 0) << user;
  }
}

TEST(Generate, IsSoundInEveryShape) {
  for (const std::uint32_t users : {1U, 2U, 17U, 60U}) {
    for (const std::uint32_t items : {1U, 3U, 50U}) {
      for (const double full : {0.0, 0.02, 0.3, 0.9, 1.0}) {
        for (const double skew : {0.0, 1.2, 5.0, 100.0}) {
          GenerateOptions options;
          options.users = users;
          options.items = items;
          options.ratings = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(full * users * items));
          options.zipf = skew;
          options.user_sigma = skew;
          options.test_fraction = full == 0.3 ? 0.95 : 0.1;
          SCOPED_TRACE(std::to_string(users) + " users, " + std::to_string(items) + " items, " + std::to_string(options.ratings) +
                       " ratings, skew " + std::to_string(skew));
          expect_sound(options, generate_all(options));
        }
      }
    }
  }
}

TEST(Generate, DependsOnSeed) {
  GenerateOptions options;
  options.test_fraction = 0.1;
  const std::vector<GeneratedRating> first = generate_all(options);
  expect_sound(options, first);
  EXPECT_TRUE(first == generate_all(options));
  options.seed = 2;
  EXPECT_FALSE(first == generate_all(options));
}

TEST(Generate, RatingsLieOnTheScale) {
  GenerateOptions options;
  options.min_rating = 0.7;
  options.max_rating = 4.9;
  options.step = 0.3;
  GenerateOptions smooth = options;
  smooth.step = 0;
  const std::vector<GeneratedRating> rounded = generate_all(options);
  const std::vector<GeneratedRating> exact = generate_all(smooth);
  double most = 0;
  for (std::size_t n = 0; n < rounded.size(); ++n) {
    const double value = static_cast<double>(rounded[n].value);
    const double steps = (value - 0.7) / 0.3;
    EXPECT_NEAR(steps, std::round(steps), 1e-5);
    EXPECT_LE(std::abs(value - static_cast<double>(exact[n].value)), 0.15 + 1e-6);
    most = std::max(most, value);
  }
  EXPECT_EQ(static_cast<float>(most), 4.9F);

  // The greatest rating is no step: the one below it is the top of the scale.
  options.max_rating = 4.8;
  most = 0;
  for (const GeneratedRating& rating : generate_all(options)) most = std::max(most, static_cast<double>(rating.value));
  EXPECT_NEAR(most, 4.6, 1e-6);
}

TEST(Generate, NoiseHasItsStandardDeviation) {
  GenerateOptions options = unscaled();
  options.noise = 0;
  const std::vector<GeneratedRating> exact = generate_all(options);
  options.noise = 0.8;
  const std::vector<GeneratedRating> noisy = generate_all(options);
  const auto size = static_cast<double>(exact.size());
  double sum = 0;
  double squares = 0;
  double neighbours = 0;
  double last = 0;
  for (std::size_t n = 0; n < exact.size(); ++n) {
    const double noise = static_cast<double>(noisy[n].value) - static_cast<double>(exact[n].value);
    sum += noise;
    squares += noise * noise;
    neighbours += noise * last;
    last = noise;
  }
  EXPECT_NEAR(sum / size, 0, 5 * 0.8 / std::sqrt(size));
  EXPECT_NEAR(std::sqrt(squares / size), 0.8, 5 * 0.8 / std::sqrt(2 * size));
  EXPECT_NEAR(neighbours / size, 0, 5 * 0.64 / std::sqrt(size));
}

TEST(Generate, SignalHasItsStandardDeviation) {
  GenerateOptions options = unscaled();
  options.users = options.items = 500;
  options.ratings = 250000;
  options.rank = 8;
  options.signal = 0.7;
  options.noise = options.user_bias = options.item_bias = 0;
  double squares = 0;
  for (const GeneratedRating& rating : generate_all(options)) squares += std::pow(static_cast<double>(rating.value) - options.mean, 2);
  const double sd = std::sqrt(squares / 250000);
  // The mean square over all cells is tr(P'P Q'Q) / (U I): relative variance 2 / (rank U) + 2 / (rank I), half of that deviation in the
  // root.
  EXPECT_NEAR(sd, 0.7, 5 * 0.7 * std::sqrt(4.0 / (8 * 500)) / 2);
}

/// Gaussian elimination with full pivoting of the full matrix: as many pivots as the planted rank, then nothing but rounding.
TEST(Generate, SignalHasItsRank) {
  constexpr std::size_t kSize = 30;
  GenerateOptions options = unscaled();
  options.users = options.items = kSize;
  options.ratings = kSize * kSize;
  options.rank = 4;
  options.mean = 0;
  options.noise = options.user_bias = options.item_bias = 0;
  const std::vector<GeneratedRating> ratings = generate_all(options);
  std::vector<double> matrix;
  for (const GeneratedRating& rating : ratings) matrix.push_back(static_cast<double>(rating.value));
  for (std::size_t pivots = 0; pivots <= options.rank; ++pivots) {
    const auto largest = std::max_element(matrix.begin(), matrix.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    if (pivots == options.rank) {
      EXPECT_LT(std::abs(*largest), 1e-4);
      break;
    }
    ASSERT_GT(std::abs(*largest), 1e-2) << pivots;
    const auto at = static_cast<std::size_t>(largest - matrix.begin());
    const std::size_t row = at / kSize;
    const std::size_t column = at % kSize;
    const std::vector<double> pivot_row(matrix.begin() + static_cast<std::ptrdiff_t>(row * kSize),
                                        matrix.begin() + static_cast<std::ptrdiff_t>((row + 1) * kSize));
    for (std::size_t i = 0; i < kSize; ++i) {
      const double factor = matrix[i * kSize + column] / pivot_row[column];
      for (std::size_t j = 0; j < kSize; ++j) matrix[i * kSize + j] -= factor * pivot_row[j];
    }
  }
}

TEST(Generate, BiasesAddUpAndHaveTheirStandardDeviations) {
  constexpr std::size_t kUsers = 400;
  constexpr std::size_t kItems = 300;
  GenerateOptions options = unscaled();
  options.users = kUsers;
  options.items = kItems;
  options.ratings = kUsers * kItems;
  options.rank = 0;
  options.noise = 0;
  options.user_bias = 0.3;
  options.item_bias = 0.9;
  const std::vector<GeneratedRating> ratings = generate_all(options);
  const auto cell = [&](std::size_t user, std::size_t item) { return static_cast<double>(ratings[user * kItems + item].value); };
  double mean = 0;
  for (std::size_t n = 0; n < ratings.size(); ++n) mean += static_cast<double>(ratings[n].value) / static_cast<double>(ratings.size());
  EXPECT_NEAR(mean, options.mean, 5 * std::sqrt(0.09 / kUsers + 0.81 / kItems));
  const auto sd_of = [](const std::vector<double>& values) {
    double sum = 0;
    double squares = 0;
    for (const double value : values) sum += value;
    for (const double value : values) squares += std::pow(value - sum / static_cast<double>(values.size()), 2);
    return std::sqrt(squares / static_cast<double>(values.size() - 1));
  };
  std::vector<double> by_user;
  std::vector<double> by_item;
  for (std::size_t user = 0; user < kUsers; ++user) by_user.push_back(cell(user, 0));
  for (std::size_t item = 0; item < kItems; ++item) by_item.push_back(cell(0, item));
  EXPECT_NEAR(sd_of(by_user), 0.3, 5 * 0.3 / std::sqrt(2 * kUsers));
  EXPECT_NEAR(sd_of(by_item), 0.9, 5 * 0.9 / std::sqrt(2 * kItems));
  for (std::size_t user = 1; user < kUsers; ++user) {
    const std::size_t item = user % kItems;
    EXPECT_NEAR(cell(user, item) - cell(user, 0) - cell(0, item) + cell(0, 0), 0, 1e-5);
  }
}

/// With one rating a user the items are independent draws from the Zipf law.
TEST(Generate, ItemsFollowTheZipfLaw) {
  GenerateOptions options;
  options.users = 100000;
  options.items = 250;
  options.ratings = 100000;
  options.rank = 0;
  options.zipf = 1.1;
  std::vector<double> weights;
  double sum = 0;
  for (std::uint32_t place = 0; place < options.items; ++place) sum += weights.emplace_back(std::pow(place + 1 + 2, -1.1));
  std::vector<std::size_t> favourites;
  for (options.seed = 1; options.seed <= 3; ++options.seed) {
    std::vector<double> counts(options.items);
    for (const GeneratedRating& rating : generate_all(options)) ++counts[rating.item];
    favourites.push_back(static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin()));
    std::sort(counts.rbegin(), counts.rend());
    // Sorting the tail by count brings it closer to its law than chance would: compare cumulated shares, which it moves little.
    double share = 0;
    double expected = 0;
    for (std::uint32_t place = 0; place < options.items; ++place) {
      share += counts[place] / 1e5;
      expected += weights[place] / sum;
      EXPECT_NEAR(share, expected, 5 * std::sqrt(expected * std::max(0.0, 1 - expected) / 1e5) + 0.005) << place;
    }
    EXPECT_NEAR(counts[0] / 1e5, weights[0] / sum, 5 * std::sqrt(weights[0] / sum / 1e5));
  }
  EXPECT_FALSE(favourites[0] == favourites[1] && favourites[1] == favourites[2]);
}

/// Two different items a user: the pair {i, j} has probability w_i w_j / (1 - w_i) + w_j w_i / (1 - w_j). The steep law exhausts the
/// drawing of repeats for most users, the flat one for hardly any.
TEST(Generate, DrawsWithoutReplacement) {
  for (const double zipf : {0.5, 1.5, 6.0}) {
    constexpr std::uint32_t kUsers = 60000;
    GenerateOptions options;
    options.users = kUsers;
    options.items = 4;
    options.ratings = 2 * kUsers;
    options.rank = 0;
    options.zipf = zipf;
    options.user_sigma = 0;
    const std::vector<GeneratedRating> ratings = generate_all(options);
    expect_sound(options, ratings);
    std::vector<double> counts(4);
    std::vector<std::vector<double>> pairs(4, std::vector<double>(4));
    for (const GeneratedRating& rating : ratings) ++counts[rating.item];
    for (std::size_t n = 0; n < ratings.size(); n += 2) {
      ASSERT_EQ(ratings[n].user, ratings[n + 1].user);
      ++pairs[ratings[n].item][ratings[n + 1].item];
    }
    // Which item has which place in the law shows in the counts: the places' shares are far apart.
    std::vector<std::size_t> place(4);
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) place[i] += counts[j] > counts[i] ? 1U : 0U;
    }
    double sum = 0;
    for (int i = 1; i <= 4; ++i) sum += std::pow(i, -zipf);
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = i + 1; j < 4; ++j) {
        const double a = std::pow(static_cast<double>(place[i] + 1), -zipf) / sum;
        const double b = std::pow(static_cast<double>(place[j] + 1), -zipf) / sum;
        const double expected = a * b / (1 - a) + a * b / (1 - b);
        EXPECT_NEAR(pairs[i][j] / kUsers, expected, 5 * std::sqrt(expected / kUsers) + 1e-4) << zipf << ": " << place[i] << ' ' << place[j];
      }
    }
  }
}

TEST(Generate, UsersAreLogNormal) {
  GenerateOptions options;
  options.users = 2000;
  options.items = 100000;
  options.ratings = 600000;
  options.rank = 0;
  options.user_sigma = 0.6;
  std::vector<double> counts(options.users);
  for (const GeneratedRating& rating : generate_all(options)) ++counts[rating.user];
  double sum = 0;
  double squares = 0;
  double cubes = 0;
  for (const double count : counts) sum += std::log(count);
  for (const double count : counts) {
    squares += std::pow(std::log(count) - sum / 2000, 2);
    cubes += std::pow((std::log(count) - sum / 2000) / 0.6, 3);
  }
  EXPECT_NEAR(std::sqrt(squares / 2000), 0.6, 5 * 0.6 / std::sqrt(4000.0));
  EXPECT_NEAR(cubes / 2000, 0, 5 * std::sqrt(6.0 / 2000));
  // Mean 300 = exp(mu + sigma^2 / 2).
  EXPECT_NEAR(sum / 2000, std::log(300) - 0.18, 5 * 0.6 * std::sqrt((1 + 0.18) / 2000));
}

TEST(Generate, TestRatingsAreSpreadAtRandom) {
  GenerateOptions options;
  options.users = 100;
  options.items = 1000;
  options.ratings = 50000;
  options.test_fraction = 0.2;
  const std::vector<GeneratedRating> ratings = generate_all(options);
  expect_sound(options, ratings);
  // Any stretch of ratings chosen without looking at the marks holds its share of them.
  for (std::size_t begin = 0; begin < 50000; begin += 5000) {
    const auto tests =
        std::count_if(ratings.begin() + static_cast<std::ptrdiff_t>(begin), ratings.begin() + static_cast<std::ptrdiff_t>(begin + 5000),
                      [](const GeneratedRating& rating) { return rating.test; });
    EXPECT_NEAR(static_cast<double>(tests), 1000, 5 * std::sqrt(5000 * 0.2 * 0.8)) << begin;
  }
}

TEST(Generate, StopsWhenTheConsumerThrows) {
  std::size_t taken = 0;
  EXPECT_THROW(generate({},
                        [&](const GeneratedRating&) {
                          if (++taken == 10) throw FileError("no space");
                        }),
               FileError);
  EXPECT_EQ(taken, 10U);
}

TEST(Generate, RefusesOptionsOutOfRange) {
  const auto option_of = [](auto change) -> std::string {
    GenerateOptions options;
    change(options);
    try {
      generate(options, [](const GeneratedRating&) {});
    } catch (const OptionError& error) {
      return error.option();
    }
    return "none";
  };
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.users = 0; }), "users");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.items = 0; }), "items");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.items = 0xFFFFFFFFU; }), "items");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.ratings = 0; }), "ratings");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.ratings = 1000001; }), "ratings");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.signal = -1; }), "signal");
  EXPECT_EQ(option_of([&](GenerateOptions& o) { o.noise = nan; }), "noise");
  EXPECT_EQ(option_of([&](GenerateOptions& o) { o.user_bias = infinity; }), "user_bias");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.item_bias = -0.1; }), "item_bias");
  EXPECT_EQ(option_of([&](GenerateOptions& o) { o.mean = nan; }), "mean");
  EXPECT_EQ(option_of([&](GenerateOptions& o) { o.min_rating = -infinity; }), "min_rating");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.max_rating = 0.4; }), "max_rating");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.step = -0.5; }), "step");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.zipf = -1; }), "zipf");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.user_sigma = 101; }), "user_sigma");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.test_fraction = 1; }), "test_fraction");
  EXPECT_EQ(option_of([](GenerateOptions& o) { o.max_rating = o.min_rating; }), "none");
}

}  // namespace
}  // namespace lowrank
