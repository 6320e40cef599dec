#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

namespace lowrank {

/// What a stream of random numbers is for. Part of every stream's key, so that no two purposes ever share numbers.
/// Values are part of the meaning of a seed: never renumber them.
enum class Purpose : std::uint64_t {
  user_factors = 1,
  item_factors = 2,
  rating_order = 3,
  holdout = 4,
  split = 5,
  generate_users = 6,
  generate_items = 7,
  generate_ratings = 8,
  negatives = 9,
  bootstrap = 10,
  sign_flips = 11,
  search = 12,
  folds = 13,
  gibbs = 14,
  context_levels = 15,
};

/// The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014): a bijection of 64-bit
/// words in which every input bit flips half of the output bits.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

/// A counter-based stream: draw n of the stream is a pure function of (seed, purpose, major, minor, n), so that what is drawn never depends
/// on which thread draws it or when. `major` and `minor` name what is drawn, usually an epoch and a row.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t major = 0, std::uint64_t minor = 0)
      : key_(mix64(mix64(mix64(mix64(seed + kGolden) ^ static_cast<std::uint64_t>(purpose)) + kGolden * major) ^ (minor + kGolden))) {}

  /// 64 random bits.
  std::uint64_t bits() { return mix64(key_ + kGolden * ++counter_); }

  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(bits() >> 11U) * 0x1p-53; }

  /// Uniform integer in [0, bound), bound >= 1 (Lemire: Fast random integer generation in an interval, 2019; unbiased).
  std::uint64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    Wide product = static_cast<Wide>(bits()) * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
      const std::uint64_t threshold = (0 - bound) % bound;
      while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(bits()) * bound;
    }
    return static_cast<std::uint64_t>(product >> 64U);
  }

  /// Standard normal draw (Box and Muller 1958).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    const double angle = 6.283185307179586477 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  /// Puts `values` into a uniformly random order (Fisher and Yates).
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t left = values.size(); left > 1; --left) std::swap(values[left - 1], values[below(left)]);
  }

 private:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace lowrank
