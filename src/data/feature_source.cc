#include "lowrank/data/feature_source.h"

#include "lowrank/data/feature_matrix.h"

namespace lowrank {

Features learn_features(const FeatureSource& source, Vocabulary& ids) {
  if (const auto* matrix = std::get_if<FeatureMatrix>(&source.given)) return arrange_rows(matrix->ids, matrix->features, ids);
  return learn_features(std::get<FeatureTable>(source.given), ids, source.options);
}

}  // namespace lowrank
