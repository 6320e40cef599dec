#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/dot.h"
#include "lowrank/data/ratings.h"
#include "train/by_level.h"
#include "train/cutpoints.h"
#include "train/gibbs.h"
#include "train/transpose.h"
#include "train/units.h"

namespace lowrank {

/// A Gibbs sampler of the model of Bayes (see lowrank/train/bayes.h), in the units of training: the mean rating is 0.
class GibbsSampler {
 public:
  /// Whether the rows of a side have the rows of the other side that they are rated with as features.
  struct ImplicitSides {
    bool users = true;
    bool items = true;
  };
  /// What is not the same in every model.
  struct Form {
    std::size_t rank = 0;
    ImplicitSides implicit = {};
    bool user_noise = false;  ///< whether each user's ratings have a noise of their own
    bool item_noise = false;
    /// Where a pair has several ratings, whether they count as one together: what they share besides the score is then not taken for so
    /// many opinions. Not for ordinal ratings.
    bool pairs_once = true;
    bool ordinal = false;  ///< ratings are steps of an ordered probit; without noises of rows
  };

  /// \param ratings, by_item  the same ratings, which must outlive the sampler \param user_features, item_features  those of the input,
  /// the last block of each side \param contexts  of the same ratings, where they count; else null
  /// \throws DataError where the form is ordinal and the ratings are not of 2 to 32 levels, and for more than 4,294,967,295 ratings where
  /// it needs their places
  GibbsSampler(const Ratings& ratings, const ByItem& by_item, const Units& units, std::span<const std::uint32_t> user_counts,
               std::span<const std::uint32_t> item_counts, const Form& form, Workers& workers,
               const std::optional<FeatureBlock>& user_features = {}, const std::optional<FeatureBlock>& item_features = {},
               const RatingContexts* contexts = nullptr);
  GibbsSampler(const GibbsSampler&) = delete;
  GibbsSampler& operator=(const GibbsSampler&) = delete;
  ~GibbsSampler() = default;

  /// Takes the present rows as they are: to be called when they were set from outside. O(n rank)
  void start(Workers& workers);
  /// Draws everything once: the noise, the users and their prior, the items and theirs. The same for any number of threads.
  /// O(n rank^2 + (users + items) rank^3)
  void sweep(const GibbsPlace& place, Workers& workers);

  /// See train/state_bytes.h: what the next sweep depends on, but for what start() finds, which must be called after the state was loaded.
  template <class Visit>
  void visit_state(Visit& visit) {
    users.visit_state(visit);
    items.visit_state(visit);
    for (GibbsSide& side : levels) side.visit_state(visit);
    visit(noise);
    visit(user_noise);
    visit(item_noise);
    if (cutpoints) visit(cutpoints->cuts);
  }

  /// Squared errors of the present rows over all ratings, in the units of training.
  [[nodiscard]] double squared_errors() const { return squares_; }
  /// The different ratings, ascending, where they are ordinal; else empty.
  [[nodiscard]] const std::vector<float>& steps() const { return steps_; }
  /// The score of a pair by the present rows.
  [[nodiscard]] double score(std::uint32_t user, std::uint32_t item) const;

  GibbsSide users;
  GibbsSide items;
  /// Of each column of contexts: a rating's score has the biases of its levels, and the products of their factors with the sum of the
  /// user's and the item's.
  std::vector<GibbsSide> levels;
  double noise = 1;  ///< precision of a rating, with the prior Gamma(1/2, 1/2); of an ordinal one 1
  /// By what the precision of a row's ratings differs from the common one, with the prior Gamma(kNoiseShape, kNoiseShape); empty for ones.
  std::vector<float> user_noise;
  std::vector<float> item_noise;
  std::optional<Cutpoints> cutpoints;  ///< of ordinal ratings
  static constexpr double kNoiseShape = 10;

 private:
  struct Rows {
    RowTable factors{};
    const float* biases = nullptr;
  };
  static Rows rows_of(const FactorMatrix& factors, const std::vector<float>& biases) {
    return {{factors.data(), factors.stride()}, biases.data()};
  }
  static Rows rows_of(const GibbsSide& side) { return rows_of(side.factors, side.biases); }
  /// Ratings as the rows of one side have them.
  struct Cells {
    std::span<const std::size_t> offsets;
    const std::uint32_t* others = nullptr;  ///< row of `fixed`
    Rows fixed;
    const std::uint32_t* added = nullptr;  ///< row of `more`; null for none
    Rows more = {};
  };
  /// \param values  writes those of the ratings at [begin, end) \param weights  writes those of the ratings of a row; none for ones
  /// \param first  added to the numbers of rows in the keys of draws
  template <class Values, class Weights>
  void draw(const GibbsPlace& place, GibbsStage stage, std::uint64_t first, const Cells& cells, const Values& values,
            const Weights& weights, bool weighted, GibbsSide& drawn, Workers& workers) const;
  void draw_side(const GibbsPlace& place, bool of_users, Workers& workers);
  void draw_levels(const GibbsPlace& place, std::size_t column, Workers& workers);
  /// Gives the row of a missing level the mean of the others over the ratings.
  static void set_missing(const ByLevel& column, GibbsSide& side);
  /// Adds up what the levels of each context have together.
  void combine_levels(Workers& workers);
  /// The sums of combine_levels(): of one column, its rows.
  [[nodiscard]] Rows combined() const { return levels.size() == 1 ? rows_of(levels.front()) : rows_of(sums_, bias_sums_); }
  /// Adds to the products of a user's ratings what their contexts add.
  void add_contexts(std::size_t user, std::size_t first, std::size_t count, float* products) const;
  void draw_noise(const GibbsPlace& place, Workers& workers);
  /// \param theirs  by what the other side's precisions differ \param place_at  of a rating, in the order of users
  template <class PlaceAt>
  void draw_noise_of(const GibbsPlace& place, GibbsStage stage, std::span<const std::size_t> offsets, const std::uint32_t* others,
                     const std::vector<float>& theirs, const PlaceAt& place_at, std::vector<float>& drawn, Workers& workers) const;
  void draw_latent(const GibbsPlace& place, Workers& workers);
  [[nodiscard]] std::size_t step_of(std::size_t at) const;

  [[nodiscard]] float user_value(std::size_t at) const {
    if (cutpoints) return latent_[at];
    return value_table_.empty() ? units_.to_training(ratings_.value(at)) : value_table_[ratings_.codes()[at]];
  }
  [[nodiscard]] float item_value(std::size_t at) const {
    if (cutpoints) return latent_[by_user_[at]];
    return value_table_.empty() ? units_.to_training(by_item_.value(at)) : value_table_[by_item_.codes[at]];
  }

  const Ratings& ratings_;
  const ByItem& by_item_;
  const RatingContexts* contexts_;
  /// \name What the levels of each context add up to, where there are several columns
  /// \{
  FactorMatrix sums_;
  std::vector<float> bias_sums_;
  /// \}
  Units units_;
  std::size_t rank_;
  std::vector<float> value_table_;  ///< in training units; empty where values are not coded
  /// Of each row, those of the other side that it is rated with, each once.
  struct Partners {
    std::span<const std::size_t> offsets;
    const std::uint32_t* others = nullptr;
    /// \name Where a pair may have several ratings, and else empty
    /// \{
    std::vector<std::size_t> own_offsets = {};
    std::vector<std::uint32_t> own_others = {};
    /// \}
    std::vector<float> scales = {};  ///< n^(-1/2) of each row, of n others
  };
  /// One over the number of ratings of the pair of a rating, in the order of users: so a pair counts once in whatever many contexts it was
  /// rated. Empty where no pair has several, and for ordinal ratings.
  std::vector<float> pair_shares_;
  double pairs_ = 0;  ///< sum of those; without them the number of ratings
  void share_pairs();
  [[nodiscard]] float pair_share(std::size_t at) const { return pair_shares_.empty() ? 1.0F : pair_shares_[at]; }

  static Partners partners_of(std::span<const std::size_t> offsets, const std::uint32_t* others, bool may_repeat);
  Partners user_partners_;
  Partners item_partners_;
  /// \name Where rows have noises of their own, pairs several ratings, or ratings are ordinal
  /// \{
  std::vector<std::uint32_t> by_user_;  ///< of each rating in the order of items, where it stands in the order of users
  std::vector<float> errors_;           ///< of each rating; of ordinal ones their scores
  std::vector<float> latent_;           ///< z of each ordinal rating
  std::vector<float> steps_;            ///< different ratings, ascending, of ordinal ones
  std::vector<float> training_steps_;   ///< the same in the units of training
  double weighted_squares_ = 0;         ///< squared errors by the noises of their rows and the shares of their pairs
  /// \}
  double squares_ = 0;
};

}  // namespace lowrank
