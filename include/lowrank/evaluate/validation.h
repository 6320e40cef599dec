#pragma once

#include <cstddef>
#include <string_view>

#include "lowrank/data/ratings.h"
#include "lowrank/model/seen_items.h"
#include "lowrank/train/validation.h"

namespace lowrank {

/// What users rated in training: lists that are judged leave it out.
struct SeenInTraining {
  const SeenItems* items = nullptr;  ///< nothing where nobody rated anything; must outlive the validation
  bool includes_pairs = false;       ///< true: made before the validation pairs were held out, so that they are among them
};

/// A metric by which training can be monitored, taken apart: `ndcg@20` is {"ndcg", 20}.
struct MonitorName {
  std::string_view metric;
  std::size_t top = 0;  ///< length of lists; 0 for a metric of ratings
};
/// Parses `rmse`, `mae`, and METRIC@K with METRIC one of recall, precision, ndcg, map, mrr, hit_rate and K at least 1.
/// The result refers to static memory. \throws OptionError("monitor") naming the metrics there are
MonitorName parse_monitor(std::string_view monitor);

/// A Validation that scores `pairs` by the metric called `monitor` (see parse_monitor): errors of ratings, of which less is better, or
/// figures of lists (see ranking_metrics.h), of which more is. `pairs` must outlive it.
/// \param seen  for metrics of lists
/// \throws OptionError("monitor"). Measuring throws DataError when there are no pairs
Validation validate_on(const Pairs& pairs, std::string_view monitor, int threads = 0, const SeenInTraining& seen = {});

}  // namespace lowrank
