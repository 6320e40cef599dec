#include "recommend/row_similarity.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "lowrank/base/error.h"
#include "recommend/candidates.h"

namespace lowrank {

std::vector<double> norms_of(const FactorMatrix& rows) {
  std::vector<double> norms(rows.rows());
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    double sum = 0;
    for (const float value : rows.row(row)) sum += static_cast<double>(value) * static_cast<double>(value);
    norms[row] = std::sqrt(sum);
  }
  return norms;
}

RowSimilarity::RowSimilarity(const Side& side, std::span<const double> norms, const SimilarOptions& options)
    : rows_(side.factors),
      side_(side),
      norms_(norms),
      by_(options.by),
      excluded_for_(options.excluded_for),
      candidates_(candidates_of(side, options.rows, options.excluded, options.min_count)),
      ranked_{.rows = side.factors} {
  if (by_ == Similarity::cosine) std::erase_if(candidates_, [this](std::uint32_t row) { return !comparable(row); });
  ranked_.candidates = candidates_;
  if (by_ == Similarity::cosine) {
    rank_by_cosine();
    return;
  }
  ranked_.rate = [](const RankQuery&, std::span<const std::uint32_t>, std::span<const float> dots, std::span<float> scores) {
    std::transform(dots.begin(), dots.end(), scores.begin(), [](float dot) { return finite_score(static_cast<double>(dot)); });
  };
}

void RowSimilarity::rank_by_cosine() {
  for (const std::uint32_t row : candidates_) {
    // Nearer to the least float, products lose digits that the similarity has.
    constexpr double kLeast = 1e-30;
    if (norms_[row] < kLeast) ranked_.screens = false;
    scales_.push_back(static_cast<float>(1 / std::max(norms_[row], kLeast)));
  }
  ranked_.scales = scales_;
  // Both norms in one product: the similarity of a to b is that of b to a to the last bit.
  ranked_.rate = [norms = norms_](const RankQuery& query, std::span<const std::uint32_t> indices, std::span<const float> dots,
                                  std::span<float> scores) {
    for (std::size_t n = 0; n < indices.size(); ++n) {
      const double cosine = static_cast<double>(dots[n]) / (query.base * norms[indices[n]]);
      scores[n] = static_cast<float>(std::max(-1.0, std::min(cosine, 1.0)));
    }
  };
}

void RowSimilarity::prepare(std::size_t position, std::uint32_t row, RankQuery& query) const {
  query.list.clear();
  query.vector = nullptr;
  if (!comparable(row)) return;
  query.excluded.clear();
  if (excluded_for_) excluded_for_(position, query.excluded);
  query.excluded.insert(std::ranges::lower_bound(query.excluded, row), row);
  query.vector = rows_.row(row).data();
  if (by_ == Similarity::dot) return;
  // A power of two takes nothing from precision and keeps products of very large or small factors in range.
  const double scale = std::ldexp(1.0, -std::ilogb(norms_[row]));
  if (query.own.rank() != rows_.rank()) query.own = FactorMatrix(1, rows_.rank());
  std::transform(query.vector, query.vector + rows_.rank(), query.own.data(),
                 [scale](float value) { return static_cast<float>(static_cast<double>(value) * scale); });
  query.vector = query.own.data();
  query.base = norms_[row] * scale;
}

Similarity parse_similarity(std::string_view name) {
  if (name == "cosine") return Similarity::cosine;
  if (name == "dot") return Similarity::dot;
  if (name == "neighbours") return Similarity::neighbours;
  throw OptionError("by", "must be cosine, dot or neighbours, got \"" + std::string(name) + "\"");
}

}  // namespace lowrank
