#include "train/side_mean.h"

#include <algorithm>
#include <cmath>

#include "kernels/aligned_floats.h"
#include "kernels/gram.h"
#include "kernels/gramian.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 256;

}  // namespace

SideMean::SideMean(const GibbsSide& side, std::size_t kept, bool noise)
    : counts_(side.counts()),
      kept_(kept),
      centred_(side.factors.rows(), side.rank()),
      bias_spread_(side.factors.rows()),
      spread_(side.factors.rows(), kept),
      moved_(side.factors.rows(), kept),
      average_(1, side.rank() + 1),
      noise_(noise ? side.factors.rows() : 0) {
  const auto rated = static_cast<double>(std::ranges::count_if(counts_, [](std::uint32_t count) { return count != 0; }));
  for (const GibbsSide::Block& block : side.blocks) {
    std::vector<double>& shares = shares_.emplace_back();
    if (block.x.row_values != nullptr) continue;
    for (std::size_t feature = 0; feature < block.x.features(); ++feature) {
      double sum = 0;
      for (std::size_t at = block.x.feature_offsets[feature]; at < block.x.feature_offsets[feature + 1]; ++at) {
        sum += static_cast<double>(block.x.scales[block.x.feature_rows[at]]);
      }
      shares.push_back(sum / rated);
    }
  }
  for (const std::size_t rows : rows_of(side)) biases_.emplace_back(rows);
}

std::vector<std::size_t> SideMean::rows_of(const GibbsSide& side) {
  std::vector<std::size_t> rows{side.factors.rows()};
  for (const GibbsSide::Block& block : side.blocks) rows.push_back(block.coefficients.rows());
  rows.push_back(1);
  return rows;
}

const std::vector<double>& SideMean::centre(const GibbsSide& side) {
  std::vector<double> average(side.rank() + 1);
  for (std::size_t n = 0; n < shares_.size(); ++n) {
    const FactorMatrix& table = side.blocks[n].coefficients;
    for (std::size_t feature = 0; feature < shares_[n].size(); ++feature) {
      for (std::size_t k = 0; k < average.size(); ++k) average[k] += shares_[n][feature] * static_cast<double>(table.row(feature)[k]);
    }
  }
  std::ranges::transform(average, average_.row(0).begin(), [](double x) { return static_cast<float>(x); });
  centre_.resize(average.size());
  std::ranges::transform(average, side.means, centre_.begin(), [](double x, double mean) { return mean + kUnknownShare * x; });
  return centre_;
}

std::vector<const FactorMatrix*> SideMean::add(const GibbsSide& side, std::span<const double> expected, std::span<const float> noise,
                                               Workers& workers) {
  const std::size_t rank = side.rank();
  const auto before = static_cast<double>(samples_++);
  const auto bias_of = [&](std::span<const float> factors, double bias) {
    for (std::size_t k = 0; k < rank; ++k) bias += static_cast<double>(factors[k]) * expected[k];
    return bias;
  };
  workers.for_ranges(side.factors.rows(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      if (side.counts()[row] == 0) continue;
      const std::span<float> own = centred_.row(row);
      for (std::size_t k = 0; k < rank; ++k) own[k] = side.factors.row(row)[k] - static_cast<float>(centre_[k]);
      const double bias = bias_of(own, static_cast<double>(side.biases[row]) - centre_[rank]);
      double& sum = biases_.front()[row];
      if (before != 0) {
        const double difference = bias - sum / before;
        bias_spread_[row] += difference * difference * before / (before + 1);
      }
      sum += bias;
      if (!noise_.empty()) noise_[row] += 1 / static_cast<double>(noise[row]);
    }
  });
  std::vector<const FactorMatrix*> tables{&centred_};
  for (std::size_t n = 0; n < side.blocks.size(); ++n) {
    const FactorMatrix& table = side.blocks[n].coefficients;
    for (std::size_t feature = 0; feature < table.rows(); ++feature) {
      biases_[n + 1][feature] += bias_of(table.row(feature), static_cast<double>(table.row(feature)[rank]));
    }
    tables.push_back(&table);
  }
  biases_.back()[0] += bias_of(average_.row(0), static_cast<double>(average_.row(0)[rank]));
  tables.push_back(&average_);
  return tables;
}

// With m the mean of t + 1 samples and x the last of them, the variance of all is t / (t + 1) times that of the first t, and (x - m)^2 / t.
// The mean's columns are A-combinations of what they were, whose variances are combined by the squares of A.
void SideMean::add_spread(const RunningProduct::Change& change, const FactorMatrix& mean, std::size_t before, Workers& workers) {
  if (before == 0 || kept_ == 0) return;
  const auto t = static_cast<double>(before);
  const std::size_t rank = centred_.rank();
  std::vector<double> squares(kept_ * kept_);
  std::ranges::transform(change.mean, squares.begin(), [t](double x) { return x * x * t / (t + 1); });
  const AlignedFloats spread_map = in_panels(squares, kept_, kept_);
  const AlignedFloats sample_map = in_panels(change.sample, rank, kept_);
  const auto share = static_cast<float>(1 / t);
  workers.for_ranges(spread_.rows(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    const std::size_t rows = end - begin;
    const std::size_t stride = spread_.stride();
    float* spread = spread_.data() + begin * stride;
    float* moved = moved_.data() + begin * stride;
    multiply_rows(spread, stride, rows, kept_, spread_map.data(), stride, moved, stride);
    std::copy_n(moved, rows * stride, spread);
    multiply_rows(centred_.data() + begin * centred_.stride(), centred_.stride(), rows, rank, sample_map.data(), stride, moved, stride);
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<float> own = spread_.row(row);
      for (std::size_t k = 0; k < kept_; ++k) {
        const float difference = moved_.row(row)[k] - mean.row(row)[k];
        own[k] += share * difference * difference;
      }
    }
  });
}

void SideMean::write_row(const std::vector<FactorMatrix>& tables, std::size_t table, std::size_t row, const Units& units, double share,
                         std::span<float> to) const {
  const auto scale = static_cast<float>(std::sqrt(units.scale) * share);
  std::ranges::transform(tables[table].row(row).first(kept_), to.begin(), [scale](float x) { return x * scale; });
  to[kept_] = to_bias(biases_[table][row] / static_cast<double>(samples_) * units.scale * share);
}

RowVariances SideMean::variances(const Units& units, const FactorMatrix& mean, Workers& workers) const {
  const std::size_t rows = counts_.size();
  const auto samples = static_cast<double>(samples_);
  RowVariances variances{.factors = FactorMatrix(rows + 1, kept_), .biases = std::vector<float>(rows + 1), .noise = {}};
  if (!noise_.empty()) variances.noise.assign(rows + 1, 1.0F);
  const double scale = units.scale;
  const std::vector<double> squares = workers.sum_rows(rows, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> sum(kept_ + 2);
    for (std::size_t row = begin; row < end; ++row) {
      if (counts_[row] == 0) continue;
      for (std::size_t k = 0; k < kept_; ++k) {
        sum[k] += std::pow(static_cast<double>(mean.row(row)[k]), 2) + static_cast<double>(std::max(spread_.row(row)[k], 0.0F));
      }
      sum[kept_] += std::pow(biases_.front()[row] / samples, 2) + bias_spread_[row] / samples;
      ++sum[kept_ + 1];
    }
    return sum;
  });
  std::vector<float> unknown(kept_ + 1);
  for (std::size_t k = 0; k <= kept_; ++k) unknown[k] = to_bias(squares[k] / squares.back() * scale * (k == kept_ ? scale : 1));
  workers.for_ranges(rows + 1, kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<float> own = variances.factors.row(row);
      if (row == rows || counts_[row] == 0) {
        std::copy_n(unknown.begin(), kept_, own.begin());
        variances.biases[row] = unknown[kept_];
        continue;
      }
      std::ranges::transform(spread_.row(row), own.begin(),
                             [scale](float x) { return to_bias(static_cast<double>(std::max(x, 0.0F)) * scale); });
      variances.biases[row] = to_bias(bias_spread_[row] / samples * units.scale * units.scale);
      if (!noise_.empty()) variances.noise[row] = static_cast<float>(noise_[row] / samples);
    }
  });
  if (!noise_.empty()) {
    // A row without ratings is like the mean of those with some.
    double sum = 0;
    double known = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      if (counts_[row] == 0) continue;
      sum += static_cast<double>(variances.noise[row]);
      ++known;
    }
    for (std::size_t row = 0; row <= rows; ++row) {
      if (row == rows || counts_[row] == 0) variances.noise[row] = static_cast<float>(sum / known);
    }
  }
  return variances;
}

}  // namespace lowrank
