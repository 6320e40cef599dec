#include "train/given_features.h"

#include <numeric>

namespace lowrank {

GivenFeatures::GivenFeatures(const Features& given, std::span<const std::uint32_t> counts)
    : features(&given), offsets(std::size_t{given.description.size()} + 1) {
  const auto for_each = [&](const auto& visit) {
    for (std::uint32_t row = 0; row < given.rows(); ++row) {
      if (counts[row] == 0) continue;
      for (std::size_t at = given.offsets[row]; at < given.offsets[row + 1]; ++at) visit(row, given.columns[at], given.values[at]);
    }
  };
  for_each([&](std::uint32_t, std::uint32_t column, float) { ++offsets[column + 1]; });
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  rows.resize(offsets.back());
  values.resize(offsets.back());
  std::vector<std::size_t> next(offsets.begin(), offsets.end() - 1);
  for_each([&](std::uint32_t row, std::uint32_t column, float value) {
    rows[next[column]] = row;
    values[next[column]++] = value;
  });
}

FeatureBlock GivenFeatures::block() const {
  return {.row_offsets = features->offsets,
          .row_features = features->columns.data(),
          .feature_offsets = offsets,
          .feature_rows = rows.data(),
          .row_values = features->values.data(),
          .feature_values = values.data()};
}

FeatureVectors GivenFeatures::frame(std::size_t rank) const {
  FeatureVectors vectors{.description = features->description,
                         .factors = FactorMatrix(offsets.size() - 1, rank),
                         .biases = std::vector<float>(offsets.size() - 1),
                         .counts = {},
                         .mean = {},
                         .rows = {}};
  for (std::size_t column = 0; column + 1 < offsets.size(); ++column) {
    vectors.counts.push_back(static_cast<std::uint32_t>(offsets[column + 1] - offsets[column]));
  }
  for (std::uint32_t row = 0; row < features->rows(); ++row) vectors.rows.push_back(features->entries(row) != 0 ? 1 : 0);
  return vectors;
}

std::optional<GivenFeatures> given(const Features* features, std::span<const std::uint32_t> counts) {
  if (features == nullptr) return std::nullopt;
  return GivenFeatures(*features, counts);
}

}  // namespace lowrank
