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

void similar_rows(const FactorMatrix& rows, const std::vector<std::uint32_t>& ratings, std::span<const std::uint32_t> queries,
                  std::size_t top, Similarity by, int threads, const Consume& consume) {
  const std::vector<double> norms = norms_of(rows);
  const auto has_likeness = [&](std::uint32_t row) { return row < rows.rows() && ratings[row] != 0 && norms[row] > 0; };
  const auto prepare = [&](std::size_t position, RankQuery& query) {
    const std::uint32_t row = queries[position];
    query.list.clear();
    query.vector = nullptr;
    if (!has_likeness(row)) return;
    query.excluded.assign(1, row);
    query.vector = rows.row(row).data();
    if (by == Similarity::dot) return;
    // A power of two takes nothing from precision and keeps products of very large or small factors in range.
    const double scale = std::ldexp(1.0, -std::ilogb(norms[row]));
    if (query.own.rank() != rows.rank()) query.own = FactorMatrix(1, rows.rank());
    std::transform(query.vector, query.vector + rows.rank(), query.own.data(),
                   [scale](float value) { return static_cast<float>(static_cast<double>(value) * scale); });
    query.vector = query.own.data();
    query.base = norms[row] * scale;
  };
  if (by == Similarity::cosine) {
    // Both norms in one product: the likeness of a to b is that of b to a to the last bit.
    const auto rate = [&](const RankQuery& query, std::uint32_t row, float dot) {
      if (!(norms[row] > 0)) return -1.0F;
      return static_cast<float>(std::max(-1.0, std::min(static_cast<double>(dot) / (query.base * norms[row]), 1.0)));
    };
    rank_rows(rows, queries.size(), top, threads, prepare, rate, has_likeness, consume);
  } else {
    const auto rate = [](const RankQuery&, std::uint32_t, float dot) { return finite_score(static_cast<double>(dot)); };
    const auto admit = [&](std::uint32_t row) { return ratings[row] != 0; };
    rank_rows(rows, queries.size(), top, threads, prepare, rate, admit, consume);
  }
}

}  // namespace

Similarity parse_similarity(std::string_view name) {
  if (name == "cosine") return Similarity::cosine;
  if (name == "dot") return Similarity::dot;
  throw OptionError("by", "must be cosine or dot, got \"" + std::string(name) + "\"");
}

void similar_items(const Model& model, std::span<const std::uint32_t> queries, std::size_t top, Similarity by, int threads,
                   const Consume& consume) {
  similar_rows(model.item_factors, model.item_ratings, queries, top, by, threads, consume);
}

void similar_users(const Model& model, std::span<const std::uint32_t> queries, std::size_t top, Similarity by, int threads,
                   const Consume& consume) {
  similar_rows(model.user_factors, model.user_ratings, queries, top, by, threads, consume);
}

}  // namespace lowrank
