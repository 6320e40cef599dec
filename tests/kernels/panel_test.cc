#include "kernels/panel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "aligned.h"
#include "base/random.h"
#include "levels.h"

namespace lowrank::panel_test {
namespace {

class PanelKernel : public AtEveryLevel {};

AlignedVector random_floats(RandomStream& random, std::size_t count) {
  AlignedVector values(count);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

TEST_P(PanelKernel, PacksRowsSideBySide) {
  RandomStream random(1, Purpose::item_factors);
  for (const std::size_t depth : {0U, 1U, 15U, 16U, 33U}) {
    const std::size_t stride = row_stride(depth);
    const AlignedVector table = random_floats(random, 100 * stride);
    for (const std::size_t count : {0U, 1U, 63U, 64U}) {
      std::vector<std::uint32_t> indices(count);
      std::vector<float> scales(count);
      for (std::uint32_t& index : indices) index = static_cast<std::uint32_t>(random.below(100));
      for (float& scale : scales) scale = static_cast<float>(random.normal());
      for (const bool scaled : {false, true}) {
        AlignedVector panel(depth * kPanelRows + 16, -7.0F);
        pack_panel({table.data(), stride}, indices.data(), scaled ? scales.data() : nullptr, count, depth, panel.data());
        for (std::size_t k = 0; k < depth; ++k) {
          for (std::size_t r = 0; r < kPanelRows; ++r) {
            const float expected = r < count ? table[indices[r] * stride + k] * (scaled ? scales[r] : 1.0F) : 0.0F;
            ASSERT_EQ(panel[k * kPanelRows + r], expected) << "depth " << depth << " count " << count << " row " << r;
          }
        }
        EXPECT_EQ(panel[depth * kPanelRows], -7.0F);
      }
    }
  }
}

/// A panel of given depth, queries against it, and their scores in double.
struct Case {
  Case(std::size_t depth, std::size_t count, std::uint64_t seed) {
    RandomStream random(seed, Purpose::user_factors);
    panel = random_floats(random, depth * kPanelRows);
    offsets = random_floats(random, kPanelRows);
    factors = random_floats(random, count * row_stride(depth) + 16);
    for (std::size_t q = 0; q < count; ++q) {
      queries.push_back(factors.data() + q * row_stride(depth));
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        double sum = double{offsets[r]};
        double size = std::abs(sum);
        for (std::size_t k = 0; k < depth; ++k) {
          const double product = double{queries[q][k]} * double{panel[k * kPanelRows + r]};
          sum += product;
          size += std::abs(product);
        }
        expected.push_back(sum);
        tolerance.push_back(1e-6 * size);
      }
    }
  }

  AlignedVector panel;
  AlignedVector offsets;
  AlignedVector factors;
  std::vector<const float*> queries;
  std::vector<double> expected;
  std::vector<double> tolerance;
};

TEST_P(PanelKernel, AgreesWithDoubleForEveryDepthAndCount) {
  for (std::size_t depth = 0; depth <= 70; ++depth) {
    for (const std::size_t count : {0U, 1U, 2U, 5U, 6U, 7U, 13U}) {
      const Case own(depth, count, 100 * depth + count);
      std::vector<float> scores(count * kPanelRows + 1, -7.0F);
      std::vector<std::uint64_t> passed(count + 1, 5);
      const std::vector<float> thresholds(count, -std::numeric_limits<float>::infinity());
      score_panel({own.panel.data(), own.offsets.data(), depth}, own.queries.data(), count, thresholds.data(), passed.data(),
                  scores.data());
      for (std::size_t q = 0; q < count; ++q) {
        EXPECT_EQ(passed[q], ~std::uint64_t{0});
        for (std::size_t r = 0; r < kPanelRows; ++r) {
          const std::size_t at = q * kPanelRows + r;
          ASSERT_NEAR(double{scores[at]}, own.expected[at], own.tolerance[at]) << "depth " << depth << " query " << q << " row " << r;
        }
      }
      EXPECT_EQ(scores[count * kPanelRows], -7.0F);
      EXPECT_EQ(passed[count], 5U);
    }
  }
}

TEST_P(PanelKernel, TellsWhichReachTheThreshold) {
  const std::size_t depth = 20;
  const std::size_t count = 15;
  const Case own(depth, count, 9);
  const Panel panel{own.panel.data(), own.offsets.data(), depth};
  std::vector<float> scores(count * kPanelRows);
  std::vector<std::uint64_t> passed(count);
  const std::vector<float> lowest(count, -std::numeric_limits<float>::infinity());
  score_panel(panel, own.queries.data(), count, lowest.data(), passed.data(), scores.data());
  // Each query in turn asks for exactly one of its scores, with equality, or for more than it has.
  for (std::size_t row = 0; row <= kPanelRows; ++row) {
    std::vector<float> thresholds(count, 1e30F);
    if (row < kPanelRows) {
      for (std::size_t q = 0; q < count; ++q) thresholds[q] = scores[q * kPanelRows + (row + q) % kPanelRows];
    }
    std::vector<float> again(count * kPanelRows, -7.0F);
    score_panel(panel, own.queries.data(), count, thresholds.data(), passed.data(), again.data());
    for (std::size_t q = 0; q < count; ++q) {
      for (std::size_t r = 0; r < kPanelRows; ++r) {
        const bool passes = scores[q * kPanelRows + r] >= thresholds[q];
        ASSERT_EQ((passed[q] >> r & 1U) != 0, passes) << "query " << q << " row " << r;
        if (passes) {
          ASSERT_EQ(again[q * kPanelRows + r], scores[q * kPanelRows + r]);
        }
      }
    }
  }
}

TEST_P(PanelKernel, AScoreDoesNotDependOnItsNeighbours) {
  const std::size_t depth = 50;
  const std::size_t count = 13;
  const Case own(depth, count, 4);
  const Panel panel{own.panel.data(), own.offsets.data(), depth};
  const std::vector<float> lowest(count, -std::numeric_limits<float>::infinity());
  std::vector<float> scores(count * kPanelRows);
  std::vector<std::uint64_t> passed(count);
  score_panel(panel, own.queries.data(), count, lowest.data(), passed.data(), scores.data());
  for (std::size_t q = 0; q < count; ++q) {
    std::vector<float> alone(kPanelRows);
    score_panel(panel, own.queries.data() + q, 1, lowest.data(), passed.data(), alone.data());
    for (std::size_t r = 0; r < kPanelRows; ++r) ASSERT_EQ(alone[r], scores[q * kPanelRows + r]);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, PanelKernel, testing::ValuesIn(available_simd_levels()), level_name);

}  // namespace
}  // namespace lowrank::panel_test
