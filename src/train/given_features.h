#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lowrank/data/features.h"
#include "lowrank/model/model.h"
#include "train/gibbs.h"

namespace lowrank {

/// The features of one side that come with the input, seen from the features too.
struct GivenFeatures {
  const Features* features;
  std::vector<std::size_t> offsets;  ///< features + 1 positions
  std::vector<std::uint32_t> rows;   ///< with ratings, of each feature
  std::vector<float> values;

  /// \param given  borrowed \param counts  ratings of each row of the side
  GivenFeatures(const Features& given, std::span<const std::uint32_t> counts);

  [[nodiscard]] FeatureBlock block() const;
  /// What a model has of them but for vectors and biases.
  [[nodiscard]] FeatureVectors frame(std::size_t rank) const;
};

/// \param features  null for none
std::optional<GivenFeatures> given(const Features* features, std::span<const std::uint32_t> counts);

}  // namespace lowrank
