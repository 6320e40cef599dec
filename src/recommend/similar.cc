#include <algorithm>
#include <cmath>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/recommend/recommend.h"
#include "recommend/rank_rows.h"

namespace lowrank {

namespace {

using Consume = std::function<void(std::size_t position, std::span<const Scored> rows)>;

std::vector<double> norms_of(const FactorMatrix& rows) {
  std::vector<double> norms(rows.rows());
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    double sum = 0;
    for (const float value : rows.row(row)) sum += static_cast<double>(value) * static_cast<double>(value);
    norms[row] = std::sqrt(sum);
  }
  return norms;
}

/// Rows of factors, and how alike any two of them are.
class Likeness {
 public:
  Likeness(const FactorMatrix& rows, const std::vector<std::uint32_t>& ratings, const SimilarOptions& options)
      : rows_(rows), ratings_(ratings), by_(options.by), min_count_(std::max(options.min_count, 1U)), norms_(norms_of(rows)) {}

  /// What can be ranked, and how.
  [[nodiscard]] RankedRows ranked() const {
    RankedRows ranked{.rows = rows_};
    for (std::uint32_t row = 0; row < rows_.rows(); ++row) {
      if (ratings_[row] >= min_count_ && (by_ == Similarity::dot || has_likeness(row))) ranked.candidates.push_back(row);
    }
    if (by_ == Similarity::dot) {
      ranked.rate = [](const RankQuery&, std::span<const std::uint32_t>, std::span<const float> dots, std::span<float> scores) {
        std::transform(dots.begin(), dots.end(), scores.begin(), [](float dot) { return finite_score(static_cast<double>(dot)); });
      };
      return ranked;
    }
    for (const std::uint32_t row : ranked.candidates) {
      // Nearer to the least float, products lose digits that the likeness has.
      constexpr double kLeast = 1e-30;
      if (norms_[row] < kLeast) ranked.screens = false;
      ranked.scales.push_back(static_cast<float>(1 / std::max(norms_[row], kLeast)));
    }
    // Both norms in one product: the likeness of a to b is that of b to a to the last bit.
    ranked.rate = [this](const RankQuery& query, std::span<const std::uint32_t> indices, std::span<const float> dots,
                         std::span<float> scores) {
      for (std::size_t n = 0; n < indices.size(); ++n) {
        const double cosine = static_cast<double>(dots[n]) / (query.base * norms_[indices[n]]);
        scores[n] = static_cast<float>(std::max(-1.0, std::min(cosine, 1.0)));
      }
    };
    return ranked;
  }

  void prepare(std::uint32_t row, RankQuery& query) const {
    query.list.clear();
    query.vector = nullptr;
    if (!has_likeness(row)) return;
    query.excluded.assign(1, row);
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

 private:
  [[nodiscard]] bool has_likeness(std::uint32_t row) const { return row < rows_.rows() && ratings_[row] != 0 && norms_[row] > 0; }

  const FactorMatrix& rows_;
  const std::vector<std::uint32_t>& ratings_;
  Similarity by_;
  std::uint32_t min_count_;
  std::vector<double> norms_;
};

void similar_rows(const FactorMatrix& rows, const std::vector<std::uint32_t>& ratings, std::span<const std::uint32_t> queries,
                  const SimilarOptions& options, const Consume& consume) {
  const Likeness likeness(rows, ratings, options);
  const auto prepare = [&](std::size_t position, RankQuery& query) { likeness.prepare(queries[position], query); };
  rank_rows(likeness.ranked(), queries.size(), options.top, options.threads, prepare, consume);
}

}  // namespace

Similarity parse_similarity(std::string_view name) {
  if (name == "cosine") return Similarity::cosine;
  if (name == "dot") return Similarity::dot;
  throw OptionError("by", "must be cosine or dot, got \"" + std::string(name) + "\"");
}

void similar_items(const Model& model, std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) {
  similar_rows(model.items.factors, model.items.counts, queries, options, consume);
}

void similar_users(const Model& model, std::span<const std::uint32_t> queries, const SimilarOptions& options, const Consume& consume) {
  similar_rows(model.users.factors, model.users.counts, queries, options, consume);
}

}  // namespace lowrank
