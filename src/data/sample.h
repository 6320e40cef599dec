#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "data/layout.h"

namespace lowrank {

/// The first lines of a file, from which its layout is detected. Blank lines are left out, and so are comments (see is_comment) once
/// remove_comments() is called.
struct Sample {
  struct Line {
    std::string_view text;
    std::size_t number = 0;  ///< 1-based
    std::size_t begin = 0;   ///< bytes before the line
    std::size_t end = 0;     ///< bytes up to the end of the line
  };
  std::vector<Line> lines;
  std::vector<Line> comments;  ///< comments before the first line
  bool whole = false;          ///< whether these are all lines of the file

  /// \param text  the start of a file. \param whole  whether it is the whole file
  static Sample of(std::string_view text, bool whole);
  /// The lines that start with no mark of a comment; all if every line starts with one.
  [[nodiscard]] Sample unmarked() const;
  /// Moves comments out of `lines`. \throws DataError for a line that could be a comment and a rating
  void remove_comments(const Layout& layout, const std::string& name);
};

/// The fields of the lines of a sample.
using Table = std::vector<std::vector<std::string>>;
Table table_of(const Sample& sample, Separator separator);

/// The number of fields that most lines from `from` on have; the larger one if two are equally frequent.
std::size_t usual_count(const Table& table, std::size_t from);

/// Reads a number, with a decimal point or comma. False if the field is not one.
bool is_rating(std::string_view field, float& value);

/// Whether a field is a number, or a date: what no header has.
bool is_figure(std::string_view field);

}  // namespace lowrank
