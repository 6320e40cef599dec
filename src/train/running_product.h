#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/model/factor_matrix.h"

namespace lowrank {

/// The mean of the products P Q^T of samples, as a product of two tables of `kept` columns: after each sample the best approximation of
/// that rank, in squares over all cells, to the mean so far. Memory does not grow with the samples.
///
/// A side may have more tables besides that of its rows, such as coefficients of features: the mean of their products with the other
/// side's rows is kept as far as the same columns express it, and has no part in their choice, but for a table of each side whose rows are
/// given a weight: products with them count in the choice like those of so many rows of the side.
class RunningProduct {
 public:
  /// \param users, items  rows of each table of a side, the first being that of its users or items
  /// \param rank  columns of a sample \param kept  columns of the mean, at least `rank` \param user_weights, item_weights  of the rows of
  /// each side's last table; empty where it has no part in the choice of the columns
  RunningProduct(std::span<const std::size_t> users, std::span<const std::size_t> items, std::size_t rank, std::size_t kept,
                 std::vector<double> user_weights = {}, std::vector<double> item_weights = {});

  /// How rows of a side become rows of the new mean, x A: rows of the mean so far, and rows of the sample. Each row's products with the
  /// other side's new rows are the closest to its products with the rows that it belonged to.
  struct Change {
    std::vector<double> mean;    ///< A of kept x kept
    std::vector<double> sample;  ///< A of rank x kept
  };
  struct Changes {
    Change users;
    Change items;
  };

  /// Adds a sample, of whose tables the first `rank` columns count. O((users + items) (kept + rank)^2)
  Changes add(std::span<const FactorMatrix* const> users, std::span<const FactorMatrix* const> items, Workers& workers);

  [[nodiscard]] std::size_t samples() const { return samples_; }
  /// The tables of a side: the first `kept` columns are the mean, the others zeros.
  [[nodiscard]] const std::vector<FactorMatrix>& users() const { return users_; }
  [[nodiscard]] const std::vector<FactorMatrix>& items() const { return items_; }

  /// See train/state_bytes.h.
  template <class Visit>
  void visit_state(Visit& visit) {
    visit(samples_);
    visit(users_);
    visit(items_);
  }

 private:
  std::size_t rank_;
  std::size_t kept_;
  std::size_t samples_ = 0;
  std::vector<double> user_weights_;
  std::vector<double> item_weights_;
  std::vector<FactorMatrix> users_;
  std::vector<FactorMatrix> items_;
};

}  // namespace lowrank
