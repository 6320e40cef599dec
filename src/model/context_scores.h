#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/times.h"
#include "lowrank/data/situations.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// What the contexts of ratings add to their scores, for callers who take the ratings in parts. Borrows the model.
class ContextScores {
 public:
  /// A context that has a column of the situations is told by that; else a period by times.
  /// \param times  of all ratings, which tell the unit; empty for none \param situations  null for none
  /// \throws DataError where the times tell no unit
  ContextScores(const Model& model, std::span<const std::int64_t> times, const Situations* situations = nullptr);

  /// The contexts of pairs.
  ContextScores(const Model& model, const Pairs& pairs);

  /// Adds to the scores of some pairs what their contexts add. The same for any parts. O(n rank)
  /// \param times, situations  of the pairs, where there are any
  void add(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const std::int64_t> times,
           std::span<const std::uint32_t> situations, std::span<double> scores) const;

  /// The same for those of `pairs` from `begin` on, as many as there are scores.
  void add(const Pairs& pairs, std::size_t begin, std::span<double> scores) const;

  /// Whether nothing is known of contexts, so that nothing is added.
  [[nodiscard]] bool empty() const noexcept;

 private:
  const Model& model_;
  std::vector<bool> told_;                         ///< whether situations tell each context
  std::vector<std::uint32_t> of_situations_ = {};  ///< level of each context, situation by situation; empty for none
  bool dates_ = false;                             ///< whether times tell a context
  TimeUnit unit_ = TimeUnit::unknown;
};

/// Whether the model was trained on ratings in contexts, not only with their times: a pair may then have several ratings, of which the
/// history keeps the mean.
bool trained_in_contexts(const Model& model);

/// A level of a context of a model, by their numbers.
struct KnownLevel {
  std::size_t context = 0;
  std::uint32_t level = 0;
  friend auto operator<=>(const KnownLevel&, const KnownLevel&) = default;
};
/// The levels that the model knows of a context, in the order of its contexts. \throws OptionError as bind_context()
std::vector<KnownLevel> known_levels(const Model& model, std::span<const ContextValue> context);
/// What they multiply with the factors of users: the sum.
std::vector<double> user_vector(const Model& model, std::span<const KnownLevel> levels);

}  // namespace lowrank
