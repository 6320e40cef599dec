#pragma once

#include <cstddef>
#include <optional>

#include "lowrank/tune/tune.h"

namespace lowrank {

/// The ratings that the trials of a search are trained and validated on.
struct InnerSplit {
  std::size_t number = 0;
  Ratings train;  ///< not read where `shared` is
  Pairs held;
  const Ratings* shared = nullptr;    ///< the ratings as given, where there is a validation set
  const Pairs* validation = nullptr;  ///< the validation set as given
  std::uint64_t seed = 1;             ///< of the trainings on it

  [[nodiscard]] const Ratings& ratings() const noexcept { return shared != nullptr ? *shared : train; }
  [[nodiscard]] const Pairs& pairs() const noexcept { return validation != nullptr ? *validation : held; }
  [[nodiscard]] bool holds_out() const noexcept { return validation == nullptr; }
};

/// Share of the ratings that is held out where nothing is said.
inline constexpr double kHoldout = 0.1;

/// Number of inner splits: folds, or the search's own and two more.
std::size_t inner_splits(const TuneOptions& options);

/// Inner split `number`: the fold of that number, or a holdout by the seed plus the number. With a validation set only the seed differs.
InnerSplit inner_split(const TrainData& data, const TuneOptions& options, std::size_t number);

/// Checks the options of inner splits. \throws OptionError
void check_parts(const TuneOptions& options);
/// Checks that the data can be split so. \throws OptionError, DataError
void check_split(const TrainData& data, const TuneOptions& options);

}  // namespace lowrank
