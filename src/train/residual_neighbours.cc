#include "train/residual_neighbours.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/dot.h"
#include "lowrank/train/baseline.h"
#include "model/neighbours_code.h"
#include "train/methods.h"
#include "train/transpose.h"

namespace lowrank {

namespace {

/// Rows per piece of work: few, for a popular item costs a thousand times a rare one.
constexpr std::size_t kRows = 16;

/// Ratings of one side, row by row, as residuals.
struct ResidualRows {
  std::span<const std::size_t> offsets;
  std::span<const std::uint32_t> others;
  std::vector<float> residuals;

  [[nodiscard]] std::size_t size() const { return offsets.size() - 1; }
};

using Candidates = std::vector<std::pair<float, std::uint32_t>>;

/// The order of weights: ties go to the lower number.
bool heavier(const Candidates::value_type& a, const Candidates::value_type& b) {
  return a.first > b.first || (a.first == b.first && a.second < b.second);
}

/// Makes the greatest of the candidates a row, to their power.
void keep_greatest(Candidates& candidates, const ResidualNeighbourOptions& options, NeighbourRow& row) {
  const auto kept = static_cast<std::ptrdiff_t>(std::min<std::size_t>(options.neighbours, candidates.size()));
  const auto middle = candidates.begin() + kept;
  if (middle != candidates.end()) std::nth_element(candidates.begin(), middle, candidates.end(), heavier);
  std::sort(candidates.begin(), middle, [](const auto& a, const auto& b) { return a.second < b.second; });
  row.items.reserve(static_cast<std::size_t>(kept));
  row.weights.reserve(static_cast<std::size_t>(kept));
  for (auto each = candidates.begin(); each != middle; ++each) {
    row.items.push_back(each->second);
    constexpr double kMostWeight = 1e20;
    const double weight = std::pow(static_cast<double>(each->first), options.power);
    row.weights.push_back(static_cast<float>(std::min(weight, kMostWeight)));
  }
}

/// Rows by who asks, as a model keeps them: where items speak, by the item that speaks.
Neighbours to_model(std::vector<NeighbourRow> rows, const NeighbourRule& rule) {
  Neighbours neighbours = joined(rows, rule);
  return rule.side == NeighbourSide::items ? transposed(neighbours) : neighbours;
}

/// Over what two rows have in common: the number, the sum of products, and those of either's squares.
struct Moments {
  std::array<float, 4> sums = {};

  void add(const std::array<float, 4>& own, float other) {
    const std::array<float, 4> others{1, other, 1, other * other};
    for (std::size_t n = 0; n < sums.size(); ++n) sums[n] += own[n] * others[n];
  }
  [[nodiscard]] float count() const { return sums[0]; }
  [[nodiscard]] float product() const { return sums[1]; }
  [[nodiscard]] double squares() const { return static_cast<double>(sums[2]) * static_cast<double>(sums[3]); }
};

/// Memory of a thread, for the moments of one row and each row after it.
struct Scratch {
  std::vector<Moments> moments;
  std::vector<std::uint32_t> touched;
};

/// The greatest weights of every row, which come from any thread in any order: a weight with fewer than `most` greater ones is kept.
class GreatestWeights {
 public:
  GreatestWeights(std::size_t rows, std::uint32_t most)
      : most_(std::min<std::size_t>(most, rows)), spare_(most_ / 4 + kLeastSpare), rows_(rows) {}

  void add(std::uint32_t row, std::uint32_t other, float weight) {
    Row& own = rows_[row];
    if (weight < own.least.load(std::memory_order_relaxed)) return;
    while (own.taken.test_and_set(std::memory_order_acquire)) {
    }
    if (own.candidates.empty()) own.candidates.reserve(std::min(most_ + spare_, rows_.size() - 1));
    own.candidates.emplace_back(weight, other);
    if (own.candidates.size() == most_ + spare_) {
      const auto last = own.candidates.begin() + static_cast<std::ptrdiff_t>(most_ - 1);
      std::nth_element(own.candidates.begin(), last, own.candidates.end(), heavier);
      own.least.store(last->first, std::memory_order_relaxed);
      own.candidates.erase(last + 1, own.candidates.end());
    }
    own.taken.clear(std::memory_order_release);
  }
  /// The candidates of a row, which are given up.
  [[nodiscard]] Candidates take(std::uint32_t row) { return std::move(rows_[row].candidates); }

 private:
  static constexpr std::size_t kLeastSpare = 16;

  struct Row {
    std::atomic<float> least{0};  ///< what is below it is not among the greatest
    std::atomic_flag taken;       ///< by a thread that changes the candidates
    Candidates candidates;
  };
  std::size_t most_;
  std::size_t spare_;  ///< candidates above `most` before a row is thinned out
  std::vector<Row> rows_;
};

/// Calls use(other, moments) for the rows after `row` that it has a column in common with, and clears the moments. Those of two rows are
/// the same whichever is asked: both meet their common columns in ascending order. \param rows  those that are compared \param columns  the
/// other view of the same ratings
template <class Use>
void for_each_moments(const ResidualRows& rows, const ResidualRows& columns, std::uint32_t row, Scratch& scratch, const Use& use) {
  scratch.moments.resize(rows.size());
  scratch.touched.clear();
  std::size_t work = 0;
  for (std::size_t at = rows.offsets[row]; at < rows.offsets[row + 1]; ++at)
    work += columns.offsets[rows.others[at] + 1] - columns.offsets[rows.others[at]];
  // Much work touches most rows: looking at all of them costs less than noting which.
  const bool looks_at_all = work > rows.size() / 2;
  for (std::size_t at = rows.offsets[row]; at < rows.offsets[row + 1]; ++at) {
    const std::uint32_t column = rows.others[at];
    const float value = rows.residuals[at];
    const std::array<float, 4> own{1, value, value * value, 1};
    const auto cells = columns.others.subspan(columns.offsets[column], columns.offsets[column + 1] - columns.offsets[column]);
    const auto after = std::ranges::upper_bound(cells, row) - columns.others.begin();
    for (auto cell = static_cast<std::size_t>(after); cell < columns.offsets[column + 1]; ++cell) {
      Moments& moments = scratch.moments[columns.others[cell]];
      if (!looks_at_all && moments.count() == 0) scratch.touched.push_back(columns.others[cell]);
      moments.add(own, columns.residuals[cell]);
    }
  }
  const auto take = [&](std::uint32_t other) {
    Moments& moments = scratch.moments[other];
    if (moments.count() != 0) use(other, moments);
    moments = {};
  };
  if (looks_at_all) {
    for (std::uint32_t other = row + 1; other < rows.size(); ++other) take(other);
  } else {
    for (const std::uint32_t other : scratch.touched) take(other);
  }
}

/// The shrunk correlation; 0 for what is no reason to be neighbours.
float correlation_of(const Moments& moments, const ResidualNeighbourOptions& options) {
  if (!(moments.product() > 0) || !(moments.squares() > 0) || moments.count() < 2) return 0;
  const double rho = std::min(1.0, static_cast<double>(moments.product()) / std::sqrt(moments.squares()));
  const double degrees = static_cast<double>(moments.count()) - 1;
  return static_cast<float>(rho * degrees / (degrees + options.shrinkage));
}

}  // namespace

Neighbours pearson_neighbours(const Ratings& ratings, const Model& baseline, const ResidualNeighbourOptions& options, Workers& workers) {
  const ByItem by_item = transpose(ratings, workers);
  ResidualRows users{.offsets = ratings.row_offsets(), .others = ratings.items(), .residuals = std::vector<float>(ratings.size())};
  ResidualRows items{
      .offsets = by_item.offsets, .others = {by_item.users.data(), ratings.size()}, .residuals = std::vector<float>(ratings.size())};
  // In units of their greatest one, so that squares stay within the range of floats.
  const auto left = [&](std::uint32_t user, std::uint32_t item, float value) {
    return static_cast<double>(value) - baseline.centre.mean - static_cast<double>(baseline.users.biases[user]) -
           static_cast<double>(baseline.items.biases[item]);
  };
  const auto for_each = [&](const auto& use) {
    workers.for_ranges(users.size(), 1024, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t user = begin; user < end; ++user) {
        for (std::size_t at = users.offsets[user]; at < users.offsets[user + 1]; ++at)
          use(user, at, left(static_cast<std::uint32_t>(user), users.others[at], ratings.value(at)));
      }
    });
  };
  std::vector<double> greatest(users.size());
  for_each([&](std::size_t user, std::size_t, double residual) { greatest[user] = std::max(greatest[user], std::abs(residual)); });
  const double most = std::ranges::max(greatest);
  const double scale = most > 0 ? 1 / most : 1;
  for_each([&](std::size_t, std::size_t at, double residual) { users.residuals[at] = static_cast<float>(residual * scale); });
  workers.for_ranges(items.size(), 256, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t item = begin; item < end; ++item) {
      for (std::size_t at = items.offsets[item]; at < items.offsets[item + 1]; ++at)
        items.residuals[at] = static_cast<float>(left(items.others[at], static_cast<std::uint32_t>(item), by_item.value(at)) * scale);
    }
  });

  const bool of_users = options.rule.side == NeighbourSide::users;
  const ResidualRows& rows = of_users ? users : items;
  const ResidualRows& columns = of_users ? items : users;
  std::vector<NeighbourRow> found(rows.size());
  std::vector<Scratch> scratch(static_cast<std::size_t>(workers.count()));
  GreatestWeights greatest_weights(rows.size(), options.neighbours);
  workers.for_ranges(rows.size(), kRows, [&](std::size_t begin, std::size_t end, int slot) {
    for (auto row = static_cast<std::uint32_t>(begin); row < end; ++row) {
      for_each_moments(rows, columns, row, scratch[static_cast<std::size_t>(slot)], [&](std::uint32_t other, const Moments& moments) {
        const float correlation = correlation_of(moments, options);
        if (!(correlation > 0)) return;
        greatest_weights.add(row, other, correlation);
        greatest_weights.add(other, row, correlation);
      });
    }
  });
  workers.for_ranges(rows.size(), kRows, [&](std::size_t begin, std::size_t end, int) {
    for (auto row = static_cast<std::uint32_t>(begin); row < end; ++row) {
      Candidates candidates = greatest_weights.take(row);
      keep_greatest(candidates, options, found[row]);
    }
  });
  return to_model(std::move(found), options.rule);
}

Neighbours factor_neighbours(const FactorMatrix& factors, bool by_distance, const ResidualNeighbourOptions& options, Workers& workers) {
  const std::size_t count = factors.rows();
  const std::size_t stride = factors.stride();
  const auto row = [&](std::size_t index) { return factors.data() + index * stride; };
  std::vector<double> squares(count);
  double sum = 0;
  std::size_t known = 0;
  for (std::size_t item = 0; item < count; ++item) {
    squares[item] = static_cast<double>(finite_dot(dot(row(item), row(item), stride), row(item), row(item), stride));
    sum += squares[item];
    known += squares[item] > 0 ? 1U : 0U;
  }
  const double mean_square = known == 0 ? 1 : sum / static_cast<double>(known);
  std::vector<NeighbourRow> found(count);
  std::vector<Candidates> scratch(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(count, kRows, [&](std::size_t begin, std::size_t end, int slot) {
    Candidates& candidates = scratch[static_cast<std::size_t>(slot)];
    for (std::size_t item = begin; item < end; ++item) {
      candidates.clear();
      for (std::size_t other = 0; other < count; ++other) {
        if (other == item || squares[item] == 0 || squares[other] == 0) continue;
        const auto product = static_cast<double>(finite_dot(dot(row(item), row(other), stride), row(item), row(other), stride));
        // Vectors that are as good as equal are neighbours, not more.
        constexpr double kNearest = 1e-6;
        const double apart = std::max(squares[item] + squares[other] - 2 * product, kNearest * (squares[item] + squares[other]));
        const double cosine = std::min(1.0, product / std::sqrt(squares[item] * squares[other]));
        const double base = by_distance ? mean_square / apart : cosine;
        if (base > 0) candidates.emplace_back(static_cast<float>(base), static_cast<std::uint32_t>(other));
      }
      keep_greatest(candidates, options, found[item]);
    }
  });
  return to_model(std::move(found), options.rule);
}

Model baseline_of(const Ratings& ratings, const Model& frame, int threads) {
  Model own;
  own.users.counts = frame.users.counts;
  own.items.counts = frame.items.counts;
  return train_method(Ratings(ratings), Baseline{}, std::move(own), {}, TrainingObserver::silent(),
                      {.threads = threads, .min_rating = {}, .max_rating = {}})
      .model;
}

}  // namespace lowrank
