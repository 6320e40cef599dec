#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lowrank/model/model.h"

namespace lowrank {

/// What scores items for a user, and learns from one event after another.
class ListLearner {
 public:
  ListLearner() = default;
  ListLearner(const ListLearner&) = delete;
  ListLearner& operator=(const ListLearner&) = delete;
  virtual ~ListLearner() = default;

  /// Scores the items 0 to scores.size() - 1 for a user with an event, all of whom were learned or are of the model.
  virtual void score(std::uint32_t user, std::span<double> scores) const = 0;
  /// Learns an event. New rows have the next numbers. \param value  as in the ratings, any sign
  virtual void learn(std::uint32_t user, std::uint32_t item, double value) = 0;
};

/// Method popular: an item's score is its number of ratings above 0. \param model  none for a start from nothing
std::unique_ptr<ListLearner> learn_popular(const Model* model);
/// Method implicit: the row of the user, then of the item, each by one sweep over its coordinates of the method's own loss (fast eALS, He
/// et al. 2016). \param model  with the loss and its rows; none for a start from nothing
std::unique_ptr<ListLearner> learn_implicit(const Model* model, std::size_t rank, std::uint64_t seed);
/// Method bpr: steps of the method's own loss for the item against drawn ones.
std::unique_ptr<ListLearner> learn_pairs(const Model* model, std::size_t rank, std::uint64_t seed);

}  // namespace lowrank
