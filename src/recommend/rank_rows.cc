#include "recommend/rank_rows.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "base/parallel.h"
#include "kernels/dot.h"
#include "recommend/row_screen.h"
#include "recommend/top_list.h"

namespace lowrank {

namespace {

/// Candidates that are rated together.
constexpr std::size_t kPiece = 512;

/// Queries whose lists are held at once.
std::size_t batch_size(const RankLimits& limits, std::size_t top, std::size_t threads) {
  constexpr std::size_t kBatchEntries = std::size_t{1} << 20U;
  constexpr std::size_t kMaxBatch = 8192;
  if (limits.batch != 0) return limits.batch;
  return std::max(threads, std::min(kMaxBatch, kBatchEntries / std::max<std::size_t>(top, 1)));
}

/// Puts the rows that are rated already into the list.
void join_rated(RankQuery& query, std::size_t top) {
  if (query.rated.empty()) return;
  std::vector<Scored> joined;
  std::ranges::merge(query.list, query.rated, std::back_inserter(joined), ranks_before);
  joined.resize(std::min(joined.size(), top));
  query.list = std::move(joined);
  query.rated.clear();
}

}  // namespace

float finite_score(double score) {
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  // In this order of arguments what is not a number comes out lowest.
  return static_cast<float>(std::max(-kMost, std::min(score, kMost)));
}

void rate_exactly(const RankedRows& rows, const RankQuery& query, std::span<const std::uint32_t> candidates, std::span<float> scores) {
  static constexpr std::array<std::uint32_t, kPiece> kFirst{};
  std::array<float, kPiece> dots{};
  const std::size_t stride = rows.rows.stride();
  for (std::size_t begin = 0; begin < candidates.size(); begin += kPiece) {
    const std::span<const std::uint32_t> piece = candidates.subspan(begin, std::min(kPiece, candidates.size() - begin));
    if (stride != 0) dot_pairs({query.vector, stride}, kFirst.data(), {rows.rows.data(), stride}, piece.data(), piece.size(), dots.data());
    for (std::size_t n = 0; n < piece.size(); ++n) {
      dots[n] = finite_dot(dots[n], query.vector, rows.rows.data() + piece[n] * stride, stride);
    }
    rows.rate(query, piece, std::span(dots).first(piece.size()), scores.subspan(begin, piece.size()));
  }
}

void rank_directly(const RankedRows& rows, RankQuery& query, std::size_t top) {
  TopList list;
  list.reset(std::min(top, rows.candidates.size()));
  std::array<float, kPiece> scores{};
  auto excluded = query.excluded.begin();
  for (std::size_t begin = 0; begin < rows.candidates.size(); begin += kPiece) {
    const auto piece = rows.candidates.subspan(begin, std::min(kPiece, rows.candidates.size() - begin));
    rate_exactly(rows, query, piece, scores);
    for (std::size_t n = 0; n < piece.size(); ++n) {
      const Scored candidate{piece[n], scores[n]};
      if (!list.admits(candidate)) continue;
      excluded = std::find_if(excluded, query.excluded.end(), [&](std::uint32_t row) { return row >= candidate.index; });
      if (excluded == query.excluded.end() || *excluded != candidate.index) list.add(candidate);
    }
  }
  list.take(query.list);
  join_rated(query, top);
}

void rank_rows(const RankedRows& rows, std::size_t queries, std::size_t top, int threads,
               const std::function<void(std::size_t, RankQuery&)>& prepare,
               const std::function<void(std::size_t, std::span<const Scored>)>& consume, const RankLimits& limits) {
  top = std::min(top, rows.candidates.size());
  Workers workers(threads);
  const auto count = static_cast<std::size_t>(workers.count());
  const std::size_t batch = batch_size(limits, top, count);
  std::vector<std::vector<Scored>> lists(std::min(batch, queries));
  std::vector<std::vector<RankQuery>> prepared(count);
  std::vector<ScreenTile> tiles(count);
  std::optional<RowScreen> screen;
  if (queries > limits.few && rows.screens && top > 0) {
    std::vector<RankQuery> sample(std::min<std::size_t>(queries, 64));
    for (std::size_t k = 0; k < sample.size(); ++k) prepare(k, sample[k]);
    screen.emplace(rows, top, sample, workers);
  }

  for (std::size_t first = 0; first < queries; first += batch) {
    const std::size_t size = std::min(batch, queries - first);
    const std::size_t grain = screen ? screen->tile_size(limits.tile, size, count) : 1;
    workers.for_ranges(size, grain, [&](std::size_t begin, std::size_t end, int slot) {
      std::vector<RankQuery>& own = prepared[static_cast<std::size_t>(slot)];
      own.resize(std::max(own.size(), end - begin));
      const std::span<RankQuery> group = std::span(own).first(end - begin);
      for (std::size_t k = begin; k < end; ++k) prepare(first + k, group[k - begin]);
      if (screen) {
        screen->rank(group, tiles[static_cast<std::size_t>(slot)]);
        for (RankQuery& query : group) join_rated(query, top);
      } else {
        for (RankQuery& query : group) {
          if (query.vector != nullptr) rank_directly(rows, query, top);
        }
      }
      for (std::size_t k = begin; k < end; ++k) std::swap(lists[k], group[k - begin].list);
    });
    for (std::size_t k = 0; k < size; ++k) consume(first + k, std::span<const Scored>(lists[k]));
  }
}

}  // namespace lowrank
