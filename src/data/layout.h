#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/times.h"
#include "lowrank/data/read.h"

namespace lowrank {

/// What separates the fields of a line: a value is that character, of those without a name as well.
enum class Separator : std::uint8_t { double_colon = 0, tab = '\t', blanks = ' ', comma = ',', semicolon = ';', pipe = '|' };

/// The separator that is stated, if one is. \throws OptionError("separator")
std::optional<Separator> stated_separator(const ReadOptions& options);

/// The kind of the lines of a file.
enum class Lines : std::uint8_t {
  ratings,    ///< one rating per line
  adjacency,  ///< `user item item ...`
  matrix,     ///< `user rating rating ...`, one rating per item of the header
};

/// The entries that a Matrix Market file leaves out because another one gives them.
enum class Symmetry : std::uint8_t { none, symmetric, skew };

/// The decimal mark of the ratings of a file, as far as the first lines tell.
enum class Decimal : std::uint8_t { unknown, point, comma };

/// Where a context is read.
struct ContextPlace {
  std::string name;
  std::size_t column = 0;  ///< 0-based; Layout::kNone for a context that is missing on every line
};

/// Layout of the lines of a file of ratings, from Format, Columns and the first lines of the file.
struct Layout {
  static constexpr std::size_t kNone = ~std::size_t{0};

  Separator separator = Separator::comma;
  Lines lines = Lines::ratings;
  Decimal decimal = Decimal::unknown;
  bool skip_bad_lines = false;             ///< whether malformed lines are left out
  bool implicit_values = false;            ///< whether a line without a rating is a rating of 1
  bool time_needed = false;                ///< whether a line without a timestamp is an error
  bool time_wanted = false;                ///< whether timestamps are kept if there are any
  bool time_named = false;                 ///< whether the caller or the header named the column, so that text in it is an error
  TimeUnit time_unit = TimeUnit::unknown;  ///< what the first timestamp counts
  /// 0-based columns; kNone for a column that is not read.
  std::size_t user = 0;
  std::size_t item = 1;
  std::size_t rating = 2;
  std::size_t time = 3;
  std::size_t weight = kNone;

  std::vector<ContextPlace> contexts;  ///< columns of contexts
  std::vector<std::string> missing;    ///< texts that stand for a missing level
  std::vector<Period> periods;         ///< contexts that are derived from timestamps
  bool tensor = false;                 ///< a file of format `tns`, which has exactly column_count columns

  bool header = false;             ///< whether there is a header
  std::vector<std::string> names;  ///< names of the columns in the header, if there is one
  bool row_names = false;          ///< whether the first column has row names, for which the header has no name
  std::size_t column_count = 0;    ///< number of columns of most lines; 0 if unknown
  std::vector<std::string> items;  ///< matrix: the items of the header

  /// Matrix Market: the greatest indices and the number of entries by the size line; 0 for other formats.
  bool matrix_market = false;
  Symmetry symmetry = Symmetry::none;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t entries = 0;

  std::size_t skipped_bytes = 0;  ///< bytes before the first rating: byte order mark, comments, header
  std::size_t skipped_lines = 0;  ///< number of lines in these bytes

  /// Whether quotes are looked at in columns that are not read, too. Texts in tab-separated files are often quoted by nobody's rules.
  [[nodiscard]] bool quotes() const noexcept { return separator == Separator::comma || separator == Separator::semicolon; }
  /// Number of columns from the first one to the last one that is read.
  [[nodiscard]] std::size_t columns_read() const noexcept;
  /// One rating per line, in the first three columns, and nothing else to look at.
  [[nodiscard]] bool plain() const noexcept {
    return lines == Lines::ratings && symmetry == Symmetry::none && user == 0 && item == 1 && rating == 2 && time == kNone &&
           weight == kNone && decimal != Decimal::comma && contexts.empty() && !tensor;
  }
};

/// What a layout takes a file for, as part of a message: `4 columns separated by commas, header; user = user_id, item = book_id, rating =
/// rating`.
std::string description(const Layout& layout);
/// `problem` with the line that has it, and what the file was taken for.
std::string with_context(const std::string& problem, std::string_view line, const Layout& layout);

/// Detects the layout of a file. \param head  first bytes of the text. \param whole  whether `head` is the whole text
/// \throws DataError, OptionError
Layout detect_layout(std::string_view head, bool whole, const std::string& name, const ReadOptions& options);

/// Reads banner, comments and size line of a Matrix Market file into `layout`. \throws DataError
void read_matrix_market_header(std::string_view head, bool whole, const std::string& name, const ReadOptions& options, Layout& layout);

/// Whether the first line that is not blank is a banner of Matrix Market, in any case, with one `%` or two.
bool has_matrix_market_banner(std::string_view text) noexcept;

/// Whether the line has the columns of `layout`, and a number for a rating.
bool reads_as_rating(std::string_view line, const Layout& layout);

/// Whether a line is a comment in `layout`: it starts with `%` or `#` and a blank (or nothing, or `%` or `#` again), and does not read as a
/// rating. \param[out] problem  the fault of a line that could be both
bool is_comment(std::string_view line, const Layout& layout, std::optional<std::string>& problem);

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
  bool next_blanks(std::string_view& field, std::string& scratch);
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
  std::string_view weight;
  bool has_rating = false;
  bool has_time = false;
};

/// Texts that unquoting needs, one per field.
using Scratch = std::array<std::string, 4>;

/// Splits a line that is not blank. Returns its fault, or nothing.
std::optional<std::string> split_line(std::string_view line, const Layout& layout, Scratch& scratch, LineFields& fields);

/// The fields of a line.
std::vector<std::string> fields_of(std::string_view line, Separator separator);
/// Number of fields of a line.
std::size_t count_fields(std::string_view line, Separator separator);

}  // namespace lowrank
