#include "lowrank/model/model.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "kernels/dot.h"
#include "model/context_scores.h"
#include "model/neighbour_sums.h"

namespace lowrank {

namespace {

/// Within the range of floats, which are what most doors show scores as.
double in_float_range(double score) {
  constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
  return std::clamp(score, -kMost, kMost);
}

/// The score of a pair whose product and sum of neighbours are known (and ignored where a row is unknown).
double score_with_product(const Model& model, std::uint32_t user, std::uint32_t item, float product, float neighbours) {
  const bool knows_user = model.users.knows(user);
  const bool knows_item = model.items.knows(item);
  if (!knows_user && !knows_item) return in_float_range(model.centre.rating_mean);
  if (!model.centre.has_biases && !(knows_user && knows_item)) return in_float_range(model.centre.rating_mean);
  double sum = model.centre.mean;
  if (knows_user) sum += static_cast<double>(model.users.biases[user]);
  if (knows_item) sum += static_cast<double>(model.items.biases[item]);
  if (knows_user && knows_item) sum += static_cast<double>(product) + static_cast<double>(neighbours);
  return in_float_range(sum);
}

}  // namespace

float FeatureVectors::expect(std::span<const std::uint32_t> columns, std::span<const float> values, std::span<float> to) const {
  if (mean.empty()) {
    std::ranges::fill(to, 0.0F);
  } else {
    std::ranges::copy(mean, to.begin());
  }
  float bias = mean_bias;
  for (std::size_t n = 0; n < columns.size(); ++n) {
    const std::span<const float> vector = factors.row(columns[n]);
    for (std::size_t k = 0; k < to.size(); ++k) to[k] += values[n] * vector[k];
    bias += values[n] * biases[columns[n]];
  }
  return bias;
}

std::uint32_t Side::known() const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t row = 0; row < size(); ++row) count += knows(row) ? 1U : 0U;
  return count;
}

double score(const Model& model, std::uint32_t user, std::uint32_t item) {
  float product = 0;
  float neighbours = 0;
  if (model.users.knows(user) && model.items.knows(item)) {
    const std::size_t stride = model.users.factors.stride();
    const float* const a = model.users.factors.data() + user * stride;
    const float* const b = model.items.factors.data() + item * stride;
    product = finite_dot(dot(a, b, stride), a, b, stride);
    if (model.neighbours) neighbours = neighbour_sum(model, user, item);
  }
  return score_with_product(model, user, item, product, neighbours);
}

void score_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores) {
  score_pairs(model, nullptr, users, items, scores);
}

void score_pairs(const Model& model, const Neighbours* by_item, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                 std::span<double> scores) {
  constexpr std::size_t kPiece = 512;
  std::array<std::uint32_t, kPiece> user_rows{};
  std::array<std::uint32_t, kPiece> item_rows{};
  std::array<float, kPiece> products{};
  const std::size_t stride = model.users.factors.stride();
  PairSums neighbours(model, by_item);
  const bool has_rows = !model.users.counts.empty() && !model.items.counts.empty();
  for (std::size_t begin = 0; begin < users.size(); begin += kPiece) {
    const std::size_t count = std::min(kPiece, users.size() - begin);
    for (std::size_t n = 0; n < count; ++n) {
      // An unknown row's product is not looked at; any row will do.
      user_rows[n] = model.users.knows(users[begin + n]) ? users[begin + n] : 0;
      item_rows[n] = model.items.knows(items[begin + n]) ? items[begin + n] : 0;
    }
    if (has_rows) {
      const RowTable a{model.users.factors.data(), stride};
      const RowTable b{model.items.factors.data(), stride};
      dot_pairs(a, user_rows.data(), b, item_rows.data(), count, products.data());
      for (std::size_t n = 0; n < count; ++n) {
        products[n] = finite_dot(products[n], a.rows + user_rows[n] * stride, b.rows + item_rows[n] * stride, stride);
      }
    }
    for (std::size_t n = 0; n < count; ++n) {
      scores[begin + n] =
          score_with_product(model, users[begin + n], items[begin + n], products[n], neighbours.of(users, items, begin + n));
    }
  }
}

double predict(const Model& model, std::uint32_t user, std::uint32_t item) { return model.centre.rating(score(model, user, item)); }

void predict_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores,
                   int threads) {
  if (model.neighbours && !std::ranges::is_sorted(users)) {
    // The pairs of a user one after another: what their history says is then looked up once.
    std::vector<std::size_t> order(users.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t pair) { return users[pair]; });
    std::vector<std::uint32_t> sorted_users;
    std::vector<std::uint32_t> sorted_items;
    for (const std::size_t pair : order) {
      sorted_users.push_back(users[pair]);
      sorted_items.push_back(items[pair]);
    }
    std::vector<double> sorted_scores(users.size());
    predict_pairs(model, sorted_users, sorted_items, sorted_scores, threads);
    for (std::size_t n = 0; n < order.size(); ++n) scores[order[n]] = sorted_scores[n];
    return;
  }
  constexpr std::size_t kGrain = std::size_t{1} << 14U;
  const std::optional<Neighbours> by_item = neighbours_by_item(model, users.size());
  Workers(threads).for_ranges(users.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    const std::span<double> part = scores.subspan(begin, end - begin);
    score_pairs(model, by_item ? &*by_item : nullptr, users.subspan(begin, end - begin), items.subspan(begin, end - begin), part);
    for (double& value : part) value = model.centre.rating(value);
  });
}

void predict_pairs(const Model& model, const Pairs& pairs, std::span<double> scores, int threads) {
  const ContextScores contexts(model, pairs);
  if (contexts.empty()) return predict_pairs(model, pairs.users, pairs.items, scores, threads);
  // Contexts are added before scores become ratings: neighbours, which like pairs of a user together, are not in one model with them.
  constexpr std::size_t kGrain = std::size_t{1} << 14U;
  Workers(threads).for_ranges(pairs.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    const std::span users = std::span(pairs.users).subspan(begin, end - begin);
    const std::span items = std::span(pairs.items).subspan(begin, end - begin);
    const std::span<double> part = scores.subspan(begin, end - begin);
    score_pairs(model, users, items, part);
    contexts.add(pairs, begin, part);
    for (double& value : part) value = model.centre.rating(value);
  });
}

}  // namespace lowrank
