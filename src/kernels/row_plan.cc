#include "kernels/row_plan.h"

#include <algorithm>

namespace lowrank {

RowPlan::RowPlan(std::span<const std::size_t> offsets, const Cost& cost) {
  const auto rows = static_cast<std::uint32_t>(offsets.size() - 1);
  std::uint32_t begin = 0;
  double run = 0;
  const auto end_run = [&](std::uint32_t end, std::uint32_t next) {
    if (end > begin) runs_.push_back({begin, end});
    begin = next;
    run = 0;
  };
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::size_t ratings = offsets[row + 1] - offsets[row];
    if (cost.is_long(ratings)) {
      end_run(row, row + 1);
      const std::size_t size = std::max(cost.piece, (ratings + cost.most_pieces - 1) / cost.most_pieces);
      std::vector<Piece>& pieces = long_rows_.emplace_back();
      for (std::size_t at = 0; at < ratings; at += size) {
        pieces.push_back({row, pieces.size(), offsets[row] + at, offsets[row] + std::min(at + size, ratings)});
      }
      most_pieces_ = std::max(most_pieces_, pieces.size());
    } else {
      run += cost.row(ratings);
      if (run >= cost.run) end_run(row + 1, row + 1);
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
