#include "lowrank/data/feature_matrix.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

void check(const Features& features) {
  if (const auto problem = features_problem(features)) throw DataError(*problem);
}

}  // namespace

Features arrange_rows(const Vocabulary& row_ids, const Features& given, Vocabulary& ids) {
  check(given);
  if (row_ids.size() != given.rows()) {
    throw DataError("there are " + std::to_string(row_ids.size()) + " ids for " + std::to_string(given.rows()) + " rows of features");
  }
  std::vector<std::uint32_t> row_of(ids.size(), Vocabulary::kUnknown);
  for (std::uint32_t row = 0; row < row_ids.size(); ++row) {
    const std::uint32_t number = ids.add(row_ids.id(row));
    if (number == row_of.size()) row_of.push_back(Vocabulary::kUnknown);
    row_of[number] = row;
  }
  Features features;
  features.description = given.description;
  for (const std::uint32_t row : row_of) {
    if (row != Vocabulary::kUnknown) {
      features.columns.insert(features.columns.end(), given.columns_of(row).begin(), given.columns_of(row).end());
      features.values.insert(features.values.end(), given.values_of(row).begin(), given.values_of(row).end());
    }
    features.offsets.push_back(features.columns.size());
  }
  return features;
}

Features arrange_columns(const Features& given, const FeatureDescription& description, FeatureGaps& gaps) {
  check(given);
  Features features;
  features.description = description;
  std::vector<std::uint32_t> columns;
  for (std::uint32_t column = 0; column < given.description.size(); ++column) {
    columns.push_back(description.names.find(given.description.names.id(column)));
  }
  std::vector<std::pair<std::uint32_t, float>> cells;
  for (std::uint32_t row = 0; row < given.rows(); ++row) {
    cells.clear();
    for (std::size_t n = 0; n < given.entries(row); ++n) {
      const std::uint32_t own = given.columns_of(row)[n];
      if (columns[own] != Vocabulary::kUnknown) {
        cells.emplace_back(columns[own], given.values_of(row)[n]);
        continue;
      }
      ++gaps.unknown;
      const std::string name(given.description.names.id(own));
      if (gaps.first.size() < FeatureGaps::kNamed && std::ranges::find(gaps.first, name) == gaps.first.end()) gaps.first.push_back(name);
    }
    std::ranges::sort(cells);
    for (const auto& [column, value] : cells) {
      features.columns.push_back(column);
      features.values.push_back(value);
    }
    features.offsets.push_back(features.columns.size());
  }
  return features;
}

}  // namespace lowrank
