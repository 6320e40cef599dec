#include "recommend/row_screen.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/dot.h"
#include "kernels/panel.h"
#include "recommend/top_list.h"

namespace lowrank {

namespace {

/// Half the distance from 1 to the next float: the most that one operation is wrong by, relative to its result.
constexpr double kRounding = 0x1p-24;

/// Not less than the Euclidean length, given the float32 sum of squares of `depth` numbers. What underflows in it is at most the last term.
double length_of(float squares, std::size_t depth) {
  const double most = static_cast<double>(squares) * (1 + 2 * kRounding * (static_cast<double>(depth) + 16));
  return std::sqrt(most) + 1e-17;
}

/// The greatest float that is not above `value`.
float rounded_down(double value) {
  const auto nearest = static_cast<float>(value);
  return static_cast<double>(nearest) <= value ? nearest : std::nextafter(nearest, -std::numeric_limits<float>::infinity());
}

/// The lengths of candidates, scaled.
std::vector<double> lengths_of(const RankedRows& rows) {
  constexpr std::size_t kPiece = 512;
  if (!rows.scales.empty()) return std::vector<double>(rows.candidates.size(), 1 + 1e-5);
  const std::size_t stride = rows.rows.stride();
  std::vector<double> lengths(rows.candidates.size(), 0.0);
  std::vector<float> squares(kPiece);
  for (std::size_t begin = 0; stride != 0 && begin < lengths.size(); begin += kPiece) {
    const std::size_t count = std::min(kPiece, lengths.size() - begin);
    const std::uint32_t* indices = rows.candidates.data() + begin;
    dot_pairs({rows.rows.data(), stride}, indices, {rows.rows.data(), stride}, indices, count, squares.data());
    for (std::size_t n = 0; n < count; ++n) lengths[begin + n] = length_of(squares[n], rows.rows.rank());
  }
  return lengths;
}

double query_length(const RankQuery& query, const FactorMatrix& rows) {
  return rows.stride() == 0 ? 0.0 : length_of(dot(query.vector, query.vector, rows.stride()), rows.rank());
}

/// Estimates that a query has room for beyond the length of its list: rarely dropping costs rows that a fresher threshold would not let
/// pass, dropping often costs looking for the threshold.
std::size_t spare_estimates(std::size_t top) { return std::max<std::size_t>(top / 2, 32); }

/// Whether `value` is in `ascending`. What is asked for is rarely there, and where it would be cannot be guessed: without branches on it
/// the processor need not guess.
bool holds(std::span<const std::uint32_t> ascending, std::uint32_t value) {
  const std::uint32_t* begin = ascending.data();
  std::size_t count = ascending.size();
  if (count == 0) return false;
  while (count > 1) {
    const std::size_t half = count / 2;
    begin += static_cast<std::size_t>(begin[half] <= value) * half;
    count -= half;
  }
  return *begin == value;
}

/// Mean length of the queries that have a finite one.
double mean_length(std::span<const RankQuery> queries, const FactorMatrix& rows) {
  double sum = 0;
  std::size_t counted = 0;
  for (const RankQuery& query : queries) {
    const double length = query.vector == nullptr ? std::numeric_limits<double>::infinity() : query_length(query, rows);
    if (!std::isfinite(length)) continue;
    sum += length;
    ++counted;
  }
  return sum / static_cast<double>(std::max<std::size_t>(counted, 1));
}

}  // namespace

RowScreen::RowScreen(const RankedRows& rows, std::size_t top, std::span<const RankQuery> sample, Workers& workers)
    : rows_(&rows), top_(top), full_(top + spare_estimates(top)) {
  constexpr std::size_t kReadyFloats = std::size_t{1} << 23U;
  order_rows(mean_length(sample, rows.rows));
  const std::size_t depth = rows.rows.rank();
  ready_ = std::min(bounds_.size(), kReadyFloats / std::max<std::size_t>(depth * kPanelRows, 1));
  packed_ = FactorMatrix(ready_ * depth, kPanelRows);
  workers.for_each(ready_, [&](std::size_t panel, int) { pack(panel, packed_.data() + panel * depth * kPanelRows); });
}

void RowScreen::order_rows(double typical_length) {
  const std::span<const std::uint32_t> candidates = rows_->candidates;
  const std::vector<double> lengths = lengths_of(*rows_);
  const auto offset_of = [&](std::size_t n) { return rows_->offsets.empty() ? 0.0F : rows_->offsets[candidates[n]]; };
  std::vector<double> promise(candidates.size());
  for (std::size_t n = 0; n < promise.size(); ++n) promise[n] = typical_length * lengths[n] + static_cast<double>(offset_of(n));
  std::vector<std::uint32_t> places(candidates.size());
  std::iota(places.begin(), places.end(), 0U);
  // What is not a number would make the order none; its lengths are not finite, and no query will be screened.
  if (std::all_of(promise.begin(), promise.end(), [](double value) { return std::isfinite(value); })) {
    std::stable_sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) { return promise[a] > promise[b]; });
  }

  bounds_.assign((places.size() + kPanelRows - 1) / kPanelRows, {0, -std::numeric_limits<double>::infinity()});
  offsets_ = FactorMatrix(bounds_.size(), kPanelRows);
  order_.reserve(places.size());
  for (std::size_t n = 0; n < places.size(); ++n) {
    const std::uint32_t place = places[n];
    order_.push_back(candidates[place]);
    if (!rows_->scales.empty()) scales_.push_back(rows_->scales[place]);
    offsets_.data()[n] = offset_of(place);
    Bound& bound = bounds_[n / kPanelRows];
    bound.length = std::max(bound.length, lengths[place]);
    bound.offset = std::max(bound.offset, static_cast<double>(offset_of(place)));
    most_length_ = std::max(most_length_, lengths[place]);
    most_offset_ = std::max(most_offset_, static_cast<double>(std::abs(offset_of(place))));
  }
}

void RowScreen::pack(std::size_t panel, float* values) const {
  const std::size_t first = panel * kPanelRows;
  pack_panel({rows_->rows.data(), rows_->rows.stride()}, order_.data() + first, scales_.empty() ? nullptr : scales_.data() + first,
             std::min(kPanelRows, order_.size() - first), rows_->rows.rank(), values);
}

std::size_t RowScreen::tile_size(std::size_t wanted, std::size_t queries, std::size_t threads) const {
  constexpr std::size_t kTileEstimates = std::size_t{1} << 15U;
  constexpr std::size_t kMost = 1020;
  // The kernel takes six queries at once.
  constexpr std::size_t kLeast = 12;
  constexpr std::size_t kStep = 6;
  if (wanted != 0) return wanted;
  const std::size_t fits = std::clamp(kTileEstimates / (full_ + kPanelRows), kLeast, kMost);
  const std::size_t share = (queries + 4 * threads - 1) / (4 * threads);
  return std::min(fits, std::max(kLeast, (share + kStep - 1) / kStep * kStep));
}

double RowScreen::margin_of(const RankQuery& query, double length) const {
  const double size = length * most_length_ + most_offset_ + std::abs(query.base);
  // Each of depth products and sums is rounded once in the estimate and once in the score (Higham, "Accuracy and stability of numerical
  // algorithms", 2002, section 3.1); the rest is for offset, scale and base. Products that underflow are far below the last term.
  return 2 * kRounding * (static_cast<double>(rows_->rows.rank()) + 16) * size + 1e-40;
}

void RowScreen::rank(std::span<RankQuery> queries, ScreenTile& tile) const {
  gather(queries, tile);
  for (std::size_t panel = 0; panel < bounds_.size() && !tile.queries.empty(); ++panel) screen_panel(panel, tile);
  for (std::size_t n = 0; n < tile.queries.size(); ++n) {
    if (tile.kept[n] > top_) drop_lowest(n, tile);
    rate_kept(n, tile);
    tile.rated.resize(std::min(tile.rated.size(), top_));
    tile.queries[n]->list.assign(tile.rated.begin(), tile.rated.end());
  }
}

void RowScreen::gather(std::span<RankQuery> queries, ScreenTile& tile) const {
  tile.queries.clear();
  tile.lengths.clear();
  tile.margins.clear();
  for (RankQuery& query : queries) {
    if (query.vector == nullptr) continue;
    const double length = query_length(query, rows_->rows);
    const double margin = margin_of(query, length);
    // Beyond that, sums may leave the range of floats in one order and not in the other.
    constexpr double kMostMargin = 1e30;
    if (!(margin < kMostMargin)) {
      rank_directly(*rows_, query, top_);
      continue;
    }
    tile.queries.push_back(&query);
    tile.lengths.push_back(length);
    tile.margins.push_back(margin);
  }
  const std::size_t count = tile.queries.size();
  tile.thresholds.assign(count, -std::numeric_limits<float>::infinity());
  tile.cuts.assign(count, -std::numeric_limits<double>::infinity());
  tile.kept.assign(count, 0);
  tile.estimates.resize(count * (full_ + kPanelRows));
  tile.active.resize(count);
  tile.vectors.resize(count);
  tile.asked.resize(count);
  tile.passed.resize(count);
  tile.scores.resize(count * kPanelRows);
  if (ready_ < bounds_.size() && tile.panel.rows() != rows_->rows.rank()) tile.panel = FactorMatrix(rows_->rows.rank(), kPanelRows);
}

void RowScreen::screen_panel(std::size_t panel, ScreenTile& tile) const {
  const Bound bound = bounds_[panel];
  std::size_t active = 0;
  for (std::size_t n = 0; n < tile.queries.size(); ++n) {
    tile.active[active] = static_cast<std::uint32_t>(n);
    active += tile.lengths[n] * bound.length + bound.offset < tile.cuts[n] ? 0U : 1U;
  }
  if (active == 0) return;
  for (std::size_t a = 0; a < active; ++a) {
    tile.vectors[a] = tile.queries[tile.active[a]]->vector;
    tile.asked[a] = tile.thresholds[tile.active[a]];
  }
  const std::size_t depth = rows_->rows.rank();
  const float* values = packed_.data() + panel * depth * kPanelRows;
  if (panel >= ready_) {
    pack(panel, tile.panel.data());
    values = tile.panel.data();
  }
  score_panel({values, offsets_.row(panel).data(), depth}, tile.vectors.data(), active, tile.asked.data(), tile.passed.data(),
              tile.scores.data());
  const std::size_t count = std::min(kPanelRows, order_.size() - panel * kPanelRows);
  const std::uint64_t there = count == kPanelRows ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  for (std::size_t a = 0; a < active; ++a) {
    const std::uint64_t passed = tile.passed[a] & there;
    if (passed != 0) keep(tile.active[a], panel, passed, tile.scores.data() + a * kPanelRows, tile);
  }
}

void RowScreen::keep(std::size_t query, std::size_t panel, std::uint64_t passed, const float* scores, ScreenTile& tile) const {
  const std::vector<std::uint32_t>& excluded = tile.queries[query]->excluded;
  Estimate* const estimates = tile.estimates.data() + query * (full_ + kPanelRows);
  std::size_t kept = tile.kept[query];
  for (; passed != 0; passed &= passed - 1) {
    const auto r = static_cast<std::size_t>(std::countr_zero(passed));
    const std::uint32_t row = order_[panel * kPanelRows + r];
    if (!holds(excluded, row)) estimates[kept++] = {scores[r], row};
  }
  tile.kept[query] = kept;
  if (kept < full_) return;
  drop_lowest(query, tile);
  // Estimates too close to each other to be told apart: the scores decide.
  if (tile.kept[query] > top_ + spare_estimates(top_) / 2) drop_by_score(query, tile);
}

void RowScreen::raise_threshold(std::size_t query, float least, ScreenTile& tile) const {
  // The list's rows score at least `least` less one margin, a row below the threshold less than that even with one margin more.
  const double threshold = static_cast<double>(least) - 2 * tile.margins[query];
  tile.thresholds[query] = std::max(tile.thresholds[query], rounded_down(threshold));
  tile.cuts[query] = static_cast<double>(tile.thresholds[query]) - tile.margins[query];
}

void RowScreen::drop_lowest(std::size_t query, ScreenTile& tile) const {
  Estimate* const begin = tile.estimates.data() + query * (full_ + kPanelRows);
  Estimate* const end = begin + tile.kept[query];
  Estimate* const last = begin + (top_ - 1);
  std::nth_element(begin, last, end, [](const Estimate& a, const Estimate& b) { return a.score > b.score; });
  raise_threshold(query, last->score, tile);
  const float threshold = tile.thresholds[query];
  tile.kept[query] =
      static_cast<std::size_t>(std::partition(begin, end, [threshold](const Estimate& own) { return own.score >= threshold; }) - begin);
}

void RowScreen::drop_by_score(std::size_t query, ScreenTile& tile) const {
  rate_kept(query, tile);
  Estimate* const begin = tile.estimates.data() + query * (full_ + kPanelRows);
  std::vector<std::uint32_t>& listed = tile.rows;
  listed.clear();
  for (std::size_t n = 0; n < top_; ++n) listed.push_back(tile.rated[n].index);
  std::sort(listed.begin(), listed.end());
  Estimate* const end = std::partition(begin, begin + tile.kept[query],
                                       [&](const Estimate& own) { return std::binary_search(listed.begin(), listed.end(), own.row); });
  tile.kept[query] = top_;
  const auto least = std::min_element(begin, end, [](const Estimate& a, const Estimate& b) { return a.score < b.score; });
  raise_threshold(query, least->score, tile);
}

void RowScreen::rate_kept(std::size_t query, ScreenTile& tile) const {
  const std::size_t kept = tile.kept[query];
  const Estimate* const estimates = tile.estimates.data() + query * (full_ + kPanelRows);
  tile.rows.resize(kept);
  tile.exact.resize(kept);
  tile.rated.resize(kept);
  for (std::size_t n = 0; n < kept; ++n) tile.rows[n] = estimates[n].row;
  rate_exactly(*rows_, *tile.queries[query], tile.rows, tile.exact);
  for (std::size_t n = 0; n < kept; ++n) tile.rated[n] = {tile.rows[n], tile.exact[n]};
  std::sort(tile.rated.begin(), tile.rated.end(), ranks_before);
}

}  // namespace lowrank
