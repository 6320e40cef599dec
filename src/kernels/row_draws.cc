#include "kernels/row_draws.h"

#include <algorithm>
#include <cmath>

#include "kernels/cholesky.h"
#include "kernels/gram.h"
#include "kernels/row_plan.h"
#include "kernels/rows.h"
#include "kernels/tile_sums.h"

namespace lowrank {

namespace {

constexpr std::size_t pad(std::size_t size) { return (size + 15) / 16 * 16; }

/// The largest ratio of the roots of two pivots at which float32 keeps the digits that a draw needs.
constexpr float kTrustedPivotRatio = 64;
/// The least pivot in double, as a share of the prior's precision.
constexpr double kLeastPivot = 1e-6;
constexpr std::size_t kPieces = 16;
/// Multiplications of a run of rows: well under a millisecond.
constexpr double kRunCost = 1 << 22U;

}  // namespace

RowDrawer::RowDrawer(std::size_t rank)
    : rank_(rank),
      columns_(pad(rank)),
      ld_(scratch_stride(columns_)),
      lda_(scratch_stride(rank + 2)),
      chunk_(std::clamp<std::size_t>(65536 / std::max<std::size_t>(columns_, 1) / 16 * 16, 32, 256)),
      tile_((chunk_ + 4) * ld_),
      roots_(chunk_),
      targets_(chunk_),
      gram_((pad(rank) + 4) * lda_),
      matrix_((pad(rank) + 4) * lda_),
      sums_(2 * columns_),
      pulls_(rank + 1) {}

void RowDrawer::begin() {
  std::fill_n(gram_.data(), gram_.size(), 0.0F);
  std::fill_n(sums_.data(), sums_.size(), 0.0F);
  weight_sum_ = 0;
  value_sum_ = 0;
}

void RowDrawer::add(const Ratings& ratings) {
  for (std::size_t begin = 0; begin < ratings.others.size(); begin += chunk_) {
    const std::size_t count = std::min(chunk_, ratings.others.size() - begin);
    const float* weights = ratings.weights != nullptr ? ratings.weights + begin : nullptr;
    const float* values = ratings.values + begin;
    const WeightSums sums = take_roots(weights, values, count, roots_.data(), targets_.data());
    weight_sum_ += sums.weights;
    value_sum_ += sums.values;
    if (rank_ == 0) continue;
    const float* scale = weights != nullptr ? roots_.data() : nullptr;
    gather_rows(ratings.fixed, ratings.others.data() + begin, count, columns_, scale, nullptr, tile_.data(), ld_);
    if (ratings.added.stride != 0) {
      added_tile_.reserve((chunk_ + 4) * ld_);
      gather_rows(ratings.added, ratings.added_rows + begin, count, columns_, scale, nullptr, added_tile_.data(), ld_);
      for (std::size_t n = 0; n < count * ld_; ++n) tile_[n] += added_tile_[n];
    }
    add_gram(tile_.data(), tile_.data(), ld_, count, columns_, gram_.data(), lda_);
    add_tile_sums(tile_.data(), ld_, count, columns_, targets_.data(), scale, sums_.data(), sums_.data() + columns_);
  }
}

void RowDrawer::merge(const RowDrawer& other) {
  for (std::size_t i = 0; i < gram_.size(); ++i) gram_[i] += other.gram_[i];
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
  weight_sum_ += other.weight_sum_;
  value_sum_ += other.value_sum_;
}

void RowDrawer::finish(const Prior& prior, const float* normals, float* x, float* bias) {
  pull(prior);
  if (!finish_in_float(prior, normals, x, bias)) finish_in_double(prior, normals, x, bias);
}

void RowDrawer::pull(const Prior& prior) {
  const std::size_t size = rank_ + 1;
  std::ranges::fill(pulls_, 0.0F);
  for (std::size_t j = 0; j < size; ++j) {
    const float mean = prior.means[j];
    for (std::size_t k = 0; k < size; ++k) pulls_[k] += prior.precision[j * size + k] * mean;
  }
}

// The bias is the last unknown of a bordered system. With A = U^T U, y = U^-T b, z = U^-T s and a draw n, divided by the root of the noise
// precision like the rest: bias = (value sum - <z, y>) / left + n_b / sqrt(left) for left = weight sum - <z, z>, and
// x = U^-1 (y + n - bias z).
bool RowDrawer::finish_in_float(const Prior& prior, const float* normals, float* x, float* bias) {
  float* a = matrix_.data();
  std::copy_n(gram_.data(), rank_ * lda_, a);
  const std::size_t size = rank_ + 1;
  for (std::size_t k = 0; k < rank_; ++k) {
    const float* precision = prior.precision.data() + k * size;
    for (std::size_t j = k; j < rank_; ++j) a[k * lda_ + j] += precision[j];
    a[k * lda_ + rank_] = sums_[k] + pulls_[k];
    a[k * lda_ + rank_ + 1] = sums_[columns_ + k] + precision[rank_];
  }
  if (rank_ != 0 && (!factor_cholesky(a, lda_, rank_, 2) || !(pivot_ratio(a, lda_, rank_) <= kTrustedPivotRatio))) return false;
  double product = 0;
  double square = 0;
  for (std::size_t k = 0; k < rank_; ++k) {
    const auto z = static_cast<double>(a[k * lda_ + rank_ + 1]);
    product += z * static_cast<double>(a[k * lda_ + rank_]);
    square += z * z;
  }
  const double whole = weight_sum_ + static_cast<double>(prior.precision.back());
  const double left = whole - square;
  if (!(left * 1e4 > whole)) return false;
  const double spread = 1 / std::sqrt(prior.noise);
  const double value =
      (value_sum_ + static_cast<double>(pulls_[rank_]) - product) / left + spread * static_cast<double>(normals[rank_]) / std::sqrt(left);
  for (std::size_t k = 0; k < rank_; ++k) {
    a[k * lda_ + rank_] +=
        static_cast<float>(spread * static_cast<double>(normals[k]) - value * static_cast<double>(a[k * lda_ + rank_ + 1]));
  }
  if (rank_ != 0) {
    std::fill_n(x, columns_, 0.0F);
    solve_upper(a, lda_, rank_, rank_, x);
  }
  *bias = static_cast<float>(value);
  return true;
}

std::vector<double> RowDrawer::system(const Prior& prior) const {
  const std::size_t size = rank_ + 1;
  std::vector<double> a(size * size);
  for (std::size_t k = 0; k < rank_; ++k) {
    for (std::size_t j = k; j < rank_; ++j) a[j * size + k] = static_cast<double>(gram_[k * lda_ + j]);
    a[rank_ * size + k] = static_cast<double>(sums_[columns_ + k]);
  }
  a[rank_ * size + rank_] = weight_sum_;
  for (std::size_t k = 0; k < size; ++k) {
    for (std::size_t j = 0; j <= k; ++j) a[k * size + j] += static_cast<double>(prior.precision[k * size + j]);
  }
  // A = L L^T. A pivot that rounding made vanish is a small one.
  for (std::size_t k = 0; k < size; ++k) {
    for (std::size_t j = 0; j < k; ++j) a[k * size + k] -= a[k * size + j] * a[k * size + j];
    const double root = std::sqrt(std::max(a[k * size + k], kLeastPivot * static_cast<double>(prior.precision[k * size + k])));
    a[k * size + k] = root;
    for (std::size_t i = k + 1; i < size; ++i) {
      for (std::size_t j = 0; j < k; ++j) a[i * size + k] -= a[i * size + j] * a[k * size + j];
      a[i * size + k] /= root;
    }
  }
  return a;
}

void RowDrawer::finish_in_double(const Prior& prior, const float* normals, float* x, float* bias) {
  const std::size_t size = rank_ + 1;
  const std::vector<double> a = system(prior);
  std::vector<double> b(size);
  for (std::size_t k = 0; k < rank_; ++k) b[k] = static_cast<double>(sums_[k]);
  b[rank_] = value_sum_;
  for (std::size_t k = 0; k < size; ++k) {
    b[k] += static_cast<double>(pulls_[k]);
    for (std::size_t j = 0; j < k; ++j) b[k] -= a[k * size + j] * b[j];
    b[k] /= a[k * size + k];
  }
  const double spread = 1 / std::sqrt(prior.noise);
  for (std::size_t k = size; k-- > 0;) {
    b[k] += spread * static_cast<double>(normals[k]);
    for (std::size_t j = k + 1; j < size; ++j) b[k] -= a[j * size + k] * b[j];
    b[k] /= a[k * size + k];
  }
  std::fill_n(x, columns_, 0.0F);
  for (std::size_t k = 0; k < rank_; ++k) x[k] = static_cast<float>(b[k]);
  *bias = static_cast<float>(b[rank_]);
}

// The inverse is L^-T L^-1: its diagonal is the squared lengths of the columns of L^-1.
void RowDrawer::variances(const Prior& prior, std::span<float> variances) const {
  const std::size_t size = rank_ + 1;
  const std::vector<double> a = system(prior);
  std::vector<double> column(size);
  for (std::size_t k = 0; k < size; ++k) {
    double squares = 0;
    for (std::size_t row = k; row < size; ++row) {
      double sum = row == k ? 1 : 0;
      for (std::size_t j = k; j < row; ++j) sum -= a[row * size + j] * column[j];
      column[row] = sum / a[row * size + row];
      squares += column[row] * column[row];
    }
    variances[k] = static_cast<float>(squares / prior.noise);
  }
}

namespace {

/// Memory of one thread.
struct Slot {
  explicit Slot(std::size_t rank) : drawer(rank), normals(rank + 1) {}
  RowDrawer drawer;
  std::vector<float> normals;
  std::vector<float> weights;
  std::vector<float> values;
};

void add_cells(const RowDraws& draws, std::size_t row, std::size_t begin, std::size_t end, Slot& slot) {
  const std::size_t count = end - begin;
  slot.values.resize(std::max(slot.values.size(), count));
  if (draws.weighted) slot.weights.resize(std::max(slot.weights.size(), count));
  draws.cells(row, begin, end, slot.weights.data(), slot.values.data());
  slot.drawer.begin();
  slot.drawer.add({.fixed = draws.fixed,
                   .others = {draws.others + begin, count},
                   .added = draws.added,
                   .added_rows = draws.added_rows != nullptr ? draws.added_rows + begin : nullptr,
                   .weights = draws.weighted ? slot.weights.data() : nullptr,
                   .values = slot.values.data()});
}

}  // namespace

void draw_rows(const RowDraws& draws, std::size_t rank, Workers& workers, float* solved, float* biases) {
  const auto cost = [rank](std::size_t ratings) {
    const auto k = static_cast<double>(rank + 1);
    return static_cast<double>(ratings) * k * (k / 2 + 8) + k * k * k / 6 + 64 * k;
  };
  const RowPlan plan(draws.offsets, {.row = cost,
                                     .is_long = [](std::size_t ratings) { return ratings > std::size_t{1} << 14U; },
                                     .run = kRunCost,
                                     .piece = std::size_t{1} << 12U,
                                     .most_pieces = kPieces});
  std::vector<std::unique_ptr<Slot>> slots(std::max(kPieces, static_cast<std::size_t>(workers.count())));
  const auto slot_of = [&](std::size_t number) -> Slot& {
    if (!slots[number]) slots[number] = std::make_unique<Slot>(rank);
    return *slots[number];
  };
  std::vector<float> precision;
  for (const double number : draws.precision) precision.push_back(static_cast<float>(number / draws.noise));
  const auto finish = [&](std::size_t row, Slot& slot) {
    draws.normals(row, slot.normals);
    slot.drawer.finish({.precision = precision, .means = draws.means.rows + row * draws.means.stride, .noise = draws.noise},
                       slot.normals.data(), solved + row * draws.fixed.stride, biases + row);
  };
  plan.run(
      workers,
      [&](std::uint32_t begin, std::uint32_t end, int number) {
        Slot& slot = slot_of(static_cast<std::size_t>(number));
        for (std::size_t row = begin; row < end; ++row) {
          if (draws.offsets[row] == draws.offsets[row + 1]) continue;
          add_cells(draws, row, draws.offsets[row], draws.offsets[row + 1], slot);
          finish(row, slot);
        }
      },
      [&](const RowPlan::Piece& piece, int) { add_cells(draws, piece.row, piece.begin, piece.end, slot_of(piece.number)); },
      [&](std::uint32_t row, std::size_t pieces) {
        for (std::size_t piece = 1; piece < pieces; ++piece) slot_of(0).drawer.merge(slot_of(piece).drawer);
        finish(row, slot_of(0));
      });
}

}  // namespace lowrank
