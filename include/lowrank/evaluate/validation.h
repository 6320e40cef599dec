#pragma once

#include <cstddef>
#include <string_view>

#include "lowrank/data/ratings.h"
#include "lowrank/model/history.h"
#include "lowrank/model/model.h"
#include "lowrank/train/validation.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Items that users rated in training, which validation lists leave out.
struct SeenInTraining {
  const History* items = nullptr;  ///< null for none; must outlive the validation
  bool includes_pairs = false;     ///< whether `items` has the validation pairs too, because it was made before they were held out
};

/// The parts of a monitor's name: `ndcg@20` is {"ndcg", 20}.
struct MonitorName {
  std::string_view metric;
  std::size_t top = 0;  ///< length of lists; 0 for a metric of ratings
};
/// Parses `rmse`, `mae`, and METRIC@K with METRIC one of recall, precision, ndcg, map, mrr, hit_rate and K at least 1.
/// The result refers to static memory. \throws OptionError("monitor") that lists the metrics
MonitorName parse_monitor(std::string_view monitor);

/// A Validation that scores `pairs` by the metric called `monitor` (see parse_monitor): an error of ratings (lower is better), or a metric
/// of lists (see ranking_metrics.h; higher is better). `pairs` must outlive it.
/// \param seen  used only by metrics of lists
/// \throws OptionError("monitor"). Measuring throws DataError if there are no pairs
Validation validate_on(const Pairs& pairs, std::string_view monitor, int threads = 0, const SeenInTraining& seen = {});

/// The figure called `monitor` (see parse_monitor) of a model on a test, as a score that is greater for a better model: minus an error.
/// Lists leave out what the model's users rated in training. \throws OptionError("monitor"); DataError if there is nothing to score
double score_by(const Model& model, const Pairs& test, std::string_view monitor, int threads = 0);

}  // namespace lowrank
