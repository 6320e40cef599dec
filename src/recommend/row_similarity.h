#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/recommend/recommend.h"
#include "recommend/rank_rows.h"

namespace lowrank {

/// The length of every row.
std::vector<double> norms_of(const FactorMatrix& rows);

/// How similar the rows of one side of a model are: what can be ranked, and the queries. Refers to its arguments.
class RowSimilarity {
 public:
  /// \param norms  lengths of the rows
  RowSimilarity(const Side& side, std::span<const double> norms, const SimilarOptions& options);

  /// What can be ranked, and how.
  [[nodiscard]] const RankedRows& ranked() const noexcept { return ranked_; }
  /// Makes `query`, the one at `position`, ask for the rows similar to `row`; of a row without any similarity the list is empty.
  void prepare(std::size_t position, std::uint32_t row, RankQuery& query) const;

 private:
  [[nodiscard]] bool comparable(std::uint32_t row) const { return row < rows_.rows() && side_.knows(row) && norms_[row] > 0; }
  void rank_by_cosine();

  const FactorMatrix& rows_;
  const Side& side_;
  std::span<const double> norms_;
  Similarity by_;
  std::function<void(std::size_t position, std::vector<std::uint32_t>& rows)> excluded_for_;
  std::vector<std::uint32_t> candidates_;
  std::vector<float> scales_;
  RankedRows ranked_;
};

}  // namespace lowrank
