#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dot.h"

namespace lowrank {

/// Rows of a panel: as many as a word has bits.
inline constexpr std::size_t kPanelRows = 64;

/// Lays `count` <= kPanelRows rows of a table side by side, the layout that score_panel() multiplies with:
/// panel[k * kPanelRows + r] = scales[r] * number k of row indices[r], for k < depth <= table.stride; zeros for r >= count.
/// \param scales  `count` numbers, or nullptr for 1
void pack_panel(RowTable table, const std::uint32_t* indices, const float* scales, std::size_t count, std::size_t depth, float* panel);

/// What the rows of a panel are scored with: score of row r = <query, row r> + offsets[r].
struct Panel {
  const float* values;   ///< depth x kPanelRows, from pack_panel(); aligned to 64 bytes
  const float* offsets;  ///< kPanelRows numbers; aligned to 64 bytes
  std::size_t depth;
};

/// Scores the rows of a panel for each of `count` queries and tells which reach the query's threshold: bit r of passed[q] is set where the
/// score of row r is at least thresholds[q], and that score then stands at scores[q * kPanelRows + r]; the other scores there are not
/// specified. A score is a sum of float32 products in an order of its own, within rounding of dot() but not the same to the last bit; it
/// does not depend on the other queries and rows. \param queries  `count` pointers to at least depth floats
void score_panel(const Panel& panel, const float* const* queries, std::size_t count, const float* thresholds, std::uint64_t* passed,
                 float* scores);

}  // namespace lowrank
