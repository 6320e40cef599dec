#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "binding.h"
#include "lowrank/evaluate/calibration.h"
#include "lowrank/evaluate/compare.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/evaluate/validation.h"
#include "pipeline/monitor.h"

namespace lowrank::python {

namespace {

nb::object tuple_of(const Interval& interval) { return nb::make_tuple(interval.low, interval.high); }
nb::object tuple_of(const std::optional<Interval>& interval) { return interval ? tuple_of(*interval) : nb::none(); }

/// Puts the intervals of figures called NAME + `suffix` into a dict, under NAME.
nb::dict intervals_of(const UserFigures& figures, const std::vector<Interval>& ends, const std::string& suffix) {
  nb::dict result;
  for (std::size_t n = 0; n < ends.size(); ++n) {
    const std::string& name = figures.figures[n].name;
    if (name.ends_with(suffix)) result[name.substr(0, name.size() - suffix.size()).c_str()] = tuple_of(ends[n]);
  }
  return result;
}

/// The figures of all users as columns; a user without one of the kinds of figures has NaN there.
nb::dict columns_of(const Model& model, const Pairs& pairs, const UserFigures& ratings, const UserFigures& lists) {
  std::vector<std::uint32_t> users = ratings.users;
  users.insert(users.end(), lists.users.begin(), lists.users.end());
  std::ranges::sort(users);
  users.erase(std::unique(users.begin(), users.end()), users.end());
  Vocabulary ids;
  ids.set_kind(model.users.ids.kind());
  for (const std::uint32_t user : users) ids.add(pairs.user_id(model.users.ids, user));
  nb::dict columns;
  columns["user"] = ids_of(ids);
  const auto add = [&](const UserFigures& figures, const std::string& name, const auto& value_at) {
    std::vector<double> column(users.size(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t n = 0; n < figures.users.size(); ++n) {
      const auto position = std::ranges::lower_bound(users, figures.users[n]) - users.begin();
      column[static_cast<std::size_t>(position)] = value_at(n);
    }
    columns[name.c_str()] = array_of(std::move(column));
  };
  if (!ratings.users.empty()) add(ratings, "ratings", [&](std::size_t n) { return ratings.weights[n]; });
  for (const UserFigures* figures : {&ratings, &lists}) {
    for (std::size_t figure = 0; figure < figures->figures.size(); ++figure) {
      add(*figures, figures->figures[figure].name, [&](std::size_t n) { return figures->value(figure, n); });
    }
  }
  return columns;
}

nb::dict dict_of(const RankingScores& scores) {
  nb::dict result;
  result["users"] = scores.users;
  for (const std::string_view name : ranking_metric_names()) result[std::string(name).c_str()] = ranking_metric(scores, name);
  if (scores.beyond) {
    for (const std::string_view name : beyond_accuracy_names()) {
      result[std::string(name).c_str()] = beyond_accuracy(*scores.beyond, name);
    }
  }
  return result;
}

nb::dict evaluate(const Model& model, const Pairs& pairs, const std::vector<std::size_t>& tops, std::optional<float> relevant_from,
                  bool beyond_accuracy, std::optional<double> level, bool per_user, int threads) {
  RatingScores scores;
  std::vector<RankingScores> ranking;
  UserFigures ratings;
  UserFigures lists;
  std::vector<Interval> rating_intervals;
  std::vector<Interval> list_intervals;
  std::optional<Calibration> calibration;
  const bool rated = model.centre.predicts_ratings && pairs.values.size() == pairs.size();
  {
    const WithoutGil free;
    const IntervalOptions options{.level = level.value_or(IntervalOptions().level), .threads = threads};
    check_interval(options);
    const bool by_user = level || per_user;
    if (rated) scores = score_ratings(model, pairs, threads, by_user ? &ratings : nullptr);
    if (rated && model.uncertainty) calibration = calibration_of(model, pairs, threads);
    if (!tops.empty()) {
      ranking = RankingTest(pairs, model.history, relevant_from)
                    .score(model, tops, {.threads = threads, .beyond_accuracy = beyond_accuracy, .by_user = by_user ? &lists : nullptr});
    }
    if (level) {
      rating_intervals = intervals(ratings, options);
      list_intervals = intervals(lists, options);
    }
  }
  nb::dict result;
  if (rated) {
    result["rmse"] = scores.rmse;
    result["mae"] = scores.mae;
    result["ratings"] = scores.ratings;
    result["unknown"] = scores.unknown;
  }
  if (calibration) {
    nb::dict coverage;
    for (std::size_t n = 0; n < calibration->coverage.size(); ++n) coverage[nb::float_(Calibration::kLevels[n])] = calibration->coverage[n];
    nb::dict figures;
    figures["crps"] = calibration->crps;
    figures["constant_crps"] = calibration->constant_crps;
    figures["coverage"] = coverage;
    result["calibration"] = figures;
  }
  if (level) {
    result["level"] = *level;
    result["interval"] = intervals_of(ratings, rating_intervals, "");
  }
  nb::dict by_length;
  for (const RankingScores& one : ranking) {
    nb::dict figures = dict_of(one);
    if (level) figures["interval"] = intervals_of(lists, list_intervals, "@" + std::to_string(one.top));
    by_length[nb::int_(one.top)] = figures;
  }
  if (!tops.empty()) result["ranking"] = by_length;
  if (per_user) result["per_user"] = columns_of(model, pairs, ratings, lists);
  return result;
}

nb::list compare_models(const std::vector<const Model*>& models, const Pairs& pairs, const std::vector<std::size_t>& tops,
                        std::optional<float> relevant_from, std::optional<double> level, int threads) {
  CompareOptions options{.tops = tops, .relevant_from = relevant_from};
  options.intervals.level = level.value_or(options.intervals.level);
  options.intervals.threads = threads;
  std::vector<ComparedMetric> metrics;
  {
    const WithoutGil free;
    metrics = compare(models, pairs, options);
  }
  nb::list result;
  for (const ComparedMetric& metric : metrics) {
    nb::list figures;
    for (const ComparedFigure& figure : metric.models) {
      nb::dict own;
      own["value"] = figure.value;
      own["interval"] = tuple_of(figure.interval);
      figures.append(own);
    }
    nb::list differences;
    for (const Difference& difference : metric.differences) {
      nb::dict own;
      own["value"] = difference.value;
      own["interval"] = tuple_of(difference.interval);
      own["p"] = difference.p;
      own["p_holm"] = difference.p_holm;
      own["users_better"] = difference.better;
      own["users_worse"] = difference.worse;
      differences.append(own);
    }
    nb::dict one;
    one["metric"] = metric.name;
    one["better"] = metric.higher_is_better ? "higher" : "lower";
    one["users"] = metric.users;
    one["models"] = figures;
    one["differences"] = differences;
    result.append(one);
  }
  return result;
}

}  // namespace

void bind_evaluate(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  module.def("evaluate", &evaluate, "model"_a, "pairs"_a, "tops"_a, "relevant_from"_a.none(), "beyond_accuracy"_a, "level"_a.none(),
             "per_user"_a, "threads"_a, "The figures of a model.");
  module.def("compare", &compare_models, "models"_a, "pairs"_a, "tops"_a, "relevant_from"_a.none(), "level"_a.none(), "threads"_a,
             "The figures of several models, and their differences to the first, to whose ids the pairs refer.");
  module.def(
      "score",
      [](const Model& model, const Pairs& pairs, std::optional<std::string> monitor, int threads) {
        return score_by(model, pairs, monitor.value_or(default_monitor(model.centre.predicts_ratings)), threads);
      },
      "model"_a, "pairs"_a, "monitor"_a.none(), "threads"_a, nb::call_guard<WithoutGil>(),
      "A figure of a model, greater for a better one.");
  module.def(
      "check_monitor", [](const std::string& monitor) { parse_monitor(monitor); }, "monitor"_a, "Checks the name of a validation figure.");
}

}  // namespace lowrank::python
