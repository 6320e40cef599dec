#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank {

/// Sums in float32 for some of many rows, O(rows) of room that is used again.
class SparseSums {
 public:
  explicit SparseSums(std::size_t rows) : sums_(rows), marks_(rows) {}

  void clear();
  void add(std::uint32_t row, float weight) {
    if (marks_[row] == 0) rows_.push_back(row);
    marks_[row] = 1;
    sums_[row] += weight;
  }

  [[nodiscard]] float of(std::uint32_t row) const { return sums_[row]; }
  /// The rows that something was added to, each once, in no order.
  [[nodiscard]] std::span<const std::uint32_t> rows() const { return rows_; }

 private:
  std::vector<float> sums_;
  std::vector<std::uint8_t> marks_;
  std::vector<std::uint32_t> rows_;
};

/// Takes what the items that a user likes (a rating above 0) add to the scores of other items: the sums of their rows of neighbours. The
/// sum of an item runs over the history in ascending order, wherever it is taken. O(weights of the history's rows)
void gather_neighbours(const Model& model, std::uint32_t user, SparseSums& sums);
/// The same of a history of its own. \param items  ascending, known to the model
void gather_neighbours(const Model& model, std::span<const std::uint32_t> items, SparseSums& sums);

/// The sum of one item for one user of the model. O(history log row)
float neighbour_sum(const Model& model, std::uint32_t user, std::uint32_t item);

}  // namespace lowrank
