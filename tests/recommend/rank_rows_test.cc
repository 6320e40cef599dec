#include "recommend/rank_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/random.h"
#include "kernels/levels.h"
#include "recommend/row_screen.h"
#include "recommend/top_list.h"

namespace lowrank::rank_rows_test {
namespace {

using Lists = std::vector<std::vector<Scored>>;

/// Rows, queries and what each query excludes, drawn at random.
struct Table {
  Table(std::size_t row_count, std::size_t query_count, std::size_t rank, std::uint64_t seed)
      : rows(row_count, rank), queries(query_count, rank), offsets(row_count), bases(query_count), excluded(query_count) {
    RandomStream random(seed, Purpose::item_factors);
    for (std::size_t row = 0; row < row_count; ++row) {
      // Lengths that differ, as those of well and little known items do.
      const double length = std::exp(random.normal());
      for (float& value : rows.row(row)) value = static_cast<float>(length * random.normal());
      offsets[row] = static_cast<float>(random.normal());
      if (random.below(10) != 0) candidates.push_back(static_cast<std::uint32_t>(row));
    }
    for (std::size_t query = 0; query < query_count; ++query) {
      for (float& value : queries.row(query)) value = static_cast<float>(random.normal());
      bases[query] = 3 * random.normal();
      const std::uint64_t rarity = 1 + random.below(20);
      for (std::uint32_t row = 0; row < row_count; ++row) {
        if (random.below(rarity) == 0) excluded[query].push_back(row);
      }
    }
  }

  [[nodiscard]] RankedRows ranked() const {
    RankedRows ranked{.rows = rows, .candidates = candidates, .offsets = offsets};
    ranked.rate = [this](const RankQuery& query, std::span<const std::uint32_t> indices, std::span<const float> dots,
                         std::span<float> scores) {
      for (std::size_t n = 0; n < indices.size(); ++n) {
        scores[n] = finite_score(query.base + static_cast<double>(offsets[indices[n]]) + static_cast<double>(dots[n]));
      }
    };
    return ranked;
  }

  void prepare(std::size_t position, RankQuery& query) const {
    static constexpr float kNoFactors = 0;
    query.vector = rows.rank() == 0 ? &kNoFactors : queries.row(position).data();
    query.base = bases[position];
    query.excluded = excluded[position];
  }

  [[nodiscard]] Lists lists(std::size_t top, int threads, const RankLimits& limits) const {
    Lists lists;
    rank_rows(
        ranked(), queries.rows(), top, threads, [&](std::size_t position, RankQuery& query) { prepare(position, query); },
        [&](std::size_t position, std::span<const Scored> list) {
          EXPECT_EQ(position, lists.size()) << "in the order of the queries";
          lists.emplace_back(list.begin(), list.end());
        },
        limits);
    return lists;
  }

  /// One query at a time, by a full sort of what it is scored with exactly.
  [[nodiscard]] Lists sorted_lists(std::size_t top) const {
    Lists lists;
    for (std::size_t position = 0; position < queries.rows(); ++position) {
      RankQuery query;
      prepare(position, query);
      std::vector<float> scores(candidates.size());
      rate_exactly(ranked(), query, candidates, scores);
      std::vector<Scored> all;
      for (std::size_t n = 0; n < candidates.size(); ++n) {
        if (!std::binary_search(query.excluded.begin(), query.excluded.end(), candidates[n])) all.push_back({candidates[n], scores[n]});
      }
      std::stable_sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
      all.resize(std::min(all.size(), top));
      lists.push_back(std::move(all));
    }
    return lists;
  }

  FactorMatrix rows;
  FactorMatrix queries;
  std::vector<float> offsets;
  std::vector<double> bases;
  std::vector<std::vector<std::uint32_t>> excluded;
  std::vector<std::uint32_t> candidates;
};

constexpr RankLimits kScreened{.few = 0, .batch = 0, .tile = 0};
constexpr RankLimits kDirect{.few = SIZE_MAX, .batch = 0, .tile = 0};

class RankRows : public AtEveryLevel {};

TEST_P(RankRows, ScreensWhatASortWouldFind) {
  for (const std::size_t rank : {0U, 1U, 7U, 16U, 40U}) {
    for (const std::size_t row_count : {1U, 63U, 64U, 65U, 700U}) {
      const Table table(row_count, 23, rank, 100 * rank + row_count);
      for (const std::size_t top : {0U, 1U, 5U, 64U, 1000U}) {
        const Lists expected = table.sorted_lists(top);
        EXPECT_EQ(table.lists(top, 2, kScreened), expected) << "rank " << rank << " rows " << row_count << " top " << top;
        EXPECT_EQ(table.lists(top, 2, kDirect), expected) << "rank " << rank << " rows " << row_count << " top " << top;
      }
    }
  }
}

TEST_P(RankRows, ListsDoNotDependOnHowTheWorkIsCut) {
  const Table table(2000, 150, 24, 7);
  const Lists expected = table.sorted_lists(10);
  for (const int threads : {1, 2, 5}) {
    for (const std::size_t tile : {1U, 5U, 6U, 7U, 64U, 1000U}) {
      for (const std::size_t batch : {0U, 1U, 40U}) {
        EXPECT_EQ(table.lists(10, threads, {.few = 0, .batch = batch, .tile = tile}), expected) << threads << ' ' << tile << ' ' << batch;
      }
    }
  }
}

TEST_P(RankRows, TiesAndNearTiesGoByTheExactScore) {
  Table table(3000, 20, 24, 8);
  RandomStream random(1, Purpose::user_factors);
  // All rows are one row but for the last digits of some: estimates cannot tell them apart.
  for (std::size_t row = 1; row < 3000; ++row) {
    std::copy_n(table.rows.row(0).begin(), 24, table.rows.row(row).begin());
    table.offsets[row] = table.offsets[0];
    if (random.below(2) == 0) {
      float& value = table.rows.row(row)[random.below(24)];
      value = std::nextafter(value, random.below(2) == 0 ? 100.0F : -100.0F);
    }
  }
  for (const std::size_t top : {1U, 20U, 200U}) EXPECT_EQ(table.lists(top, 2, kScreened), table.sorted_lists(top));
}

TEST_P(RankRows, WithoutScaleOrBeyondIt) {
  for (const double size : {1e-44, 1e-30, 1e-18, 1e10, 1e18, 1e25, 1e38}) {
    Table table(300, 20, 5, 3);
    for (std::size_t row = 0; row < 300; ++row) {
      for (float& value : table.rows.row(row)) value = static_cast<float>(0.1 * size * static_cast<double>(value));
      table.offsets[row] = static_cast<float>(0.1 * size * static_cast<double>(table.offsets[row]));
    }
    std::fill(table.bases.begin(), table.bases.end(), 0.0);
    EXPECT_EQ(table.lists(10, 2, kScreened), table.sorted_lists(10)) << size;
    for (std::size_t query = 0; query < 20; query += 2) {
      for (float& value : table.queries.row(query)) value = static_cast<float>(0.1 * size * static_cast<double>(value));
    }
    EXPECT_EQ(table.lists(10, 2, kScreened), table.sorted_lists(10)) << size;
  }
}

TEST_P(RankRows, QueriesWithNothingToFind) {
  Table table(500, 30, 6, 5);
  for (std::uint32_t row = 0; row < 500; ++row) {
    table.excluded[3].push_back(row);
    if (row != 123) table.excluded[4].push_back(row);
  }
  for (const std::size_t query : {3U, 4U}) {
    std::sort(table.excluded[query].begin(), table.excluded[query].end());
    table.excluded[query].erase(std::unique(table.excluded[query].begin(), table.excluded[query].end()), table.excluded[query].end());
  }
  std::fill_n(table.queries.row(5).begin(), 6, 0.0F);
  const Lists lists = table.lists(10, 2, kScreened);
  EXPECT_TRUE(lists[3].empty());
  EXPECT_EQ(lists, table.sorted_lists(10));
  table.candidates.clear();
  EXPECT_EQ(table.lists(10, 2, kScreened), Lists(30));
}

TEST_P(RankRows, AnErrorOfTheConsumerArrives) {
  const Table table(100, 50, 3, 1);
  EXPECT_THROW(rank_rows(
                   table.ranked(), 50, 3, 2, [&](std::size_t position, RankQuery& query) { table.prepare(position, query); },
                   [](std::size_t, std::span<const Scored>) { throw std::out_of_range("full"); }, kScreened),
               std::out_of_range);
}

INSTANTIATE_TEST_SUITE_P(Levels, RankRows, testing::ValuesIn(available_simd_levels()), level_name);

}  // namespace
}  // namespace lowrank::rank_rows_test
