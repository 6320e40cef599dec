#include "train/row_plan.h"

#include <algorithm>

namespace lowrank {

RowPlan::RowPlan(std::span<const std::size_t> offsets, std::size_t grain) {
  // Empty rows are work too, if little.
  const std::size_t most_rows = grain;
  const auto rows = static_cast<std::uint32_t>(offsets.size() - 1);
  std::uint32_t begin = 0;
  const auto end_run = [&](std::uint32_t end) {
    if (end > begin) runs_.push_back({begin, end});
  };
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::size_t count = offsets[row + 1] - offsets[row];
    if (count > grain) {
      end_run(row);
      begin = row + 1;
      const std::size_t parts = (count + grain - 1) / grain;
      long_rows_.push_back({row, pieces_.size(), pieces_.size() + parts});
      for (std::size_t part = 0; part < parts; ++part) {
        pieces_.push_back(
            {row, pieces_.size(), offsets[row] + part * grain, std::min(offsets[row] + (part + 1) * grain, offsets[row + 1])});
      }
    } else if (offsets[row + 1] - offsets[begin] >= grain || row + 1 - begin >= most_rows) {
      end_run(row + 1);
      begin = row + 1;
    }
  }
  end_run(rows);
}

void RowPlan::run(Workers& workers, const std::function<void(std::uint32_t begin, std::uint32_t end, int slot)>& rows,
                  const std::function<void(const Piece&, int slot)>& piece,
                  const std::function<void(const LongRow&, int slot)>& join) const {
  // Pieces first: what is joined from them can wait for nothing else.
  workers.for_each(pieces_.size() + runs_.size(), [&](std::size_t task, int slot) {
    if (task < pieces_.size()) {
      piece(pieces_[task], slot);
    } else {
      const Run& run = runs_[task - pieces_.size()];
      rows(run.begin, run.end, slot);
    }
  });
  workers.for_each(long_rows_.size(), [&](std::size_t row, int slot) { join(long_rows_[row], slot); });
}

}  // namespace lowrank
