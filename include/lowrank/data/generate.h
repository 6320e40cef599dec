#pragma once

/// \file
/// Synthetic ratings with planted factors, skewed like real ones.

#include <cstddef>
#include <cstdint>
#include <functional>

namespace lowrank {

/// What to generate. A rating is round_to_scale(mean + user bias + item bias + <p, q> + noise), p and q planted factors of `rank` whose
/// product has standard deviation `signal`; which pairs are rated: items by a Zipf law, users log-normal, no pair twice.
struct GenerateOptions {
  std::uint32_t users = 1000;     ///< at least 1
  std::uint32_t items = 1000;     ///< at least 1
  std::uint64_t ratings = 50000;  ///< at most users * items
  std::uint32_t rank = 10;        ///< of the planted factors; 0 for biases alone
  double signal = 0.6;            ///< standard deviation of <p, q>, in units of the rating scale; >= 0
  double noise = 0.7;             ///< standard deviation of the noise; >= 0
  double user_bias = 0.4;         ///< standard deviation of user biases; >= 0
  double item_bias = 0.5;         ///< standard deviation of item biases; >= 0
  double mean = 3.5;
  double min_rating = 0.5;  ///< ratings are clipped to [min_rating, max_rating]
  double max_rating = 5.0;
  double step = 0.5;           ///< and rounded to min_rating + a multiple of step; 0 for no rounding (and float32 values)
  double zipf = 0.9;           ///< item i is drawn with weight (i + 10)^-zipf, i in a random order; >= 0
  double user_sigma = 1.0;     ///< sigma of the log-normal number of ratings a user; >= 0
  double test_fraction = 0.0;  ///< share of the ratings marked as test, in [0, 1)
  std::uint64_t seed = 1;
};

/// One synthetic rating; users and items are numbered from 1 in files, from 0 here.
struct GeneratedRating {
  std::uint32_t user;
  std::uint32_t item;
  float value;
  bool test;  ///< set aside
};

/// Generates exactly `options.ratings` ratings, user by user in ascending number of user, without holding them: memory is O(users + items).
/// The same options give the same ratings on every machine and thread count. \throws OptionError
void generate(const GenerateOptions& options, const std::function<void(const GeneratedRating&)>& consume);

}  // namespace lowrank
