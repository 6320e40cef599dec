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

/// Reads the rating of a line into `value`. It may have a decimal comma where commas do not separate columns, but a file has one decimal
/// mark, and a comma that may separate thousands is a fault unless the file has others that are decimal. Returns its fault, or nothing.
std::optional<std::string> read_rating(std::string_view text, const Layout& layout, float& value);

/// Reads a weight, a number of at least 0 with the decimal mark of ratings, into `weight`. Returns its fault, or nothing.
std::optional<std::string> read_weight(std::string_view text, const Layout& layout, float& weight);

/// Reads the value of a Matrix Market entry, whose exponent may be marked by `D` as Fortran writes it. Returns its fault, or nothing.
std::optional<std::string> read_entry_value(std::string_view text, float& value);

/// Checks the indices of a Matrix Market entry: they are within the matrix, and, in a symmetric one, on the side of the diagonal that the
/// format allows. Returns their fault, or nothing.
std::optional<std::string> check_entry(std::string_view row, std::string_view column, const Layout& layout);

/// Reads the timestamp of a line into `time`, which stays empty if the line has none. Returns its fault, or nothing.
std::optional<std::string> read_time(const LineFields& fields, const Layout& layout, std::optional<std::int64_t>& time);

/// The first fault of the ids, the rating and the time of a line, or nothing.
std::optional<std::string> check_fields(const LineFields& fields, const Layout& layout);

/// `problem` with the line that has it, for a line that is skipped.
std::string skipped_text(const std::string& problem, std::string_view line);

/// Compares the number of entries of a Matrix Market file with its size line. \throws DataError if there are more, or at its end fewer
void check_entries(const Layout& layout, std::uint64_t count, const std::string& name, bool at_end);

}  // namespace lowrank
