#pragma once

#include <span>

#include "data/sample.h"

namespace lowrank {

/// The separator of adjacency lines: commas or semicolons if all their fields end in one, otherwise blanks.
Separator separator_of_lists(const Sample& sample);

/// Whether the first line of an adjacency file is a header: its fields are names of columns, or words above numbers.
bool is_header_of_lists(const Table& table);

/// Whether lines below a header are like those of adjacency files rather than ratings: each starts with another user, they have different
/// lengths or are sorted, and what would be ratings and times are ids. \param whole  whether these are all lines of the file
bool are_lists(std::span<const std::vector<std::string>> lines, bool whole);

/// Whether lines are those of a matrix without the names of its users and items: rows of numbers and missing values, with a missing value,
/// a fraction or a negative number where ids would be.
bool is_bare_matrix(const Table& table);

/// Whether the column `rating` of lines without a header has times: whole numbers beyond any rating.
bool has_times(const Table& table, std::size_t rating);

/// Whether comments marked by `%` are followed by the size line of a Matrix Market file: rows, columns and entries.
bool is_matrix_market_body(const Sample& sample, const Table& table);

}  // namespace lowrank
