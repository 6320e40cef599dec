#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/model/model.h"
#include "model/negative_sampler.h"

namespace lowrank {

/// Solves new rows of a model whose fold-in is PairwiseLogistic, by L-BFGS: the loss is convex and smooth in one row. Const use is safe
/// from many threads.
class PairwiseFoldIn {
 public:
  /// O(items), for the items of a model O(users) more. \param model  must outlive this
  PairwiseFoldIn(const Model& model, const PairwiseLogistic& problem);

  /// \param items  of the user, ascending, all known to the model
  /// \param[out] factors  of the user. O(draws negatives rank) per step, for 4 draws per item, fewer for more than 128 items
  void solve_user(std::span<const std::uint32_t> items, std::span<float> factors) const;

  /// \param users  of the item, ascending, all known to the model
  void solve_item(std::span<const std::uint32_t> users, std::span<float> factors, float& bias) const;

 private:
  const Model& model_;
  PairwiseLogistic problem_;
  NegativeSampler sampler_;
  double item_weights_ = 0;                 ///< sum over the items of what their probabilities are proportional to
  std::vector<std::uint64_t> rating_ends_;  ///< training ratings of each user and all before
};

}  // namespace lowrank
