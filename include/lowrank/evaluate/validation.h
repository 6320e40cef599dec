#pragma once

#include <string_view>

#include "lowrank/data/ratings.h"
#include "lowrank/train/validation.h"

namespace lowrank {

/// A Validation that scores `pairs` by the metric called `monitor` (`rmse`, `mae`). `pairs` must outlive it.
/// \throws OptionError("monitor") for an unknown metric, naming those there are. Measuring throws DataError when there are no pairs
Validation validate_on(const Pairs& pairs, std::string_view monitor, int threads = 0);

}  // namespace lowrank
