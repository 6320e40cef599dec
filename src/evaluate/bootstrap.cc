#include "evaluate/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "base/random.h"

namespace lowrank {

namespace {

/// Users x columns: of each test its weights, then the sums of its figures. One row is what a draw of the user adds.
class Rows {
 public:
  explicit Rows(std::span<const UserFigures* const> tests) : users_(tests.front()->users.size()) {
    for (const UserFigures* test : tests) width_ += 1 + test->figures.size();
    cells_.resize(users_ * width_);
    std::size_t column = 0;
    for (const UserFigures* test : tests) {
      put(column++, test->weights);
      for (const UserFigure& figure : test->figures) put(column++, figure.sums);
    }
  }
  [[nodiscard]] std::size_t users() const { return users_; }
  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::span<const double> row(std::size_t user) const { return std::span(cells_).subspan(user * width_, width_); }

 private:
  void put(std::size_t column, const std::vector<double>& values) {
    for (std::size_t user = 0; user < users_; ++user) cells_[user * width_ + column] = values[user];
  }

  std::size_t users_;
  std::size_t width_ = 0;
  std::vector<double> cells_;
};

double quantile(std::span<const double> sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= sorted.size()) return sorted.back();
  return std::lerp(sorted[below], sorted[below + 1], position - static_cast<double>(below));
}

}  // namespace

std::vector<double> bootstrap_values(std::span<const UserFigures* const> tests, std::size_t draws, std::uint64_t seed, int threads) {
  const Rows rows(tests);
  const std::size_t figures = rows.width() - tests.size();
  std::vector<double> values(draws * figures);
  constexpr std::size_t kGrain = 8;
  Workers(threads).for_ranges(draws, kGrain, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> totals(rows.width());
    for (std::size_t draw = begin; draw < end; ++draw) {
      std::fill(totals.begin(), totals.end(), 0.0);
      RandomStream random(seed, Purpose::bootstrap, draw);
      for (std::size_t n = 0; n < rows.users(); ++n) {
        const std::span<const double> row = rows.row(random.below(rows.users()));
        for (std::size_t column = 0; column < row.size(); ++column) totals[column] += row[column];
      }
      auto value = values.begin() + static_cast<std::ptrdiff_t>(draw * figures);
      auto total = totals.begin();
      for (const UserFigures* test : tests) {
        const double weight = *total++;
        for (const UserFigure& figure : test->figures) {
          const double mean = *total++ / weight;
          *value++ = figure.is_root ? std::sqrt(mean) : mean;
        }
      }
    }
  });
  return values;
}

Interval percentile_interval(std::vector<double>& values, double level) {
  std::sort(values.begin(), values.end());
  return {quantile(values, (1 - level) / 2), quantile(values, (1 + level) / 2)};
}

}  // namespace lowrank
