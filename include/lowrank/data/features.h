#pragma once

/// \file
/// Features: what is known of users or items besides ratings, as a sparse matrix, and how its columns came about.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/vocabulary.h"

namespace [[gnu::visibility("default")]] lowrank {

/// How the texts of a field become numbers in columns.
enum class FeatureForm : std::uint8_t {
  words,         ///< one column `FIELD=WORD` per word, 1 where a row has it; a text may be a list of words
  weights,       ///< numbers as they are. Columns are called as the field, or, where the field has no name, as the features of the lines
  standardized,  ///< one column with the name of the field: (number - mean) / deviation, 0 where the number is missing
  binned,        ///< one column `FIELD=[a,b)` per range of numbers, 1 for the range that a row's number is in
  left_out,      ///< no columns: nearly every text is another one, or there are none
};

/// What the number of a field is read from.
enum class FeatureNumber : std::uint8_t {
  number,       ///< a number
  date,         ///< a date, of which the year counts, with its part of a year
  year_at_end,  ///< a text that ends with a year in brackets, as `Toy Story (1995)`
};

/// A field of a table of features, and the columns that it became.
struct FeatureField {
  std::string name;  ///< as in the header, or the number of the field; empty for lines of `id,feature,value`
  FeatureForm form = FeatureForm::words;
  FeatureNumber number = FeatureNumber::number;  ///< for `standardized` and `binned`
  std::uint32_t first = 0;                       ///< first of its columns
  std::uint32_t count = 0;                       ///< number of its columns, which follow one another
  char separator = 0;                            ///< for `words`: what separates the words of a list; 0 where there are no lists
  double mean = 0;                               ///< for `standardized`
  double deviation = 1;                          ///< for `standardized`: above 0
  std::vector<double> edges;                     ///< for `binned`: count - 1 numbers, ascending, at which the ranges meet
  friend bool operator==(const FeatureField&, const FeatureField&) = default;
};

/// How the columns of a feature matrix came about. It travels with a model, so that a table of new users or items is read into the same
/// columns.
struct FeatureDescription {
  std::vector<FeatureField> fields;  ///< empty for a matrix that was given as such
  Vocabulary names;                  ///< of the columns: `genre=Comedy`, `age`

  /// Number of columns.
  [[nodiscard]] std::uint32_t size() const noexcept { return names.size(); }
  friend bool operator==(const FeatureDescription&, const FeatureDescription&) = default;
};

/// The features of one side: a sparse matrix of users or items x columns. Row r is that of number r of the side's vocabulary; a row
/// without entries is that of a user or item of whom nothing is known.
struct Features {
  FeatureDescription description;
  std::vector<std::size_t> offsets{0};  ///< rows + 1 positions: the entries of row r are at [offsets[r], offsets[r + 1])
  std::vector<std::uint32_t> columns;   ///< ascending within a row
  std::vector<float> values;            ///< finite, and not 0

  /// Number of rows.
  [[nodiscard]] std::uint32_t rows() const noexcept { return static_cast<std::uint32_t>(offsets.size() - 1); }
  /// Number of entries of row `row`.
  [[nodiscard]] std::size_t entries(std::uint32_t row) const noexcept { return offsets[row + 1] - offsets[row]; }
  [[nodiscard]] std::span<const std::uint32_t> columns_of(std::uint32_t row) const noexcept {
    return std::span(columns).subspan(offsets[row], entries(row));
  }
  [[nodiscard]] std::span<const float> values_of(std::uint32_t row) const noexcept {
    return std::span(values).subspan(offsets[row], entries(row));
  }
  /// Adds rows without entries until there are `count`.
  void extend(std::uint32_t count) {
    if (count > rows()) offsets.resize(std::size_t{count} + 1, offsets.back());
  }

  friend bool operator==(const Features&, const Features&) = default;
};

/// Why `description` is not sound (columns that do not belong to its fields, numbers that are not finite), or nothing. O(size)
std::optional<std::string> description_problem(const FeatureDescription& description);

/// Why `features` are not sound (see the members of Features), or nothing. O(size)
std::optional<std::string> features_problem(const Features& features);

}  // namespace lowrank
