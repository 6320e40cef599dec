#include "train/context_moments.h"

#include <algorithm>
#include <utility>

#include "kernels/gramian.h"

namespace lowrank {

namespace {

/// Rows of the sums that are added one after another.
constexpr std::size_t kRows = 256;

std::vector<double> weighted_sum(const FactorMatrix& rows, std::span<const double> weights, Workers& workers) {
  std::vector<double> sum = workers.sum_ranges(weights.size(), kRows, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> part(rows.rank());
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<const float> own = rows.row(row);
      for (std::size_t k = 0; k < part.size(); ++k) part[k] += weights[row] * static_cast<double>(own[k]);
    }
    return part;
  });
  sum.resize(rows.rank());
  return sum;
}

/// The sum of weight a b^T over the rows of two tables.
Matrix weighted_products(const FactorMatrix& a, const FactorMatrix& b, std::span<const double> weights, Workers& workers) {
  const std::size_t rank = a.rank();
  // Few pieces, each of which has a matrix of its own.
  constexpr std::size_t kPieces = 16;
  const std::size_t grain = std::max(kRows, (weights.size() + kPieces - 1) / kPieces);
  Matrix sum = workers.sum_ranges(weights.size(), grain, [&](std::size_t begin, std::size_t end, int) {
    Matrix part(rank * rank);
    for (std::size_t row = begin; row < end; ++row) {
      if (weights[row] == 0) continue;
      const std::span<const float> right = b.row(row);
      for (std::size_t k = 0; k < rank; ++k) {
        const double left = weights[row] * static_cast<double>(a.row(row)[k]);
        for (std::size_t l = 0; l < rank; ++l) part[k * rank + l] += left * static_cast<double>(right[l]);
      }
    }
    return part;
  });
  sum.resize(rank * rank);
  return sum;
}

double sum_of_products(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t n = 0; n < a.size(); ++n) sum += a[n] * b[n];
  return sum;
}

/// The sum of f g (p + q) (p + q)^T.
Matrix sums_matrix(const RowMoments& users, const RowMoments& items) {
  const std::size_t rank = users.sums.size();
  Matrix matrix(rank * rank);
  for (std::size_t k = 0; k < rank; ++k) {
    for (std::size_t l = 0; l < rank; ++l) {
      const std::size_t at = k * rank + l;
      matrix[at] =
          items.weight * users.gram[at] + users.weight * items.gram[at] + users.sums[k] * items.sums[l] + items.sums[k] * users.sums[l];
    }
  }
  return matrix;
}

/// The sum of f g (p o q) (p + q)^T.
Matrix mixed_matrix(const RowMoments& users, const RowMoments& items) {
  const std::size_t rank = users.sums.size();
  Matrix matrix(rank * rank);
  for (std::size_t k = 0; k < rank; ++k) {
    for (std::size_t l = 0; l < rank; ++l)
      matrix[k * rank + l] = users.gram[k * rank + l] * items.sums[k] + items.gram[k * rank + l] * users.sums[k];
  }
  return matrix;
}

/// The sum of f g E[(p o q o t) (p o q o t)^T].
Matrix products_matrix(const RowMoments& users, const RowMoments& items, const LevelMoments& levels) {
  Matrix matrix(users.gram.size());
  for (std::size_t n = 0; n < matrix.size(); ++n) matrix[n] = users.gram[n] * items.gram[n] * levels.scales[n];
  return matrix;
}

}  // namespace

RowMoments moments_of_rows(const FactorMatrix& rows, std::span<const double> weights, Workers& workers) {
  RowMoments moments;
  moments.gram = gramian({rows.data(), rows.stride()}, weights.size(), rows.rank(), weights, workers);
  moments.sums = weighted_sum(rows, weights, workers);
  for (const double weight : weights) moments.weight += weight;
  return moments;
}

LevelMoments no_levels(std::size_t rank) {
  return {.scale = std::vector<double>(rank, 1.0),
          .vector = std::vector<double>(rank),
          .scales = Matrix(rank * rank, 1.0),
          .mixed = Matrix(rank * rank),
          .vectors = Matrix(rank * rank)};
}

LevelMoments moments_of_levels(const FactorMatrix& scales, const FactorMatrix& vectors, std::span<const double> shares, Workers& workers) {
  return {.scale = weighted_sum(scales, shares, workers),
          .vector = weighted_sum(vectors, shares, workers),
          .scales = weighted_products(scales, scales, shares, workers),
          .mixed = weighted_products(scales, vectors, shares, workers),
          .vectors = weighted_products(vectors, vectors, shares, workers)};
}

LevelMoments combined(const LevelMoments& one, const LevelMoments& other) {
  LevelMoments both = one;
  const std::size_t rank = one.scale.size();
  for (std::size_t k = 0; k < rank; ++k) {
    both.scale[k] *= other.scale[k];
    both.vector[k] += other.vector[k];
    for (std::size_t l = 0; l < rank; ++l) {
      const std::size_t at = k * rank + l;
      both.scales[at] *= other.scales[at];
      both.mixed[at] = other.scale[k] * one.mixed[at] + one.scale[k] * other.mixed[at];
      both.vectors[at] += other.vectors[at] + one.vector[k] * other.vector[l] + other.vector[k] * one.vector[l];
    }
  }
  return both;
}

// The regressor of a user's row is q o t + d and its offset <q, d>, so that with Q the Gramian and q' the sum of the items
//
//     matrix = Q o E[t t^T] + diag(q') E[t d^T] + E[d t^T] diag(q') + weight E[d d^T]
//     linear_k = sum_l Q_kl E[t d^T]_kl + sum_l E[d d^T]_kl q'_l
Quadratic cells_of_row(const RowMoments& fixed, const LevelMoments& levels) {
  const std::size_t rank = fixed.sums.size();
  Quadratic cells{.matrix = Matrix(rank * rank), .linear = std::vector<double>(rank)};
  for (std::size_t k = 0; k < rank; ++k) {
    for (std::size_t l = 0; l < rank; ++l) {
      const std::size_t at = k * rank + l;
      cells.matrix[at] = fixed.gram[at] * levels.scales[at] + fixed.sums[k] * levels.mixed[at] +
                         fixed.sums[l] * levels.mixed[l * rank + k] + fixed.weight * levels.vectors[at];
      cells.linear[k] += fixed.gram[at] * levels.mixed[at] + levels.vectors[at] * fixed.sums[l];
    }
  }
  return cells;
}

// The regressor of the vector of a level with scales t is p + q and its offset sum_k p_k q_k t_k t'_k + <d', p + q>, with t' and d' those
// of the other columns. The regressor of its scales' distance from 1 is p o q o t' and the offset sum_k p_k q_k t'_k + <d + d', p + q>.
LevelCells::LevelCells(const RowMoments& users, const RowMoments& items, LevelMoments others)
    : others_(std::move(others)),
      sums_(sums_matrix(users, items)),
      mixed_(mixed_matrix(users, items)),
      products_(products_matrix(users, items, others_)),
      at_no_scale_(users.sums.size()),
      at_no_vector_(users.sums.size()) {
  const std::size_t rank = at_no_scale_.size();
  for (std::size_t k = 0; k < rank; ++k) {
    for (std::size_t l = 0; l < rank; ++l) {
      at_no_scale_[k] += sums_[k * rank + l] * others_.vector[l];
      at_no_vector_[k] += products_[k * rank + l] + mixed_[k * rank + l] * others_.mixed[k * rank + l];
    }
  }
}

void LevelCells::vector_linear(std::span<const float> scales, std::span<float> to) const {
  const std::size_t rank = to.size();
  std::vector<double> linear = at_no_scale_;
  for (std::size_t k = 0; k < rank; ++k) {
    const double scale = static_cast<double>(scales[k]) * others_.scale[k];
    for (std::size_t l = 0; l < rank; ++l) linear[l] += scale * mixed_[k * rank + l];
  }
  std::ranges::transform(linear, to.begin(), [](double x) { return static_cast<float>(x); });
}

void LevelCells::scale_linear(std::span<const float> vector, std::span<float> to) const {
  const std::size_t rank = to.size();
  for (std::size_t k = 0; k < rank; ++k) {
    double product = 0;
    for (std::size_t l = 0; l < rank; ++l) product += mixed_[k * rank + l] * static_cast<double>(vector[l]);
    to[k] = static_cast<float>(at_no_vector_[k] + others_.scale[k] * product);
  }
}

double squares_of_cells(const RowMoments& users, const RowMoments& items, const LevelMoments& levels) {
  double squares = sum_of_products(products_matrix(users, items, levels), std::vector<double>(users.gram.size(), 1.0));
  squares += 2 * sum_of_products(mixed_matrix(users, items), levels.mixed);
  return squares + sum_of_products(sums_matrix(users, items), levels.vectors);
}

}  // namespace lowrank
