#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/split.h"

namespace lowrank {

/// The positions of ratings, grouped by user.
struct ByUser {
  std::vector<std::size_t> positions;  ///< in file order for each user
  std::vector<std::size_t> offsets;    ///< one per user, and the end

  explicit ByUser(std::span<const std::uint32_t> users);
  [[nodiscard]] std::size_t users() const noexcept { return offsets.size() - 1; }
  [[nodiscard]] std::span<std::size_t> of(std::size_t user) noexcept {
    return std::span(positions).subspan(offsets[user], offsets[user + 1] - offsets[user]);
  }
  /// Puts the positions of each user in the order of `times`, and equal ones in file order.
  void order_by(std::span<const std::int64_t> times);
};

/// Positions at which sorted times are cut: ratings of one time stay together, and no piece is empty. Of all cuts, each is the one nearest
/// to its target that leaves room for the others, the last one first; of two equally near ones, the later.
/// \param targets  positions in `sorted`, ascending. \return one cut per target, ascending; nothing if there are too few different times
std::optional<std::vector<std::size_t>> cuts_near(std::span<const std::int64_t> sorted, std::span<const std::size_t> targets);

/// \throws DataError unless there is a timestamp for every rating, where `by` needs them
void check_times(SplitBy by, std::size_t ratings, std::size_t times);

/// Whether `by` draws at random.
inline bool draws(SplitBy by) noexcept { return by == SplitBy::random || by == SplitBy::user || by == SplitBy::pair; }

/// The pairs of a user and an item, numbered in order of first appearance.
struct PairNumbers {
  std::vector<std::uint32_t> of_ratings;  ///< the pair of each rating
  std::uint32_t count = 0;

  /// Expected O(n). \throws DataError unless there is an item for every user
  PairNumbers(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items);
};

/// The pairs of a user and an item that have ratings: as many as there are ratings, unless these have situations. O(n)
std::size_t count_pairs(const Ratings& ratings);

/// The names of the options that are stated, or have another value than the default.
std::vector<std::string> stated_options(const SplitOptions& options);

/// \throws OptionError for the option `name` if it is in `stated`
void refuse_stated(std::span<const std::string> stated, const char* name, const std::string& problem);

}  // namespace lowrank
