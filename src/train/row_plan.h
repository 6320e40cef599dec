#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/parallel.h"

namespace lowrank {

/// How the work on all rows of one side is cut, by the data alone: runs of rows with about `grain` ratings together, and rows with more
/// than that in pieces, so that no thread is left alone with a long one.
class RowPlan {
 public:
  /// A part of a long row's ratings: positions [begin, end). Pieces are numbered over all long rows, in order.
  struct Piece {
    std::uint32_t row;
    std::size_t number;
    std::size_t begin;
    std::size_t end;
  };
  /// A row whose pieces are numbers [first, last).
  struct LongRow {
    std::uint32_t row;
    std::size_t first;
    std::size_t last;
  };

  /// \param offsets rows + 1 positions: the ratings of row r stand at [offsets[r], offsets[r + 1])
  RowPlan(std::span<const std::size_t> offsets, std::size_t grain);

  [[nodiscard]] std::size_t piece_count() const noexcept { return pieces_.size(); }

  /// Calls `piece` for every piece and `rows` for every run of rows [begin, end) in which none is long; when all of them are through,
  /// `join` for every long row. Each call may run in any thread; `slot` as in Workers.
  void run(Workers& workers, const std::function<void(std::uint32_t begin, std::uint32_t end, int slot)>& rows,
           const std::function<void(const Piece&, int slot)>& piece, const std::function<void(const LongRow&, int slot)>& join) const;

 private:
  struct Run {
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::vector<Run> runs_;
  std::vector<Piece> pieces_;
  std::vector<LongRow> long_rows_;
};

}  // namespace lowrank
