#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/parallel.h"

namespace lowrank {

/// How the work on all rows of one side is cut, by the data alone: rows with very many ratings into pieces that the threads share, one such
/// row after the other, then the other rows in runs of about equal numbers of ratings. So no thread is left alone with a long row, and
/// scratch memory is that of one long row.
class RowPlan {
 public:
  /// A long row's part: ratings at positions [begin, end). `number` counts the parts of its row.
  struct Piece {
    std::uint32_t row;
    std::size_t number;
    std::size_t begin;
    std::size_t end;
  };
  /// Sizes in ratings: more than `long_row` make a row long; a piece and a run have about this many.
  struct Grain {
    std::size_t long_row = std::size_t{1} << 15U;
    std::size_t piece = std::size_t{1} << 13U;
    std::size_t run = std::size_t{1} << 11U;
  };

  /// \param offsets rows + 1 positions: the ratings of row r stand at [offsets[r], offsets[r + 1])
  explicit RowPlan(std::span<const std::size_t> offsets) : RowPlan(offsets, Grain{}) {}
  RowPlan(std::span<const std::size_t> offsets, const Grain& grain);

  /// The pieces of the row that has most of them: at most 64.
  [[nodiscard]] std::size_t most_pieces() const noexcept { return most_pieces_; }

  /// For every long row calls `piece` for each of its pieces, in any threads, and then `join`, in the calling one; after that `rows` for
  /// every run of rows [begin, end). `slot` as in Workers.
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
