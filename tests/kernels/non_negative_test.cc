#include "kernels/non_negative.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "kernels/aligned.h"
#include "kernels/levels.h"

namespace lowrank::non_negative_test {
namespace {

class NonNegative : public AtEveryLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, NonNegative, testing::ValuesIn(available_simd_levels()), level_name);

TEST_P(NonNegative, DescendsAsALoopInDouble) {
  RandomStream random(3, Purpose::user_factors);
  for (const std::size_t rank : {1U, 2U, 5U, 16U, 31U, 40U}) {
    const std::size_t ld = row_stride(rank);
    AlignedVector a(rank * ld);
    for (std::size_t n = 0; n < 2 * rank; ++n) {
      std::vector<double> row(rank);
      for (double& x : row) x = random.uniform();
      for (std::size_t k = 0; k < rank; ++k) {
        for (std::size_t l = 0; l < rank; ++l) a[k * ld + l] += static_cast<float>(row[k] * row[l]);
      }
    }
    // A coordinate that means nothing stays as it is, or falls to 0 where the penalty is all that pulls.
    if (rank == 5) {
      for (std::size_t k = 0; k < rank; ++k) a[3 * ld + k] = a[k * ld + 3] = 0;
    }
    for (const std::size_t count : {1U, 3U, 15U, 16U, 17U, 40U}) {
      AlignedVector targets(count * ld);
      AlignedVector rows((count + 1) * ld);
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t k = 0; k < rank; ++k) {
          targets[r * ld + k] = static_cast<float>(random.normal());
          rows[r * ld + k] = static_cast<float>(random.uniform());
        }
      }
      rows[count * ld] = -7;
      std::vector<double> expected(rows.begin(), rows.end());
      for (std::size_t r = 0; r < count; ++r) {
        double* x = expected.data() + r * ld;
        for (int n = 0; n < 3; ++n) {
          for (std::size_t t = 0; t < rank; ++t) {
            const auto diagonal = static_cast<double>(a[t * ld + t]);
            if (diagonal == 0) {
              if (0.125 - static_cast<double>(targets[r * ld + t]) > 0) x[t] = 0;
              continue;
            }
            double gradient = 0.125 - static_cast<double>(targets[r * ld + t]);
            for (std::size_t k = 0; k < rank; ++k) gradient += static_cast<double>(a[t * ld + k]) * x[k];
            x[t] = std::max(0.0, x[t] - gradient / diagonal);
          }
        }
      }
      AlignedVector scratch(descend_scratch(rank));
      descend_non_negative(a.data(), ld, rank, targets.data(), 0.125F, rows.data(), ld, count, 3, scratch.data());
      for (std::size_t n = 0; n < rows.size(); ++n) ASSERT_NEAR(static_cast<double>(rows[n]), expected[n], 1e-4) << rank << ' ' << count;
    }
  }
}

}  // namespace
}  // namespace lowrank::non_negative_test
