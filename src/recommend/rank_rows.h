#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "lowrank/model/factor_matrix.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank {

/// A score as a list shows it: finite, so that it has a place in the order and in a JSON document.
float finite_score(double score);

/// One list to make.
struct RankQuery {
  const float* vector = nullptr;        ///< its stride() floats; nullptr: `list` is the answer already
  FactorMatrix own;                     ///< room for a vector that is no row of the model
  double base = 0;                      ///< for the rating, e.g. what every score has in common
  double bias = 0;                      ///< for the rating: the part of `base` that is the query's own
  std::vector<std::uint32_t> excluded;  ///< rows to leave out, ascending
  std::vector<Scored> rated = {};       ///< rows whose scores are known and that join the answer, best first; among the excluded ones
  std::vector<Scored> list;             ///< the answer
};

/// Rows to choose from, and how they are scored.
///
/// A score is what `rate` makes of a row's dot() product, to the last bit. The rest tells how to estimate it at the speed of a matrix
/// product: for some numbers A and B > 0 of the query, |A| and B at most max(1, |base|), score = A + (<vector, scale * row> + offset) / B
/// but for the rounding of a float32 sum of products and of as many more operations as one can count on the fingers of both hands.
struct RankedRows {
  const FactorMatrix& rows;
  std::span<const std::uint32_t> candidates = {};  ///< rows that may appear, ascending
  std::span<const float> scales = {};              ///< one a candidate, 1 / its length; empty: 1 for each
  std::span<const float> offsets = {};             ///< one a row; empty: 0 for each
  bool screens = true;                             ///< false: the numbers are too far out of scale to be estimated
  /// scores[n], not NaN, from the product dots[n] of the query with row indices[n].
  std::function<void(const RankQuery& query, std::span<const std::uint32_t> indices, std::span<const float> dots, std::span<float> scores)>
      rate = {};
};

/// How the work is cut. Lists depend on none of it; tests make the pieces small.
struct RankLimits {
  std::size_t few = 16;   ///< so many queries or fewer are not worth an order of the rows: each looks at every row
  std::size_t batch = 0;  ///< queries whose lists are held at once; 0: as memory allows
  std::size_t tile = 0;   ///< queries that share a panel of rows; 0: as the cache allows
};

/// Ranks rows for each of `queries` queries and hands the lists over in order, from the calling thread: the `top` best of the candidates
/// that the query does not exclude, ties by index. Memory beyond the arguments: a batch of lists, and a tile of queries with their
/// estimates a thread. \param prepare (position, RankQuery&) fills a query; runs in the workers \param consume (position, list)
void rank_rows(const RankedRows& rows, std::size_t queries, std::size_t top, int threads,
               const std::function<void(std::size_t position, RankQuery& query)>& prepare,
               const std::function<void(std::size_t position, std::span<const Scored> list)>& consume, const RankLimits& limits = {});

/// One query's list by a look at every candidate. `query.rated` joins it.
void rank_directly(const RankedRows& rows, RankQuery& query, std::size_t top);

/// Scores candidates of one query as `rows` says. \param scores  one a candidate
void rate_exactly(const RankedRows& rows, const RankQuery& query, std::span<const std::uint32_t> candidates, std::span<float> scores);

}  // namespace lowrank
