#include "kernels/sgd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "aligned.h"
#include "base/random.h"
#include "levels.h"

namespace lowrank::sgd_test {
namespace {

struct Tables {
  Tables(std::size_t users, std::size_t items, std::size_t width, std::uint64_t seed)
      : rank(width), stride(row_stride(width)), p(users * stride), q(items * stride), bu(users), bi(items) {
    RandomStream random(seed, Purpose::user_factors);
    for (std::size_t u = 0; u < users; ++u) {
      for (std::size_t k = 0; k < rank; ++k) p[u * stride + k] = static_cast<float>(0.3 * random.normal());
      bu[u] = static_cast<float>(0.2 * random.normal());
    }
    for (std::size_t i = 0; i < items; ++i) {
      for (std::size_t k = 0; k < rank; ++k) q[i * stride + k] = static_cast<float>(0.3 * random.normal());
      bi[i] = static_cast<float>(0.2 * random.normal());
    }
  }
  /// Regularisation of each row and bias, all different.
  double regularization(std::size_t row, int kind) const { return 0.05 * static_cast<double>(row % 5) + 0.02 * kind; }
  SgdTables view(const SgdStep& step) {
    const auto fill = [&](std::vector<float>& decays, std::size_t rows, float rate, int kind) {
      decays.resize(rows);
      for (std::size_t row = 0; row < rows; ++row) decays[row] = rate * static_cast<float>(regularization(row, kind));
    };
    fill(user_decays, bu.size(), step.rate, 0);
    fill(item_decays, bi.size(), step.rate, 1);
    fill(user_bias_decays, bu.size(), step.bias_rate, 2);
    fill(item_bias_decays, bi.size(), step.bias_rate, 3);
    return {
        p.data(), q.data(), bu.data(), bi.data(), user_decays.data(), item_decays.data(), user_bias_decays.data(), item_bias_decays.data(),
        stride};
  }

  std::size_t rank;
  std::size_t stride;
  AlignedVector p;
  AlignedVector q;
  std::vector<float> bu;
  std::vector<float> bi;
  std::vector<float> user_decays;
  std::vector<float> item_decays;
  std::vector<float> user_bias_decays;
  std::vector<float> item_bias_decays;
};

/// The stated rule in double, one rating at a time.
struct Oracle {
  explicit Oracle(const Tables& from)
      : tables(from),
        rank(from.rank),
        stride(from.stride),
        p(from.p.begin(), from.p.end()),
        q(from.q.begin(), from.q.end()),
        bu(from.bu.begin(), from.bu.end()),
        bi(from.bi.begin(), from.bi.end()) {}

  /// One rating and its share of regularisation.
  void learn(std::size_t user, std::size_t item, double value, const SgdStep& step) {
    double error = value - bu[user] - bi[item];
    for (std::size_t k = 0; k < rank; ++k) error -= p[user * stride + k] * q[item * stride + k];
    squared += error * error;
    for (std::size_t k = 0; k < rank; ++k) {
      double& x = p[user * stride + k];
      double& y = q[item * stride + k];
      const double old = x;
      x += static_cast<double>(step.rate) * (error * y - tables.regularization(user, 0) * x);
      y += static_cast<double>(step.rate) * (error * old - tables.regularization(item, 1) * y);
    }
    bu[user] += static_cast<double>(step.bias_rate) * (error - tables.regularization(user, 2) * bu[user]);
    bi[item] += static_cast<double>(step.bias_rate) * (error - tables.regularization(item, 3) * bi[item]);
  }

  /// A group of one user's ratings: all errors from the old values.
  void learn_group(std::size_t user, std::span<const std::size_t> items, std::span<const double> values, const SgdStep& step) {
    const std::vector<double> old(p.begin() + static_cast<std::ptrdiff_t>(user * stride),
                                  p.begin() + static_cast<std::ptrdiff_t>((user + 1) * stride));
    const double old_bias = bu[user];
    for (std::size_t n = 0; n < items.size(); ++n) {
      double* row = q.data() + items[n] * stride;
      double error = values[n] - old_bias - bi[items[n]];
      for (std::size_t k = 0; k < rank; ++k) error -= old[k] * row[k];
      squared += error * error;
      for (std::size_t k = 0; k < rank; ++k) {
        p[user * stride + k] += static_cast<double>(step.rate) * error * row[k];
        row[k] += static_cast<double>(step.rate) * error * old[k];
      }
      bu[user] += static_cast<double>(step.bias_rate) * error;
      bi[items[n]] += static_cast<double>(step.bias_rate) * error;
    }
  }

  /// The implicit step of `count` ratings' regularisation.
  void shrink(const SgdRun& run, bool of_user, const SgdStep& step) {
    const double count = run.more + 1.0;
    const double row_factor = 1 + count * static_cast<double>(step.rate) * tables.regularization(run.row, of_user ? 0 : 1);
    const double bias_factor = 1 + count * static_cast<double>(step.bias_rate) * tables.regularization(run.row, of_user ? 2 : 3);
    for (std::size_t k = 0; k < rank; ++k) (of_user ? p : q)[run.row * stride + k] /= row_factor;
    (of_user ? bu : bi)[run.row] /= bias_factor;
  }

  const Tables& tables;
  std::size_t rank;
  std::size_t stride;
  std::vector<double> p;
  std::vector<double> q;
  std::vector<double> bu;
  std::vector<double> bi;
  double squared = 0;
};

template <class Floats>
void expect_near(const Floats& actual, const std::vector<double>& expected, double tolerance, const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t n = 0; n < expected.size(); ++n) ASSERT_NEAR(static_cast<double>(actual[n]), expected[n], tolerance) << what << " " << n;
}

void expect_same(const Tables& tables, const Oracle& oracle, double squared) {
  expect_near(tables.p, oracle.p, 2e-4, "p");
  expect_near(tables.q, oracle.q, 2e-4, "q");
  expect_near(tables.bu, oracle.bu, 2e-4, "user bias");
  expect_near(tables.bi, oracle.bi, 2e-4, "item bias");
  EXPECT_NEAR(squared, oracle.squared, 1e-4 * oracle.squared + 1e-9);
}

enum class Kept { packed, coded, floats };

/// A random block: chunks of groups of any size, at most of `most` ratings; runs that begin anywhere.
struct Ratings {
  Ratings(std::size_t users, std::size_t item_count, std::size_t chunk_count, std::size_t most, Kept kept_as, std::uint64_t seed)
      : kept(kept_as) {
    RandomStream random(seed, Purpose::rating_order);
    for (int code = 0; code < 10; ++code) table.push_back(0.4F * static_cast<float>(code) - 1.7F);
    std::vector<std::uint16_t> some_items(item_count);
    std::iota(some_items.begin(), some_items.end(), std::uint16_t{0});
    const auto add = [&](std::size_t size) {
      random.shuffle(std::span(some_items));
      const auto of = static_cast<std::uint16_t>(random.below(users));
      for (std::size_t n = 0; n < size; ++n) {
        user.push_back(of);
        item.push_back(some_items[n]);
        codes.push_back(static_cast<std::uint8_t>(random.below(10)));
        values.push_back(table[codes.back()]);
        packed.push_back(static_cast<std::uint16_t>(item.back() | codes.back() << kSgdPackedBits));
      }
      return static_cast<std::uint8_t>(1);
    };
    const auto chunk_here = [&] {
      const auto begin = static_cast<std::uint32_t>(user.size());
      chunks.push_back({begin, static_cast<std::uint32_t>(user_runs.size()), static_cast<std::uint32_t>(item_runs.size()), 0, 0, 0});
    };
    for (std::size_t chunk = 0; chunk < chunk_count; ++chunk) {
      chunk_here();
      for (std::size_t n = random.below(most / 16 + 1); n > 0; --n) chunks.back().fours += add(4);
      for (std::size_t n = random.below(most / 12 + 1); n > 0; --n) chunks.back().threes += add(3);
      for (std::size_t n = random.below(most / 8 + 1); n > 0; --n) chunks.back().twos += add(2);
      for (std::size_t n = random.below(most / 4 + 1); n > 0; --n) add(1);
      for (std::size_t n = random.below(5); n > 0; --n) {
        user_runs.push_back({static_cast<std::uint16_t>(random.below(users)), static_cast<std::uint16_t>(random.below(40))});
      }
      for (std::size_t n = random.below(5); n > 0; --n) {
        item_runs.push_back({static_cast<std::uint16_t>(random.below(item_count)), static_cast<std::uint16_t>(random.below(40))});
      }
    }
    chunk_here();
  }

  SgdBlock block() const {
    return {user.data(),
            kept == Kept::packed ? packed.data() : item.data(),
            kept == Kept::coded ? codes.data() : nullptr,
            kept == Kept::floats ? values.data() : nullptr,
            table.data(),
            user.size(),
            user_runs.data(),
            item_runs.data(),
            chunks.data(),
            chunks.size() - 1};
  }

  /// The documented order.
  void visit(std::size_t first_chunk, Oracle& oracle, const SgdStep& step) const {
    const std::size_t chunk_count = chunks.size() - 1;
    for (std::size_t count = 0; count < chunk_count; ++count) {
      const SgdChunk* chunk = chunks.data() + (first_chunk + count) % chunk_count;
      for (std::size_t n = chunk[0].user_runs; n < chunk[1].user_runs; ++n) oracle.shrink(user_runs[n], true, step);
      for (std::size_t n = chunk[0].item_runs; n < chunk[1].item_runs; ++n) oracle.shrink(item_runs[n], false, step);
      std::size_t n = chunk->begin;
      const auto learn = [&](std::size_t size) {
        std::vector<std::size_t> items;
        std::vector<double> numbers;
        for (std::size_t k = n; k < n + size; ++k) items.push_back(item[k]), numbers.push_back(static_cast<double>(values[k]));
        oracle.learn_group(user[n], items, numbers, step);
        n += size;
      };
      for (std::size_t group = 0; group < chunk->fours; ++group) learn(4);
      for (std::size_t group = 0; group < chunk->threes; ++group) learn(3);
      for (std::size_t group = 0; group < chunk->twos; ++group) learn(2);
      while (n < chunk[1].begin) learn(1);
    }
  }

  Kept kept;
  std::vector<std::uint16_t> user;
  std::vector<std::uint16_t> item;
  std::vector<std::uint16_t> packed;
  std::vector<std::uint8_t> codes;
  std::vector<float> values;
  std::vector<float> table;
  std::vector<SgdRun> user_runs;
  std::vector<SgdRun> item_runs;
  std::vector<SgdChunk> chunks;
};

constexpr SgdStep kStep{0.05F, 0.03F};

class SgdKernel : public AtEveryLevel {};

TEST_P(SgdKernel, BlockFollowsTheRuleInTheStatedOrder) {
  std::uint64_t seed = 0;
  for (const std::size_t rank :
       {0U, 1U, 2U, 7U, 15U, 16U, 17U, 31U, 32U, 33U, 48U, 50U, 64U, 65U, 80U, 100U, 127U, 128U, 129U, 200U, 256U}) {
    for (const Kept kept : {Kept::packed, Kept::coded, Kept::floats}) {
      for (const std::size_t chunks : {0U, 1U, 3U}) {
        for (const std::size_t most : {4U, 16U, 128U}) {
          ++seed;
          const Ratings ratings(40, 30, chunks, most, kept, seed);
          Tables tables(40, 30, rank, seed);
          Oracle oracle(tables);
          const std::size_t first = chunks == 0 ? 0 : seed % chunks;
          const double squared = sgd_block(ratings.block(), first, tables.view(kStep), kStep);
          ratings.visit(first, oracle, kStep);
          SCOPED_TRACE(testing::Message() << "rank " << rank << " chunks " << chunks << " of at most " << most);
          expect_same(tables, oracle, squared);
        }
      }
    }
  }
}

TEST_P(SgdKernel, ErrorsAreThoseOfALoopOverTheRatings) {
  constexpr float kLeast = -0.6F;
  constexpr float kMost = 0.5F;
  std::uint64_t seed = 0;
  for (const std::size_t rank : {0U, 1U, 16U, 17U, 32U, 100U, 128U}) {
    for (const Kept kept : {Kept::packed, Kept::coded, Kept::floats}) {
      for (const std::size_t most : {4U, 16U, 128U}) {
        const Ratings ratings(40, 30, 3, most, kept, ++seed);
        Tables tables(40, 30, rank, seed);
        const Oracle oracle(tables);
        double squared = 0;
        double clipped = 0;
        for (std::size_t n = 0; n < ratings.user.size(); ++n) {
          double score = oracle.bu[ratings.user[n]] + oracle.bi[ratings.item[n]];
          for (std::size_t k = 0; k < rank; ++k) {
            score += oracle.p[ratings.user[n] * oracle.stride + k] * oracle.q[ratings.item[n] * oracle.stride + k];
          }
          const auto value = static_cast<double>(ratings.values[n]);
          squared += (value - score) * (value - score);
          clipped += std::pow(value - std::clamp(score, static_cast<double>(kLeast), static_cast<double>(kMost)), 2);
        }
        const SgdErrors errors = sgd_errors(ratings.block(), tables.view(kStep), kLeast, kMost);
        SCOPED_TRACE(testing::Message() << "rank " << rank << " chunks of at most " << most);
        EXPECT_NEAR(errors.squared, squared, 1e-5 * squared);
        EXPECT_NEAR(errors.clipped_squared, clipped, 1e-5 * clipped);
        expect_same(tables, oracle, 0);
      }
    }
  }
}

TEST_P(SgdKernel, SequenceFollowsTheRule) {
  for (const std::size_t rank : {0U, 1U, 16U, 20U, 64U, 130U}) {
    RandomStream random(rank, Purpose::rating_order);
    std::vector<std::uint32_t> users;
    std::vector<std::uint32_t> items;
    std::vector<float> values;
    Tables tables(20, 10, rank, 5);
    Oracle oracle(tables);
    for (int n = 0; n < 300; ++n) {
      users.push_back(static_cast<std::uint32_t>(random.below(20)));
      items.push_back(static_cast<std::uint32_t>(random.below(10)));
      values.push_back(static_cast<float>(random.normal()));
      oracle.learn(users.back(), items.back(), static_cast<double>(values.back()), kStep);
    }
    const double squared = sgd_sequence({users.data(), items.data(), values.data(), users.size()}, tables.view(kStep), kStep);
    SCOPED_TRACE(testing::Message() << "rank " << rank);
    expect_same(tables, oracle, squared);
  }
}

TEST_P(SgdKernel, EmptyBlockChangesNothing) {
  Tables tables(4, 4, 8, 1);
  const Oracle oracle(tables);
  const SgdChunk end{};
  const SgdBlock empty{.users = nullptr,
                       .items = nullptr,
                       .codes = nullptr,
                       .values = nullptr,
                       .value_table = nullptr,
                       .count = 0,
                       .user_runs = nullptr,
                       .item_runs = nullptr,
                       .chunks = &end,
                       .chunk_count = 0};
  EXPECT_EQ(sgd_block(empty, 0, tables.view(kStep), kStep), 0.0);
  expect_same(tables, oracle, 0);
}

TEST_P(SgdKernel, WithoutBiasRateBiasesStay) {
  const Ratings ratings(9, 5, 3, 64, Kept::packed, 3);
  Tables tables(9, 5, 8, 2);
  const std::vector<float> before = tables.bu;
  sgd_block(ratings.block(), 0, tables.view({0.05F, 0.0F}), {0.05F, 0.0F});
  EXPECT_EQ(tables.bu, before);
}

TEST_P(SgdKernel, PaddingStaysZero) {
  const Ratings ratings(30, 6, 3, 128, Kept::coded, 4);
  for (const std::size_t rank : {1U, 17U, 40U, 70U}) {
    Tables tables(30, 6, rank, 4);
    sgd_block(ratings.block(), 0, tables.view(kStep), kStep);
    for (std::size_t u = 0; u < 30; ++u) {
      for (std::size_t k = rank; k < tables.stride; ++k) ASSERT_EQ(tables.p[u * tables.stride + k], 0.0F);
    }
  }
}

TEST_P(SgdKernel, RunawayShowsInTheSum) {
  const Ratings ratings(30, 6, 3, 128, Kept::coded, 4);
  Tables tables(30, 6, 8, 4);
  double squared = 0;
  for (int pass = 0; pass < 20 && std::isfinite(squared); ++pass) {
    squared = sgd_block(ratings.block(), 0, tables.view({1000.0F, 1000.0F}), {1000.0F, 1000.0F});
  }
  EXPECT_FALSE(std::isfinite(squared));
}

/// One rating's loss (1/2) e^2 + (beta/2) (|p|^2 + |q|^2 + bu^2 + bd^2) in double: the step must be minus rate times its gradient.
TEST_P(SgdKernel, StepIsTheNegativeGradientOfTheLoss) {
  constexpr std::size_t kRank = 5;
  constexpr double kBeta = 0.3;  // the same for rows and biases here
  constexpr float kRate = 1e-3F;
  constexpr double kValue = 1.25;
  Tables tables(1, 1, kRank, 9);
  std::vector<double> x;  // p, q, bu, bd
  for (std::size_t k = 0; k < kRank; ++k) x.push_back(static_cast<double>(tables.p[k]));
  for (std::size_t k = 0; k < kRank; ++k) x.push_back(static_cast<double>(tables.q[k]));
  x.push_back(static_cast<double>(tables.bu[0]));
  x.push_back(static_cast<double>(tables.bi[0]));
  const auto loss = [](const std::vector<double>& at) {
    double error = kValue - at[2 * kRank] - at[2 * kRank + 1];
    double norm = 0;
    for (std::size_t k = 0; k < kRank; ++k) error -= at[k] * at[kRank + k];
    for (const double one : at) norm += one * one;
    return 0.5 * error * error + 0.5 * kBeta * norm;
  };
  const std::uint32_t zero = 0;
  const auto value = static_cast<float>(kValue);
  const float decay = kRate * static_cast<float>(kBeta);
  SgdTables view = tables.view({kRate, kRate});
  view.user_decays = view.item_decays = view.user_bias_decays = view.item_bias_decays = &decay;
  sgd_sequence({&zero, &zero, &value, 1}, view, {kRate, kRate});
  std::vector<double> after;
  for (std::size_t k = 0; k < kRank; ++k) after.push_back(static_cast<double>(tables.p[k]));
  for (std::size_t k = 0; k < kRank; ++k) after.push_back(static_cast<double>(tables.q[k]));
  after.push_back(static_cast<double>(tables.bu[0]));
  after.push_back(static_cast<double>(tables.bi[0]));
  for (std::size_t n = 0; n < x.size(); ++n) {
    constexpr double kDelta = 1e-5;
    std::vector<double> up = x;
    std::vector<double> down = x;
    up[n] += kDelta;
    down[n] -= kDelta;
    const double gradient = (loss(up) - loss(down)) / (2 * kDelta);
    EXPECT_NEAR((after[n] - x[n]) / static_cast<double>(kRate), -gradient, 2e-4) << "coordinate " << n;
  }
}

/// Without factors a visit leaves a fixed share of the error: a weight of 3 is three visits in turn, and a weight of 1 is none at all.
TEST_P(SgdKernel, AWeightIsThatManyVisits) {
  const std::vector<std::uint32_t> zeros(3, 0);
  const std::vector<float> values(3, 2.0F);
  const float decay = 0.01F;
  const float none = 0;
  const auto biases_after = [&](std::size_t visits, const float* weight) {
    std::vector<float> biases(2);
    const SgdTables tables{.user_factors = nullptr,
                           .item_factors = nullptr,
                           .user_biases = &biases[0],
                           .item_biases = &biases[1],
                           .user_decays = &decay,
                           .item_decays = &decay,
                           .user_bias_decays = weight == nullptr || *weight == 1 ? &decay : &none,
                           .item_bias_decays = weight == nullptr || *weight == 1 ? &decay : &none,
                           .stride = 0};
    sgd_sequence({zeros.data(), zeros.data(), values.data(), visits, weight}, tables, {.rate = 0.1F, .bias_rate = 0.1F});
    return biases;
  };
  const float one = 1;
  EXPECT_EQ(biases_after(1, nullptr), biases_after(1, &one));
  const float three = 3;
  const std::vector<float> biases = biases_after(1, &three);
  EXPECT_NEAR(biases[0] + biases[1], 2 * (1 - std::pow(1 - 0.2, 3)), 1e-5);
  EXPECT_EQ(biases[0], biases[1]);
}

/// With factors too no weight oversteps: the error shrinks the more the greater the weight, and keeps its sign.
TEST_P(SgdKernel, NoWeightOversteps) {
  const std::uint32_t zero = 0;
  const float value = 3;
  float last = 100;
  for (const float weight : {0.1F, 0.5F, 1.0F, 2.0F, 10.0F, 1e6F, 1e30F}) {
    Tables tables(1, 1, 17, 5);
    const auto error = [&] {
      float product = tables.bu[0] + tables.bi[0];
      for (std::size_t k = 0; k < tables.stride; ++k) product += tables.p[k] * tables.q[k];
      return value - product;
    };
    const SgdStep step{.rate = 0.02F, .bias_rate = 0.02F};
    SgdTables view = tables.view(step);
    const float before = error();
    const double squared = sgd_sequence({&zero, &zero, &value, 1, &weight}, view, step);
    EXPECT_NEAR(squared, double{weight} * double{before} * double{before}, 1e-4 * double{weight} * double{before} * double{before});
    if (weight < 1e5F) {
      EXPECT_LT(error(), last) << weight;
      EXPECT_GT(error(), -0.2F * before) << weight;
    }
    EXPECT_TRUE(std::isfinite(error())) << weight;
    last = error();
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, SgdKernel, testing::ValuesIn(available_simd_levels()), level_name);

}  // namespace
}  // namespace lowrank::sgd_test
