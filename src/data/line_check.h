#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/layout.h"

namespace lowrank {

/// What is wrong with an id, or nothing.
std::optional<std::string> check_id(std::string_view id);

/// Reads the value of a rating into `value`. Returns what is wrong with it, or nothing.
std::optional<std::string> read_value(std::string_view text, float& value);

/// Checks an index of a Matrix Market file against the size of its side, `what` (`row`). Returns what is wrong with it, or nothing.
std::optional<std::string> check_index(std::string_view index, std::uint64_t size, const char* what);

/// Reads the timestamp of a line into `time`; nothing there when there is none, or none that is stated. Returns what is wrong with it.
std::optional<std::string> read_time(const LineFields& fields, const Layout& layout, std::optional<std::int64_t>& time);

/// Throws when a Matrix Market file has more entries than it says, or, at its end, fewer. \throws DataError
void check_entries(const Layout& layout, std::uint64_t count, const std::string& name, bool at_end);

}  // namespace lowrank
