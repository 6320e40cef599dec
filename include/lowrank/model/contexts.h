#pragma once

/// \file
/// Contexts of ratings: what a rating depends on besides its user and its item.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lowrank/data/periods.h"
#include "lowrank/data/situations.h"
#include "lowrank/data/vocabulary.h"
#include "lowrank/model/factor_matrix.h"

namespace [[gnu::visibility("default")]] lowrank {

struct Model;
struct Pairs;

/// Biases of some (row, level) pairs of a context: sparse, row after row.
struct LevelBiases {
  std::vector<std::uint64_t> offsets;  ///< rows + 1 positions: the biases of row r are at [offsets[r], offsets[r + 1]); empty for none
  std::vector<std::uint32_t> levels;   ///< of each bias, ascending within a row
  std::vector<float> values;           ///< of each bias

  [[nodiscard]] bool empty() const noexcept { return offsets.empty(); }
  /// The bias of a pair; 0 where it has none. O(log of the row's biases)
  [[nodiscard]] float at(std::uint32_t row, std::uint32_t level) const noexcept;

  friend bool operator==(const LevelBiases&, const LevelBiases&) = default;
};

/// One context of a model, with the terms that its levels add to scores. With user u and item i, level t adds
///
///     biases[t] + <p_u, user_factors[t]> + <q_i, item_factors[t]> + user_biases(u, t) + item_biases(i, t)
///
/// for the factors p and q of the model, each term where the model knows what it is of. Where there are scales, the product of the two rows
/// becomes
///
///     sum over factors k of p_uk q_ik scales[t]_k
///
/// with the scales of several contexts multiplied. A level that the model does not know adds nothing and scales by 1, which is what its
/// levels do on the average over the training ratings.
struct ContextVectors {
  std::string name;                   ///< lower-case letters, digits and `_`; of a period, that of the period
  Period period = Period::none;       ///< which levels are stretches of; none for other contexts
  Vocabulary levels;                  ///< of periods, in the order of the calendar
  FactorMatrix user_factors;          ///< levels x rank: multiplied with a user's
  FactorMatrix item_factors;          ///< levels x rank: multiplied with an item's
  std::vector<float> biases;          ///< one per level
  std::vector<std::uint32_t> counts;  ///< training ratings of each level
  FactorMatrix scales = {};           ///< levels x rank: factors of the terms of the dot product; no rows for ones
  LevelBiases user_biases = {};       ///< of users in levels
  LevelBiases item_biases = {};       ///< of items in levels

  friend bool operator==(const ContextVectors&, const ContextVectors&) = default;
};

/// Adds to each score what the context of its pair adds: that of the period of its time. \param times  as those of periods_of(); empty for
/// none, which adds nothing. \param scores  unclipped, as of score_pairs(); all spans of equal length but for empty `times`
/// \param threads  0 for all; no influence on the result. O(n rank) \throws as periods_of()
void add_contexts(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                  std::span<const std::int64_t> times, std::span<double> scores, int threads = 0);

/// The same for pairs whose contexts are known by their situations, by their times, or by neither, which adds nothing. A context is told by
/// the column of its name, where the situations have one.
void add_contexts(const Model& model, const Pairs& pairs, std::span<double> scores, int threads = 0);

/// The contexts of the model of which pairs have levels that it does not know. O(pairs contexts + levels)
std::vector<UnknownLevels> unknown_levels(const Model& model, const Pairs& pairs);

/// add_contexts() for pairs that come one by one, whose greatest time is not known beforehand. Borrows the model.
class ContextStream {
 public:
  /// \param columns  names of the columns whose levels come with each pair
  explicit ContextStream(const Model& model, std::span<const std::string> columns = {});

  /// `score` with what the context of its pair adds. The unit of `time` is that of the greatest time so far, seconds before one tells it.
  /// O(rank)
  double score(std::uint32_t user, std::uint32_t item, std::int64_t time, double score);
  /// The same for a pair with levels, and a time if there is one. A context is told by the column of its name, where there is one.
  /// \param levels  of each column; one that is empty, or not known, adds nothing
  double score(std::uint32_t user, std::uint32_t item, std::optional<std::int64_t> time, std::span<const std::string_view> levels,
               double score);

  /// To be called after the last pair. \throws DataError where there were times and none told their unit
  void finish() const;
  /// Number of pairs with levels so far.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// The contexts of which pairs so far had levels that the model does not know.
  [[nodiscard]] std::vector<UnknownLevels> unknown() const;

 private:
  const Model& model_;
  std::vector<std::size_t> places_;  ///< of the column that tells each context; their number where none does
  std::size_t columns_ = 0;
  std::size_t count_ = 0;
  std::vector<std::size_t> unknown_;  ///< number of pairs with an unknown level of each context
  std::optional<std::int64_t> latest_;
};

/// A value of a context, by their names: {"day", "1998-04-01"}.
using ContextValue = std::pair<std::string, std::string>;

/// The model once the context is given: an ordinary one, whose biases and mean have taken in what the context adds. Contexts that are not
/// given add what they add on the average. A period may be given as a level or as a date or time in it; one that the model does not know
/// adds nothing. O(size of the model)
/// \throws OptionError("context") for a context that the model does not have, for one given twice, and for a value that names no period of
/// its kind
Model bind_context(Model model, std::span<const ContextValue> context);

/// A sentence on the values that are no level of a context of the model, and so add nothing, for a warning; empty where there are none.
/// Periods without a training rating are not meant. O(levels)
std::string unknown_levels_text(const Model& model, std::span<const ContextValue> context);

}  // namespace lowrank
