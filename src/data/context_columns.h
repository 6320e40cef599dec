#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/layout.h"
#include "lowrank/data/read.h"

namespace lowrank {

/// Whether a file is read as a tensor: that is stated, or its name ends in `.tns`, packed or not.
bool is_tensor(const std::string& path, const ReadOptions& options);

/// Whether ratings of a file have situations.
bool reads_contexts(const std::string& path, const ReadOptions& options);

/// Checks the names of contexts, that further columns are contexts, and that texts of missing levels are read. \throws OptionError
/// \param tensor  whether the file has contexts by its format
void check_contexts(const ReadOptions& options, bool tensor = false);

/// Whether every context that no number places is named in a header.
bool names_contexts(const ReadOptions& options, const std::vector<std::string>& header);

/// Places the columns of contexts in a layout whose other columns are placed. A column of text that the header calls a time is not the time
/// if it is a context. \param name  name of the file in messages \throws OptionError, DataError
void place_contexts(const ReadOptions& options, const std::string& name, Layout& layout);

/// Refuses a column of a context that is given for all lines. \param columns  names of columns \throws OptionError
void refuse_given(const ReadOptions& options, const std::vector<std::string>& columns, const std::string& name);

/// Whether a field stands for a missing level.
bool is_missing_level(std::string_view text, const std::vector<std::string>& missing);

/// The layout of a file of format `tns`, from its first line that is not a comment. \throws DataError, OptionError
Layout tensor_layout(std::string_view head, const std::string& name, const ReadOptions& options);

/// The fault of a line of a tensor: of its number of fields, or of its indices. Nothing if there is none.
std::optional<std::string> check_tensor_line(std::string_view line, const Layout& layout);

/// Reads the levels of the contexts of lines.
class ContextFields {
 public:
  explicit ContextFields(const Layout& layout) : layout_(layout), scratch_(layout.contexts.size()), texts_(layout.contexts.size()) {}

  /// Reads those of a line that has all columns. Returns its fault, or nothing.
  std::optional<std::string> read(std::string_view line);
  /// The levels, missing ones empty. Valid until the next line.
  [[nodiscard]] const std::vector<std::string_view>& texts() const noexcept { return texts_; }

 private:
  const Layout& layout_;
  std::vector<std::string> scratch_;
  std::vector<std::string_view> texts_;
  std::string skipped_;
};

/// Numbers the situations of lines by the texts of their levels.
class SituationNumbers {
 public:
  explicit SituationNumbers(Situations& situations) : situations_(situations) {}

  /// \throws DataError naming file and line for a column with more than kMostLevels levels
  std::uint32_t number(std::span<const std::string_view> texts, const std::string& file, std::size_t line);

 private:
  Situations& situations_;
  std::vector<std::uint16_t> levels_;
};

/// Adds columns of periods to situations. \param times  one per rating, RatingLines::kNoTime where there is none
/// \param[in,out] numbers  the situation of each rating; where it is empty, there were none
/// \throws DataError as periods_of(), and for a period with more than kMostLevels levels
void add_periods(std::span<const Period> periods, std::span<const std::int64_t> times, Situations& situations,
                 std::vector<std::uint32_t>& numbers);

}  // namespace lowrank
