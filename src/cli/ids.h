#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/data/vocabulary.h"

namespace lowrank::cli {

/// The numbers of `ids`. An id is unknown if it is not in the vocabulary, or if `known` is false for its number.
/// \param kind  `user` or `item`, for the message. \throws UnknownIdError naming the unknown ones
std::vector<std::uint32_t> known_numbers(const Vocabulary& vocabulary, std::span<const std::string> ids, std::string_view kind,
                                         const std::function<bool(std::uint32_t)>& known);

/// The numbers below `size` for which `known` is true.
std::vector<std::uint32_t> all_numbers(std::uint32_t size, const std::function<bool(std::uint32_t)>& known);

}  // namespace lowrank::cli
