#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/times.h"
#include "lowrank/data/periods.h"

namespace lowrank {

/// The number of the period that a moment lies in, ascending in the order of the calendar. \param microseconds  since 1970
std::int64_t period_number(Period period, std::int64_t microseconds);

/// The name of a period by its number, as levels have it.
std::string period_text(Period period, std::int64_t number);

/// The number of the period that `text` names, as period_text() writes it or as a date or time in it; nothing if it names none.
std::optional<std::int64_t> period_named(Period period, std::string_view text);

/// The unit of timestamps of which `latest` is the greatest. \throws DataError where its magnitude tells none
TimeUnit unit_of_times(std::int64_t latest);

}  // namespace lowrank
