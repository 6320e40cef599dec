#pragma once

/// \file
/// Ratings in the order of a file, repeats and all: what splits and cross-validation divide.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/data/read.h"
#include "lowrank/data/situations.h"
#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Ratings in a given order, as columns of equal length. Ids are numbered in order of first appearance. 12 bytes per rating, and 8 for a
/// timestamp.
struct RatingLines {
  /// The timestamp of a line without one.
  static constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

  Vocabulary users;
  Vocabulary items;
  std::vector<std::uint32_t> user;
  std::vector<std::uint32_t> item;
  std::vector<float> value;
  std::vector<float> weight = {};             ///< one weight per line, above 0; empty if lines have none
  std::vector<std::int64_t> time;             ///< one timestamp per line, kNoTime where a line has none; empty if no line has one
  bool all_have_times = false;                ///< whether every line has a timestamp
  bool dates = false;                         ///< whether the timestamps are dates, in microseconds since 1970
  Situations situations = {};                 ///< without columns if there are no contexts
  std::vector<std::uint32_t> situation = {};  ///< one per line, a number in `situations`; empty if there are no contexts

  [[nodiscard]] std::size_t size() const noexcept { return user.size(); }
};

/// Reads a file of ratings in file order. `read.keep_times` and `read.times_needed` say whether timestamps are read and needed,
/// `read.keep_weights` whether weights are; timestamps are also kept where contexts are derived from them. \throws as for_each_rating(),
/// and OptionError for weights together with times
RatingLines read_lines(const std::string& path, const ReadOptions& read);
/// Appends the ratings of another file to `lines`, with ids numbered on. \throws as for_each_rating()
void append_lines(const std::string& path, const ReadOptions& read, RatingLines& lines);

/// Makes the lines of each pair of user and item, in the same situation, one line, where the first of them is, with the rating and weight
/// that `rule` keeps. Times of lines are kept only if all lines have one. \param threads  0 for all; the result does not depend on it.
/// \return number of lines that were removed \throws DataError with Duplicates::error for a repeated pair, and as RatingsBuilder::build().
/// O(n log m) for m ratings per user
std::size_t merge_repeats(RatingLines& lines, Duplicates rule, int threads = 0);

/// A timestamp as files of ratings write it: a number, or for dates `2020-01-31` or `2020-01-31T22:30:00Z`, in UTC and with a fraction of a
/// second where there is one.
std::string time_text(std::int64_t time, bool dates);

}  // namespace lowrank
