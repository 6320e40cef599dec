#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "lowrank/model/contexts.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank {

/// What is learned of the levels of one column of contexts, and which ratings are in each. Tables have one row more than there are levels,
/// that of a missing one, which is the mean of the others over the ratings: what the model without a context adds then holds for it.
struct LevelTable {
  FactorMatrix vectors;       ///< d; zeros where the form has none
  FactorMatrix scales;        ///< t; ones where the form has none
  std::vector<float> biases;  ///< b
  LevelBiases user_biases;    ///< b_uc; empty for none
  LevelBiases item_biases;    ///< b_ic

  std::vector<std::uint32_t> counts;  ///< ratings of each level
  std::vector<double> totals;         ///< the weights of these, added up
  std::vector<std::size_t> offsets;   ///< levels + 1 positions
  std::vector<std::uint32_t> places;  ///< where each rating stands in the order of users, by level
  std::vector<double> vector_ridges;  ///< of each level
  std::vector<double> scale_ridges;
  std::vector<double> bias_dampings;

  [[nodiscard]] std::size_t levels() const noexcept { return counts.size(); }
};

/// The mean over the ratings of a column's levels, each level by its ratings.
struct LevelMean {
  double bias = 0;
  std::vector<double> vector;
  /// Where the mean of scales is near 0, the least number that scales can be divided by: kLeastMean of their root mean square.
  std::vector<double> scale;
};
inline constexpr double kLeastMean = 1e-3;
LevelMean mean_of(const LevelTable& table);

/// Gives the row of the missing level the mean of the others.
void set_missing(const LevelMean& mean, LevelTable& table);

/// The sum over rows of ridges[row] * (distance of the row's numbers from `from`)^2.
double penalty(const FactorMatrix& table, std::span<const double> ridges, float from);

/// The row of each situation's level in the tables of a column: a missing one's is the last.
std::vector<std::uint16_t> rows_of(const Situations& situations, std::size_t column);
/// The same of every column.
std::vector<std::vector<std::uint16_t>> rows_of_columns(const Situations& situations);

/// Groups ratings by the level of a column. \param rows  as rows_of(). O(n)
void group_by_level(const Ratings& ratings, std::span<const std::uint16_t> rows, LevelTable& table);

/// The pairs of a row and a level that have ratings, with biases of 0. \param situations  of the ratings of each row, by position
LevelBiases pairs_of(std::span<const std::size_t> offsets, std::span<const std::uint32_t> situations, std::span<const std::uint16_t> rows,
                     std::size_t levels, Workers& workers);

/// The scales, vectors and biases of all columns together, by situation: kept for each where situations are few, else computed on demand.
class CombinedLevels {
 public:
  struct Terms {
    const float* scales = nullptr;   ///< product of t, padded with zeros
    const float* vectors = nullptr;  ///< sum of d, padded with zeros
    float bias = 0;
  };
  /// Room for the terms of one situation.
  struct Scratch {
    FactorMatrix rows;
  };

  /// \param columns  borrowed \param rows  of every column, as rows_of(); borrowed
  CombinedLevels(const std::vector<LevelTable>& columns, const std::vector<std::vector<std::uint16_t>>& rows, std::size_t situations,
                 std::size_t rank, std::size_t ratings);

  /// To be called when tables have changed.
  void refresh(Workers& workers);

  /// The terms of a situation. They are valid until the scratch is used again.
  Terms of(std::uint32_t situation, Scratch& scratch) const;

  /// Whether the terms of every situation are kept: a row each of scales() and vectors().
  [[nodiscard]] bool keeps() const noexcept { return scales_.rows() != 0; }
  [[nodiscard]] const FactorMatrix& scales() const noexcept { return scales_; }
  [[nodiscard]] const FactorMatrix& vectors() const noexcept { return vectors_; }
  /// The bias of a situation alone.
  [[nodiscard]] float bias_of(std::uint32_t situation) const;

  /// Writes the product of the scales of all columns but one. \param to  rank floats
  void scales_without(std::size_t column, std::uint32_t situation, std::span<float> to) const;

  /// Bytes that terms take where they are kept.
  static std::size_t most_bytes(std::size_t ratings) noexcept;

 private:
  void combine(std::uint32_t situation, std::span<float> scales, std::span<float> vectors) const;

  const std::vector<LevelTable>& columns_;
  const std::vector<std::vector<std::uint16_t>>& rows_;
  std::size_t rank_;
  FactorMatrix scales_;  ///< no rows where terms are not kept
  FactorMatrix vectors_;
};

}  // namespace lowrank
