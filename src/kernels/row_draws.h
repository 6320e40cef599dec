#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/aligned_floats.h"
#include "kernels/dot.h"

namespace lowrank {

/// Draws rows of a Gaussian model from what their ratings and their prior leave open. A row is x of `rank` numbers and a bias b, with the
/// prior (x, b) ~ N(means, precision^-1) and ratings v_i ~ N(<q_i, x> + b, 1 / (noise w_i)). Given all that, (x, b) is normal with the
/// precision A = precision + noise sum w_i h_i h_i^T, h_i = (q_i, 1), and the mean A^-1 (precision means + noise sum w_i v_i h_i).
///
/// Holds scratch memory: one per thread. Ratings come in pieces, which different drawers may take and merge in a fixed order.
class RowDrawer {
 public:
  struct Ratings {
    RowTable fixed{};
    std::span<const std::uint32_t> others;  ///< the row in `fixed` of each q_i
    RowTable added{};                       ///< where its stride is not 0, q_i is the sum of a row of `fixed` and one of these
    const std::uint32_t* added_rows = nullptr;
    const float* weights = nullptr;  ///< w_i, above 0; null for ones
    const float* values = nullptr;   ///< v_i
  };
  struct Prior {
    std::span<const float> precision;  ///< divided by that of the ratings: (rank + 1) x (rank + 1), both triangles
    const float* means = nullptr;      ///< rank + 1
    double noise = 1;                  ///< precision of the ratings, above 0
  };

  explicit RowDrawer(std::size_t rank);

  void begin();
  /// O(n rank^2 / 2) multiplications
  void add(const Ratings& ratings);
  void merge(const RowDrawer& other);
  /// x and b as a function of `normals`, rank + 1 standard normal draws; zeros give the mean. In float32 where that is good to about 1e-3
  /// of a standard deviation, else in double. O(rank^3 / 6)
  void finish(const Prior& prior, const float* normals, float* x, float* bias);
  /// The variances of x and b, which neither the means of the prior nor the values of the ratings change. In double. O(rank^3 / 3)
  /// \param[out] variances  rank + 1 numbers
  void variances(const Prior& prior, std::span<float> variances) const;

 private:
  void pull(const Prior& prior);
  bool finish_in_float(const Prior& prior, const float* normals, float* x, float* bias);
  /// The root L of the precision A = L L^T, divided by that of the ratings: (rank + 1) x (rank + 1), in the lower triangle.
  [[nodiscard]] std::vector<double> system(const Prior& prior) const;
  void finish_in_double(const Prior& prior, const float* normals, float* x, float* bias);

  std::size_t rank_;
  std::size_t columns_;  ///< rank, padded
  std::size_t ld_;       ///< floats per row of the tile
  std::size_t lda_;      ///< floats per row of the matrices
  std::size_t chunk_;    ///< rows of the tile
  AlignedFloats tile_;
  AlignedFloats added_tile_;
  AlignedFloats roots_;       ///< roots of the weights
  AlignedFloats targets_;     ///< values times those
  AlignedFloats gram_;        ///< sum of w q q^T, upper triangle
  AlignedFloats matrix_;      ///< the system that is factorised
  AlignedFloats sums_;        ///< sum of w v q, then of w q
  std::vector<float> pulls_;  ///< what the prior adds to the right-hand side
  double weight_sum_ = 0;
  double value_sum_ = 0;
};

/// The rows of one side, given those of the other.
struct RowDraws {
  std::span<const std::size_t> offsets;   ///< rows + 1 positions: the ratings of row r are at [offsets[r], offsets[r + 1])
  const std::uint32_t* others = nullptr;  ///< number of the fixed row of each rating
  RowTable fixed{};
  RowTable added{};  ///< as in RowDrawer::Ratings
  const std::uint32_t* added_rows = nullptr;
  bool weighted = false;  ///< `cells` writes weights; else they are ones
  /// Writes w and v for the ratings of a row at [begin, end).
  std::function<void(std::size_t row, std::size_t begin, std::size_t end, float* weights, float* values)> cells;
  std::span<const double> precision;  ///< of the prior: (rank + 1) x (rank + 1), both triangles
  RowTable means{};                   ///< rank + 1 numbers of each row
  double noise = 1;
  /// Fills rank + 1 standard normal draws for a row.
  std::function<void(std::size_t row, std::span<float> normals)> normals;
};

/// Draws every row that has ratings; the others stay. Long rows are cut into pieces. The same for any number of threads.
/// \param[out] solved  rows of fixed.stride floats \param[out] biases  one per row
void draw_rows(const RowDraws& draws, std::size_t rank, Workers& workers, float* solved, float* biases);

}  // namespace lowrank
