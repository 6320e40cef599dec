#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// \name Products of one column of a sparse matrix with a block of its columns
/// The columns of the block are numbered from 0. Sums are float32, added in the order of the rows: they depend on the data alone.
/// \{

/// The most columns of a block.
inline constexpr std::size_t kMostBlockColumns = std::size_t{1} << 16U;
/// Columns that share a mark: a cache line of sums.
inline constexpr std::size_t kMarkColumns = 16;

/// The rows of a block: row r has the columns at [starts[r], starts[r + 1]).
struct SparseBlock {
  const std::uint32_t* starts;
  const std::uint16_t* columns;
  const float* values;  ///< one per column; nullptr: 1
};

/// What is added up for a column, over the rows that it has in common with the one column. x and y are the numbers of a row in both.
enum class PairSums : std::uint8_t {
  products,  ///< x y
  counted,   ///< x y, and the number of rows in a plane of its own behind
  moments,   ///< 1, x y, x x, y y, side by side
};
/// Floats per column.
constexpr std::size_t sums_per_column(PairSums kind) { return kind == PairSums::products ? 1 : kind == PairSums::counted ? 2 : 4; }

/// The one column: its `count` rows, ascending, and its number in each.
struct SparseColumn {
  const std::uint32_t* rows;
  const float* values;  ///< one per row; nullptr: 1
  std::size_t count;
};

/// Adds to the sums of a block. \param row_weights  by the number of a row, multiplied with x; nullptr: 1. Not for moments
/// \param columns  of the block, a multiple of kMarkColumns \param marks  one byte per kMarkColumns columns, rounded up to 8, set to 1
/// where something was added; nullptr: nothing is marked. O(numbers of the rows)
void add_products(PairSums kind, const SparseBlock& block, const SparseColumn& column, const float* row_weights, std::size_t columns,
                  float* sums, std::uint8_t* marks);

/// How a column's sums become its score: products and counted: scales[column] * sum, times n / (n + shrinkage) where they are counted;
/// moments: sum of x y over the root of the sums of x x and of y y, times (n - 1) / (n - 1 + shrinkage); 0 where there is nothing.
struct PairScore {
  const float* scales;  ///< one per column, aligned to 64 bytes; not read for moments
  float shrinkage;      ///< at least 0
};

/// Writes the columns of a score of at least `least` > 0, ascending, and clears sums and marks. \param sums, marks  as of add_products();
/// sums aligned to 64 bytes \param found, scores  room for `columns` + 16 \return their number. O(columns), of marked ones alone with marks
std::size_t take_products(PairSums kind, const PairScore& score, std::size_t columns, float least, float* sums, std::uint8_t* marks,
                          std::uint32_t* found, float* scores);

/// Keeps of the columns that were found those of a score of at least `least`, in their order. \return their number
std::size_t filter_scores(float least, std::size_t count, std::uint32_t* found, float* scores);

/// \}

}  // namespace lowrank
