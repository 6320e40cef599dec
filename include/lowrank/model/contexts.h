#pragma once

/// \file
/// Contexts of ratings: what a rating depends on besides its user and its item. The contexts there are now are periods of the calendar.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lowrank/data/vocabulary.h"
#include "lowrank/model/factor_matrix.h"

namespace [[gnu::visibility("default")]] lowrank {

struct Model;

/// A stretch of the calendar, in UTC.
enum class Period : std::uint8_t {
  none,   ///< none: time does not count (default)
  day,    ///< as `1998-04-01`
  week,   ///< from Monday on, as ISO 8601 numbers them: `1998-W14`
  month,  ///< as `1998-04`
};

/// `none|day|week|month`.
std::string_view name_of(Period period) noexcept;

/// One context of a model, with the terms that its levels add to scores. With user u and item i, level t adds
///
///     biases[t] + <p_u, user_factors[t]> + <q_i, item_factors[t]>
///
/// for the factors p and q of the model, each term where the model knows what it is of. A level that the model does not know adds nothing,
/// which is what its levels add on the average over the training ratings.
struct ContextVectors {
  std::string name;                   ///< lower-case letters, digits and `_`; of a period, that of the period
  Period period = Period::none;       ///< which levels are stretches of; none for other contexts
  Vocabulary levels;                  ///< of periods, in the order of the calendar
  FactorMatrix user_factors;          ///< levels x rank: multiplied with a user's
  FactorMatrix item_factors;          ///< levels x rank: multiplied with an item's
  std::vector<float> biases;          ///< one per level
  std::vector<std::uint32_t> counts;  ///< training ratings of each level

  friend bool operator==(const ContextVectors&, const ContextVectors&) = default;
};

/// The most contexts of a model.
inline constexpr std::size_t kMostContexts = 8;

/// The periods that timestamps lie in.
struct PeriodLevels {
  Vocabulary levels;                 ///< the different ones, in the order of the calendar
  std::vector<std::uint32_t> codes;  ///< the level of each timestamp
};

/// The periods of timestamps, in seconds, milliseconds, microseconds or nanoseconds since 1970, whichever the greatest of them must be by
/// its magnitude. O(n) \throws DataError where its magnitude tells no unit
PeriodLevels periods_of(std::span<const std::int64_t> times, Period period);

/// Adds to each score what the context of its pair adds: that of the period of its time. \param times  as those of periods_of(); empty for
/// none, which adds nothing. \param scores  unclipped, as of score_pairs(); all spans of equal length but for empty `times`
/// \param threads  0 for all; no influence on the result. O(n rank) \throws as periods_of()
void add_contexts(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                  std::span<const std::int64_t> times, std::span<double> scores, int threads = 0);

/// add_contexts() for pairs that come one by one, whose greatest time is not known beforehand. Borrows the model.
class ContextStream {
 public:
  explicit ContextStream(const Model& model) : model_(model) {}

  /// `score` with what the context of its pair adds. The unit of `time` is that of the greatest time so far, seconds before one tells it.
  /// O(rank)
  double score(std::uint32_t user, std::uint32_t item, std::int64_t time, double score);

  /// To be called after the last pair. \throws DataError where there were times and none told their unit
  void finish() const;

 private:
  const Model& model_;
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

}  // namespace lowrank
