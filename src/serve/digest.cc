#include "serve/digest.h"

#include <bit>
#include <cmath>
#include <string>

namespace lowrank::serve {

namespace {

/// The first 32 bits of the fractional part of the `root`-th root of each of the first primes, as the standard defines its constants.
template <std::size_t kCount>
std::array<std::uint32_t, kCount> fractions_of_roots(long double (*root)(long double)) {
  std::array<std::uint32_t, kCount> fractions{};
  std::size_t found = 0;
  for (unsigned candidate = 2; found < kCount; ++candidate) {
    bool prime = true;
    for (unsigned divisor = 2; divisor * divisor <= candidate; ++divisor) prime = prime && candidate % divisor != 0;
    if (!prime) continue;
    const long double value = root(static_cast<long double>(candidate));
    fractions[found++] = static_cast<std::uint32_t>((value - std::floor(value)) * 4294967296.0L);
  }
  return fractions;
}

void take_block(const std::uint8_t* block, const std::array<std::uint32_t, 64>& constants, std::array<std::uint32_t, 8>& state) {
  std::array<std::uint32_t, 64> w{};
  for (std::size_t t = 0; t < 16; ++t) {
    w[t] = std::uint32_t{block[4 * t]} << 24U | std::uint32_t{block[4 * t + 1]} << 16U | std::uint32_t{block[4 * t + 2]} << 8U |
           std::uint32_t{block[4 * t + 3]};
  }
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3U;
    const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10U;
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t one = h + s1 + ((e & f) ^ (~e & g)) + constants[t] + w[t];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t two = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + one;
    d = c;
    c = b;
    b = a;
    a = one + two;
  }
  const std::array<std::uint32_t, 8> added{a, b, c, d, e, f, g, h};
  for (std::size_t n = 0; n < state.size(); ++n) state[n] += added[n];
}

}  // namespace

Digest sha256(std::string_view text) {
  static const std::array<std::uint32_t, 64> constants = fractions_of_roots<64>([](long double x) { return std::cbrt(x); });
  static const std::array<std::uint32_t, 8> start = fractions_of_roots<8>([](long double x) { return std::sqrt(x); });
  std::array<std::uint32_t, 8> state = start;
  std::string padded(text);
  padded += static_cast<char>(0x80);
  while (padded.size() % 64 != 56) padded += '\0';
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8) padded += static_cast<char>(bits >> static_cast<unsigned>(shift) & 0xFFU);
  for (std::size_t at = 0; at < padded.size(); at += 64) {
    std::array<std::uint8_t, 64> block{};
    for (std::size_t n = 0; n < block.size(); ++n) block[n] = static_cast<std::uint8_t>(padded[at + n]);
    take_block(block.data(), constants, state);
  }
  Digest digest{};
  for (std::size_t n = 0; n < digest.size(); ++n) digest[n] = static_cast<std::uint8_t>(state[n / 4] >> (24U - 8U * (n % 4)));
  return digest;
}

bool equal_digests(const Digest& a, const Digest& b) noexcept {
  unsigned difference = 0;
  for (std::size_t n = 0; n < a.size(); ++n) difference |= static_cast<unsigned>(a[n] ^ b[n]);
  return difference == 0;
}

}  // namespace lowrank::serve
