#pragma once

/// \file
/// Splits of ratings into training, validation and test sets.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/data/ratings.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Choice of the ratings to set aside.
enum class SplitBy : std::uint8_t {
  random,       ///< uniformly at random from all ratings (default)
  user,         ///< at random, the same share of the ratings of every user
  time,         ///< the latest ratings of every user, the same share of each
  last,         ///< the latest ratings of every user, the same number of each
  global_time,  ///< the ratings from one moment on, which is the same for all users
  pair,         ///< pairs of a user and an item at random, each with all its ratings, in whatever contexts
};

/// `random|user|time|last|global-time|pair`. \throws OptionError("by")
SplitBy parse_split_by(std::string_view name);
/// The name that parse_split_by() takes.
std::string_view name_of(SplitBy by) noexcept;

/// Whether a split needs the timestamp of every rating.
bool needs_times(SplitBy by) noexcept;

/// Options of assign_parts().
struct SplitOptions {
  double test = 0.1;        ///< share of the ratings for the test set, in [0, 1). Not read with SplitBy::last, nor with `at`
  double validation = 0.0;  ///< share for the validation set, in [0, 1); test + validation < 1. Not read with SplitBy::last
  SplitBy by = SplitBy::random;
  std::uint64_t seed = 1;             ///< seed of the random choice. Only with SplitBy::random, user and pair
  std::uint32_t last = 1;             ///< number of ratings per user for the test set, at least 1. Only with SplitBy::last
  std::uint32_t last_validation = 0;  ///< number of ratings per user for the validation set: those before. Only with SplitBy::last
  /// First moment of the test set: a date (`2020-01-31`, `2020-01-31T12:00+02:00`, UTC without a zone), or a number as in the timestamps.
  /// Empty: the moment that `test` leads to. Only with SplitBy::global_time.
  std::string at = {};
  /// Names of the options that were stated. One that is not read is an error; options whose value is not the default count as stated.
  std::vector<std::string> stated = {};
};

/// The part that a rating belongs to.
enum class Part : std::uint8_t { train, validation, test };

/// Checks the values of the options, and that those that are stated are read. \throws OptionError
void check_split(const SplitOptions& options);

/// Whether there is a validation set.
bool validates(const SplitOptions& options) noexcept;

/// Assigns every rating to a part.
///
/// - `random`, `user` and `time`: the parts have exactly round(share * n) ratings, of all n ratings for `random`, and of the n ratings of
///   each user for the others. With `time` the latest go to test and those before them to validation.
/// - `pair`: as `random`, of the pairs of a user and an item rather than the ratings: round(share * n) of n pairs, with all their ratings.
/// - `last`: the latest `last` ratings of each user go to test, and the `last_validation` before them to validation. The earliest rating of
///   a user always stays in training, so that the user is known there.
/// - `global_time`: see split_moments().
///
/// Of equal timestamps of a user, the later position counts as later. \param users  the user of each rating, in file order.
/// \param times  its timestamp, in the same order; needed only for `time`, `last` and `global_time`.
/// \param items  its item, in the same order; needed only for `pair`.
/// \return one part per rating; depends on the arguments alone. \throws OptionError as check_split(), and for `at` without ratings on both
/// sides; DataError where timestamps are needed but not given, or do not differ enough. Cost O(n log n)
std::vector<Part> assign_parts(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const SplitOptions& options,
                               std::span<const std::uint32_t> items = {});

/// The first moments of the parts of a split by SplitBy::global_time. A part ends where the next one begins.
struct SplitMoments {
  std::optional<std::int64_t> validation;  ///< nothing without a validation set
  std::optional<std::int64_t> test;        ///< nothing without a test set
};

/// The moments that divide ratings by SplitBy::global_time. Ratings of one moment are never divided: without `at`, a part begins at the
/// moment that makes its size nearest to round(share * n), at the later one of two. \throws as assign_parts(). O(n log n)
SplitMoments split_moments(std::span<const std::int64_t> times, const SplitOptions& options);

/// The number of pairs of user and item that have ratings with different labels: pairs that were rated more than once, and whose ratings
/// went to different parts. \param labels  the part of each rating, as any number. O(n log n)
std::size_t count_shared_pairs(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                               std::span<const std::uint16_t> labels);
/// The sentence to warn with if there are shared pairs.
std::string shared_pairs_warning(std::size_t pairs);

/// Ratings, divided into training ratings and a holdout.
struct Holdout {
  Ratings train;  ///< the remaining ratings, in a matrix of the same shape
  Pairs held;     ///< the ratings that were set aside, ordered by user and item; `held.situations` is left to the caller
};

/// Sets round(fraction * size) of the ratings aside, chosen at random by `seed`; where ratings have situations, that share of the pairs of
/// a user and an item, with all their ratings, for what is learned of a pair in one context would be asked again in another. \param
/// fraction  in (0, 1). \throws OptionError("holdout"); DataError if no rating would be left to train on
Holdout hold_out(const Ratings& ratings, double fraction, std::uint64_t seed);

}  // namespace lowrank
