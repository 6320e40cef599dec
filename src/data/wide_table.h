#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/layout.h"
#include "data/line_check.h"
#include "data/sample.h"

namespace lowrank {

/// Whether a cell of a matrix of users x items has no rating: it is empty, `-`, `NA`, `N/A`, `NaN`, `null` or `None`, in any case.
bool is_missing(std::string_view cell) noexcept;

/// Whether lines have the form of a matrix of users x items: distinct users, and ratings or missing values.
bool could_be_wide(const Table& table);

/// The layout of a matrix of users x items, if the lines are one beyond doubt: a header of items, and below it a user and one rating or
/// missing value per item.
std::optional<Layout> find_wide_table(const Sample& sample, const std::string& name, std::span<const Separator> separators);

/// The layout of a matrix of users x items that is stated to be one. \throws DataError if the header does not fit
Layout wide_table(const Sample& sample, const std::string& name, std::span<const Separator> separators);

/// Reads a line with many ratings of one user, and calls `add` (user, item, value) for each, which returns its fault or nothing. Returns
/// the fault of the line, or nothing.
template <class Add>
std::optional<std::string> read_row(std::string_view line, const Layout& layout, Scratch& scratch, const Add& add) {
  FieldReader reader(line, layout.separator);
  std::string_view user;
  reader.next(user, scratch[0]);
  if (reader.problem() != nullptr) return reader.problem();
  if (auto problem = check_id(user)) return problem;
  std::string_view field;
  std::size_t cells = 0;
  for (; reader.next(field, scratch[1]); ++cells) {
    if (reader.problem() != nullptr) return reader.problem();
    std::optional<std::string> problem;
    if (layout.lines == Lines::adjacency) {
      // The end of a line may have separators without a field.
      if (!field.empty() || layout.separator == Separator::blanks) problem = add(user, field, 1.0F);
    } else if (!is_missing(field)) {
      float value = 0;
      if (cells >= layout.items.size()) return "more cells than the " + std::to_string(layout.items.size()) + " items of the header";
      problem = read_rating(field, layout, value);
      if (!problem) problem = add(user, layout.items[cells], value);
    }
    if (problem) return problem;
  }
  if (layout.lines == Lines::matrix && cells < layout.items.size()) {
    return "too few columns: expected a user and " + std::to_string(layout.items.size()) + " ratings, found " + std::to_string(cells + 1);
  }
  return std::nullopt;
}

/// The fault of a line with many ratings, its ids included, or nothing.
std::optional<std::string> check_row(std::string_view line, const Layout& layout, Scratch& scratch);

}  // namespace lowrank
