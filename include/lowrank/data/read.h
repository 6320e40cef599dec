#pragma once

/// \file
/// Files of ratings. Formats, separators, compression, headers and errors are described for users in docs/command-line.md, "Reading".

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank {

/// How a file of ratings is laid out.
enum class Format : std::uint8_t {
  automatic,      ///< from the file's first lines (never `adjacency`)
  csv,            ///< commas or semicolons; fields may be quoted ("" is a quote within), quotes end on their line
  tsv,            ///< tabs, or runs of blanks and tabs
  movielens,      ///< `user::item::rating::time`
  matrix_market,  ///< coordinate, general: `row column value`, 1-based; rows are users; ids are the numbers as written
  adjacency,      ///< a line a user: `user item item ...`, every rating 1
};

/// Where a column is: by number or by name.
struct Column {
  std::size_t number = 0;  ///< 1-based; 0 when `name` counts, or when the column is not there
  std::string name;        ///< as in the header
};

/// Which columns hold what. Default: user, item, rating, time are columns 1 to 4, the last optional.
struct Columns {
  Column user{1, {}};
  Column item{2, {}};
  Column rating{3, {}};
  Column time{4, {}};
  bool stated = false;       ///< true when somebody named them: then a missing one is an error
  bool time_stated = false;  ///< true when the time column was named

  /// From `user=1,item=2,rating=3,time=4`, numbers or header names; what is left out keeps its default, but `time` is then not read.
  /// \throws OptionError("columns")
  static Columns parse(std::string_view text);
};

/// How to read.
struct ReadOptions {
  Format format = Format::automatic;
  Columns columns;
  Duplicates duplicates = Duplicates::last;
  bool implicit_values = false;  ///< a line of two columns is a rating of 1 (otherwise an error that says so)
  bool pairs_only = false;       ///< only user and item are needed: two columns are fine, a third is not looked at
  bool keep_times = false;       ///< keep timestamps where the file has them
  int threads = 0;               ///< 0 for all; the result does not depend on it
};

/// `auto|csv|tsv|movielens|matrix-market|adjacency`. \throws OptionError("format")
Format parse_format(std::string_view name);
/// `last|first|mean|error`. \throws OptionError("duplicates")
Duplicates parse_duplicates(std::string_view name);

/// One rating as a file has it. The ids are valid during the call that hands it over.
struct RatingLine {
  std::string_view user;
  std::string_view item;
  float value = 1;
  std::optional<std::int64_t> time;
};

/// Reads a file of ratings into memory, ids numbered in order of first appearance in the file.
///
/// Blanks around fields are no part of them unless they are quoted. Ratings are decimal numbers, rounded to the nearest float32; -0 is 0.
/// Timestamps are integers, or decimals whose fraction is cut off; where the time column was not stated and a line has none, none are kept.
/// Of an adjacency file, a user without items is passed over. A line may have up to 64 MiB. The first error in the file is the one thrown.
///
/// Read in chunks and parsed by all threads; beside the ratings (4 to 6 bytes each while they wait, 5 grouped, never both; for coded
/// values) and the ids it needs a few MiB a thread, however large the file. `.gz`, `.zst` and `.xz` files (told by their first bytes, parts
/// one after another read as one) are unpacked on the way, a batch ahead of the parsers. \param path  the file, or `-` for standard input
/// \throws FileError when it cannot be read; DataError naming file and line for content; OptionError for columns that are not there
Dataset read_ratings(const std::string& path, const ReadOptions& options = {});

/// Reads ratings or pairs in file order, repeats kept, numbered in the given vocabularies; ids beyond them get numbers above.
/// \throws as read_ratings
Pairs read_pairs(const std::string& path, const Vocabulary& users, const Vocabulary& items, const ReadOptions& options = {});

/// Hands over every rating of a file in file order, in constant memory. \throws as read_ratings, and whatever `consume` throws
void for_each_rating(const std::string& path, const ReadOptions& options, const std::function<void(const RatingLine&)>& consume);

/// Reads ids, one a line (blank lines skipped), e.g. the users to recommend for. \throws as read_ratings
std::vector<std::string> read_ids(const std::string& path);

}  // namespace lowrank
