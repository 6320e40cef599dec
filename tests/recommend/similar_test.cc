#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lowrank/base/error.h"
#include "lowrank/recommend/recommend.h"
#include "model/models.h"

namespace lowrank::similar_test {
namespace {

using Lists = std::vector<std::vector<Scored>>;
using testing_models::random_model;

Lists lists_of(const Model& model, const std::vector<std::uint32_t>& queries, std::size_t top, Similarity by, bool of_users,
               int threads = 2, std::uint32_t min_count = 1) {
  const SimilarOptions options{.top = top, .by = by, .min_count = min_count, .threads = threads};
  Lists lists;
  const auto consume = [&](std::size_t position, std::span<const Scored> rows) {
    EXPECT_EQ(position, lists.size());
    lists.emplace_back(rows.begin(), rows.end());
  };
  (of_users ? similar_users : similar_items)(model, queries, options, consume);
  return lists;
}

/// In double precision.
double slow_likeness(const FactorMatrix& rows, std::uint32_t a, std::uint32_t b, Similarity by) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t k = 0; k < rows.rank(); ++k) {
    const double x = double{rows.row(a)[k]};
    const double y = double{rows.row(b)[k]};
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return by == Similarity::dot ? dot : dot / std::sqrt(aa * bb);
}

void expect_right_lists(const Model& model, Similarity by, bool of_users) {
  const FactorMatrix& rows = of_users ? model.users.factors : model.items.factors;
  const auto& ratings = of_users ? model.users.counts : model.items.counts;
  const auto count = static_cast<std::uint32_t>(rows.rows());
  std::vector<std::uint32_t> queries(count);
  std::iota(queries.begin(), queries.end(), 0U);
  for (const std::size_t top : {3U, 1000U}) {
    const Lists lists = lists_of(model, queries, top, by, of_users);
    ASSERT_EQ(lists.size(), queries.size());
    for (const std::uint32_t query : queries) {
      const auto& list = lists[query];
      if (ratings[query] == 0) {
        EXPECT_TRUE(list.empty());
        continue;
      }
      std::vector<double> expected;
      for (std::uint32_t row = 0; row < count; ++row) {
        if (row != query && ratings[row] != 0) expected.push_back(slow_likeness(rows, query, row, by));
      }
      std::sort(expected.begin(), expected.end(), std::greater<>());
      expected.resize(std::min(expected.size(), top));
      ASSERT_EQ(list.size(), expected.size());
      for (std::size_t i = 0; i < list.size(); ++i) {
        EXPECT_NE(list[i].index, query);
        EXPECT_NE(ratings[list[i].index], 0U);
        EXPECT_NEAR(double{list[i].score}, expected[i], 1e-5 * std::max(1.0, std::abs(expected[i])));
        EXPECT_NEAR(double{list[i].score}, slow_likeness(rows, query, list[i].index, by), 1e-5 * std::max(1.0, std::abs(expected[i])));
      }
    }
  }
}

TEST(Similar, GivesTheNearestByEitherMeasure) {
  for (const std::size_t rank : {1U, 8U, 20U}) {
    const Model model = random_model(50, 70, rank, rank, 0.02);
    for (const Similarity by : {Similarity::cosine, Similarity::dot}) {
      expect_right_lists(model, by, false);
      expect_right_lists(model, by, true);
    }
  }
}

TEST(Similar, CosineKnowsNoLengths) {
  Model model = random_model(4, 5, 2, 1, 1.0);
  const std::vector<std::vector<float>> factors{{1, 0}, {0, 0}, {5e-20F, 5e-20F}, {3e30F, 0}, {-2, 0}};
  for (std::size_t item = 0; item < 5; ++item) std::copy(factors[item].begin(), factors[item].end(), model.items.factors.row(item).begin());
  const Lists lists = lists_of(model, {0, 1, 2, 3, 4}, 10, Similarity::cosine, false);
  const auto half = static_cast<float>(std::sqrt(0.5));
  ASSERT_EQ(lists[0].size(), 3U) << "the item of zeros is like nothing";
  EXPECT_EQ(lists[0][0], (Scored{3, 1}));
  EXPECT_EQ(lists[0][1].index, 2U);
  EXPECT_FLOAT_EQ(lists[0][1].score, half);
  EXPECT_EQ(lists[0][2], (Scored{4, -1}));
  EXPECT_TRUE(lists[1].empty());
  ASSERT_EQ(lists[3].size(), 3U);
  EXPECT_EQ(lists[3][0], (Scored{0, 1}));
  EXPECT_FLOAT_EQ(lists[3][1].score, half);
  ASSERT_EQ(lists[2].size(), 3U);
  EXPECT_EQ(lists[2][0].index, 0U) << "a tie, by the vocabulary";
  EXPECT_EQ(lists[2][1].index, 3U);
}

TEST(Similar, LikenessIsMutual) {
  const Model model = random_model(20, 40, 30, 4, 0.5);
  std::vector<std::uint32_t> queries(40);
  std::iota(queries.begin(), queries.end(), 0U);
  const Lists lists = lists_of(model, queries, 100, Similarity::cosine, false);
  std::vector<std::vector<float>> table(40, std::vector<float>(40));
  for (std::size_t a = 0; a < 40; ++a) {
    for (const Scored& b : lists[a]) table[a][b.index] = b.score;
  }
  for (std::size_t a = 0; a < 40; ++a) {
    for (std::size_t b = 0; b < a; ++b) EXPECT_EQ(table[a][b], table[b][a]);
  }
}

TEST(Similar, EqualRowsTieInVocabularyOrder) {
  Model model = random_model(4, 6, 3, 1, 1.0);
  for (std::size_t item = 0; item < 6; ++item) {
    for (std::size_t k = 0; k < 3; ++k) model.items.factors.row(item)[k] = static_cast<float>(k) + 0.3F;
  }
  for (const Similarity by : {Similarity::cosine, Similarity::dot}) {
    const Lists lists = lists_of(model, {2}, 4, by, false);
    ASSERT_EQ(lists[0].size(), 4U);
    const std::vector<std::uint32_t> expected{0, 1, 3, 4};
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(lists[0][i].index, expected[i]);
  }
}

TEST(Similar, WhatHasNoLikenessGetsNoList) {
  Model model = random_model(5, 5, 0, 1, 1.0);
  for (const Similarity by : {Similarity::cosine, Similarity::dot}) {
    EXPECT_EQ(lists_of(model, {0, 7}, 4, by, false), Lists(2)) << "rank 0";
    EXPECT_EQ(lists_of(Model(), {0}, 4, by, true), Lists(1));
  }
  model = random_model(5, 5, 2, 1, 1.0);
  model.items.counts[3] = 0;
  EXPECT_TRUE(lists_of(model, {3}, 4, Similarity::dot, false)[0].empty());
}

TEST(Similar, ListsOnlyWhatHasEnoughRatings) {
  const Model model = random_model(20, 60, 4, 5, 0.3);
  std::vector<std::uint32_t> queries(60);
  std::iota(queries.begin(), queries.end(), 0U);
  const std::uint32_t most = *std::max_element(model.items.counts.begin(), model.items.counts.end());
  for (const Similarity by : {Similarity::cosine, Similarity::dot}) {
    const Lists all = lists_of(model, queries, 60, by, false);
    EXPECT_EQ(lists_of(model, queries, 60, by, false, 2, 0), all);
    for (const std::uint32_t least : {most / 2, most, most + 1}) {
      const Lists lists = lists_of(model, queries, 5, by, false, 2, least);
      for (const std::uint32_t query : queries) {
        std::vector<Scored> expected;
        std::copy_if(all[query].begin(), all[query].end(), std::back_inserter(expected),
                     [&](const Scored& one) { return model.items.counts[one.index] >= least; });
        expected.resize(std::min<std::size_t>(expected.size(), 5));
        EXPECT_EQ(lists[query], expected);
      }
    }
  }
}

TEST(Similar, ListsDoNotDependOnThreads) {
  const Model model = random_model(30, 500, 12, 6, 0.2);
  std::vector<std::uint32_t> queries(500);
  std::iota(queries.begin(), queries.end(), 0U);
  for (const Similarity by : {Similarity::cosine, Similarity::dot}) {
    const Lists expected = lists_of(model, queries, 7, by, false, 1);
    for (const int threads : {0, 2, 8}) EXPECT_EQ(lists_of(model, queries, 7, by, false, threads), expected);
  }
}

TEST(Similar, Names) {
  EXPECT_EQ(parse_similarity("cosine"), Similarity::cosine);
  EXPECT_EQ(parse_similarity("dot"), Similarity::dot);
  try {
    parse_similarity("cosinus");
    FAIL();
  } catch (const OptionError& error) {
    EXPECT_EQ(error.option(), "by");
    EXPECT_STREQ(error.what(), "by: must be cosine, dot or neighbours, got \"cosinus\"");
  }
}

}  // namespace
}  // namespace lowrank::similar_test
