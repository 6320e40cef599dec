#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lowrank/recommend/recommender.h"
#include "recommend/rank_rows.h"

namespace lowrank {

/// recommend() for callers with a view of their own of what to leave out: `options.include_seen` and the model's seen items do not count.
/// \param exclude  (position in users, list) adds the items to leave out, ascending, to an empty list; runs in the workers
void recommend_excluding(const Model& model, std::span<const std::uint32_t> users, const RecommendOptions& options,
                         const std::function<void(std::size_t position, std::vector<std::uint32_t>& items)>& exclude,
                         const std::function<void(std::size_t position, std::span<const Scored> items)>& consume,
                         const RankLimits& limits = {});

/// The same of a recommender that is there already.
class RecommenderAccess {
 public:
  static void recommend(const Recommender& recommender, std::span<const std::uint32_t> users, const RecommendOptions& options,
                        const std::function<void(std::size_t position, std::vector<std::uint32_t>& items)>& exclude,
                        const std::function<void(std::size_t position, std::span<const Scored> items)>& consume,
                        const RankLimits& limits = {});
};

}  // namespace lowrank
