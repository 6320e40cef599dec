#include "lowrank/evaluate/user_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "evaluate/bootstrap.h"
#include "lowrank/base/error.h"

namespace lowrank {

double UserFigures::value(std::size_t figure) const {
  const UserFigure& own = figures[figure];
  const double mean = std::accumulate(own.sums.begin(), own.sums.end(), 0.0) / std::accumulate(weights.begin(), weights.end(), 0.0);
  return own.is_root ? std::sqrt(mean) : mean;
}

double UserFigures::value(std::size_t figure, std::size_t position) const {
  const double mean = figures[figure].sums[position] / weights[position];
  return figures[figure].is_root ? std::sqrt(mean) : mean;
}

std::size_t UserFigures::find(std::string_view name) const {
  std::string names;
  for (std::size_t n = 0; n < figures.size(); ++n) {
    if (figures[n].name == name) return n;
    names += (n == 0 ? "" : ", ") + figures[n].name;
  }
  throw OptionError("metric", "unknown metric \"" + std::string(name) + "\", expected one of " + names);
}

UserFigures pooled(std::span<const UserFigures> tests) {
  if (tests.empty()) throw DataError("there are no figures to pool");
  UserFigures all;
  for (const UserFigures& test : tests) {
    if (!std::ranges::equal(test.figures, tests.front().figures, {}, &UserFigure::name, &UserFigure::name)) {
      throw DataError("figures of different metrics cannot be pooled");
    }
    all.users.insert(all.users.end(), test.users.begin(), test.users.end());
  }
  std::sort(all.users.begin(), all.users.end());
  all.users.erase(std::unique(all.users.begin(), all.users.end()), all.users.end());
  all.weights.assign(all.users.size(), 0.0);
  for (const UserFigure& figure : tests.front().figures) {
    all.figures.push_back({figure.name, figure.higher_is_better, figure.is_root, std::vector<double>(all.users.size(), 0.0)});
  }
  for (const UserFigures& test : tests) {
    std::size_t position = 0;
    for (std::size_t n = 0; n < test.users.size(); ++n) {
      while (all.users[position] != test.users[n]) ++position;
      all.weights[position] += test.weights[n];
      for (std::size_t figure = 0; figure < all.figures.size(); ++figure) {
        all.figures[figure].sums[position] += test.figures[figure].sums[n];
      }
    }
  }
  return all;
}

void check_interval(const IntervalOptions& options) {
  if (!(options.level > 0 && options.level < 1)) throw OptionError("interval", "must be above 0 and below 1, as .95");
  if (options.draws == 0) throw OptionError("draws", "must be at least 1, got 0");
}

std::vector<Interval> intervals(const UserFigures& figures, const IntervalOptions& options) {
  check_interval(options);
  if (figures.users.size() < 2) return {};
  const std::vector<double> values = bootstrap_values(std::array{&figures}, options.draws, options.seed, options.threads);
  const std::size_t count = figures.figures.size();
  std::vector<Interval> intervals;
  std::vector<double> own(options.draws);
  for (std::size_t figure = 0; figure < count; ++figure) {
    for (std::size_t draw = 0; draw < options.draws; ++draw) own[draw] = values[draw * count + figure];
    intervals.push_back(percentile_interval(own, options.level));
  }
  return intervals;
}

}  // namespace lowrank
