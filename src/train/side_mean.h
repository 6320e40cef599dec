#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/uncertainty.h"
#include "train/gibbs.h"
#include "train/running_product.h"
#include "train/units.h"

namespace lowrank {

/// The mean of one side of a Gaussian model over the samples, and how far the samples lie from it. A side has tables: its rows, the
/// coefficients of each block of its features, and one row more, the average: what the features that are ratings let expect of a row with
/// ratings on the average.
class SideMean {
 public:
  /// How much of the average is expected of a row of which nothing is known, ratings nor features. It may be new, or one that few rate, of
  /// which none would be expected; chosen on training parts (docs/methods/bayes.md).
  static constexpr double kUnknownShare = 0.5;

  /// \param kept  columns of the running mean \param noise  whether the side's rows have noises of their own
  SideMean(const GibbsSide& side, std::size_t kept, bool noise);

  /// The numbers of rows of the tables that add() returns.
  static std::vector<std::size_t> rows_of(const GibbsSide& side);

  /// The side's mean in the present sample plus a share of the average: rank + 1 numbers. A row of which nothing is known is expected
  /// there.
  const std::vector<double>& centre(const GibbsSide& side);
  /// Takes the present sample of the side, after its centre() was found. That goes from the rows into the mean of all ratings and the
  /// biases of the other side, so that a row without ratings, which adds nothing to a score, is the expected one. \param expected  the
  /// factors that a row is multiplied with on the average, which go into its bias: rank numbers \param noise  precisions of the rows'
  /// ratings, or none. \return the tables of the sample, rows first, for RunningProduct::add()
  std::vector<const FactorMatrix*> add(const GibbsSide& side, std::span<const double> expected, std::span<const float> noise,
                                       Workers& workers);

  /// Takes how far the sample that add() took lies from the mean that it is now part of: the variances of the factors move into the new
  /// columns, of which each is a sum of the old ones taken for independent. \param mean  rows of the running product \param before  samples
  /// before this one. O(rows kept^2)
  void add_spread(const RunningProduct::Change& change, const FactorMatrix& mean, std::size_t before, Workers& workers);

  /// The number of tables, of which the average is the last and the features of the input, if any, the one before.
  [[nodiscard]] std::size_t tables() const { return biases_.size(); }
  /// Writes a row of a table of the mean as a model has it, times `share`: its factors, then its bias. \param tables  of the running
  /// product
  void write_row(const std::vector<FactorMatrix>& tables, std::size_t table, std::size_t row, const Units& units, double share,
                 std::span<float> to) const;
  /// Sums over the samples of the biases, by table.
  [[nodiscard]] const std::vector<std::vector<double>>& biases() const { return biases_; }

  /// The variances as a model has them. Those of a row of which nothing is known are how far rows lie from 0, the expected one, on the
  /// average. \param mean  rows of the running product
  [[nodiscard]] RowVariances variances(const Units& units, const FactorMatrix& mean, Workers& workers) const;

  /// See train/state_bytes.h.
  template <class Visit>
  void visit_state(Visit& visit) {
    visit(samples_);
    visit(biases_);
    visit(bias_spread_);
    visit(spread_);
    visit(noise_);
  }

 private:
  std::span<const std::uint32_t> counts_;
  std::size_t kept_;
  std::size_t samples_ = 0;
  FactorMatrix centred_;  ///< rows of a sample
  std::vector<std::vector<double>> biases_;
  std::vector<double> bias_spread_;          ///< sums of the squared differences from the mean
  FactorMatrix spread_;                      ///< variances of the factors, in the columns of the mean
  FactorMatrix moved_;                       ///< scratch
  FactorMatrix average_;                     ///< of the present sample: one row, and its bias
  std::vector<double> centre_;               ///< of the present sample
  std::vector<std::vector<double>> shares_;  ///< of each block, the mean over the rows with ratings of what each feature has; or none
  std::vector<double> noise_;                ///< sums over the samples of the variances of the rows' ratings; empty for ones
};

}  // namespace lowrank
