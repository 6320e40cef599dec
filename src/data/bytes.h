#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace lowrank {

inline std::uint64_t load8(const char* at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, at, 8);
  return word;
}

inline std::uint32_t load4(const char* at) noexcept {
  std::uint32_t word;
  std::memcpy(&word, at, 4);
  return word;
}

/// The two halves of a 64 x 64 bit product, combined by xor: the mixing step of multiply-based string hashes.
inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// Keys of hashes of ids, drawn at random when the process starts, so that nobody can choose ids that collide. No result depends on them.
struct HashKeys {
  std::uint64_t first;
  std::uint64_t second;
};
extern const HashKeys kHashKeys;

/// A hash of an integer.
inline std::uint64_t hash_integer(std::uint64_t value) noexcept { return fold_multiply(value ^ kHashKeys.first, kHashKeys.second); }

/// A hash of an id, whose low and high bits are equally good. Short ids, the usual case, take two overlapping loads and two products.
inline std::uint64_t hash_bytes(std::string_view id) noexcept {
  const auto [first, second] = kHashKeys;
  const char* at = id.data();
  std::size_t left = id.size();
  std::uint64_t seed = first ^ left;
  while (left > 16) {
    seed = fold_multiply(load8(at) ^ second, load8(at + 8) ^ seed);
    at += 16;
    left -= 16;
  }
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = load8(at);
    b = load8(at + left - 8);
  } else if (left >= 4) {
    a = load4(at);
    b = load4(at + left - 4);
  } else if (left > 0) {
    a = static_cast<unsigned char>(at[0]);
    b = static_cast<std::uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8U | static_cast<unsigned char>(at[left - 1]);
  }
  return fold_multiply(second, fold_multiply(a ^ second, b ^ seed) ^ seed);
}

/// Whether two arrays of `size` bytes are equal. Faster than memcmp for the few bytes of an id.
inline bool equal_bytes(const char* a, const char* b, std::size_t size) noexcept {
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (load8(a + at) != load8(b + at)) return false;
    }
    return load8(a + size - 8) == load8(b + size - 8);
  }
  if (size >= 4) return load4(a) == load4(b) && load4(a + size - 4) == load4(b + size - 4);
  for (std::size_t at = 0; at < size; ++at) {
    if (a[at] != b[at]) return false;
  }
  return true;
}

}  // namespace lowrank
