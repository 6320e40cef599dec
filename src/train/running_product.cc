#include "train/running_product.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/eigen.h"
#include "kernels/gramian.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 256;
/// The least eigenvalue of a Gramian, as a share of the greatest, that float32 tables tell from 0.
constexpr double kLeastShare = 1e-12;

/// rows x columns times columns x count, both row by row.
std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, std::size_t size) {
  std::vector<double> c(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t l = 0; l < size; ++l) {
      const double factor = a[i * size + l];
      if (factor == 0) continue;
      for (std::size_t j = 0; j < size; ++j) c[i * size + j] += factor * b[l * size + j];
    }
  }
  return c;
}

std::vector<double> transposed(const std::vector<double>& a, std::size_t size) {
  std::vector<double> b(a.size());
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) b[j * size + i] = a[i * size + j];
  }
  return b;
}

struct Maps {
  std::vector<double> users;
  std::vector<double> items;
};

/// With L^T L = V^T D V and W^T S^2 W that of D^1/2 V R^T R V^T D^1/2, the singular value decomposition of L R^T is
/// (L V^T D^-1/2 W^T) S (R V^T D^1/2 W^T S^-1)^T. The maps take the `kept` greatest singular values, half of each to either side.
Maps best_maps(std::vector<double> users, const std::vector<double>& items, std::size_t size, std::size_t kept, Workers& workers) {
  const std::vector<double> values = symmetric_eigen(users, size, workers);
  const std::vector<double>& v = users;
  std::vector<double> up(size);
  std::vector<double> down(size);
  for (std::size_t k = 0; k < size; ++k) {
    if (!(values[k] > kLeastShare * values.back())) continue;
    up[k] = std::sqrt(values[k]);
    down[k] = 1 / up[k];
  }
  std::vector<double> inner = product(product(v, items, size), transposed(v, size), size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) inner[i * size + j] *= up[i] * up[j];
  }
  const std::vector<double> squares = symmetric_eigen(inner, size, workers);
  Maps maps{std::vector<double>(size * size), std::vector<double>(size * size)};
  for (std::size_t column = 0; column < kept; ++column) {
    const std::size_t k = size - 1 - column;
    if (!(squares[k] > kLeastShare * squares.back())) break;
    const double root = std::pow(squares[k], 0.25);
    for (std::size_t row = 0; row < size; ++row) {
      double user = 0;
      double item = 0;
      for (std::size_t l = 0; l < size; ++l) {
        user += v[l * size + row] * down[l] * inner[k * size + l];
        item += v[l * size + row] * up[l] * inner[k * size + l];
      }
      maps.users[row * size + column] = user * root;
      maps.items[row * size + column] = item / root;
    }
  }
  return maps;
}

}  // namespace

RunningProduct::RunningProduct(std::span<const std::size_t> users, std::span<const std::size_t> items, std::size_t rank, std::size_t kept,
                               std::vector<double> user_weights, std::vector<double> item_weights)
    : rank_(rank), kept_(kept), user_weights_(std::move(user_weights)), item_weights_(std::move(item_weights)) {
  for (const std::size_t rows : users) users_.emplace_back(rows, rank + kept);
  for (const std::size_t rows : items) items_.emplace_back(rows, rank + kept);
}

RunningProduct::Changes RunningProduct::add(std::span<const FactorMatrix* const> users, std::span<const FactorMatrix* const> items,
                                            Workers& workers) {
  const auto before = static_cast<double>(samples_);
  ++samples_;
  if (rank_ == 0) return {};
  const auto keep = static_cast<float>(std::sqrt(before / (before + 1)));
  const auto take = static_cast<float>(std::sqrt(1 / (before + 1)));
  const std::size_t size = kept_ + rank_;
  // The mean and the sample side by side: the product of the tables is the new mean.
  const auto widen = [&](const FactorMatrix& sample, FactorMatrix& table) {
    workers.for_ranges(table.rows(), kGrain, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t row = begin; row < end; ++row) {
        const std::span<float> own = table.row(row);
        for (std::size_t k = 0; k < kept_; ++k) own[k] *= keep;
        for (std::size_t k = 0; k < rank_; ++k) own[kept_ + k] = take * sample.row(row)[k];
      }
    });
  };
  for (std::size_t n = 0; n < users_.size(); ++n) widen(*users[n], users_[n]);
  for (std::size_t n = 0; n < items_.size(); ++n) widen(*items[n], items_[n]);
  const auto gramian_of = [&](const std::vector<FactorMatrix>& tables, std::span<const double> weights) {
    const FactorMatrix& rows = tables.front();
    std::vector<double> sum = gramian({rows.data(), rows.stride()}, rows.rows(), size, {}, workers);
    if (weights.empty()) return sum;
    const FactorMatrix& last = tables.back();
    const std::vector<double> more = gramian({last.data(), last.stride()}, last.rows(), size, weights, workers);
    for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += more[n];
    return sum;
  };
  const Maps maps = best_maps(gramian_of(users_, user_weights_), gramian_of(items_, item_weights_), size, kept_, workers);
  const auto apply = [&](const std::vector<double>& map, std::vector<FactorMatrix>& tables) {
    const AlignedFloats panels = in_panels(map, size, size);
    for (FactorMatrix& table : tables) rotate(table.data(), table.stride(), table.rows(), size, panels, workers);
    Change change{std::vector<double>(kept_ * kept_), std::vector<double>(rank_ * kept_)};
    for (std::size_t row = 0; row < size; ++row) {
      for (std::size_t column = 0; column < kept_; ++column) {
        const double factor = map[row * size + column];
        if (row < kept_) {
          change.mean[row * kept_ + column] = before == 0 ? 0 : factor / static_cast<double>(keep);
        } else {
          change.sample[(row - kept_) * kept_ + column] = factor / static_cast<double>(take);
        }
      }
    }
    return change;
  };
  return {.users = apply(maps.users, users_), .items = apply(maps.items, items_)};
}

}  // namespace lowrank
