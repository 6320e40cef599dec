#include "model/checksum.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"

namespace lowrank::checksum_test {
namespace {

std::uint64_t sum_of(std::string_view bytes) {
  Checksum checksum;
  checksum.update(bytes);
  return checksum.value();
}

/// The definition of docs/model-file.md, byte by byte.
std::uint64_t slow_sum_of(std::string bytes) {
  const std::uint64_t size = bytes.size();
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  bytes.resize((bytes.size() / 32 + 1) * 32, '\0');
  std::uint64_t lanes[4] = {0, 0, 0, 0};
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    for (std::size_t byte = 8; byte-- > 0;) word = word * 256 + static_cast<unsigned char>(bytes[at + byte]);
    std::uint64_t& lane = lanes[at / 8 % 4];
    lane = mix64((lane ^ word) + kStep);
  }
  std::uint64_t sum = size;
  for (const std::uint64_t lane : lanes) sum = mix64((sum ^ lane) + kStep);
  return sum;
}

std::string random_bytes(std::size_t size) {
  RandomStream random(size, Purpose::split);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

TEST(Checksum, FollowsItsDefinition) {
  for (std::size_t size = 0; size < 200; ++size) EXPECT_EQ(sum_of(random_bytes(size)), slow_sum_of(random_bytes(size))) << size;
}

TEST(Checksum, PiecesDoNotMatter) {
  const std::string bytes = random_bytes(151);
  for (std::size_t first = 0; first < 80; ++first) {
    for (std::size_t second = 0; second < 60; ++second) {
      Checksum checksum;
      checksum.update(bytes.substr(0, first));
      checksum.update(bytes.substr(first, second));
      static_cast<void>(checksum.value());
      checksum.update(bytes.substr(first + second));
      ASSERT_EQ(checksum.value(), sum_of(bytes)) << first << " " << second;
    }
  }
}

TEST(Checksum, TellsBytesAndLengthsApart) {
  std::set<std::uint64_t> sums;
  for (std::size_t size = 0; size < 100; ++size) EXPECT_TRUE(sums.insert(sum_of(std::string(size, '\0'))).second) << size;
  const std::string bytes = random_bytes(70);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(value);
      EXPECT_TRUE(changed == bytes || sums.insert(sum_of(changed)).second) << at << " " << value;
    }
  }
}

TEST(HexDigits, AreSixteen) {
  EXPECT_EQ(hex_digits(0), "0000000000000000");
  EXPECT_EQ(hex_digits(0x0123456789abcdefULL), "0123456789abcdef");
  EXPECT_EQ(hex_digits(~0ULL), "ffffffffffffffff");
}

}  // namespace
}  // namespace lowrank::checksum_test
