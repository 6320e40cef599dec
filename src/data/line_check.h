#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/layout.h"

namespace lowrank {

/// The fault of an id, or nothing.
std::optional<std::string> check_id(std::string_view id);

/// Reads the value of a rating into `value`. Returns its fault, or nothing.
std::optional<std::string> read_value(std::string_view text, float& value);

/// Checks an index of a Matrix Market file against the size of its side, called `what` (`row` or `column`). Returns its fault, or nothing.
std::optional<std::string> check_index(std::string_view index, std::uint64_t size, const char* what);

/// Reads the timestamp of a line into `time`, which stays empty if the line has none. Returns its fault, or nothing.
std::optional<std::string> read_time(const LineFields& fields, const Layout& layout, std::optional<std::int64_t>& time);

/// Compares the number of entries of a Matrix Market file with its size line. \throws DataError if there are more, or at its end fewer
void check_entries(const Layout& layout, std::uint64_t count, const std::string& name, bool at_end);

}  // namespace lowrank
