#include "data/times.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace lowrank::times_test {
namespace {

TEST(ParseTime, ReadsNumbersAndCutsFractions) {
  EXPECT_EQ(parse_time("978300760"), 978300760);
  EXPECT_EQ(parse_time("-5"), -5);
  EXPECT_EQ(parse_time("978300760.9"), 978300760);
  EXPECT_EQ(parse_time("1.28e9"), 1280000000);
  EXPECT_EQ(parse_time("-1.5E+3"), -1500);
  EXPECT_EQ(parse_time("9223372036854775807"), INT64_MAX);
  for (const char* text :
       {"", "abc", "e9", "1e", "1e19", "-1e400", "2020-01-01", "9223372036854775808", ".5", "1.5x", "1 2", "nan", "inf"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(ParseDate, ReadsWhatIso8601Writes) {
  constexpr std::int64_t kSecond = 1000000;
  // By `date -u -d ... +%s`.
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("2020-02-29"), 1582934400 * kSecond);
  EXPECT_EQ(parse_date("1969-12-31T23:59:59Z"), -kSecond);
  for (const char* text :
       {"2020-02-29T13:30:15", "2020-02-29 13:30:15", "2020-02-29T13:30:15Z", "2020-02-29 13:30:15 UTC", "2020-02-29T133015Z",
        "2020-02-29T15:30:15+02:00", "2020-02-29T15:30:15+0200", "2020-02-29T15:30:15+02", "2020-02-28T23:30:15-14:00"}) {
    EXPECT_EQ(parse_date(text), 1582983015 * kSecond) << text;
  }
  EXPECT_EQ(parse_date("2020-02-29T13:30"), 1582983000 * kSecond);
  EXPECT_EQ(parse_date("2020-02-29T13:30:15.25"), 1582983015 * kSecond + 250000);
  EXPECT_EQ(parse_date("2020-02-29T13:30:15.123456789+00:00"), 1582983015 * kSecond + 123456);
  for (const char* text : {"", "2020", "2020-1-1", "2019-02-29", "2020-13-01", "2020-00-10", "2020-01-32", "2020-01-01T",
                           "2020-01-01T24:00", "2020-01-01T10:60", "2020-01-01T10:00:61", "2020-01-01T10:00:00.", "2020-01-01T10:00+2",
                           "2020-01-01T10:00+02:", "2020-01-01T10:00 CET", "2020-01-01x", "20-01-01", "978300760"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(IsMissingTime, KnowsTheWordsOfOtherPrograms) {
  for (const char* text : {"", "-", "NA", "NaN", "NaT", "nan", "null", "NULL", "None", "\\N"}) EXPECT_TRUE(is_missing_time(text)) << text;
  for (const char* text : {"0", "Monday", "na!", "N"}) EXPECT_FALSE(is_missing_time(text)) << text;
}

TEST(UnitOfTime, GoesByMagnitude) {
  EXPECT_EQ(unit_of_time(-5), TimeUnit::unknown);
  EXPECT_EQ(unit_of_time(99999999), TimeUnit::unknown);
  EXPECT_EQ(unit_of_time(978300760), TimeUnit::seconds);
  EXPECT_EQ(unit_of_time(978300760123), TimeUnit::milliseconds);
  EXPECT_EQ(unit_of_time(978300760123456), TimeUnit::microseconds);
  EXPECT_EQ(unit_of_time(978300760123456789), TimeUnit::nanoseconds);
}

TEST(DateText, IsReadBack) {
  constexpr std::int64_t kSecond = 1000000;
  EXPECT_EQ(date_text(1582934400 * kSecond), "2020-02-29");
  EXPECT_EQ(date_text(1582983015 * kSecond), "2020-02-29T13:30:15Z");
  EXPECT_EQ(date_text(1582983015 * kSecond + 250000), "2020-02-29T13:30:15.250000Z");
  EXPECT_EQ(date_text(-1), "1969-12-31T23:59:59.999999Z");
  for (std::int64_t time = -62135596800 * kSecond; time < 253402300799 * kSecond; time += 123456789012345) {
    EXPECT_EQ(parse_date(date_text(time)), time);
  }
}

TEST(DescribedTime, ShowsTheDateWhereTheUnitIsKnown) {
  EXPECT_EQ(described_time(978300760), "2000-12-31T22:12:40Z (978300760)");
  EXPECT_EQ(described_time(978300760123), "2000-12-31T22:12:40.123000Z (978300760123)");
  EXPECT_EQ(described_time(978300760000000000), "2000-12-31T22:12:40Z (978300760000000000)");
  EXPECT_EQ(described_time(7), "7");
}

}  // namespace
}  // namespace lowrank::times_test
