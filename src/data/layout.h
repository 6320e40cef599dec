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

/// How the lines of a file of ratings are to be read: what Format, Columns and the first lines of the file say together.
struct Layout {
  static constexpr std::size_t kNone = ~std::size_t{0};

  Separator separator = Separator::comma;
  bool adjacency = false;        ///< `user item item ...`
  bool implicit_values = false;  ///< a line without the column of the rating is a rating of 1
  bool time_needed = false;      ///< a line without a timestamp is an error
  bool time_wanted = false;
  /// 0-based columns, kNone for those that are not read.
  std::size_t user = 0;
  std::size_t item = 1;
  std::size_t rating = 2;
  std::size_t time = 3;

  /// Matrix Market: indices run to these and there are so many entries; 0 else.
  bool matrix_market = false;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t entries = 0;

  std::size_t skipped_bytes = 0;  ///< of the text before its first rating: byte order mark, header
  std::size_t skipped_lines = 0;  ///< that end there

  [[nodiscard]] bool quotes() const noexcept { return separator == Separator::comma || separator == Separator::semicolon; }
  /// Number of columns that have to be looked at.
  [[nodiscard]] std::size_t columns_read() const noexcept;
};

/// \param head  the first bytes of the text, `whole` when it is all of it
/// \throws DataError, OptionError
Layout detect_layout(std::string_view head, bool whole, const std::string& name, const ReadOptions& options);

/// Reads banner, comments and size line of a Matrix Market file into `layout`. \throws DataError
void read_matrix_market_header(std::string_view head, bool whole, const std::string& name, const ReadOptions& options, Layout& layout);

inline bool has_matrix_market_banner(std::string_view text) noexcept { return text.starts_with("%%MatrixMarket"); }

/// The fields of one line, up to a certain one.
class FieldReader {
 public:
  /// \param line  without its end
  FieldReader(std::string_view line, Separator separator) noexcept;

  /// The next field into `field`; false after the last one. Quoted fields are unquoted, others without the blanks around them. The field
  /// points into the line, or into `scratch` where doubled quotes had to be made single.
  bool next(std::string_view& field, std::string& scratch);
  /// What was wrong with the last field, if anything.
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

/// What a line holds; the ids are not checked yet. `user` and the others point into the line or into the scratch text.
struct LineFields {
  std::string_view user;
  std::string_view item;
  std::string_view rating;
  std::string_view time;
  bool has_rating = false;
  bool has_time = false;
};

/// Texts that unquoting needs, one for each of the four fields.
using Scratch = std::array<std::string, 4>;

/// Splits a line that is not blank. Returns what is wrong with it, or nothing.
std::optional<std::string> split_line(std::string_view line, const Layout& layout, Scratch& scratch, LineFields& fields);

}  // namespace lowrank
