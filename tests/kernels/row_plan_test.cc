#include "kernels/row_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace lowrank::row_plan_test {
namespace {

std::vector<std::size_t> offsets_of(const std::vector<std::size_t>& counts) {
  std::vector<std::size_t> offsets{0};
  for (const std::size_t count : counts) offsets.push_back(offsets.back() + count);
  return offsets;
}

/// What a plan does, in an order that threads cannot change.
struct Done {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
  std::vector<std::vector<std::size_t>> pieces;  ///< row, number, begin, end
  std::vector<std::pair<std::uint32_t, std::size_t>> joins;
  friend bool operator==(const Done&, const Done&) = default;
};

Done run(const RowPlan& plan, int threads) {
  Done done;
  std::mutex mutex;
  Workers workers(threads);
  plan.run(
      workers,
      [&](std::uint32_t begin, std::uint32_t end, int) {
        const std::lock_guard lock(mutex);
        done.runs.emplace_back(begin, end);
      },
      [&](const RowPlan::Piece& piece, int) {
        const std::lock_guard lock(mutex);
        done.pieces.push_back({piece.row, piece.number, piece.begin, piece.end});
      },
      [&](std::uint32_t row, std::size_t pieces) { done.joins.emplace_back(row, pieces); });
  std::sort(done.runs.begin(), done.runs.end());
  std::sort(done.pieces.begin(), done.pieces.end());
  return done;
}

TEST(RowPlan, CoversEachRowOnceAndCutsLongOnes) {
  std::vector<std::size_t> counts(5000, 3);
  counts[0] = 40'000;
  counts[17] = 1'000'000;
  counts[4999] = 32'768;
  const std::vector<std::size_t> offsets = offsets_of(counts);
  const RowPlan plan(offsets);
  const Done done = run(plan, 1);
  EXPECT_EQ(plan.most_pieces(), 64U);
  EXPECT_EQ(done.joins, (std::vector<std::pair<std::uint32_t, std::size_t>>{{0, 5}, {17, 64}}));
  std::vector<int> covered(offsets.back());
  for (const auto& piece : done.pieces) {
    for (std::size_t at = piece[2]; at < piece[3]; ++at) ++covered[at];
  }
  for (const auto& [begin, end] : done.runs) {
    for (std::size_t at = offsets[begin]; at < offsets[end]; ++at) ++covered[at];
    EXPECT_LE(offsets[end - 1] - offsets[begin], 2048U) << "a run ends with the row that fills it";
  }
  EXPECT_EQ(std::count(covered.begin(), covered.end(), 1), static_cast<std::ptrdiff_t>(covered.size()));
  for (const int threads : {2, 5}) EXPECT_EQ(run(plan, threads), done);
}

TEST(RowPlan, TakesTheCostThatItIsGiven) {
  const std::vector<std::size_t> offsets = offsets_of({1, 9, 2, 2, 2, 10, 0, 0, 1});
  const RowPlan plan(offsets, {.row = [](std::size_t ratings) { return 10.0 * static_cast<double>(ratings); },
                               .is_long = [](std::size_t ratings) { return ratings > 8; },
                               .run = 40,
                               .piece = 2,
                               .most_pieces = 4});
  const Done done = run(plan, 1);
  EXPECT_EQ(done.runs, (std::vector<std::pair<std::uint32_t, std::uint32_t>>{{0, 1}, {2, 4}, {4, 5}, {6, 9}}));
  EXPECT_EQ(done.joins, (std::vector<std::pair<std::uint32_t, std::size_t>>{{1, 3}, {5, 4}}));
}

TEST(RowPlan, VisitsEveryRatingOnceAndCutsLongRows) {
  const std::vector<std::size_t> offsets = {0, 0, 3, 25, 25, 26, 30, 71, 71};
  const RowPlan plan(offsets, {.is_long = [](std::size_t ratings) { return ratings > 20; }, .run = 8, .piece = 10});
  for (const int threads : {1, 4}) {
    Workers workers(threads);
    std::vector<int> rows(8);
    std::vector<int> ratings(71);
    std::vector<std::size_t> pieces(8);
    plan.run(
        workers,
        [&](std::uint32_t begin, std::uint32_t end, int) {
          for (std::uint32_t row = begin; row < end; ++row) {
            ++rows[row];
            for (std::size_t at = offsets[row]; at < offsets[row + 1]; ++at) ++ratings[at];
          }
        },
        [&](const RowPlan::Piece& piece, int) {
          EXPECT_LE(piece.end - piece.begin, 10U);
          for (std::size_t at = piece.begin; at < piece.end; ++at) ++ratings[at];
        },
        [&](std::uint32_t row, std::size_t count) {
          ++rows[row];
          pieces[row] = count;
        });
    EXPECT_EQ(rows, std::vector<int>(8, 1));
    EXPECT_EQ(ratings, std::vector<int>(71, 1));
    EXPECT_EQ(pieces, (std::vector<std::size_t>{0, 0, 3, 0, 0, 0, 5, 0}));
    EXPECT_EQ(plan.most_pieces(), 5U);
  }
}

TEST(RowPlan, OfNoRowsDoesNothing) { EXPECT_EQ(run(RowPlan(offsets_of({})), 2), Done()); }

}  // namespace
}  // namespace lowrank::row_plan_test
