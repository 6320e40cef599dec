#include "train/row_plan.h"

#include <algorithm>

namespace lowrank {

namespace {

constexpr std::size_t kMostPieces = 64;

std::vector<RowPlan::Piece> cut(std::uint32_t row, std::size_t begin, std::size_t end, std::size_t grain) {
  const std::size_t size = std::max(grain, (end - begin + kMostPieces - 1) / kMostPieces);
  std::vector<RowPlan::Piece> pieces;
  for (std::size_t at = begin; at < end; at += size) pieces.push_back({row, pieces.size(), at, std::min(at + size, end)});
  return pieces;
}

}  // namespace

RowPlan::RowPlan(std::span<const std::size_t> offsets, const Grain& grain) {
  // Rows without ratings are work too, if little.
  const std::size_t most_rows = grain.run;
  const auto rows = static_cast<std::uint32_t>(offsets.size() - 1);
  std::uint32_t begin = 0;
  const auto end_run = [&](std::uint32_t end, std::uint32_t next) {
    if (end > begin) runs_.push_back({begin, end});
    begin = next;
  };
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (offsets[row + 1] - offsets[row] > grain.long_row) {
      end_run(row, row + 1);
      long_rows_.push_back(cut(row, offsets[row], offsets[row + 1], grain.piece));
      most_pieces_ = std::max(most_pieces_, long_rows_.back().size());
    } else if (offsets[row + 1] - offsets[begin] >= grain.run || row + 1 - begin >= most_rows) {
      end_run(row + 1, row + 1);
    }
  }
  end_run(rows, rows);
}

void RowPlan::run(Workers& workers, const std::function<void(std::uint32_t begin, std::uint32_t end, int slot)>& rows,
                  const std::function<void(const Piece&, int slot)>& piece,
                  const std::function<void(std::uint32_t row, std::size_t pieces)>& join) const {
  for (const std::vector<Piece>& pieces : long_rows_) {
    workers.for_each(pieces.size(), [&](std::size_t number, int slot) { piece(pieces[number], slot); });
    join(pieces.front().row, pieces.size());
  }
  workers.for_each(runs_.size(), [&](std::size_t run, int slot) { rows(runs_[run].begin, runs_[run].end, slot); });
}

}  // namespace lowrank
