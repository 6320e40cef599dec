#pragma once

#include <cstdint>
#include <vector>

#include "lowrank/model/neighbours.h"

namespace lowrank {

/// The rows of neighbours as a file keeps them: see gap_code.h.
struct CodedRows {
  std::vector<std::uint64_t> offsets;  ///< rows + 1 positions in `bytes`; empty where there are no rows
  std::vector<std::uint8_t> bytes;
};

/// The neighbours of one row, ascending, while they are found.
struct NeighbourRow {
  std::vector<std::uint32_t> items;
  std::vector<float> weights;
};

/// Rows, one after another. \param rows  emptied
Neighbours joined(std::vector<NeighbourRow>& rows, const NeighbourRule& rule = {});

/// The same weights by the other of the two: for items, row i has those that speak for item i; for users, those that user i speaks for.
/// O(size)
Neighbours transposed(const Neighbours& neighbours);

CodedRows encode_rows(const Neighbours& neighbours);
/// \throws DataError for rows that no neighbours have
Neighbours decode_rows(const CodedRows& coded, std::vector<float> weights, const NeighbourRule& rule = {});

}  // namespace lowrank
