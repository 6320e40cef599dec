#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/parallel.h"

namespace lowrank {

/// How the work on all rows of one side is cut, by the data alone: long rows into pieces that the threads share, one such row after
/// another, then the other rows in runs of about equal cost. So no thread is left alone with a long row, and scratch memory is that of one
/// long row.
class RowPlan {
 public:
  /// A piece of a long row: ratings at positions [begin, end).
  struct Piece {
    std::uint32_t row;
    std::size_t number;  ///< index of the piece among those of its row
    std::size_t begin;
    std::size_t end;
  };
  /// What rows cost, in any unit, and where they are cut. By default a rating costs 1, and so does a row.
  struct Cost {
    std::function<double(std::size_t ratings)> row = [](std::size_t ratings) { return static_cast<double>(ratings) + 1; };
    std::function<bool(std::size_t ratings)> is_long = [](std::size_t ratings) { return ratings > std::size_t{1} << 15U; };
    double run = 1 << 11U;                      ///< least cost of a run of rows
    std::size_t piece = std::size_t{1} << 13U;  ///< least ratings of a piece
    std::size_t most_pieces = 64;               ///< pieces per row
  };

  /// \param offsets rows + 1 positions: the ratings of row r are at [offsets[r], offsets[r + 1])
  explicit RowPlan(std::span<const std::size_t> offsets) : RowPlan(offsets, Cost()) {}
  RowPlan(std::span<const std::size_t> offsets, const Cost& cost);

  /// The number of pieces of the row that has most of them.
  [[nodiscard]] std::size_t most_pieces() const noexcept { return most_pieces_; }

  /// For each long row calls `piece` for each of its pieces, in any threads, and then `join`, in the calling thread; after that `rows` for
  /// each run of rows [begin, end). `slot` as in Workers.
  void run(Workers& workers, const std::function<void(std::uint32_t begin, std::uint32_t end, int slot)>& rows,
           const std::function<void(const Piece&, int slot)>& piece,
           const std::function<void(std::uint32_t row, std::size_t pieces)>& join) const;

 private:
  struct Run {
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::vector<Run> runs_;
  std::vector<std::vector<Piece>> long_rows_;
  std::size_t most_pieces_ = 0;
};

}  // namespace lowrank
