// Periods of the calendar, by times of any unit.

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/contexts.h"

namespace lowrank::periods_test {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

std::vector<std::string> levels_of(const PeriodLevels& periods) {
  std::vector<std::string> levels;
  for (const std::uint32_t code : periods.codes) levels.emplace_back(periods.levels.id(code));
  return levels;
}

TEST(Periods, AreThoseOfTheCalendar) {
  // `date -u -d @N +"%F %G-W%V %Y-%m"`, of the ends of years whose weeks belong to others.
  const std::vector<std::int64_t> times = {1609631999, 1546214400, 978307199, 978307200, 1483228800, 951782400, 1230768000};
  EXPECT_EQ(levels_of(periods_of(times, Period::day)),
            (std::vector<std::string>{"2021-01-02", "2018-12-31", "2000-12-31", "2001-01-01", "2017-01-01", "2000-02-29", "2009-01-01"}));
  EXPECT_EQ(levels_of(periods_of(times, Period::week)),
            (std::vector<std::string>{"2020-W53", "2019-W01", "2000-W52", "2001-W01", "2016-W52", "2000-W09", "2009-W01"}));
  EXPECT_EQ(levels_of(periods_of(times, Period::month)),
            (std::vector<std::string>{"2021-01", "2018-12", "2000-12", "2001-01", "2017-01", "2000-02", "2009-01"}));
  const PeriodLevels days = periods_of(times, Period::day);
  for (std::uint32_t level = 1; level < days.levels.size(); ++level) EXPECT_LT(days.levels.id(level - 1), days.levels.id(level));
}

TEST(Periods, UnitsAreToldByTheGreatestTime) {
  for (const std::int64_t unit : {std::int64_t{1}, std::int64_t{1000}, kSecond, 1000 * kSecond}) {
    const std::vector<std::int64_t> times = {978307200 * unit, -1, 0, 978307199 * unit + unit - 1};
    EXPECT_EQ(levels_of(periods_of(times, Period::day)),
              (std::vector<std::string>{"2001-01-01", "1969-12-31", "1970-01-01", "2000-12-31"}));
  }
  EXPECT_THROW(periods_of(std::vector<std::int64_t>{1, 2, 3}, Period::day), DataError);
  EXPECT_TRUE(periods_of({}, Period::day).codes.empty());
  // Times as far away as numbers go lie in some period.
  const std::vector<std::int64_t> far = {std::numeric_limits<std::int64_t>::min(), 978307200};
  EXPECT_EQ(periods_of(far, Period::month).levels.size(), 2U);
}

}  // namespace
}  // namespace lowrank::periods_test
