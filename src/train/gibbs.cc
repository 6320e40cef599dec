#include "train/gibbs.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/aligned_floats.h"
#include "kernels/feature_columns.h"
#include "kernels/gram.h"
#include "kernels/gramian.h"
#include "kernels/history_rows.h"
#include "kernels/normals.h"
#include "kernels/rows.h"
#include "kernels/solve.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 256;
/// Precision of a row's numbers before the first draw.
constexpr double kFirstPrecision = 10;
/// See GibbsSide::prior_rows.
constexpr double kMostPriorRows = 100;
constexpr double kPriorShare = 0.1;
constexpr double kPriorVariance = 0.03;
constexpr double kCentredVariance = 0.002;
/// Of a column of few levels, as a share of the numbers of a row.
constexpr double kLevelShare = 0.1;
/// The rounding error of sums of squares in float, as a share of the greatest sum: so much is added to the diagonal of a scatter matrix, or
/// it may have no root.
constexpr double kRounding = 1e-6;

double square(float x) { return static_cast<double>(x) * static_cast<double>(x); }

constexpr std::size_t kSliceColumns = 16;

/// Columns that are drawn together.
struct Slice {
  std::size_t first;
  std::size_t columns;
  std::size_t width;  ///< with padding
};

/// Slices of 16 columns, or of 8 where else there were fewer than threads; a column that 16 leave over is a slice by itself. No number of a
/// column depends on the others in its slice.
std::vector<Slice> slices_of(std::size_t columns, int threads) {
  const bool few = (columns + kSliceColumns - 1) / kSliceColumns < static_cast<std::size_t>(threads);
  const bool single = columns % kSliceColumns == 1;
  const std::size_t width = few ? kSliceColumns / 2 : kSliceColumns;
  std::vector<Slice> slices;
  for (std::size_t first = 0; first < columns; first += width) {
    const std::size_t own = std::min(width, columns - first);
    slices.push_back({first, own, own == 1 && single ? 1 : width});
  }
  return slices;
}

}  // namespace

double draw_gamma(RandomStream& stream, double shape) {
  const double d = shape - 1.0 / 3.0;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = stream.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    const double u = 1 - stream.uniform();
    if (std::log(u) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

std::vector<double> lower_root(std::vector<double> a, std::size_t n) {
  if (!factor_positive_definite(a.data(), n))
    throw TrainingError("the prior of the rows is not positive definite: check the ratings for extreme values");
  for (std::size_t row = 0; row < n; ++row) std::fill_n(a.begin() + static_cast<std::ptrdiff_t>(row * n + row + 1), n - row - 1, 0.0);
  return a;
}

std::vector<double> inverse_of_lower(const std::vector<double>& lower, std::size_t n) {
  std::vector<double> inverse(n * n);
  for (std::size_t j = 0; j < n; ++j) {
    inverse[j * n + j] = 1 / lower[j * n + j];
    for (std::size_t i = j + 1; i < n; ++i) {
      double sum = 0;
      for (std::size_t k = j; k < i; ++k) sum += lower[i * n + k] * inverse[k * n + j];
      inverse[i * n + j] = -sum / lower[i * n + i];
    }
  }
  return inverse;
}

// With S = L L^T, S^-1 = L^-T L^-1, and a draw is L^-T A A^T L^-1 for A lower triangular with roots of chi-squared draws on the diagonal
// and normal draws below it.
std::vector<double> draw_wishart(RandomStream& stream, const std::vector<double>& inverse_scale, std::size_t n, double degrees) {
  const std::vector<double> inverse = inverse_of_lower(lower_root(inverse_scale, n), n);
  std::vector<double> a(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) a[i * n + j] = stream.normal();
    a[i * n + i] = std::sqrt(2 * draw_gamma(stream, (degrees - static_cast<double>(i)) / 2));
  }
  std::vector<double> factor(n * n);  // L^-T A
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = i; k < n; ++k) {
      for (std::size_t j = 0; j <= k; ++j) factor[i * n + j] += inverse[k * n + i] * a[k * n + j];
    }
  }
  std::vector<double> drawn(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) drawn[i * n + j] += factor[i * n + k] * factor[j * n + k];
    }
  }
  return drawn;
}

GibbsSide::GibbsSide(std::span<const std::uint32_t> counts, std::size_t rank, Stages stages, bool centred, ChainParts chain)
    : factors(counts.size(), rank),
      biases(counts.size()),
      precision((rank + 1) * (rank + 1)),
      means(rank + 1),
      counts_(counts),
      known_(static_cast<std::size_t>(std::ranges::count_if(counts, [](std::uint32_t count) { return count != 0; }))),
      stages_(stages),
      centred_(centred),
      chain_(chain),
      scratch_(counts.size(), rank + 1) {
  for (std::size_t k = 0; k <= rank; ++k) precision[k * (rank + 1) + k] = kFirstPrecision;
  prior_rows = std::min(kMostPriorRows, kPriorShare * static_cast<double>(known_));
  if (centred) prior_rows = std::max(prior_rows, kLevelShare * static_cast<double>(rank + 1));
  prior_scatter = (centred ? kCentredVariance : kPriorVariance) * prior_rows;
}

void GibbsSide::add(const FeatureBlock& features) {
  Block block{
      .x = features, .coefficients = FactorMatrix(features.features(), rank() + 1), .squares = std::vector<double>(features.features())};
  for (std::size_t feature = 0; feature < features.features(); ++feature) {
    for (std::size_t at = features.feature_offsets[feature]; at < features.feature_offsets[feature + 1]; ++at) {
      block.squares[feature] +=
          square(features.feature_values != nullptr ? features.feature_values[at] : features.scales[features.feature_rows[at]]);
    }
    if (block.squares[feature] > 0) ++block.used;
  }
  blocks.push_back(std::move(block));
}

const FactorMatrix& GibbsSide::row_means(Workers& workers) {
  workers.for_ranges(scratch_.rows(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    AlignedFloats own(scratch_.stride());
    for (std::size_t row = begin; row < end; ++row) {
      float* sum = scratch_.row(row).data();
      std::fill_n(sum, scratch_.stride(), 0.0F);
      for (const Block& block : blocks) {
        const std::size_t first = block.x.row_offsets[row];
        const std::size_t count = block.x.row_offsets[row + 1] - first;
        const std::uint32_t* features = block.x.row_features + first;
        const FactorMatrix& table = block.coefficients;
        if (block.x.row_values == nullptr) {
          std::fill_n(own.data(), own.size(), 0.0F);
          add_rows(table.data(), table.stride(), features, count, own.data());
          for (std::size_t k = 0; k <= rank(); ++k) sum[k] += block.x.scales[row] * own[k];
        } else {
          gather_axpy({table.data(), table.stride()}, features, count, table.stride(), block.x.row_values + first, sum);
        }
      }
      for (std::size_t k = 0; k <= rank(); ++k) sum[k] += static_cast<float>(means[k]);
    }
  });
  return scratch_;
}

std::vector<GibbsSide::Part> GibbsSide::parts() const {
  if (chain_.length == 0) return {{0, counts_.size(), 1}};
  const auto [first, odd, last, end] = chain_.bounds();
  return {{first, odd, 2}, {odd, last, 2}, {last, end, 1}};
}

const FactorMatrix& GibbsSide::means_of(const Part& part, Workers& workers) {
  if (chain_.length == 0) return row_means(workers);
  // Of the places of a part, two neighbours count alike, those before the first as 0; the last has one.
  for (std::size_t place = 0; place < chain_.length; ++place) {
    const std::size_t row = chain_.row(place);
    if (row < part.first || row >= part.last) continue;
    const std::span<float> mean = scratch_.row(row - part.first);
    std::ranges::fill(mean, 0.0F);
    const auto add = [&](std::size_t neighbour) {
      const auto share = 1 / static_cast<float>(part.neighbours);
      for (std::size_t k = 0; k < rank(); ++k) mean[k] += share * factors.row(neighbour)[k];
      mean[rank()] += share * biases[neighbour];
    };
    if (place != 0) add(chain_.row(place - 1));
    if (place + 1 != chain_.length) add(chain_.row(place + 1));
  }
  return scratch_;
}

void GibbsSide::write_step(std::size_t place, std::span<float> step) const {
  const std::size_t row = chain_.row(place);
  std::ranges::copy(factors.row(row), step.begin());
  step[rank()] = biases[row];
  if (place == 0) return;
  const std::size_t before = chain_.row(place - 1);
  for (std::size_t k = 0; k < rank(); ++k) step[k] -= factors.row(before)[k];
  step[rank()] -= biases[before];
}

void GibbsSide::draw_prior(const GibbsPlace& place, Workers& workers) {
  const std::size_t size = rank() + 1;
  workers.for_ranges(counts_.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<float> left = scratch_.row(row);
      if (counts_[row] == 0 || chain_.length != 0) {
        std::ranges::fill(left, 0.0F);
        continue;
      }
      // The mean is drawn anew: what is left is without it.
      for (std::size_t k = 0; k < size; ++k)
        left[k] = (k < rank() ? factors.row(row)[k] : biases[row]) - (left[k] - static_cast<float>(means[k]));
    }
  });
  for (std::size_t at = 0; at < chain_.length; ++at) write_step(at, scratch_.row(at));
  const auto gramian_of = [&](const FactorMatrix& table) {
    return gramian({table.data(), table.stride()}, table.rows(), size, {}, workers);
  };
  const auto n = static_cast<double>(known_);
  const std::vector<double> sums = workers.sum_rows(counts_.size(), [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> part(size);
    for (std::size_t row = begin; row < end; ++row) {
      for (std::size_t k = 0; k < size; ++k) part[k] += static_cast<double>(scratch_.row(row)[k]);
    }
    return part;
  });
  std::vector<double> scatter = gramian_of(scratch_);
  double degrees = static_cast<double>(size) + prior_rows + n;
  for (std::size_t i = 0; i < size; ++i) {
    scatter[i * size + i] += prior_scatter;
    for (std::size_t j = 0; !centred_ && j < size; ++j) scatter[i * size + j] -= sums[i] * sums[j] / (n + kMeanWeight);
  }
  for (const Block& block : blocks) {
    const std::vector<double> own = gramian_of(block.coefficients);
    for (std::size_t i = 0; i < scatter.size(); ++i) scatter[i] += block.strength * own[i];
    degrees += static_cast<double>(block.used);
  }
  double greatest = 0;
  for (std::size_t i = 0; i < size; ++i) greatest = std::max(greatest, scatter[i * size + i]);
  for (std::size_t i = 0; i < size; ++i) scatter[i * size + i] += kRounding * greatest;
  RandomStream stream = place.stream(stages_.prior, stages_.first);
  precision = draw_wishart(stream, scatter, size, degrees);
  // P = L L^T, so that L^-T z is a draw of N(0, P^-1).
  const std::vector<double> root = inverse_of_lower(lower_root(precision, size), size);
  std::vector<double> normals(size);
  for (double& normal : normals) normal = stream.normal() / std::sqrt(n + kMeanWeight);
  for (std::size_t k = 0; !centred_ && k < size; ++k) {
    means[k] = sums[k] / (n + kMeanWeight);
    for (std::size_t j = k; j < size; ++j) means[k] += root[j * size + k] * normals[j];
  }
  if (blocks.empty()) return;
  workers.for_ranges(counts_.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      if (counts_[row] == 0) continue;
      for (std::size_t k = 0; k < size; ++k) scratch_.row(row)[k] -= static_cast<float>(means[k]);
    }
  });
  for (std::size_t number = 0; number < blocks.size(); ++number) draw_coefficients(place, number, root, workers);
}

// A row of standard normal draws z becomes one of N(0, P^-1): the product with the root's columns.
void GibbsSide::draw_moves(const GibbsPlace& place, std::size_t number, const std::vector<double>& root, Workers& workers) {
  const Block& block = blocks[number];
  const std::size_t size = rank() + 1;
  const std::size_t features = block.x.features();
  if (draws_.rows() < features) draws_ = FactorMatrix(features, size);
  const AlignedFloats panels = in_panels(root, size, size);
  const std::size_t stride = draws_.stride();
  workers.for_ranges(features, kGrain, [&](std::size_t begin, std::size_t end, int) {
    AlignedFloats normals((end - begin) * stride);
    for (std::size_t feature = begin; feature < end; ++feature) {
      if (!(block.squares[feature] > 0)) continue;
      RandomStream stream = place.stream(stages_.coefficients, stages_.first + (std::uint64_t{number} << 32U) + feature);
      draw_normals(stream, {normals.data() + (feature - begin) * stride, size});
    }
    multiply_rows(normals.data(), stride, end - begin, size, panels.data(), stride, draws_.row(begin).data(), stride);
  });
}

// Given the rest, the coefficients of one feature are normal with the precision (sum of x^2 + s) P: the features are drawn one after
// another, what is left of the rows being kept up to date. Threads take slices of the columns.
void GibbsSide::draw_coefficients(const GibbsPlace& place, std::size_t number, const std::vector<double>& root, Workers& workers) {
  draw_moves(place, number, root, workers);
  Block& block = blocks[number];
  const std::size_t size = rank() + 1;
  const std::size_t features = block.x.features();
  const std::vector<Slice> slices = slices_of(size, workers.count());
  workers.for_each(slices.size(), [&](std::size_t at, int) {
    const auto [first, columns, width] = slices[at];
    float* table = scratch_.data() + first;
    std::size_t stride = scratch_.stride();
    // A single column has rows of its own, which stay in the nearest cache.
    std::vector<float> single;
    if (width == 1) {
      single.resize(scratch_.rows());
      for (std::size_t row = 0; row < single.size(); ++row) single[row] = table[row * stride];
      table = single.data();
      stride = 1;
    }
    alignas(64) std::array<float, kSliceColumns> sums{};
    alignas(64) std::array<float, kSliceColumns> moves{};
    for (std::size_t feature = 0; feature < features; ++feature) {
      const double squares = block.squares[feature];
      if (!(squares > 0)) continue;
      const std::size_t begin = block.x.feature_offsets[feature];
      const bool by_row = block.x.feature_values == nullptr;
      const FeatureColumn column{.rows = block.x.feature_rows + begin,
                                 .count = block.x.feature_offsets[feature + 1] - begin,
                                 .values = by_row ? block.x.scales.data() : block.x.feature_values + begin,
                                 .by_row = by_row};
      sum_column(column, table, stride, width, sums.data());
      float* coefficients = block.coefficients.row(feature).data() + first;
      const float* draw = draws_.row(feature).data() + first;
      const auto share = static_cast<float>(1 / (squares + block.strength));
      const auto spread = std::sqrt(share);
      const auto own = static_cast<float>(squares);
      for (std::size_t k = 0; k < columns; ++k) {
        const float drawn = share * (sums[k] + coefficients[k] * own) + spread * draw[k];
        moves[k] = drawn - coefficients[k];
        coefficients[k] = drawn;
      }
      subtract_column(column, moves.data(), width, table, stride);
    }
    for (std::size_t row = 0; row < single.size(); ++row) scratch_.row(row)[first] = single[row];
  });
  const std::vector<double> own = gramian({block.coefficients.data(), block.coefficients.stride()}, features, size, {}, workers);
  double squares = 0;
  for (std::size_t i = 0; i < own.size(); ++i) squares += own[i] * precision[i];
  RandomStream stream = place.stream(stages_.prior, stages_.first + number + 1);
  block.strength = draw_gamma(stream, 1 + static_cast<double>(block.used * size) / 2) / (1 + squares / 2);
}

}  // namespace lowrank
