#pragma once

/// \file
/// Synthetic ratings with planted factors, skewed like real ones.

#include <cstddef>
#include <cstdint>
#include <functional>

namespace lowrank {

/// What to generate. A rating is round_to_scale(mean + user bias + item bias + <p, q> + noise), p and q planted normal factors of `rank`
/// whose product has standard deviation `signal`; which pairs are rated: items by a Zipf law, users log-normal, no pair twice.
///
/// With 69,878 users, 10,677 items and 10,000,000 ratings the defaults resemble MovieLens-10M: mean 3.5, standard deviation about 1.05,
/// half of the users with fewer than about 70 ratings, the most popular item with some 0.3 % of all.
struct GenerateOptions {
  std::uint32_t users = 1000;     ///< at least 1
  std::uint32_t items = 1000;     ///< at least 1
  std::uint64_t ratings = 50000;  ///< at least 1, at most users * items
  std::uint32_t rank = 10;        ///< of the planted factors; 0 for biases alone
  double signal = 0.6;            ///< standard deviation of <p, q>, in units of the rating scale; in [0, 1e30]
  double noise = 0.72;            ///< standard deviation of the noise; in [0, 1e30]
  double user_bias = 0.4;         ///< standard deviation of user biases; in [0, 1e30]
  double item_bias = 0.5;         ///< standard deviation of item biases; in [0, 1e30]
  double mean = 3.56;             ///< before clipping; in [-1e30, 1e30]
  double min_rating = 0.5;        ///< ratings are clipped to [min_rating, max_rating]; in [-1e30, 1e30]
  double max_rating = 5.0;        ///< at least min_rating, at most 1e30
  double step = 0.5;              ///< and rounded to min_rating + a multiple of step; 0 for no rounding (and float32 values); >= 0
  /// The i-th most popular item (i = 0, 1, ...) is drawn with weight (i + 1 + items / 100)^-zipf; in [0, 100]. Numbers of items are in
  /// random order. Since no pair comes twice, the most popular items saturate: no item has more ratings than there are users.
  double zipf = 1.6;
  double user_sigma = 1.2;  ///< sigma of the log-normal number of ratings a user; in [0, 100]. Each has 1 to `items` of them (0 only where
                            ///< there are fewer ratings than users)
  double test_fraction = 0.0;  ///< share of the ratings marked as test, exactly round(test_fraction * ratings) of them; in [0, 1). Chosen
                               ///< at random, one rating of every user excepted as long as others are left
  std::uint64_t seed = 1;
};

/// One synthetic rating; users and items are numbered from 1 in files, from 0 here.
struct GeneratedRating {
  std::uint32_t user;
  std::uint32_t item;
  float value;
  bool test;  ///< set aside
};

/// Generates exactly `options.ratings` ratings, by ascending user and each user's by ascending item, without holding them: memory is
/// O(users + items * rank), time O(ratings * rank + items) plus at most O(items) a user. Single-threaded; the same options
/// give the same ratings. \throws OptionError naming the option that is out of range; what `consume` throws
void generate(const GenerateOptions& options, const std::function<void(const GeneratedRating&)>& consume);

}  // namespace lowrank
