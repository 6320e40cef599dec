#pragma once

/// \file
/// Tables of features: files and tables in memory, and how they become columns. Formats and rules are described for users in
/// docs/features.md.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/data/features.h"
#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Whose features a table has.
enum class FeatureSide : std::uint8_t { users, items };

/// How a table of features is read.
struct FeatureReadOptions {
  FeatureSide side = FeatureSide::items;
  /// The columns of a table that are read, by name or 1-based number, separated by commas: `age,gender` or `id=1,2,3`; empty for all. The
  /// column of ids is `id=`, by default the one whose name says so, else the first one. A column that is named here is never left out.
  std::string columns = {};
  std::string encoding = {};  ///< of a file's text; empty for UTF-8
  /// Where given, ids that ratings have: they tell a header from the first row of a table.
  const Vocabulary* known = nullptr;
  /// Called once with one sentence on what the table was taken for, and what became of its columns.
  std::function<void(const std::string&)> on_summary = {};
};

/// The texts of a table of features, before they become numbers: what a file holds, or a DataFrame.
struct FeatureTable {
  /// One text per row.
  struct Field {
    std::string name;
    bool stated = false;               ///< whether the caller asked for it: it is then never left out
    Vocabulary texts;                  ///< the distinct texts
    std::vector<std::uint32_t> cells;  ///< number of each row's text; Vocabulary::kUnknown where it has none
    std::size_t bad_line = 0;          ///< first line whose text is not valid UTF-8; 0 for none
    std::size_t bad_row = 0;           ///< first row of such a text
  };
  /// One line of `id,feature,value`.
  struct Entry {
    std::uint32_t row = 0;
    std::uint32_t feature = 0;
    std::uint32_t text = Vocabulary::kUnknown;  ///< number of its value's text; kUnknown for none, which is 1
    std::size_t line = 0;
  };

  std::string source;              ///< name of the file; empty for a table in memory
  Vocabulary ids;                  ///< row r is that of id r
  std::vector<std::size_t> lines;  ///< line of each row
  std::vector<Field> fields;       ///< of a table with a row per id
  bool listed = false;             ///< whether the lines are of the form `id,feature[,value]`
  Vocabulary features;             ///< of such lines
  Vocabulary values;               ///< texts of the values of such lines
  std::vector<Entry> entries;      ///< such lines
  std::string layout;              ///< what the table was taken for, for messages
};

/// Reads a table of features from a file: lines `id,feature[,value]`, or a row per id with a field per column. Separator and header are
/// detected. Compressed input, a byte order mark and quotes are read as in files of ratings. \param description  what the columns of a
/// model's features came from, where the file is one of new rows; else null
/// \throws DataError with file and line, FileError, OptionError("feature_columns" or "encoding")
FeatureTable read_feature_table(const std::string& path, const FeatureReadOptions& options,
                                const FeatureDescription* description = nullptr);

/// The table of texts in memory, with a row per id. \param names  of the columns, as in a header \param columns  the texts of every column,
/// equally many; an empty text is missing \throws DataError, OptionError("feature_columns")
FeatureTable make_feature_table(const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& columns,
                                const FeatureReadOptions& options);

/// The parts of a table of new rows that no column of the model takes.
struct FeatureGaps {
  std::size_t unknown = 0;         ///< entries without a column: words and features that training did not know
  std::vector<std::string> first;  ///< names of the first of them, each once
  static constexpr std::size_t kNamed = 3;
  bool takes_unreadable = false;  ///< set by the caller to leave out and count texts that their columns cannot read, else errors
  std::size_t unreadable = 0;     ///< number of such texts
};

/// The features of a table whose columns are decided by its texts: 0 and 1 stay, numbers of few values and texts are words (one column per
/// word), other numbers and dates are cut at their deciles, or standardised where there are few rows, and texts that nearly all differ are
/// left out. \param[in,out] ids  ids of the side; those of the table that are new are added. The features have a row for each of them
/// \throws DataError
Features learn_features(const FeatureTable& table, Vocabulary& ids, const FeatureReadOptions& options);

/// The features of a table in columns that are decided already. \param[in,out] ids  as in learn_features() \param[in,out] gaps  see there
/// \throws DataError
Features apply_features(const FeatureTable& table, const FeatureDescription& description, Vocabulary& ids, FeatureGaps& gaps);

/// A sentence on `gaps`, for a warning; empty where there are none.
std::string gaps_text(const FeatureGaps& gaps, const std::string& source);

}  // namespace lowrank
