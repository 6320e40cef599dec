#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lowrank/model/factor_matrix.h"
#include "train/gibbs.h"
#include "train/running_product.h"
#include "train/units.h"

namespace lowrank {

/// How far the rows of a side lie from what is expected of them, as a covariance in the columns of a running mean, the bias last: the mean
/// over the samples of the prior's covariance.
class RowSpread {
 public:
  RowSpread(std::size_t rank, std::size_t kept);

  /// Takes a sample. \param change  how rows of the side became rows of the mean \param expected  as of SideMean::add() \param before
  /// samples before this one. O(kept^3)
  void add(const RunningProduct::Change& change, const GibbsSide& side, std::span<const double> expected, std::size_t before);

  /// The inverse of the covariance, in the units of a model. O(kept^3)
  [[nodiscard]] FactorMatrix precision(const Units& units) const;

  /// See train/state_bytes.h.
  template <class Visit>
  void visit_state(Visit& visit) {
    visit(covariance_);
  }

 private:
  std::size_t rank_;
  std::size_t kept_;
  std::vector<double> covariance_;
};

}  // namespace lowrank
