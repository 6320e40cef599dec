#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lowrank {

/// A 64-bit checksum of a stream of bytes; docs/model-file.md, "The checksum", defines it. Every step is a bijection of the running state
/// and of the word taken in, so that a change within any single word of 8 bytes is always found, and any other but once in 2^64.
/// The pieces that the stream is cut into do not matter.
class Checksum {
 public:
  void update(std::string_view bytes) noexcept;
  /// Of everything so far.
  [[nodiscard]] std::uint64_t value() const noexcept;

 private:
  static constexpr std::size_t kLanes = 4;
  static constexpr std::size_t kBlock = kLanes * sizeof(std::uint64_t);

  void take_block(const char* block) noexcept;

  std::array<std::uint64_t, kLanes> lanes_{};
  std::array<char, kBlock> waiting_{};
  std::size_t waiting_size_ = 0;
  std::uint64_t size_ = 0;
};

/// 16 lower-case hex digits.
std::string hex_digits(std::uint64_t value);

}  // namespace lowrank
