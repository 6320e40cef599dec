#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dot.h"

namespace lowrank {

/// Rows per panel: the bits of a word.
inline constexpr std::size_t kPanelRows = 64;

/// Packs `count` <= kPanelRows rows of a table side by side, the layout of score_panel():
/// panel[k * kPanelRows + r] = scales[r] * number k of row indices[r], for k < depth <= table.stride; zeros for r >= count.
/// \param scales  `count` numbers, or nullptr for 1
void pack_panel(RowTable table, const std::uint32_t* indices, const float* scales, std::size_t count, std::size_t depth, float* panel);

/// A panel of rows: score of row r = <query, row r> + offsets[r].
struct Panel {
  const float* values;   ///< depth x kPanelRows, from pack_panel(); aligned to 64 bytes
  const float* offsets;  ///< kPanelRows numbers; aligned to 64 bytes
  std::size_t depth;
};

/// Scores the rows of a panel for each of `count` queries and finds those that reach the threshold of the query: bit r of passed[q] is set
/// where the score of row r is at least thresholds[q], and scores[q * kPanelRows + r] then holds it; the other scores are undefined. A
/// score is a sum of float32 products in an order of its own, within rounding of dot() but not equal to it; it does not depend on the other
/// queries and rows. \param queries  `count` pointers to at least `depth` floats
void score_panel(const Panel& panel, const float* const* queries, std::size_t count, const float* thresholds, std::uint64_t* passed,
                 float* scores);

}  // namespace lowrank
