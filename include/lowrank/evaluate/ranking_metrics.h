#pragma once

/// \file
/// How good the lists of a model are: recall, precision, NDCG, MAP, MRR, hit rate and coverage. The definitions, and where those of others
/// differ, are in docs/ranking-metrics.md.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/model/seen_items.h"

namespace lowrank {

/// Figures of lists of `top` items; means over the users that have a relevant item, every user with equal weight.
struct RankingScores {
  std::size_t top = 0;    ///< K
  std::size_t users = 0;  ///< users with a relevant item
  double recall = 0;      ///< hits / relevant items
  double precision = 0;   ///< hits / K, also where a list is shorter
  double ndcg = 0;        ///< sum of 1/log2(place + 1) over the hits, divided by that of a list that starts with min(K, relevant) hits
  double map = 0;         ///< sum over the hits of (hits so far / place), divided by min(K, relevant)
  double mrr = 0;         ///< 1 / place of the first hit, 0 without any
  double hit_rate = 0;    ///< share of users with a hit
  double coverage = 0;    ///< share of the items that the model knows that are in one list or more
};

/// The names under which a metric of lists can be asked for: `recall`, `precision`, `ndcg`, `map`, `mrr`, `hit_rate`, `coverage`.
std::span<const std::string_view> ranking_metric_names();
/// The figure called `name`, one of those. \throws OptionError("metric")
double ranking_metric(const RankingScores& scores, std::string_view name);

/// What lists are held against: for each user the items that a list should hold, those of test pairs that he had not rated before. Users
/// without such an item are left out. Holds 4 bytes a relevant item and 12 a user.
class RankingTest {
 public:
  /// \param test           pairs in the vocabularies of the models to come; a pair counts once, however often it is there; items unknown to
  ///                       the model count as well
  /// \param seen           what users rated in training: these items are neither relevant nor candidates. Must outlive the test
  /// \param relevant_from  only items with a rating of at least that are relevant
  /// \throws DataError with `relevant_from` for pairs without ratings. O(n log n)
  RankingTest(const Pairs& test, const SeenItems& seen, std::optional<float> relevant_from = {});

  /// For pairs that `seen` counts, because they were held out after it was made: they are taken as not rated.
  static RankingTest of_held_out(const Pairs& held_out, const SeenItems& seen);

  /// Users with a relevant item.
  [[nodiscard]] std::size_t user_count() const noexcept { return users_.size(); }

  /// Figures of the lists of several lengths, from one list of the greatest length for each user: what recommend() gives, with the items of
  /// `seen` in the place of the model's own. So users that the model does not know get the popularity order.
  /// Sums in double in a fixed order: the result does not depend on `threads` (0 for all). Memory is bounded whatever the number of users.
  /// \param tops  lengths, each at least 1
  /// \return one entry for each of `tops`, in their order
  /// \throws OptionError("top") for a length of 0; DataError when no user has a relevant item
  [[nodiscard]] std::vector<RankingScores> score(const Model& model, std::span<const std::size_t> tops, int threads = 0) const;

 private:
  RankingTest(std::vector<std::uint64_t> pairs, const SeenItems& seen, bool held_out);
  [[nodiscard]] std::span<const std::uint32_t> relevant_of(std::size_t position) const noexcept {
    return std::span(items_).subspan(offsets_[position], offsets_[position + 1] - offsets_[position]);
  }
  void exclude(std::size_t position, std::vector<std::uint32_t>& items) const;

  const SeenItems* seen_;
  bool held_out_;  ///< relevant items count as unseen although they are among `seen_`
  std::vector<std::uint32_t> users_;
  std::vector<std::size_t> offsets_{0};
  std::vector<std::uint32_t> items_;  ///< relevant ones, ascending for each user
};

}  // namespace lowrank
