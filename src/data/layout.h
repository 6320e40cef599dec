#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lowrank/data/read.h"

namespace lowrank {

enum class Separator : std::uint8_t { comma, semicolon, tab, double_colon, blanks };

/// Layout of the lines of a file of ratings, from Format, Columns and the first lines of the file.
struct Layout {
  static constexpr std::size_t kNone = ~std::size_t{0};

  Separator separator = Separator::comma;
  bool adjacency = false;        ///< whether lines are `user item item ...`
  bool implicit_values = false;  ///< whether a line without a rating is a rating of 1
  bool time_needed = false;      ///< whether a line without a timestamp is an error
  bool time_wanted = false;      ///< whether timestamps are kept if there are any
  /// 0-based columns; kNone for a column that is not read.
  std::size_t user = 0;
  std::size_t item = 1;
  std::size_t rating = 2;
  std::size_t time = 3;

  /// Matrix Market: the greatest indices and the number of entries by the size line; 0 for other formats.
  bool matrix_market = false;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t entries = 0;

  std::size_t skipped_bytes = 0;  ///< bytes before the first rating: byte order mark, header
  std::size_t skipped_lines = 0;  ///< number of lines in these bytes

  [[nodiscard]] bool quotes() const noexcept { return separator == Separator::comma || separator == Separator::semicolon; }
  /// Number of columns from the first one to the last one that is read.
  [[nodiscard]] std::size_t columns_read() const noexcept;
};

/// Detects the layout of a file. \param head  first bytes of the text. \param whole  whether `head` is the whole text
/// \throws DataError, OptionError
Layout detect_layout(std::string_view head, bool whole, const std::string& name, const ReadOptions& options);

/// Reads banner, comments and size line of a Matrix Market file into `layout`. \throws DataError
void read_matrix_market_header(std::string_view head, bool whole, const std::string& name, const ReadOptions& options, Layout& layout);

inline bool has_matrix_market_banner(std::string_view text) noexcept { return text.starts_with("%%MatrixMarket"); }

/// Reads the fields of one line, one after the other.
class FieldReader {
 public:
  /// \param line  a line without its line end
  FieldReader(std::string_view line, Separator separator) noexcept;

  /// Reads the next field into `field`; false after the last one. Quotes, or the blanks around an unquoted field, are removed. The field
  /// points into the line, or into `scratch` if it had doubled quotes.
  bool next(std::string_view& field, std::string& scratch);
  /// The fault of the last field, or null.
  [[nodiscard]] const char* problem() const noexcept { return problem_; }

 private:
  bool next_blanks(std::string_view& field) noexcept;
  void next_quoted(std::string_view& field, std::string& scratch);
  [[nodiscard]] std::size_t find_separator(std::size_t from) const noexcept;
  void pass_separator(std::size_t end) noexcept;

  std::string_view line_;
  Separator separator_;
  std::size_t at_ = 0;
  bool done_ = false;
  const char* problem_ = nullptr;
};

/// The fields of a line. The ids are not checked yet. The fields point into the line or into the scratch texts.
struct LineFields {
  std::string_view user;
  std::string_view item;
  std::string_view rating;
  std::string_view time;
  bool has_rating = false;
  bool has_time = false;
};

/// Texts that unquoting needs, one per field.
using Scratch = std::array<std::string, 4>;

/// Splits a line that is not blank. Returns its fault, or nothing.
std::optional<std::string> split_line(std::string_view line, const Layout& layout, Scratch& scratch, LineFields& fields);

}  // namespace lowrank
