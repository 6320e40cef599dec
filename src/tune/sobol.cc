#include "tune/sobol.h"

#include <bit>
#include <cassert>

#include "base/random.h"

namespace lowrank {

namespace {

constexpr std::size_t kMostInitial = 7;

/// A primitive polynomial over GF(2), its coefficients as bits, and the initial direction numbers.
struct Primitive {
  std::uint32_t polynomial;
  std::array<std::uint32_t, kMostInitial> initial;
};

/// Dimensions 2 to 32 of new-joe-kuo-6.21201 (Joe and Kuo, Constructing Sobol sequences with better two-dimensional projections, 2008).
constexpr std::array<Primitive, Sobol::kMostDimensions - 1> kPrimitives = {{
    {3, {1}},
    {7, {1, 3}},
    {11, {1, 3, 1}},
    {13, {1, 1, 1}},
    {19, {1, 1, 3, 3}},
    {25, {1, 3, 5, 13}},
    {37, {1, 1, 5, 5, 17}},
    {41, {1, 1, 5, 5, 5}},
    {47, {1, 1, 7, 11, 19}},
    {55, {1, 1, 5, 1, 1}},
    {59, {1, 1, 1, 3, 11}},
    {61, {1, 3, 5, 5, 31}},
    {67, {1, 3, 3, 9, 7, 49}},
    {91, {1, 1, 1, 15, 21, 21}},
    {97, {1, 3, 1, 13, 27, 49}},
    {103, {1, 1, 1, 15, 7, 5}},
    {109, {1, 3, 1, 15, 13, 25}},
    {115, {1, 1, 5, 5, 19, 61}},
    {131, {1, 3, 7, 11, 23, 15, 103}},
    {137, {1, 3, 7, 13, 13, 15, 69}},
    {143, {1, 1, 3, 13, 7, 35, 63}},
    {145, {1, 3, 5, 9, 1, 25, 53}},
    {157, {1, 3, 1, 13, 9, 35, 107}},
    {167, {1, 3, 1, 5, 27, 61, 31}},
    {171, {1, 1, 5, 11, 19, 41, 61}},
    {185, {1, 3, 5, 3, 3, 13, 69}},
    {191, {1, 1, 7, 13, 1, 19, 1}},
    {193, {1, 3, 7, 5, 13, 19, 59}},
    {203, {1, 1, 3, 9, 25, 29, 41}},
    {211, {1, 3, 5, 13, 23, 1, 55}},
    {213, {1, 3, 7, 3, 13, 59, 17}},
}};

/// `x` with every bit flipped or not by a hash of the bits above it.
std::uint32_t scrambled(std::uint32_t x, std::uint64_t key) {
  std::uint32_t result = 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    // A leading 1 tells intervals of different depths apart.
    const std::uint64_t above = (std::uint64_t{1} << bit) | (bit == 0 ? 0 : x >> (32U - bit));
    const std::uint32_t flip = static_cast<std::uint32_t>(mix64(key ^ mix64(above)) & 1U);
    result |= (((x >> (31U - bit)) & 1U) ^ flip) << (31U - bit);
  }
  return result;
}

}  // namespace

Sobol::Sobol(std::size_t dimensions) : directions_(dimensions), state_(dimensions, 0) {
  assert(dimensions > 0 && dimensions <= kMostDimensions);
  for (std::size_t bit = 0; bit < kBits; ++bit) directions_[0][bit] = std::uint32_t{1} << (kBits - 1 - bit);
  for (std::size_t dimension = 1; dimension < dimensions; ++dimension) {
    const auto& [polynomial, initial] = kPrimitives[dimension - 1];
    const auto degree = static_cast<std::size_t>(std::bit_width(polynomial)) - 1;
    std::array<std::uint32_t, kBits>& v = directions_[dimension];
    for (std::size_t bit = 0; bit < kBits; ++bit) {
      if (bit < degree) {
        v[bit] = initial[bit] << (kBits - 1 - bit);
        continue;
      }
      v[bit] = v[bit - degree] ^ (v[bit - degree] >> degree);
      for (std::size_t term = 1; term < degree; ++term) {
        if ((polynomial >> (degree - term) & 1U) != 0) v[bit] ^= v[bit - term];
      }
    }
  }
}

Sobol::Sobol(std::size_t dimensions, std::uint64_t seed, std::uint64_t stream) : Sobol(dimensions) {
  scrambled_ = true;
  seed_ = seed;
  stream_ = stream;
}

std::vector<double> Sobol::next() {
  std::vector<double> point(state_.size());
  for (std::size_t dimension = 0; dimension < state_.size(); ++dimension) {
    std::uint32_t bits = state_[dimension];
    if (scrambled_) bits = scrambled(bits, RandomStream(seed_, Purpose::search, stream_, dimension).bits());
    point[dimension] = static_cast<double>(bits) * 0x1p-32;
  }
  const auto changed = static_cast<std::size_t>(std::countr_one(index_++));
  for (std::size_t dimension = 0; dimension < state_.size(); ++dimension) {
    state_[dimension] ^= changed < kBits ? directions_[dimension][changed] : 0;
  }
  return point;
}

}  // namespace lowrank
