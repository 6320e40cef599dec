#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/dot.h"
#include "lowrank/model/factor_matrix.h"
#include "recommend/top_list.h"

namespace lowrank {

/// A score as a list shows it: finite, so that it has a place in the order and in a JSON document.
inline float finite_score(double score) {
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  // In this order of arguments what is not a number comes out lowest.
  return static_cast<float>(std::max(-kMost, std::min(score, kMost)));
}

/// One list to make.
struct RankQuery {
  const float* vector = nullptr;        ///< its stride() floats; nullptr: `list` is the answer already
  FactorMatrix own;                     ///< room for a vector that is no row of the model
  double base = 0;                      ///< for the rating, e.g. what every score has in common
  std::vector<std::uint32_t> excluded;  ///< rows to leave out, ascending
  std::vector<Scored> list;             ///< the answer
};

/// What one thread needs while it ranks a group of queries.
struct RankScratch {
  RankScratch(std::size_t group, std::size_t tile) : dots(tile), lists(group), passed(group) {}
  std::vector<float> dots;  ///< of one tile; stays zero where there are no factors
  std::vector<TopList> lists;
  std::vector<std::size_t> passed;  ///< how many excluded rows lie behind
};

/// Ranks the rows of `rows` for each of `queries` queries and hands the lists over in order, from the calling thread. A batch of queries at
/// a time; within it groups of queries side by side, each of which scores a tile of rows while it is in the cache. Lists depend on neither.
/// \param prepare (position, RankQuery&) fills a query; runs in the workers
/// \param rate    (const RankQuery&, row, dot product) -> float, not NaN
/// \param admit   (row) -> whether it may appear at all
/// \param consume (position, list)
template <class Prepare, class Rate, class Admit, class Consume>
void rank_rows(const FactorMatrix& rows, std::size_t queries, std::size_t top, int threads, const Prepare& prepare, const Rate& rate,
               const Admit& admit, const Consume& consume) {
  constexpr std::size_t kGroup = 8;
  constexpr std::size_t kTileFloats = std::size_t{1} << 16U;
  constexpr std::size_t kBatchEntries = std::size_t{1} << 20U;
  constexpr std::size_t kMaxBatch = 4096;
  const std::size_t stride = rows.stride();
  const std::size_t tile = std::clamp<std::size_t>(kTileFloats / std::max<std::size_t>(stride, 1), 64, 4096);
  top = std::min(top, rows.rows());

  Workers workers(threads);
  const auto count = static_cast<std::size_t>(workers.count());
  const std::size_t batch = std::max(count, std::min(kMaxBatch, kBatchEntries / std::max<std::size_t>(top, 1)));
  std::vector<RankQuery> prepared(std::min(batch, queries));
  std::vector<RankScratch> scratch(count, RankScratch(kGroup, tile));

  const auto rank_tile = [&](const RankQuery& query, std::size_t begin, std::size_t end, const float* dots, TopList& list,
                             std::size_t& passed) {
    for (std::size_t row = begin; row < end; ++row) {
      const auto index = static_cast<std::uint32_t>(row);
      const Scored candidate{index, rate(query, index, dots[row - begin])};
      if (!list.admits(candidate) || !admit(index)) continue;
      while (passed < query.excluded.size() && query.excluded[passed] < index) ++passed;
      if (passed < query.excluded.size() && query.excluded[passed] == index) continue;
      list.add(candidate);
    }
  };
  const auto rank_group = [&](std::span<RankQuery> group, RankScratch& own) {
    for (std::size_t k = 0; k < group.size(); ++k) {
      own.lists[k].reset(top);
      own.passed[k] = 0;
    }
    for (std::size_t begin = 0; begin < rows.rows(); begin += tile) {
      const std::size_t end = std::min(rows.rows(), begin + tile);
      for (std::size_t k = 0; k < group.size(); ++k) {
        if (group[k].vector == nullptr) continue;
        if (stride != 0) dot_rows(group[k].vector, rows.data() + begin * stride, end - begin, stride, own.dots.data());
        rank_tile(group[k], begin, end, own.dots.data(), own.lists[k], own.passed[k]);
      }
    }
    for (std::size_t k = 0; k < group.size(); ++k) {
      if (group[k].vector != nullptr) own.lists[k].take(group[k].list);
    }
  };

  for (std::size_t first = 0; first < queries; first += batch) {
    const std::size_t size = std::min(batch, queries - first);
    const std::size_t group = std::clamp<std::size_t>(size / count, 1, kGroup);
    workers.for_ranges(size, group, [&](std::size_t begin, std::size_t end, int slot) {
      for (std::size_t k = begin; k < end; ++k) prepare(first + k, prepared[k]);
      rank_group(std::span(prepared).subspan(begin, end - begin), scratch[static_cast<std::size_t>(slot)]);
    });
    for (std::size_t k = 0; k < size; ++k) consume(first + k, std::span<const Scored>(prepared[k].list));
  }
}

}  // namespace lowrank
