#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "kernels/elimination.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/model.h"
#include "train/fixtures.h"

namespace lowrank {

/// Ratings as a dense table: what is there, cell by cell.
struct DenseRatings {
  std::uint32_t users;
  std::uint32_t items;
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> cells;

  DenseRatings(const std::vector<Triple>& triples, std::uint32_t user_count, std::uint32_t item_count)
      : users(user_count), items(item_count) {
    for (const Triple& triple : triples) cells[{triple.user, triple.item}] = double{triple.value};
  }
  [[nodiscard]] Ratings sparse() const {
    std::vector<Triple> triples;
    for (const auto& [cell, value] : cells) triples.push_back({cell.first, cell.second, static_cast<float>(value)});
    return make_ratings(triples, users, items);
  }
  [[nodiscard]] std::size_t count_of_user(std::uint32_t user) const {
    std::size_t count = 0;
    for (const auto& [cell, value] : cells) count += cell.first == user ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::size_t count_of_item(std::uint32_t item) const {
    std::size_t count = 0;
    for (const auto& [cell, value] : cells) count += cell.second == item ? 1 : 0;
    return count;
  }
};

inline double dot_of(const FactorMatrix& a, std::size_t i, const FactorMatrix& b, std::size_t j) {
  double sum = 0;
  for (std::size_t k = 0; k < a.rank(); ++k) sum += double{a.row(i)[k]} * double{b.row(j)[k]};
  return sum;
}

inline double squares_of(const FactorMatrix& a, std::size_t i) { return dot_of(a, i, a, i); }

/// Normal equations in double, collected cell by cell: minimises sum weight (target - <x, q>)^2 + x^T diag(ridge) x.
class DenseSystem {
 public:
  explicit DenseSystem(std::size_t size) : a_(size * size), b_(size) {}
  void add(double weight, double target, const std::vector<double>& q) {
    for (std::size_t i = 0; i < b_.size(); ++i) {
      for (std::size_t j = 0; j < b_.size(); ++j) a_[i * b_.size() + j] += weight * q[i] * q[j];
      b_[i] += weight * target * q[i];
    }
  }
  void damp(std::size_t coordinate, double weight) { a_[coordinate * b_.size() + coordinate] += weight; }
  [[nodiscard]] std::vector<double> solve() const { return eliminate(a_, b_); }

 private:
  std::vector<double> a_;
  std::vector<double> b_;
};

}  // namespace lowrank
