#pragma once

/// \file
/// Synthetic ratings with planted factors and a popularity as skewed as that of real data.

#include <cstddef>
#include <cstdint>
#include <functional>

namespace [[gnu::visibility("default")]] lowrank {

/// Options of generate(). A rating is round_to_scale(mean + user bias + item bias + <p, q> + noise), where p and q are planted normal
/// factors of `rank` numbers whose dot product has standard deviation `signal`. Items are drawn by a Zipf law, the number of ratings per
/// user is log-normal, and no pair occurs twice.
///
/// With 69,878 users, 10,677 items and 10,000,000 ratings the defaults resemble MovieLens-10M: mean 3.5, standard deviation about 1.05,
/// half of the users with fewer than about 70 ratings, and about 0.3 % of all ratings for the most popular item.
struct GenerateOptions {
  std::uint32_t users = 1000;     ///< at least 1
  std::uint32_t items = 1000;     ///< at least 1
  std::uint64_t ratings = 50000;  ///< at least 1, at most users * items
  std::uint32_t rank = 10;        ///< number of planted factors; 0 for biases only
  double signal = 0.6;            ///< standard deviation of <p, q>, in units of the rating scale; in [0, 1e30]
  double noise = 0.72;            ///< standard deviation of the noise; in [0, 1e30]
  double user_bias = 0.4;         ///< standard deviation of user biases; in [0, 1e30]
  double item_bias = 0.5;         ///< standard deviation of item biases; in [0, 1e30]
  double mean = 3.56;             ///< mean rating before clipping; in [-1e30, 1e30]
  double min_rating = 0.5;        ///< lowest possible rating; in [-1e30, 1e30]
  double max_rating = 5.0;        ///< highest possible rating; in [min_rating, 1e30]
  double step = 0.5;              ///< distance between possible ratings, from min_rating on; 0 for no rounding (float32 values); >= 0
  /// The i-th most popular item (i = 0, 1, ...) is drawn with weight (i + 1 + items / 100)^-zipf; in [0, 100]. Items are numbered
  /// in random order. Because no pair occurs twice, the most popular items saturate: an item has at most one rating per user.
  double zipf = 1.6;
  /// Sigma of the log-normal number of ratings per user; in [0, 100]. Every user has 1 to `items` ratings (0 only if there are fewer
  /// ratings than users).
  double user_sigma = 1.2;
  /// Share of the ratings that are marked as test, exactly round(test_fraction * ratings) of them; in [0, 1). They are chosen at random,
  /// but every user keeps one training rating as long as other ratings are left.
  double test_fraction = 0.0;
  std::uint64_t seed = 1;
};

/// One synthetic rating; users and items are numbered from 1 in files, from 0 here.
struct GeneratedRating {
  std::uint32_t user;
  std::uint32_t item;
  float value;
  bool test;  ///< whether the rating belongs to the test set
};

/// Generates exactly `options.ratings` ratings, ordered by user and then by item, and passes them to `consume` without storing them: memory
/// is O(users + items * rank), time O(ratings * rank + items) plus at most O(items) per user. Single-threaded; the same options
/// give the same ratings. \throws OptionError naming the option that is out of range; whatever `consume` throws
void generate(const GenerateOptions& options, const std::function<void(const GeneratedRating&)>& consume);

}  // namespace lowrank
