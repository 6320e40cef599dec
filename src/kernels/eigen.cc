#include "kernels/eigen.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <numeric>

#include "kernels/plane_rotations.h"

namespace lowrank {

namespace {

/// Rows of doubles that start at multiples of 64 bytes.
class Rows {
 public:
  explicit Rows(std::size_t n)
      : ld_((n + 7) / 8 * 8), data_(static_cast<double*>(::operator new[](n* ld_ * sizeof(double), std::align_val_t{64}))) {
    std::fill_n(data_.get(), n * ld_, 0.0);
  }
  [[nodiscard]] std::size_t ld() const noexcept { return ld_; }
  [[nodiscard]] double* data() noexcept { return data_.get(); }
  [[nodiscard]] double* row(std::size_t index) noexcept { return data_.get() + index * ld_; }

 private:
  struct Release {
    void operator()(double* data) const noexcept { ::operator delete[](data, std::align_val_t{64}); }
  };
  std::size_t ld_;
  std::unique_ptr<double[], Release> data_;
};

/// The QR algorithm with Wilkinson's implicit shifts on a symmetric tridiagonal matrix (Golub and Van Loan, "Matrix computations", section
/// 8.3). Its rotations are gathered before they are applied to the vectors: the numbers alone are soon done.
class TridiagonalQr {
 public:
  TridiagonalQr(std::vector<double> diagonal, std::vector<double> below, Rows& vectors, Workers& workers)
      : diagonal_(std::move(diagonal)), below_(std::move(below)), vectors_(vectors), workers_(workers) {}

  std::vector<double> run() {
    constexpr std::size_t kMostSweeps = 30;  // an eigenvalue; two are the rule
    std::size_t end = diagonal_.size() - 1;
    for (std::size_t sweeps = kMostSweeps * diagonal_.size(); sweeps > 0; --sweeps) {
      drop_small(end);
      while (end > 0 && below_[end - 1] == 0) --end;
      if (end == 0) break;
      std::size_t begin = end - 1;
      while (begin > 0 && below_[begin - 1] != 0) --begin;
      sweep(begin, end);
      if (rotations_.size() >= kGathered) apply();
    }
    apply();
    return std::move(diagonal_);
  }

 private:
  static constexpr std::size_t kGathered = std::size_t{1} << 16U;

  void drop_small(std::size_t end) {
    constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
    for (std::size_t k = 0; k < end; ++k) {
      if (std::abs(below_[k]) <= kEpsilon * (std::abs(diagonal_[k]) + std::abs(diagonal_[k + 1]))) below_[k] = 0;
    }
  }

  /// The eigenvalue of the last 2 x 2 block that is nearer to its last number.
  [[nodiscard]] double shift(std::size_t end) const {
    const double half = (diagonal_[end - 1] - diagonal_[end]) / 2;
    const double b = below_[end - 1];
    // b / (half + sign root) first: b^2 may be too small for a number.
    return diagonal_[end] - b * (b / (half + std::copysign(std::hypot(half, b), half)));
  }

  /// One step on the unreduced block [begin, end]: the bulge that the shifted first rotation makes is chased down.
  void sweep(std::size_t begin, std::size_t end) {
    sweeps_.push_back({begin, rotations_.size()});
    double x = diagonal_[begin] - shift(end);
    double z = below_[begin];
    for (std::size_t k = begin; k < end && z != 0; ++k) {
      const double r = std::hypot(x, z);
      const double c = x / r;
      const double s = z / r;
      rotations_.push_back({c, s});
      if (k > begin) below_[k - 1] = r;
      const double a = diagonal_[k];
      const double b = below_[k];
      const double d = diagonal_[k + 1];
      const double cross = 2 * c * s * b;
      diagonal_[k] = c * c * a + cross + s * s * d;
      diagonal_[k + 1] = s * s * a - cross + c * c * d;
      below_[k] = c * s * (d - a) + (c * c - s * s) * b;
      x = below_[k];
      if (k + 1 == end) break;
      z = s * below_[k + 1];
      below_[k + 1] *= c;
    }
  }

  void apply() {
    std::vector<RotationSweep> sweeps;
    sweeps.reserve(sweeps_.size());
    for (std::size_t n = 0; n < sweeps_.size(); ++n) {
      const std::size_t last = n + 1 < sweeps_.size() ? sweeps_[n + 1].from : rotations_.size();
      sweeps.push_back({sweeps_[n].first, std::span(rotations_).subspan(sweeps_[n].from, last - sweeps_[n].from)});
    }
    constexpr std::size_t kColumns = 32;
    workers_.for_ranges(vectors_.ld(), kColumns,
                        [&](std::size_t begin, std::size_t end, int) { rotate_rows(vectors_.data(), vectors_.ld(), begin, end, sweeps); });
    sweeps_.clear();
    rotations_.clear();
  }

  struct Sweep {
    std::size_t first;
    std::size_t from;  ///< its first rotation
  };
  std::vector<double> diagonal_;
  std::vector<double> below_;
  Rows& vectors_;
  Workers& workers_;
  std::vector<Sweep> sweeps_;
  std::vector<PlaneRotation> rotations_;
};

}  // namespace

std::vector<double> symmetric_eigen(std::vector<double>& a, std::size_t n, Workers& workers) {
  if (n == 0) return {};
  const auto size = static_cast<Eigen::Index>(n);
  // What is the upper triangle row by row is the lower one column by column, which is the one that is read.
  const Eigen::Tridiagonalization<Eigen::MatrixXd> reduced(Eigen::Map<Eigen::MatrixXd>(a.data(), size, size));
  Rows vectors(n);
  Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>(vectors.data(), size, size,
                                                       Eigen::OuterStride<>(static_cast<Eigen::Index>(vectors.ld()))) = reduced.matrixQ();
  std::vector<double> diagonal(n);
  std::vector<double> below(n - 1);
  for (std::size_t k = 0; k < n; ++k) diagonal[k] = reduced.diagonal()[static_cast<Eigen::Index>(k)];
  for (std::size_t k = 0; k + 1 < n; ++k) below[k] = reduced.subDiagonal()[static_cast<Eigen::Index>(k)];
  const std::vector<double> found = TridiagonalQr(std::move(diagonal), std::move(below), vectors, workers).run();

  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return found[i] < found[j]; });
  std::vector<double> values(n);
  for (std::size_t j = 0; j < n; ++j) {
    values[j] = found[order[j]];
    std::copy_n(vectors.row(order[j]), n, a.begin() + static_cast<std::ptrdiff_t>(j * n));
  }
  return values;
}

}  // namespace lowrank
