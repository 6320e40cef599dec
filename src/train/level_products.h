#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "lowrank/model/factor_matrix.h"
#include "train/context_levels.h"

namespace lowrank {

/// <x, d> of every row x of a side and the vector d of every level: where rows and levels are few beside the ratings, they are computed
/// once for each pair rather than for each rating.
class LevelProducts {
 public:
  /// \param rows  of the side \param most  numbers to hold at most: it stays empty where there would be more
  LevelProducts(std::size_t rows, const std::vector<LevelTable>& columns, std::size_t most);

  [[nodiscard]] bool empty() const noexcept { return products_.empty(); }

  /// To be called when rows or vectors have changed. O(rows levels rank)
  void refresh(const FactorMatrix& rows, const std::vector<LevelTable>& columns, Workers& workers);

  /// <x, sum of the vectors of a situation>. \param level_rows  of every column, as rows_of()
  [[nodiscard]] float of(std::uint32_t row, std::uint32_t situation, const std::vector<std::vector<std::uint16_t>>& level_rows) const {
    const float* own = products_.data() + row * width_;
    float sum = 0;
    for (std::size_t column = 0; column < starts_.size(); ++column) sum += own[starts_[column] + level_rows[column][situation]];
    return sum;
  }
  /// <x, the vector of a level>.
  [[nodiscard]] float of_level(std::uint32_t row, std::size_t column, std::size_t level) const {
    return products_[row * width_ + starts_[column] + level];
  }

 private:
  std::vector<std::size_t> starts_;  ///< where the levels of each column begin in a row
  std::size_t width_ = 0;
  std::vector<float> products_;
};

}  // namespace lowrank
