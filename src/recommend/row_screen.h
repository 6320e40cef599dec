#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "recommend/rank_rows.h"

namespace lowrank {

/// A row that may belong to a list, by its estimate.
struct Estimate {
  float score = 0;
  std::uint32_t row = 0;
};

/// What one thread needs to screen a tile of queries: an entry a query, in the first part; then what belongs to one panel of rows.
struct ScreenTile {
  std::vector<RankQuery*> queries;
  std::vector<double> lengths;    ///< of the queries' vectors
  std::vector<double> margins;    ///< how far estimate and score may be apart
  std::vector<float> thresholds;  ///< a row with a lower estimate is not in the list
  std::vector<double> cuts;       ///< a panel whose bound is below holds no row of the list
  std::vector<std::size_t> kept;  ///< number of estimates
  std::vector<Estimate> estimates;

  FactorMatrix panel;
  std::vector<std::uint32_t> active;  ///< queries that the panel may hold rows for; the next four go with it
  std::vector<const float*> vectors;
  std::vector<float> asked;
  std::vector<std::uint64_t> passed;
  std::vector<float> scores;

  std::vector<std::uint32_t> rows;  ///< room for what is rated exactly
  std::vector<float> exact;
  std::vector<Scored> rated;
};

/// Finds the best rows for many queries at once. Estimates of all scores, panel of rows by panel of rows, leave for each query the few rows
/// that can be in its list, and those are scored exactly. What is left out is below the list by more than the estimates can be wrong, so
/// the lists are those of rank_directly() to the last bit. Rows come in the order of their lengths, so that thresholds rise early, and a
/// panel whose rows are too short for a query (Cauchy and Schwarz) is passed over.
class RowScreen {
 public:
  /// \param sample  queries like those to come; their lengths weigh between lengths and offsets of the rows when these are put in order
  RowScreen(const RankedRows& rows, std::size_t top, std::span<const RankQuery> sample, Workers& workers);

  /// Queries that should share a tile. \param wanted  0, or the number that it shall be
  [[nodiscard]] std::size_t tile_size(std::size_t wanted, std::size_t queries, std::size_t threads) const;

  /// Makes the lists of `queries`, those with a vector.
  void rank(std::span<RankQuery> queries, ScreenTile& tile) const;

 private:
  /// Of a panel: the greatest length of its rows and their greatest offset.
  struct Bound {
    double length = 0;
    double offset = 0;
  };

  [[nodiscard]] double margin_of(const RankQuery& query, double length) const;
  void order_rows(double typical_length);
  void pack(std::size_t panel, float* values) const;
  void gather(std::span<RankQuery> queries, ScreenTile& tile) const;
  void screen_panel(std::size_t panel, ScreenTile& tile) const;
  void keep(std::size_t query, std::size_t panel, std::uint64_t passed, const float* scores, ScreenTile& tile) const;
  void drop_lowest(std::size_t query, ScreenTile& tile) const;
  void drop_by_score(std::size_t query, ScreenTile& tile) const;
  void rate_kept(std::size_t query, ScreenTile& tile) const;
  void raise_threshold(std::size_t query, float least, ScreenTile& tile) const;

  const RankedRows* rows_;
  std::size_t top_;
  std::size_t full_;                  ///< number of estimates at which the lowest are dropped
  std::vector<std::uint32_t> order_;  ///< candidates in the order of the panels
  std::vector<float> scales_;         ///< one for each of them, or none
  FactorMatrix offsets_;              ///< a row a panel
  std::vector<Bound> bounds_;         ///< one a panel
  std::size_t ready_ = 0;             ///< panels that are packed once for all tiles, the first ones
  FactorMatrix packed_;               ///< those, rank rows a panel
  double most_length_ = 0;
  double most_offset_ = 0;
};

}  // namespace lowrank
