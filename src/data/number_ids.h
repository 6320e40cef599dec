#pragma once

/// \file
/// Ids that are integers, as in tables in memory. The integer 7 and the string `7` are the same id.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lowrank/data/vocabulary.h"

namespace lowrank {

/// Integer ids and their dense numbers.
struct NumberedIds {
  std::vector<std::uint32_t> numbers;  ///< number of every given id, in the given order
  std::vector<std::int64_t> ids;       ///< the distinct ids, in order of first appearance
};

/// Numbers the ids 0, 1, 2 ... in order of first appearance, as a file reader does. O(n). If the range of the ids is less than about four
/// times their count, a table over the range is used, and a hash table otherwise. \throws DataError for more than Vocabulary::kMaxSize
NumberedIds number_ids(std::span<const std::int64_t> ids);
NumberedIds number_ids(std::span<const std::int32_t> ids);

/// The vocabulary of integers, whose ids are their decimal digits. \param ids  distinct. \throws DataError if one occurs twice
Vocabulary vocabulary_of(std::span<const std::int64_t> ids);

/// The ids of a vocabulary as integers, by number; nothing if one of them is not the shortest decimal form of a 64-bit integer (`007`,
/// `+7`,
/// `-0` and `seven` are not). O(size)
std::optional<std::vector<std::int64_t>> integers_of(const Vocabulary& ids);

}  // namespace lowrank
