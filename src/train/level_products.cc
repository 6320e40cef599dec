#include "train/level_products.h"

#include <algorithm>
#include <numeric>

#include "kernels/rows.h"

namespace lowrank {

LevelProducts::LevelProducts(std::size_t rows, const std::vector<LevelTable>& columns, std::size_t most) {
  for (const LevelTable& table : columns) {
    starts_.push_back(width_);
    width_ += table.levels() + 1;
  }
  if (width_ != 0 && rows <= most / width_) products_.resize(rows * width_);
}

void LevelProducts::refresh(const FactorMatrix& rows, const std::vector<LevelTable>& columns, Workers& workers) {
  if (empty()) return;
  constexpr std::size_t kRows = 64;
  std::vector<std::uint32_t> numbers(width_);
  std::iota(numbers.begin(), numbers.end(), 0U);
  workers.for_ranges(products_.size() / width_, kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      for (std::size_t column = 0; column < columns.size(); ++column) {
        const LevelTable& table = columns[column];
        gather_dots({table.vectors.data(), table.vectors.stride()}, numbers.data(), table.levels() + 1, rows.stride(), rows.row(row).data(),
                    products_.data() + row * width_ + starts_[column]);
      }
    }
  });
}

}  // namespace lowrank
