#include "kernels/dot.h"

#include <gtest/gtest.h>

#include <cmath>

#include "aligned.h"
#include "base/random.h"
#include "levels.h"

namespace lowrank::dot_test {
namespace {

class Dot : public AtEveryLevel {};

TEST_P(Dot, AgreesWithDoubleForEveryLength) {
  RandomStream random(1, Purpose::user_factors);
  for (std::size_t rank = 0; rank <= 300; ++rank) {
    const std::size_t stride = row_stride(rank);
    AlignedVector a(stride + 16);
    AlignedVector b(stride + 16);
    double expected = 0;
    double size = 0;
    for (std::size_t k = 0; k < rank; ++k) {
      a[k] = static_cast<float>(random.normal());
      b[k] = static_cast<float>(random.normal());
      const double product = static_cast<double>(a[k]) * static_cast<double>(b[k]);
      expected += product;
      size += std::abs(product);
    }
    // What stands behind the row must not count.
    a[stride] = 1e30F;
    b[stride] = 1e30F;
    EXPECT_NEAR(dot(a.data(), b.data(), stride), expected, 1e-6 * size + 1e-12) << "rank " << rank;
  }
}

TEST_P(Dot, PairsGiveTheSameBitsAsSingles) {
  RandomStream random(3, Purpose::user_factors);
  for (const std::size_t stride : {0U, 16U, 48U, 64U, 128U}) {
    AlignedVector a(stride * 9);
    AlignedVector b(stride * 5);
    for (float& x : a) x = static_cast<float>(random.normal());
    for (float& x : b) x = static_cast<float>(random.normal());
    for (std::size_t count = 0; count < 40; ++count) {
      std::vector<std::uint32_t> left(count);
      std::vector<std::uint32_t> right(count);
      for (std::uint32_t& index : left) index = static_cast<std::uint32_t>(random.below(9));
      for (std::uint32_t& index : right) index = static_cast<std::uint32_t>(random.below(5));
      std::vector<float> products(count + 1, -7.0F);
      dot_pairs({a.data(), stride}, left.data(), {b.data(), stride}, right.data(), count, products.data());
      for (std::size_t n = 0; n < count; ++n)
        EXPECT_EQ(products[n], dot(a.data() + left[n] * stride, b.data() + right[n] * stride, stride));
      EXPECT_EQ(products[count], -7.0F);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Dot, testing::ValuesIn(available_simd_levels()), level_name);

}  // namespace
}  // namespace lowrank::dot_test
