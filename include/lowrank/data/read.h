#pragma once

/// \file
/// Files of ratings. Formats, separators, compression, headers and errors are described for users in docs/command-line.md, "Reading
/// ratings".

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lowrank/data/periods.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Layout of a file of ratings.
enum class Format : std::uint8_t {
  automatic,      ///< detected from the first lines; `adjacency` is refused, and named, rather than taken
  csv,            ///< commas, semicolons or `|`; fields may be quoted ("" is a quote inside), on one line
  tsv,            ///< tabs, or runs of blanks and tabs
  movielens,      ///< `user::item::rating::time`
  matrix_market,  ///< coordinate: `row column value`, 1-based; rows are users; ids are the numbers as written
  adjacency,      ///< one line per user: `user item item ...`, every rating 1
  tns,            ///< a tensor as FROSTT writes it: `i j [k ...] value`, blanks between them, no header, `#` before comments
  matrix,         ///< a header of items, then one line per user: `user rating rating ...`, with empty, `-`, `NA` or `NaN` for missing
};

/// A column, given by number or by name.
struct Column {
  std::size_t number = 0;  ///< 1-based; 0 if `name` is used, or if there is no such column
  std::string name;        ///< name in the header
};

/// The columns of user, item, rating and time. By default those that the names in a header say, and in a file without a header columns 1 to
/// 4, of which the time is optional.
struct Columns {
  Column user{1, {}};
  Column item{2, {}};
  Column rating{3, {}};
  Column time{4, {}};
  Column weight{0, {}};        ///< how much a rating counts in training, compared with 1; read only where it is named
  bool stated = false;         ///< whether the caller named any of them; then a missing one is an error
  bool user_stated = false;    ///< whether the caller named the user column
  bool item_stated = false;    ///< whether the caller named the item column
  bool rating_stated = false;  ///< whether the caller named the rating column
  bool time_stated = false;    ///< whether the caller named the time column
  bool weight_stated = false;  ///< whether the caller named the weight column
  /// Further columns by the name that the caller gave them. Each must be one of ReadOptions::contexts.
  std::vector<std::pair<std::string, Column>> further = {};

  /// From `user=1,item=2,rating=3,time=4,weight=5`, with numbers or header names; other names, such as `daytime=6`, are those of contexts,
  /// see context_name(). A role that is left out keeps its default, but `time` and
  /// `weight` are then not read, nor is the rating with ReadOptions::implicit_values. \throws OptionError("columns")
  static Columns parse(std::string_view text);
};

/// The name of a context of which `text` is a spelling: letters are made small, and blanks, `-` and `.` become `_`. Nothing where others
/// than letters of ASCII, digits and `_` are left, where there are none, or more than 64.
std::optional<std::string> context_name(std::string_view text);

/// Lines that were left out because they are malformed.
struct SkippedLines {
  static constexpr std::size_t kNamed = 10;

  std::uint64_t count = 0;
  std::vector<std::string> first;  ///< the faults of the first kNamed of them, each with file and line
};

/// `ratings.csv: 12 malformed lines skipped, of which the first 10 are:`, and below it these faults, one per line.
std::string description(const SkippedLines& skipped, const std::string& file);

/// Options of the readers.
struct ReadOptions {
  Format format = Format::automatic;
  Columns columns;
  std::string separator;  ///< what separates columns, in a form that parse_separator() takes; empty to tell it from the first lines
  /// Decimal mark of the ratings, `.` or `,`; 0 to tell it from the ratings, where commas do not separate columns. With `,`, commas
  /// separate columns only if `separator` says so.
  char decimal = 0;
  std::string encoding;         ///< encoding of the text, by a name that iconv knows, such as `latin-1` or `utf-16`; empty for UTF-8
  bool skip_bad_lines = false;  ///< leave malformed lines out rather than end at the first one
  Duplicates duplicates = Duplicates::last;
  bool implicit_values = false;  ///< read a line of two columns as a rating of 1 (otherwise an error)
  bool pairs_only = false;       ///< read only user and item; further columns are optional and ignored
  bool keep_times = false;       ///< keep timestamps if the file has them
  bool keep_weights = false;     ///< for_each_rating(): pass on the weights of a column that is named, which is otherwise an error there
  bool times_needed = false;     ///< with keep_times: a file or a line without a timestamp is an error
  /// Contexts to read, by spellings of their names (see context_name()): columns that `columns` names, or else that the header names so. In
  /// a file of format `tns` all modes after the second are contexts, `mode3`, `mode4` and so on, whatever is said here. At most
  /// kMostContexts together with `time_contexts`.
  std::vector<std::string> contexts = {};
  std::vector<Period> time_contexts = {};  ///< contexts to derive from timestamps; a line without one lacks their levels
  bool contexts_needed = true;  ///< whether a file without one of the contexts is an error, rather than one that lacks its levels
  /// Names of contexts that are given for all lines: a file with a column of one of them is an error.
  std::vector<std::string> given_contexts = {};
  /// Texts that stand for a missing level, besides none at all, `NA`, `N/A`, `NaN`, `null` and `?` in any case.
  std::vector<std::string> missing = {};
  int threads = 0;  ///< 0 for all; the result does not depend on it
  /// Called once per file that is read, if given, when its first part turned out to be sound: with one line that says what the file was
  /// taken for, such as `ratings.csv: 4 columns separated by commas, header; user = user_id, item = book_id, rating = rating`.
  std::function<void(const std::string& description)> on_layout;
  /// Called once per file that is read, if given and lines of it were skipped, at its end. `file` is its name in messages.
  std::function<void(const std::string& file, const SkippedLines& skipped)> on_skipped;
  /// If given, counts the bytes that are read from files, packed as they are, for a caller that shows how far reading is.
  std::atomic<std::uint64_t>* bytes_read = nullptr;
};

/// `auto|csv|tsv|movielens|matrix-market|adjacency|matrix|tns`. \throws OptionError("format")
Format parse_format(std::string_view name);
/// What separates columns: `,` or another character that is part of no number, `::`, `tab`, or ` ` for blanks and tabs, as `\t`, `tab`,
/// `blank`, `comma`, `semicolon` or `pipe` as well. Returns the characters. \throws OptionError("separator")
std::string parse_separator(std::string_view text);
/// `.`, `,` or `auto` (0). \throws OptionError("decimal")
char parse_decimal(std::string_view text);
/// `last|first|mean|sum|count|error`. \throws OptionError("duplicates")
Duplicates parse_duplicates(std::string_view name);

/// One rating of a file. The ids are valid only during the call that passes it.
struct RatingLine {
  std::string_view user;
  std::string_view item;
  float value = 1;
  std::optional<std::int64_t> time;
  bool date = false;  ///< whether `time` is a date, in microseconds since 1970
  float weight = 1;
  /// The levels of ReadOptions::contexts, in their order; one that is missing is empty. Valid only during the call.
  std::span<const std::string_view> contexts = {};
};

/// Reads a file of ratings into memory, ids numbered in order of first appearance in the file.
///
/// Blanks around an unquoted field are not part of it. Ratings are decimal numbers, rounded to the nearest float32; -0 is 0. Timestamps are
/// integers, decimals whose fraction is cut off, or dates (ISO 8601), which become microseconds since 1970; if a line has no time and none
/// is needed, no timestamps are kept. A user without items in an adjacency file is skipped. A weight is a number of at least 0; a line
/// whose weight is 0 is left out, ids and all. A line may have up to 64 MiB. The first error in the file is the one that is thrown, unless
/// malformed lines are skipped.
///
/// The file is read in chunks, which all threads parse. Memory: the ratings (if coded, 4 to 6 bytes each until grouped, then 5, never
/// both), the ids, and a few MiB per thread, however large the file. `.gz`, `.zst` and `.xz` files (recognised by their first bytes;
/// several parts read as one) are unpacked on the way, one batch ahead of the parsers.
///
/// With contexts, and in a file of format `tns`, ratings have situations, and one thread reads the file. Memory is then 20 bytes per rating
/// more until they are grouped. Levels are numbered in order of first appearance, those of periods in the order of the calendar.
/// \param path  the file, or `-` for standard input
/// \throws FileError if it cannot be read; DataError naming file and line for wrong content; OptionError for columns that do not exist, and
/// for a column of weights together with timestamps, or with Duplicates::sum or count
Dataset read_ratings(const std::string& path, const ReadOptions& options = {});

/// Reads ratings or pairs in file order, duplicates included, numbered in the given vocabularies; unknown ids get the numbers above.
/// \param columns  if given, the contexts of a model or training set: the situations have these columns, and what is unknown there is
/// missing. \throws as read_ratings; OptionError for a column of weights
Pairs read_pairs(const std::string& path, const Vocabulary& users, const Vocabulary& items, const ReadOptions& options = {},
                 std::span<const ContextColumn> columns = {});

/// Passes every rating of a file to `consume`, in file order and constant memory. \throws as read_pairs, and whatever `consume` throws
void for_each_rating(const std::string& path, const ReadOptions& options, const std::function<void(const RatingLine&)>& consume);

/// Reads ids, one per line (blank lines are skipped), for example the users to recommend for. \param[out] lines  if given, receives the
/// number of each id's line, counted from 1 \throws as read_ratings
std::vector<std::string> read_ids(const std::string& path, std::vector<std::size_t>* lines = nullptr);

}  // namespace lowrank
