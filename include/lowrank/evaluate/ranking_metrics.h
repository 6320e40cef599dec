#pragma once

/// \file
/// Metrics of recommended lists: recall, precision, NDCG, MAP, MRR, hit rate and coverage. Their definitions, and those of other programs,
/// are in docs/ranking-metrics.md.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/evaluate/user_figures.h"
#include "lowrank/model/history.h"
#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Properties of lists other than accuracy: means over users, for lists of one length. Their definitions are in docs/ranking-metrics.md.
struct BeyondAccuracy {
  double novelty = 0;          ///< bits: mean of -log2(share of the known users who rated the item) over the list
  double diversity = 0;        ///< mean over the pairs of a list of 1 - cosine of the two items' sets of users; 0 for a single item
  double popularity = 0;       ///< mean number of training ratings of the items in the list
  double test_popularity = 0;  ///< the same of the user's relevant items: what users chose themselves
  double gini = 0;             ///< Gini coefficient of how often the known items are listed: 0 all alike, near 1 few items fill all lists
  friend bool operator==(const BeyondAccuracy&, const BeyondAccuracy&) = default;
};

/// The names in BeyondAccuracy, in that order.
std::span<const std::string_view> beyond_accuracy_names();
/// The figure called `name`, one of beyond_accuracy_names(). \throws OptionError("metric")
double beyond_accuracy(const BeyondAccuracy& figures, std::string_view name);
double& beyond_accuracy(BeyondAccuracy& figures, std::string_view name);

/// Figures of lists of `top` items: means over the users with a relevant item, with equal weights.
struct RankingScores {
  std::size_t top = 0;    ///< length of the lists, K
  std::size_t users = 0;  ///< users with a relevant item
  double recall = 0;      ///< hits / relevant items
  double precision = 0;   ///< hits / K, also if a list is shorter
  double ndcg = 0;        ///< sum of 1/log2(place + 1) over the hits, divided by that of a list that starts with min(K, relevant) hits
  double map = 0;         ///< sum over the hits of (hits so far / place), divided by min(K, relevant)
  double mrr = 0;         ///< 1 / place of the first hit, 0 without a hit
  double hit_rate = 0;    ///< share of users with a hit
  double coverage = 0;    ///< share of the known items that are in at least one list
  std::optional<BeyondAccuracy> beyond = {};  ///< if it was asked for
};

/// How lists are scored.
struct RankingOptions {
  int threads = 0;  ///< 0 for all; no influence on the result
  /// Whether to fill in RankingScores::beyond. Takes 4 bytes per training rating, and time that grows with the square of the length of a
  /// list: three times that of the lists themselves for 20 items of ML-1M.
  bool beyond_accuracy = false;
  /// If given, receives METRIC@K of every user with a relevant item, for every length and every metric that is a mean over users.
  UserFigures* by_user = nullptr;
};

/// The names of the metrics of lists: `recall`, `precision`, `ndcg`, `map`, `mrr`, `hit_rate`, `coverage`.
std::span<const std::string_view> ranking_metric_names();
/// The figure called `name`, one of ranking_metric_names(). \throws OptionError("metric")
double ranking_metric(const RankingScores& scores, std::string_view name);

/// The relevant items that lists are compared with: for each user the items of test pairs that the user did not rate in training. Users
/// without a relevant item are left out. Takes 4 bytes per relevant item and 12 per user.
class RankingTest {
 public:
  /// \param test           pairs in the vocabularies of the models to score; a pair counts once, even if it occurs several times; items
  ///                       that the model does not know count as well
  /// \param seen           items that users rated in training, which are neither relevant nor candidates. Must outlive the test
  /// \param relevant_from  lowest rating of a relevant item; default: all are relevant
  /// \throws DataError with `relevant_from` for pairs without ratings. O(n log n)
  RankingTest(const Pairs& test, const History& seen, std::optional<float> relevant_from = {});

  /// A test of held-out pairs that are also in `seen`, because `seen` was made before they were held out. They count as not rated.
  static RankingTest of_held_out(const Pairs& held_out, const History& seen);

  /// Number of users with a relevant item.
  [[nodiscard]] std::size_t user_count() const noexcept { return users_.size(); }

  /// Figures of lists of several lengths, computed from one list of the greatest length per user: that of recommend(), with `seen` instead
  /// of the seen items of the model. Users that the model does not know get the items by popularity. Sums are in double and in a fixed
  /// order: the result does not depend on the number of threads. Memory does not grow with the number of users.
  /// \param tops  lengths, each at least 1
  /// \return one entry per length in `tops`, in the same order
  /// \throws OptionError("top") for a length of 0; DataError if no user has a relevant item
  [[nodiscard]] std::vector<RankingScores> score(const Model& model, std::span<const std::size_t> tops,
                                                 const RankingOptions& options) const;
  [[nodiscard]] std::vector<RankingScores> score(const Model& model, std::span<const std::size_t> tops, int threads = 0,
                                                 UserFigures* by_user = nullptr) const {
    return score(model, tops, RankingOptions{.threads = threads, .by_user = by_user});
  }

 private:
  RankingTest(std::vector<std::uint64_t> pairs, const History& seen, bool held_out);
  [[nodiscard]] std::span<const std::uint32_t> relevant_of(std::size_t position) const noexcept {
    return std::span(items_).subspan(offsets_[position], offsets_[position + 1] - offsets_[position]);
  }
  void exclude(std::size_t position, std::vector<std::uint32_t>& items) const;

  const History* seen_;
  bool held_out_;  ///< whether relevant items count as unseen although they are in `seen_`
  std::vector<std::uint32_t> users_;
  std::vector<std::size_t> offsets_{0};
  std::vector<std::uint32_t> items_;  ///< relevant items, ascending for each user
};

}  // namespace lowrank
