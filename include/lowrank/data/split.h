#pragma once

/// \file
/// Setting parts of the ratings aside for validation and test.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/ratings.h"

namespace lowrank {

/// How ratings are chosen to be set aside.
enum class SplitBy : std::uint8_t {
  random,  ///< uniformly at random from all ratings (default)
  user,    ///< that share of every user's ratings, at random
  time,    ///< the latest of every user: that share of them
};

/// `random|user|time`. \throws OptionError("by")
SplitBy parse_split_by(std::string_view name);

/// What to set aside.
struct SplitOptions {
  double test = 0.1;        ///< share of the ratings for the test part, in [0, 1)
  double validation = 0.0;  ///< share for the validation part, in [0, 1); test + validation < 1
  SplitBy by = SplitBy::random;
  std::uint64_t seed = 1;
};

/// Where a rating goes.
enum class Part : std::uint8_t { train, validation, test };

/// Assigns every rating to a part. The parts have exactly round(share * n) ratings: of all n for `random`, of the n of every user else.
/// With `time` the latest go to test and those before them to validation; equal timestamps go by position, the later position counts as
/// later. \param users  the user of each rating, in file order \param times  its timestamp, in the same order; needed for SplitBy::time
/// only \return one part for each; depends on the arguments alone \throws OptionError for shares out of range; DataError for SplitBy::time
/// without timestamps. Cost O(n log n)
std::vector<Part> assign_parts(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const SplitOptions& options);

/// Ratings of which a part is set aside.
struct Holdout {
  Ratings train;  ///< what stays; same shape as before
  Pairs held;     ///< what was set aside, by user and item
};

/// Sets round(fraction * size) ratings aside, chosen at random by `seed`, of a matrix whose values are `ratings`.
/// \param fraction  in (0, 1). \throws OptionError("holdout"); DataError when nothing would stay to train on
Holdout hold_out(const Ratings& ratings, double fraction, std::uint64_t seed);

}  // namespace lowrank
