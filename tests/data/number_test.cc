#include "data/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/random.h"
#include "data/swar.h"

namespace lowrank::number_test {
namespace {

float rating(const std::string& text) {
  float value = -77;
  EXPECT_EQ(parse_rating(text, value), NumberResult::ok) << text;
  return value;
}

NumberResult result(const std::string& text) {
  float value = 0;
  return parse_rating(text, value);
}

TEST(ParseRating, ReadsEveryWayToWriteANumber) {
  EXPECT_EQ(rating("4"), 4.0F);
  EXPECT_EQ(rating("4.5"), 4.5F);
  EXPECT_EQ(rating("+4.5"), 4.5F);
  EXPECT_EQ(rating("-9.95"), -9.95F);
  EXPECT_EQ(rating(".5"), 0.5F);
  EXPECT_EQ(rating("5."), 5.0F);
  EXPECT_EQ(rating("1e2"), 100.0F);
  EXPECT_EQ(rating("1E-2"), 0.01F);
  EXPECT_EQ(rating("00012"), 12.0F);
  EXPECT_EQ(rating("16777217"), 16777216.0F);
  EXPECT_EQ(rating("3.4028234e38"), 3.4028234e38F);
  EXPECT_EQ(rating("1e-50"), 0.0F);
  EXPECT_EQ(rating("-1e-400"), 0.0F);
  EXPECT_EQ(rating("0.000" + std::string(400, '0') + "1e5"), 0.0F);
  EXPECT_EQ(rating("1e-45"), 1e-45F);
  EXPECT_EQ(rating("4.50000000000000000000001"), 4.5F);
}

TEST(ParseRating, KnowsOneZero) {
  for (const char* text : {"0", "-0", "-0.0", "-0e5", "-.0", "-0.000000000000"}) EXPECT_FALSE(std::signbit(rating(text))) << text;
}

TEST(ParseRating, TellsWhatIsNoNumberFromWhatIsNotFinite) {
  for (const char* text : {"", "-", "+", ".", "abc", "4x", "4 5", "4,5", "--4", "+-4", "1e", "0x10", "1.2.3", "e5", "1_000"}) {
    EXPECT_EQ(result(text), NumberResult::not_a_number) << text;
  }
  for (const char* text : {"nan", "NaN", "inf", "-inf", "infinity", "1e39", "-3.5e38", "1e400", "1e99999999999", "340282357e30"}) {
    EXPECT_EQ(result(text), NumberResult::not_finite) << text;
  }
}

TEST(ParseRating, IsTheNearestFloatOfTheDecimal) {
  RandomStream random(5, Purpose::split);
  for (int step = 0; step < 200000; ++step) {
    std::string text = random.below(2) == 0 ? "-" : "";
    const std::size_t digits = 1 + random.below(12);
    const std::size_t point = random.below(digits + 1);
    for (std::size_t at = 0; at < digits; ++at) {
      if (at == point && at != 0) text += '.';
      text += static_cast<char>('0' + random.below(10));
    }
    if (random.below(8) == 0) text += "e" + std::to_string(static_cast<int>(random.below(55)) - 30);
    ASSERT_EQ(rating(text), std::strtof(text.c_str(), nullptr)) << text;
  }
}

TEST(ParseCount, ReadsDigitsAlone) {
  EXPECT_EQ(parse_count("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_count("007"), 7U);
  for (const char* text : {"", "-1", "+1", "18446744073709551616", "1.0", " 1"}) EXPECT_FALSE(parse_count(text)) << text;
}

TEST(Swar, FindsBytesAndReadsDigits) {
  for (int byte = 0; byte < 256; ++byte) {
    char text[8] = {'5', '5', '5', static_cast<char>(byte), '5', '5', '5', '5'};
    const std::uint64_t word = swar::load(text);
    EXPECT_EQ(swar::length(swar::find_non_digit(word)), byte >= '0' && byte <= '9' ? 8U : 3U) << byte;
    EXPECT_EQ(swar::length(swar::find_below(word, '-')), byte < '-' ? 3U : 8U) << byte;
    EXPECT_EQ(swar::length(swar::find(word, '\n')), byte == '\n' ? 3U : 8U) << byte;
  }
  const std::uint64_t word = swar::load("98765432");
  const std::uint32_t expected[] = {9, 98, 987, 9876, 98765, 987654, 9876543, 98765432};
  for (std::size_t length = 1; length <= 8; ++length) EXPECT_EQ(swar::decimal(word, length), expected[length - 1]);
  EXPECT_EQ(swar::head(word, 2), 0x3839U);
}

}  // namespace
}  // namespace lowrank::number_test
