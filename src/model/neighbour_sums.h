#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank {

/// What a user's items bring into the scores of others, ascending by item.
struct HistoryTerms {
  std::vector<std::uint32_t> items;
  std::vector<float> values;  ///< one per item in the mean form: the rating less the score without neighbours; else empty
};

/// The terms of a user of the model: for sums the items with a rating above 0. O(history), for means O(history rank)
HistoryTerms history_terms(const Model& model, std::uint32_t user);
/// The terms of a user who is not of the model. \param factors  the model's rank of them \param items, ratings  ascending, known to the
/// model, one rating per item
HistoryTerms history_terms(const Model& model, std::span<const float> factors, float bias, std::span<const std::uint32_t> items,
                           std::span<const float> ratings);

/// What neighbours add to the scores of some of many items, O(rows) of room that is used again.
class SparseSums {
 public:
  explicit SparseSums(std::size_t rows) : sums_(rows), marks_(rows) {}

  void clear();
  void add(std::uint32_t row, float weight) {
    mark(row);
    sums_[row] += weight;
  }
  /// Adds a term of a mean; finish() makes the mean of the terms.
  void add(std::uint32_t row, float weight, float value);
  void finish(const NeighbourRule& rule);

  [[nodiscard]] float of(std::uint32_t row) const { return sums_[row]; }
  /// The rows that something was added to, each once, in no order.
  [[nodiscard]] std::span<const std::uint32_t> rows() const { return rows_; }

 private:
  void mark(std::uint32_t row) {
    if (marks_[row] == 0) rows_.push_back(row);
    marks_[row] = 1;
  }

  std::vector<float> sums_;
  std::vector<std::uint8_t> marks_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::pair<double, double>> means_;  ///< sums of weighted values and of weights; empty until a mean is asked for
};

/// Takes what the items of a user add to the scores of other items, by the model's rule. The terms of an item run over the history in
/// ascending order, wherever they are added. O(weights of the history's rows)
void gather_neighbours(const Model& model, std::uint32_t user, SparseSums& sums);
/// The same of a history of its own; nothing where users speak: who speaks for a new user is not known.
void gather_neighbours(const Model& model, const HistoryTerms& terms, SparseSums& sums);

/// The same of one item for one user of the model. O(history log row), and the rank for each item of the history that speaks in a mean
float neighbour_sum(const Model& model, std::uint32_t user, std::uint32_t item);

/// What neighbours add to many pairs: to several pairs of a user in a row, what is needed of the user once.
class PairSums {
 public:
  /// \param by_item  nullptr, or the model's neighbours, of items in the mean form, transposed: then a pair costs the weights for its item
  PairSums(const Model& model, const Neighbours* by_item) : model_(model), by_item_(by_item) {}

  /// What is added to the pair of users[at] and items[at]; asked in ascending order. neighbour_sum() to the last bit.
  float of(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::size_t at);

 private:
  void take_terms(std::uint32_t user);

  const Model& model_;
  const Neighbours* by_item_;
  std::optional<SparseSums> sums_;
  std::size_t end_ = 0;  ///< behind the pairs of the same user
  bool gathered_ = false;
  HistoryTerms terms_;
  std::vector<float> values_;         ///< of the user's terms, by item
  std::vector<std::uint8_t> marks_;   ///< 1 for the items that have one
  std::vector<std::uint32_t> rated_;  ///< places among an item's weights
};

/// score_pairs() with such neighbours.
void score_pairs(const Model& model, const Neighbours* by_item, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                 std::span<double> scores);

/// The transposed neighbours where they help to score about `pairs` pairs.
std::optional<Neighbours> neighbours_by_item(const Model& model, std::size_t pairs);

}  // namespace lowrank
