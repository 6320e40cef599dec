#include "lowrank/evaluate/validation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"

namespace lowrank {

namespace {

/// An error of ratings that can pick the best epoch.
struct RatingMetric {
  std::string_view name;
  double RatingScores::*figure;
};

/// All metrics of ratings; a new one is a line here. For metrics of lists see ranking_metrics.h.
constexpr std::array kRatingMetrics{RatingMetric{"rmse", &RatingScores::rmse}, RatingMetric{"mae", &RatingScores::mae}};

/// Whether a metric of lists can be the monitor: coverage says nothing about the quality of lists.
bool picks_epochs(std::string_view ranking_metric) { return ranking_metric != "coverage"; }

OptionError unknown_metric(std::string_view monitor) {
  std::string names;
  for (const RatingMetric& metric : kRatingMetrics) names += (names.empty() ? "" : ", ") + std::string(metric.name);
  for (const std::string_view name : ranking_metric_names()) {
    if (picks_epochs(name)) names += ", " + std::string(name) + "@K";
  }
  return {"monitor", "unknown metric \"" + std::string(monitor) + "\", expected one of " + names};
}

}  // namespace

MonitorName parse_monitor(std::string_view monitor) {
  for (const RatingMetric& metric : kRatingMetrics) {
    if (metric.name == monitor) return {metric.name, 0};
  }
  const std::string_view name = monitor.substr(0, monitor.find('@'));
  const std::span<const std::string_view> names = ranking_metric_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end() || !picks_epochs(name)) throw unknown_metric(monitor);
  const std::string_view digits = monitor.substr(std::min(monitor.size(), name.size() + 1));
  std::size_t top = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), top);
  if (error != std::errc{} || end != digits.data() + digits.size() || top == 0) {
    throw OptionError("monitor",
                      "expected a list length of at least 1, as in " + std::string(name) + "@20, found \"" + std::string(monitor) + "\"");
  }
  return {*found, top};
}

Validation validate_on(const Pairs& pairs, std::string_view monitor, int threads, const SeenInTraining& seen) {
  const MonitorName name = parse_monitor(monitor);
  Validation validation;
  validation.name = monitor;
  if (name.top == 0) {
    const auto metric =
        std::find_if(kRatingMetrics.begin(), kRatingMetrics.end(), [&](const RatingMetric& own) { return own.name == name.metric; });
    validation.measure = [figure = metric->figure, &pairs, threads](const Model& model) {
      if (pairs.size() == 0) throw DataError("there are no ratings to validate on");
      return score_ratings(model, pairs, threads).*figure;
    };
    return validation;
  }
  static const History nothing;
  const History& items = seen.items != nullptr ? *seen.items : nothing;
  const auto test =
      std::make_shared<const RankingTest>(seen.includes_pairs ? RankingTest::of_held_out(pairs, items) : RankingTest(pairs, items));
  validation.higher_is_better = true;
  validation.measure = [test, name, &pairs, threads](const Model& model) {
    if (pairs.size() == 0) throw DataError("there are no ratings to validate on");
    return ranking_metric(test->score(model, std::array{name.top}, threads).front(), name.metric);
  };
  return validation;
}

double score_by(const Model& model, const Pairs& test, std::string_view monitor, int threads) {
  const Validation validation = validate_on(test, monitor, threads, {.items = &model.history});
  const double figure = validation.measure(model);
  return validation.higher_is_better ? figure : -figure;
}

}  // namespace lowrank
