#include "lowrank/evaluate/validation.h"

#include <array>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/evaluate/rating_metrics.h"

namespace lowrank {

namespace {

/// A figure that can pick the best epoch.
struct MonitoredMetric {
  std::string_view name;
  bool higher_is_better;
  double (*measure)(const Model&, const Pairs&, int threads);
};

/// Every metric there is: a new one is a line here.
constexpr std::array kMetrics{
    MonitoredMetric{"rmse", false,
                    [](const Model& model, const Pairs& pairs, int threads) { return score_ratings(model, pairs, threads).rmse; }},
    MonitoredMetric{"mae", false,
                    [](const Model& model, const Pairs& pairs, int threads) { return score_ratings(model, pairs, threads).mae; }},
};

const MonitoredMetric& metric_by_name(std::string_view name) {
  std::string names;
  for (const MonitoredMetric& metric : kMetrics) {
    if (metric.name == name) return metric;
    names += (names.empty() ? "" : ", ") + std::string(metric.name);
  }
  throw OptionError("monitor", "there is no metric \"" + std::string(name) + "\"; there are: " + names);
}

}  // namespace

Validation validate_on(const Pairs& pairs, std::string_view monitor, int threads) {
  const MonitoredMetric& metric = metric_by_name(monitor);
  Validation validation;
  validation.measure = [&metric, &pairs, threads](const Model& model) {
    if (pairs.size() == 0) throw DataError("there are no ratings to validate on");
    return metric.measure(model, pairs, threads);
  };
  validation.name = metric.name;
  validation.higher_is_better = metric.higher_is_better;
  return validation;
}

}  // namespace lowrank
