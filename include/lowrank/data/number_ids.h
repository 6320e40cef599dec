#pragma once

/// \file
/// Ids that are integers already, as tables in memory have them. The integer 7 and the string `7` are one id.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lowrank/data/vocabulary.h"

namespace lowrank {

/// Integers as dense numbers.
struct NumberedIds {
  std::vector<std::uint32_t> numbers;  ///< of every given id, in the order given
  std::vector<std::int64_t> ids;       ///< the distinct ids by number: in order of first appearance
};

/// Numbers the ids 0, 1, 2 ... in order of first appearance, as reading them from a file would. O(n); where the ids span less than about
/// four times their number, a table of the span is all it takes, else a hash table. \throws DataError for more than Vocabulary::kMaxSize
NumberedIds number_ids(std::span<const std::int64_t> ids);
NumberedIds number_ids(std::span<const std::int32_t> ids);

/// The vocabulary of integers, each id their decimal digits. \param ids distinct. \throws DataError when one stands there twice
Vocabulary vocabulary_of(std::span<const std::int64_t> ids);

/// The integers that all ids of a vocabulary are, by number; nothing where one of them is anything but the shortest decimal form of a
/// 64-bit integer (`007`, `+7`, `-0` and `seven` are none). O(size)
std::optional<std::vector<std::int64_t>> integers_of(const Vocabulary& ids);

}  // namespace lowrank
