#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "kernels/gramian.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/fold_in.h"
#include "model/count_weight.h"
#include "recommend/linear_terms.h"
#include "recommend/pairwise_fold_in.h"

namespace lowrank {

/// The ratings of new rows of one side, row by row: those of row r are at [offsets[r], offsets[r + 1]). `others` are rows of the other
/// side, ascending and each once per row, all known to the model.
struct FoldInRows {
  std::vector<std::size_t> offsets{0};
  std::vector<std::uint32_t> others;
  std::vector<float> values;

  [[nodiscard]] std::size_t size() const { return offsets.size() - 1; }
  void add(std::uint32_t other, float value) {
    others.push_back(other);
    values.push_back(value);
  }
  void end_row() { offsets.push_back(others.size()); }
};

/// The side that is solved, against the fixed rows of the other one.
enum class FoldInSide : std::uint8_t { users, items };

/// A FoldIn as the rows of one side see it, every kind of problem in the same terms.
struct FoldInTerms {
  enum class Kind : std::uint8_t { none, least_squares, divergence, pairwise, sum, posterior };

  Kind kind = Kind::none;
  RowPenalty penalty = {};
  double size_exponent = 1;
  double observed_weight = 1;
  double alpha = 0;
  double unobserved_weight = 0;
  bool unobserved_includes_seen = true;
  bool binary_target = false;
  bool solves_bias = false;
  bool non_negative = false;
  double noise = 0;                   ///< of posterior: variance of a rating
  double sum_exponent = 0;            ///< of the row's size, by which its sum is divided
  bool sums = false;                  ///< the row has the sum of the fixed rows' history factors, besides what is solved
  PowerWeight row_observed = {};      ///< share of the solved row in the weights of observed cells
  PowerWeight fixed_observed = {};    ///< share of the fixed row in them
  PowerWeight row_unobserved = {};    ///< share of the solved row in the weights of unobserved cells
  PowerWeight fixed_unobserved = {};  ///< share of the fixed row in them
};

/// Solves new rows of one side by the half-step of training: against a Gramian in its eigenbasis for unobserved cells, or as a shared
/// matrix with x >= 0; means of Bayesian models by the draws of training without their noise; a divergence by multiplicative updates; pairs
/// by L-BFGS. Prepared once per model with what all rows share, and asked often; const use is safe from many threads.
class FoldInSolver {
 public:
  /// O(1), with unobserved cells O(fixed rows rank^2 + rank^3), for a divergence O(fixed rows rank). Keeps O(rank^2), for pairs
  /// O(users + items).
  /// \param model  must outlive the solver \param solves  false: the solver has no sums over all fixed rows, and is asked for anything but
  /// solutions
  FoldInSolver(const Model& model, FoldInSide side, Workers& workers, bool solves = true);

  /// Solves all rows. Memory: O(ratings rank), or O(fixed rows rank) where that is less, and O(rank^2) per thread. The result for a row
  /// does not depend on the other rows, nor on the number of threads. \param[out] factors  rows.size() rows of the model's rank \param[out]
  /// biases  one per row \param features  one per row, around whose means the rows are solved; empty for none
  void solve(const FoldInRows& rows, Workers& workers, FactorMatrix& factors, std::span<float> biases,
             std::span<const FeatureRow> features = {}) const;
  /// \throws OptionError for features where the side has none, or its problem has no place for them
  void check_features() const;

  /// Whether rows have variances: where the model has an uncertainty.
  [[nodiscard]] bool has_variances() const { return has_variances_; }
  /// The variances of rows given their ratings, as Uncertainty has them; ratings of an ordinal scale count as if their latent values were
  /// known. \param[out] factors  rows.size() rows of the model's rank \param[out] biases  one per row. O(n rank^2 + rank^3) per row of n
  /// ratings
  void variances(const FoldInRows& rows, Workers& workers, FactorMatrix& factors, std::span<float> biases) const;

  /// \name What a row minimises, but for what rows are expected at
  /// \{
  /// Whether that is a sum of squared errors and the penalty of the row.
  [[nodiscard]] bool has_objective() const { return terms_.kind == FoldInTerms::Kind::least_squares && !terms_.sums && !solved_.features; }
  /// The penalty of a row of so many ratings.
  [[nodiscard]] double penalty_of(std::size_t ratings, std::span<const float> factors, float bias) const;
  /// The part of one rating, of a row of so many. \param product  of the factors of both rows \param bias  of the solved row
  [[nodiscard]] double loss_of(std::uint32_t other, float rating, std::size_t ratings, double product, float bias) const;
  /// The weight of the unobserved cells of the fixed rows, those of the ratings included unless loss_of() has taken them out; empty for
  /// none. Cell (row, other) has the weight share_of(ratings of the row) times that of the other one.
  [[nodiscard]] std::vector<double> unobserved_weights() const;
  [[nodiscard]] double share_of(std::size_t ratings) const { return row_unobserved_(static_cast<std::uint32_t>(ratings)); }
  /// \}

  /// \name A solution as a sum over the ratings
  /// \{
  /// The equations of `row`, which is one row. Nothing where its solution is not linear in the ratings: another loss than squares, or
  /// factors that are not negative of which one is 0.
  [[nodiscard]] std::optional<LinearTerms> linear_terms(const FoldInRows& row) const;
  /// The vectors of fixed rows as linear_terms() has them, unknowns() numbers each: in the basis of the solver, then 1 for the bias.
  [[nodiscard]] std::vector<double> vectors_of(std::span<const std::uint32_t> others) const;
  [[nodiscard]] std::size_t unknowns() const { return fixed_.factors.rank() + (terms_.solves_bias ? 1 : 0); }
  /// \}

 private:
  /// The numbers that a half-step has for each row.
  struct RowNumbers {
    std::vector<double> ridges;
    std::vector<double> bias_dampings;
    std::vector<double> l1;
    std::vector<double> shares;  ///< share of the row in the weights of unobserved cells
  };

  /// The size of a row, by which its penalty is multiplied.
  [[nodiscard]] double size_of(std::size_t ratings) const;
  [[nodiscard]] double least_ridge(const FoldInRows& rows, std::size_t row) const;
  [[nodiscard]] RowNumbers numbers_of(const FoldInRows& rows) const;
  /// What one rating is in the normal equations of a row.
  struct Cell {
    double weight;
    double value;
  };
  /// \param share  share of the row in the weights of unobserved cells
  [[nodiscard]] Cell cell(std::uint32_t other, float rating, double share, double row_observed) const;
  /// What rows are solved around.
  struct Means {
    FactorMatrix factors;
    std::vector<float> biases;
  };
  [[nodiscard]] std::optional<Means> means_of(const FoldInRows& rows, std::span<const FeatureRow> features) const;
  /// \param products  of the rows' sums with the fixed rows, one per rating, which are taken off the values; empty for zeros
  /// \param means     what the rows are solved around; null for zeros
  void solve_least_squares(const FoldInRows& rows, std::span<const float> products, Means* means, Workers& workers, FactorMatrix& factors,
                           std::span<float> biases) const;
  /// Means given ratings and prior. O(n rank^2 + rank^3) per row of n ratings
  void solve_posterior(const FoldInRows& rows, std::span<const FeatureRow> features, Workers& workers, FactorMatrix& factors,
                       std::span<float> biases) const;
  void solve_divergence(const FoldInRows& rows, std::size_t row, std::vector<double>& scratch, std::span<float> factors) const;

  void solve_sums(const FoldInRows& rows, Workers& workers, FactorMatrix& factors, std::span<float> biases) const;
  /// The bias of a row whose products with the fixed rows are known, one per rating.
  [[nodiscard]] float bias_of(const FoldInRows& rows, std::size_t row, std::span<const float> products) const;

  void solve_pairs(const FoldInRows& rows, std::size_t row, std::span<float> factors, float& bias) const;

  const Side& fixed_;
  const Side& solved_;
  const FactorMatrix& history_factors_;
  FoldInSide side_;
  double mean_;
  const OrdinalScale* ordinal_;  ///< null where scores are in the units of the ratings
  bool has_variances_;
  FoldInTerms terms_;
  CountWeight row_observed_;
  CountWeight fixed_observed_;
  CountWeight row_unobserved_;
  CountWeight fixed_unobserved_;
  bool shared_;                      ///< shares of solved rows in the weights of unobserved cells are not 1
  bool weighted_;                    ///< weights of observed cells are not 1
  double fixed_shares_ = 0;          ///< sum of the fixed rows' shares in the weights of unobserved cells
  std::vector<double> fixed_sums_;   ///< sum of the fixed rows, for a divergence with unobserved cells
  std::vector<double> gramian_;      ///< Gramian of the fixed rows times the unobserved weight, with x >= 0
  std::optional<Eigenbasis> basis_;  ///< basis of that Gramian, without x >= 0
  std::optional<PairwiseFoldIn> pairwise_;
  std::vector<float> precision_;  ///< of posterior: the prior's times the noise
  AlignedFloats diagonal_;        ///< diagonal of the equations of every row, in that basis
};

/// Whether every number of a solved row is finite.
bool is_finite(std::span<const float> factors, float bias) noexcept;
/// \param whose  whose ratings gave a row that is not. \throws DataError
[[noreturn]] void fail_to_fold_in(const std::string& whose);

/// Adds a row of given ratings of `fixed`: of those that the model knows, ascending, the last of repeats.
/// \throws DataError for different numbers of items (or users) and values
void add_row(const Side& fixed, std::span<const std::uint32_t> others, std::span<const float> values, FoldInRows& rows);

/// One new row against the rows of `fixed`, which the solver was made for: see fold_in_user().
/// \param speaks  the model of a new user, whose neighbours speak from what is given; nullptr for an item
FoldedRow fold_in_row(const FoldInSolver& solver, const Side& fixed, std::span<const std::uint32_t> others, std::span<const float> values,
                      const Model* speaks, const FeatureRow& features = {});

}  // namespace lowrank
