#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/recommend/recommend.h"
#include "model/neighbour_sums.h"

namespace lowrank {

/// The users of each item, ascending: of item i those from starts[i] to starts[i + 1].
struct Raters {
  /// Those who rated it. O(interactions)
  static Raters all(const Model& model);
  /// Those from whose history it speaks, and what it brings, for a model with neighbours. O(interactions), for means times the rank
  static Raters heard(const Model& model);

  [[nodiscard]] std::span<const std::uint32_t> of(std::uint32_t item) const {
    return std::span(users).subspan(starts[item], starts[item + 1] - starts[item]);
  }
  /// In the order of of(); for heard() in the mean form alone.
  [[nodiscard]] std::span<const float> values_of(std::uint32_t item) const {
    return std::span(values).subspan(starts[item], starts[item + 1] - starts[item]);
  }

  std::vector<std::size_t> starts;
  std::vector<std::uint32_t> users;
  std::vector<float> values = {};  ///< see HistoryTerms
};

/// Takes what neighbours add to the score of one item for every user: for each, what gather_neighbours() takes for them, to the last bit.
/// \param speakers  the model's neighbours, transposed
void gather_listeners(const Neighbours& speakers, const Raters& heard, std::uint32_t item, SparseSums& sums);

/// The rows of a side that have the greatest weights in the row of each of `queries`.
/// \param neighbours  the model's, or transposed ones
void list_neighbours(const Side& side, const Neighbours& neighbours, std::span<const std::uint32_t> queries, const SimilarOptions& options,
                     const std::function<void(std::size_t position, std::span<const Scored> rows)>& consume);

}  // namespace lowrank
