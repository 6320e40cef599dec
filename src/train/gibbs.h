#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "lowrank/model/factor_matrix.h"
#include "train/by_level.h"

namespace lowrank {

/// What a sweep of a Gibbs sampler draws. Part of the key of every draw: never renumber.
enum class GibbsStage : std::uint64_t {
  noise,
  user_rows,
  user_prior,
  user_coefficients,
  item_rows,
  item_prior,
  item_coefficients,
  user_noise,
  item_noise,
  cutpoints,
  latent,
  level_rows,
  level_prior,
  level_coefficients
};
inline constexpr std::uint64_t kGibbsStages = 16;

/// Where a sampler is: every draw is a function of this and of what is drawn.
struct GibbsPlace {
  std::uint64_t seed = 1;
  std::uint64_t sweep = 0;

  [[nodiscard]] RandomStream stream(GibbsStage stage, std::uint64_t number) const {
    return {seed, Purpose::gibbs, sweep * kGibbsStages + static_cast<std::uint64_t>(stage), number};
  }
};

/// A draw of the gamma distribution of `shape` >= 1 and rate 1 (Marsaglia and Tsang 2000).
double draw_gamma(RandomStream& stream, double shape);

/// \name Triangles in double: n x n, row by row, lower triangles, the others 0
/// \{
/// L with L L^T = a, of which the lower triangle is read. \throws TrainingError where `a` is not positive definite
std::vector<double> lower_root(std::vector<double> a, std::size_t n);
std::vector<double> inverse_of_lower(const std::vector<double>& lower, std::size_t n);
/// \}
/// A draw of the Wishart distribution with `degrees` > n - 1 of freedom and the scale S^-1 (Bartlett's decomposition).
/// \param inverse_scale  S, n x n, row by row, both triangles \return both triangles
std::vector<double> draw_wishart(RandomStream& stream, const std::vector<double>& inverse_scale, std::size_t n, double degrees);

/// Features of the rows of one side, as a sparse matrix X seen from both sides. Borrowed.
struct FeatureBlock {
  std::span<const std::size_t> row_offsets;      ///< rows + 1 positions
  const std::uint32_t* row_features = nullptr;   ///< the features of each row
  std::span<const std::size_t> feature_offsets;  ///< features + 1 positions
  const std::uint32_t* feature_rows = nullptr;   ///< the rows of each feature
  const float* row_values = nullptr;             ///< by position in row_features; null where values are those of rows
  const float* feature_values = nullptr;         ///< by position in feature_rows; null likewise
  std::span<const float> scales = {};            ///< else the value of all features of a row

  [[nodiscard]] std::size_t features() const { return feature_offsets.size() - 1; }
};

/// One side of a Gaussian model: rows (x, b) of size d = rank + 1, the bias last, with the prior
///
///     row ~ N(mean + sum over features f of X_f B_f, P^-1),   mean ~ N(0, (kMeanWeight P)^-1),   P ~ Wishart(I / prior_scatter,
///     d + prior_rows),   B_f ~ N(0, (s P)^-1),   s ~ Gamma(1, 1), of each block of features
///
/// (Salakhutdinov and Mnih 2008 with the features of Macau, Simm et al. 2017). Only rows with ratings are drawn and count.
///
/// The rows of a chain are instead expected where the one before is, the first at 0: row_t ~ N(row_(t-1), P^-1) (Xiong et al., Temporal
/// collaborative filtering with Bayesian probabilistic tensor factorization, 2010).
class GibbsSide {
 public:
  struct Block {
    FeatureBlock x;
    FactorMatrix coefficients;    ///< features x (rank + 1)
    double strength = 1;          ///< s
    std::vector<double> squares;  ///< of each feature: sum of its values' squares
    std::size_t used = 0;         ///< features that a row has
  };
  /// The stages of its draws.
  struct Stages {
    GibbsStage prior;
    GibbsStage coefficients;
    std::uint64_t first = 0;  ///< added to the numbers of the draws of the prior
  };

  /// \param centred  the mean is 0, and is not drawn \param chain  of the first rows, which are those with ratings; only with `centred`
  GibbsSide(std::span<const std::uint32_t> counts, std::size_t rank, Stages stages, bool centred = false, ChainParts chain = {});
  void add(const FeatureBlock& features);

  /// The means of all rows before their ratings, in rows of rank + 1; kept until draw_prior(). O(nnz(X) rank)
  const FactorMatrix& row_means(Workers& workers);
  /// Rows [first, last) that can be drawn at once, of the precision `neighbours` P.
  struct Part {
    std::size_t first = 0;
    std::size_t last = 0;
    int neighbours = 1;
  };
  /// All rows; of a chain, parts to be drawn one after another.
  [[nodiscard]] std::vector<Part> parts() const;
  /// The means of the rows of a part, given the others, in rows of rank + 1; kept until the next call.
  const FactorMatrix& means_of(const Part& part, Workers& workers);
  /// Draws mean, precision and coefficients given the rows, after they were drawn from means_of(). O(nnz(X) rank)
  void draw_prior(const GibbsPlace& place, Workers& workers);

  /// See train/state_bytes.h: what the next draws depend on.
  template <class Visit>
  void visit_state(Visit& visit) {
    visit(factors);
    visit(biases);
    visit(precision);
    visit(means);
    for (Block& block : blocks) {
      visit(block.coefficients);
      visit(block.strength);
    }
  }

  [[nodiscard]] std::size_t rank() const { return factors.rank(); }
  [[nodiscard]] std::span<const std::uint32_t> counts() const { return counts_; }

  static constexpr double kMeanWeight = 2;
  /// What the prior knows of the spread of rows, in units of the ratings' standard deviation: as if it had seen this many rows, whose
  /// squares add up to prior_scatter in each column. A tenth of the rows with ratings, at most 100, of variance .03 (.002 where the mean is
  /// 0, and then at least a tenth of rank + 1): chosen on training parts of ML-100K, ML-1M, MovieTweetings and InstEval; more would
  /// outweigh the ratings of small data.
  double prior_rows = 0;
  double prior_scatter = 0;

  FactorMatrix factors;
  std::vector<float> biases;
  std::vector<double> precision;  ///< P, both triangles
  std::vector<double> means;      ///< rank + 1
  std::vector<Block> blocks;

 private:
  /// The row at a place of the chain less the one before.
  void write_step(std::size_t place, std::span<float> step) const;
  void draw_moves(const GibbsPlace& place, std::size_t number, const std::vector<double>& root, Workers& workers);
  void draw_coefficients(const GibbsPlace& place, std::size_t number, const std::vector<double>& root, Workers& workers);

  std::span<const std::uint32_t> counts_;
  std::size_t known_ = 0;
  Stages stages_;
  bool centred_;
  ChainParts chain_;
  FactorMatrix scratch_;  ///< the rows' means; then the rows less those
  FactorMatrix draws_;    ///< of N(0, P^-1), for coefficients
};

}  // namespace lowrank
