#include "train/context_levels.h"

#include <algorithm>
#include <cmath>

namespace lowrank {

namespace {

constexpr std::size_t kSituations = 64;
/// Bytes that terms may take in any case, and per rating.
constexpr std::size_t kKeptBytes = std::size_t{64} << 20U;
constexpr std::size_t kKeptPerRating = 16;

}  // namespace

LevelMean mean_of(const LevelTable& table) {
  const std::size_t rank = table.vectors.rank();
  LevelMean mean{.vector = std::vector<double>(rank), .scale = std::vector<double>(rank)};
  std::vector<double> squares(rank);
  double count = 0;
  for (std::size_t level = 0; level < table.levels(); ++level) {
    const double own = table.totals[level];
    count += own;
    mean.bias += own * static_cast<double>(table.biases[level]);
    for (std::size_t k = 0; k < rank; ++k) {
      const auto scale = static_cast<double>(table.scales.row(level)[k]);
      mean.vector[k] += own * static_cast<double>(table.vectors.row(level)[k]);
      mean.scale[k] += own * scale;
      squares[k] += own * scale * scale;
    }
  }
  if (count == 0) {
    std::ranges::fill(mean.scale, 1.0);
    return mean;
  }
  mean.bias /= count;
  for (std::size_t k = 0; k < rank; ++k) {
    mean.vector[k] /= count;
    const double least = std::max(kLeastMean * std::sqrt(squares[k] / count), 1e-20);
    mean.scale[k] /= count;
    if (std::abs(mean.scale[k]) < least) mean.scale[k] = std::copysign(least, mean.scale[k]);
  }
  return mean;
}

void set_missing(const LevelMean& mean, LevelTable& table) {
  const std::size_t missing = table.levels();
  table.biases[missing] = static_cast<float>(mean.bias);
  std::ranges::transform(mean.vector, table.vectors.row(missing).begin(), [](double x) { return static_cast<float>(x); });
  std::ranges::transform(mean.scale, table.scales.row(missing).begin(), [](double x) { return static_cast<float>(x); });
}

double penalty(const FactorMatrix& table, std::span<const double> ridges, float from) {
  double sum = 0;
  for (std::size_t row = 0; row < ridges.size(); ++row) {
    double squares = 0;
    for (const float x : table.row(row)) squares += static_cast<double>(x - from) * static_cast<double>(x - from);
    sum += ridges[row] * squares;
  }
  return sum;
}

std::vector<std::uint16_t> rows_of(const Situations& situations, std::size_t column) {
  const auto levels = static_cast<std::uint16_t>(situations.columns[column].levels.size());
  std::vector<std::uint16_t> rows;
  for (std::uint32_t situation = 0; situation < situations.size(); ++situation) {
    rows.push_back(std::min(situations.levels(situation)[column], levels));
  }
  return rows;
}

std::vector<std::vector<std::uint16_t>> rows_of_columns(const Situations& situations) {
  std::vector<std::vector<std::uint16_t>> rows;
  for (std::size_t column = 0; column < situations.columns.size(); ++column) rows.push_back(rows_of(situations, column));
  return rows;
}

void group_by_level(const Ratings& ratings, std::span<const std::uint16_t> rows, LevelTable& table) {
  table.totals.assign(table.levels(), 0);
  for (std::size_t at = 0; at < ratings.size(); ++at) {
    const std::size_t level = rows[ratings.situation(at)];
    if (level >= table.levels()) continue;
    ++table.counts[level];
    table.totals[level] += ratings.has_weights() ? static_cast<double>(ratings.weights()[at]) : 1.0;
  }
  table.offsets.assign(1, 0);
  for (const std::uint32_t count : table.counts) table.offsets.push_back(table.offsets.back() + count);
  table.places.resize(table.offsets.back());
  std::vector<std::size_t> next(table.offsets.begin(), table.offsets.end() - 1);
  for (std::size_t at = 0; at < ratings.size(); ++at) {
    const std::size_t level = rows[ratings.situation(at)];
    if (level < table.levels()) table.places[next[level]++] = static_cast<std::uint32_t>(at);
  }
}

LevelBiases pairs_of(std::span<const std::size_t> offsets, std::span<const std::uint32_t> situations, std::span<const std::uint16_t> rows,
                     std::size_t levels, Workers& workers) {
  constexpr std::size_t kRows = 256;
  const std::size_t count = offsets.size() - 1;
  std::vector<std::vector<std::uint32_t>> of_rows(count);
  workers.for_ranges(count, kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      std::vector<std::uint32_t>& own = of_rows[row];
      for (const std::uint32_t situation : situations.subspan(offsets[row], offsets[row + 1] - offsets[row])) {
        if (rows[situation] < levels) own.push_back(rows[situation]);
      }
      std::ranges::sort(own);
      own.erase(std::unique(own.begin(), own.end()), own.end());
    }
  });
  LevelBiases biases;
  biases.offsets.push_back(0);
  for (const std::vector<std::uint32_t>& own : of_rows) {
    biases.levels.insert(biases.levels.end(), own.begin(), own.end());
    biases.offsets.push_back(biases.levels.size());
  }
  biases.values.resize(biases.levels.size());
  return biases;
}

CombinedLevels::CombinedLevels(const std::vector<LevelTable>& columns, const std::vector<std::vector<std::uint16_t>>& rows,
                               std::size_t situations, std::size_t rank, std::size_t ratings)
    : columns_(columns), rows_(rows), rank_(rank) {
  const std::size_t stride = FactorMatrix(1, rank).stride();
  if (situations * stride * sizeof(float) * 2 > most_bytes(ratings)) return;
  scales_ = FactorMatrix(situations, rank);
  vectors_ = FactorMatrix(situations, rank);
}

std::size_t CombinedLevels::most_bytes(std::size_t ratings) noexcept { return std::max(kKeptBytes, kKeptPerRating * ratings); }

void CombinedLevels::refresh(Workers& workers) {
  workers.for_ranges(scales_.rows(), kSituations, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t situation = begin; situation < end; ++situation)
      combine(static_cast<std::uint32_t>(situation), scales_.row(situation), vectors_.row(situation));
  });
}

CombinedLevels::Terms CombinedLevels::of(std::uint32_t situation, Scratch& scratch) const {
  const float bias = bias_of(situation);
  if (scales_.rows() != 0) {
    return {.scales = scales_.row(situation).data(), .vectors = vectors_.row(situation).data(), .bias = bias};
  }
  if (scratch.rows.rows() == 0) scratch.rows = FactorMatrix(2, rank_);
  combine(situation, scratch.rows.row(0), scratch.rows.row(1));
  return {.scales = scratch.rows.row(0).data(), .vectors = scratch.rows.row(1).data(), .bias = bias};
}

void CombinedLevels::scales_without(std::size_t column, std::uint32_t situation, std::span<float> to) const {
  std::ranges::fill(to, 1.0F);
  for (std::size_t other = 0; other < columns_.size(); ++other) {
    if (other == column) continue;
    const float* own = columns_[other].scales.row(rows_[other][situation]).data();
    for (std::size_t k = 0; k < to.size(); ++k) to[k] *= own[k];
  }
}

void CombinedLevels::combine(std::uint32_t situation, std::span<float> scales, std::span<float> vectors) const {
  std::ranges::fill(scales, 1.0F);
  std::ranges::fill(vectors, 0.0F);
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    const std::size_t row = rows_[column][situation];
    const float* scale = columns_[column].scales.row(row).data();
    const float* vector = columns_[column].vectors.row(row).data();
    for (std::size_t k = 0; k < scales.size(); ++k) {
      scales[k] *= scale[k];
      vectors[k] += vector[k];
    }
  }
}

float CombinedLevels::bias_of(std::uint32_t situation) const {
  float sum = 0;
  for (std::size_t column = 0; column < columns_.size(); ++column) sum += columns_[column].biases[rows_[column][situation]];
  return sum;
}

}  // namespace lowrank
