#pragma once

/// \file
/// Contexts of ratings as Python gives them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "binding.h"
#include "lowrank/data/situations.h"

namespace lowrank::python {

/// A context of ratings in memory: its name, its levels, and the level of each rating; a number beyond the levels for a missing one.
using GivenContext = std::tuple<std::string, std::vector<std::string>, Column<std::uint32_t>>;
using GivenContexts = std::vector<GivenContext>;

/// The contexts of ratings, and the situation of each.
struct Situated {
  Situations situations;
  std::vector<std::uint32_t> numbers;  ///< empty without contexts
};

/// The situations of `size` ratings. \param missing  texts that stand for a missing level. \param moments  timestamps, one per rating, to
/// derive `periods` from. \throws OptionError as check_contexts(), and for periods without timestamps; DataError for levels that are no ids
/// and for too many of them. Needs no GIL.
Situated situated(const GivenContexts& given, const std::vector<std::string>& periods, const std::vector<std::string>& missing,
                  const Times& moments, std::size_t size);

}  // namespace lowrank::python
