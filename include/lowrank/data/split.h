#pragma once

/// \file
/// Splits of ratings into training, validation and test sets.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/ratings.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Choice of the ratings to set aside.
enum class SplitBy : std::uint8_t {
  random,  ///< uniformly at random from all ratings (default)
  user,    ///< at random, the same share of the ratings of every user
  time,    ///< the latest ratings of every user, the same share of each
};

/// `random|user|time`. \throws OptionError("by")
SplitBy parse_split_by(std::string_view name);

/// Options of assign_parts().
struct SplitOptions {
  double test = 0.1;        ///< share of the ratings for the test set, in [0, 1)
  double validation = 0.0;  ///< share for the validation set, in [0, 1); test + validation < 1
  SplitBy by = SplitBy::random;
  std::uint64_t seed = 1;  ///< of the random choice; not read with SplitBy::time
};

/// The part that a rating belongs to.
enum class Part : std::uint8_t { train, validation, test };

/// Assigns every rating to a part. The parts have exactly round(share * n) ratings: of all n ratings for `random`, and of the n ratings of
/// each user otherwise. With `time` the latest go to test and those before them to validation; of equal timestamps, the later position
/// counts as later. \param users  the user of each rating, in file order. \param times  its timestamp, in the same order; needed only for
/// SplitBy::time. \return one part per rating; depends on the arguments alone. \throws OptionError for shares out of range, or for a seed
/// that is not the default with SplitBy::time, which draws nothing; DataError for SplitBy::time without timestamps. Cost O(n log n)
std::vector<Part> assign_parts(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const SplitOptions& options);

/// Ratings, divided into training ratings and a holdout.
struct Holdout {
  Ratings train;  ///< the remaining ratings, in a matrix of the same shape
  Pairs held;     ///< the ratings that were set aside, ordered by user and item
};

/// Sets round(fraction * size) of the ratings aside, chosen at random by `seed`.
/// \param fraction  in (0, 1). \throws OptionError("holdout"); DataError if no rating would be left to train on
Holdout hold_out(const Ratings& ratings, double fraction, std::uint64_t seed);

}  // namespace lowrank
