#include "lowrank/evaluate/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "evaluate/bootstrap.h"
#include "evaluate/common_pairs.h"
#include "evaluate/sign_flips.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"

namespace lowrank {

namespace {

/// Figures and differences of all models, without p values.
std::vector<ComparedMetric> measure(std::span<const UserFigures> tests, const IntervalOptions& options) {
  const UserFigures& first = tests.front();
  const std::size_t users = first.users.size();
  const std::size_t count = first.figures.size();
  std::vector<const UserFigures*> all;
  for (const UserFigures& test : tests) all.push_back(&test);
  const std::vector<double> draws = users < 2 ? std::vector<double>() : bootstrap_values(all, options.draws, options.seed, options.threads);
  const std::size_t width = count * tests.size();
  std::vector<double> values(options.draws);
  const auto interval_of = [&](const auto& value_in) -> std::optional<Interval> {
    if (draws.empty()) return {};
    for (std::size_t draw = 0; draw < options.draws; ++draw) values[draw] = value_in(std::span(draws).subspan(draw * width, width));
    return percentile_interval(values, options.level);
  };
  std::vector<ComparedMetric> metrics;
  for (std::size_t figure = 0; figure < count; ++figure) {
    ComparedMetric metric{.name = first.figures[figure].name, .higher_is_better = first.figures[figure].higher_is_better, .users = users};
    for (std::size_t model = 0; model < tests.size(); ++model) {
      const std::size_t column = model * count + figure;
      metric.models.push_back({tests[model].value(figure), interval_of([&](std::span<const double> draw) { return draw[column]; })});
      if (model == 0) continue;
      Difference difference{.value = metric.models[model].value - metric.models[0].value,
                            .interval = interval_of([&](std::span<const double> draw) { return draw[column] - draw[figure]; })};
      std::array<std::size_t, 2> wins{};
      for (std::size_t user = 0; user < users; ++user) {
        const double own = tests[model].figures[figure].sums[user];
        const double other = first.figures[figure].sums[user];
        if (own != other) ++wins[(own > other) == metric.higher_is_better ? 0 : 1];
      }
      difference.better = static_cast<double>(wins[0]) / static_cast<double>(users);
      difference.worse = static_cast<double>(wins[1]) / static_cast<double>(users);
      metric.differences.push_back(difference);
    }
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

/// Fills in the p values of one set of users.
void test_differences(std::span<const UserFigures> tests, const CompareOptions& options, std::vector<ComparedMetric>& metrics) {
  for (std::size_t model = 1; model < tests.size(); ++model) {
    const std::vector<double> p =
        sign_flip_p(tests[0], tests[model], options.permutations, options.intervals.seed, options.intervals.threads);
    for (std::size_t figure = 0; figure < metrics.size(); ++figure) metrics[figure].differences[model - 1].p = p[figure];
  }
}

void correct(std::vector<ComparedMetric>& metrics) {
  std::vector<double> p;
  for (const ComparedMetric& metric : metrics) {
    for (const Difference& difference : metric.differences) p.push_back(difference.p);
  }
  p = holm(p);
  auto next = p.begin();
  for (ComparedMetric& metric : metrics) {
    for (Difference& difference : metric.differences) difference.p_holm = *next++;
  }
}

std::vector<ComparedMetric> measure_and_test(std::span<const UserFigures> tests, const CompareOptions& options) {
  std::vector<ComparedMetric> metrics = measure(tests, options.intervals);
  test_differences(tests, options, metrics);
  return metrics;
}

}  // namespace

void check_comparison(const CompareOptions& options) {
  check_interval(options.intervals);
  if (options.permutations == 0) throw OptionError("permutations", "must be at least 1, got 0");
  if (std::ranges::find(options.tops, std::size_t{0}) != options.tops.end()) throw OptionError("top", "must be at least 1, got 0");
  if (options.relevant_from && options.tops.empty()) throw OptionError("relevant_from", "needs " + mention("top"));
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> corrected(p.size());
  double least = 0;
  for (std::size_t n = 0; n < order.size(); ++n) {
    least = std::max(least, std::min(1.0, p[order[n]] * static_cast<double>(order.size() - n)));
    corrected[order[n]] = least;
  }
  return corrected;
}

std::vector<ComparedMetric> compare(std::span<const UserFigures> tests, const CompareOptions& options) {
  check_comparison(options);
  if (tests.size() < 2) throw DataError("a comparison needs at least two models");
  for (const UserFigures& test : tests) {
    if (test.users != tests[0].users || test.weights != tests[0].weights ||
        !std::ranges::equal(test.figures, tests[0].figures, {}, &UserFigure::name, &UserFigure::name)) {
      throw DataError("only figures of the same users on the same test can be compared");
    }
  }
  std::vector<ComparedMetric> metrics = measure_and_test(tests, options);
  correct(metrics);
  return metrics;
}

std::vector<ComparedMetric> compare(std::span<const Model* const> models, const Pairs& test, const CompareOptions& options) {
  check_comparison(options);
  if (models.size() < 2) throw DataError("a comparison needs at least two models");
  bool rated = std::ranges::all_of(models, [](const Model* model) { return model->centre.predicts_ratings; });
  if (!rated && options.tops.empty()) {
    throw OptionError("top", "is needed: a model that does not predict ratings can be compared by its lists only");
  }
  // Chosen items, without ratings, say nothing about predictions.
  if (!options.tops.empty() && test.values.size() != test.size()) rated = false;
  const int threads = options.intervals.threads;
  const CommonPairs common(models, test);
  std::vector<ComparedMetric> metrics;
  if (rated) {
    std::vector<UserFigures> figures(models.size());
    for (std::size_t n = 0; n < models.size(); ++n) {
      const NumberedPairs own = common.of(n, test);
      score_ratings(*models[n], own.pairs, threads, &figures[n]);
      own.restore_users(figures[n]);
    }
    metrics = measure_and_test(figures, options);
  }
  if (!options.tops.empty()) {
    const Pairs unseen = common.unseen();
    std::vector<UserFigures> figures(models.size());
    for (std::size_t n = 0; n < models.size(); ++n) {
      const NumberedPairs own = common.of(n, unseen);
      const History seen = common.seen_by(n, own);
      static_cast<void>(RankingTest(own.pairs, seen, options.relevant_from).score(*models[n], options.tops, threads, &figures[n]));
      own.restore_users(figures[n]);
    }
    std::ranges::move(measure_and_test(figures, options), std::back_inserter(metrics));
  }
  correct(metrics);
  return metrics;
}

}  // namespace lowrank
