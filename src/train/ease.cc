#include "lowrank/train/ease.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/memory.h"
#include "kernels/aligned_floats.h"
#include "kernels/inverse.h"
#include "lowrank/base/error.h"
#include "model/neighbours_code.h"
#include "train/common_options.h"
#include "train/item_products.h"
#include "train/neighbour_learner.h"
#include "train/transpose.h"

namespace lowrank {

namespace {

constexpr std::array kOptions = {
    Option<Ease>{"regularization", &Ease::regularization, {.least_excluded = true}}.tuned_by_factors(10, 4000),
    Option<Ease>{"neighbours", &Ease::neighbours, {1, 100'000}}.tuned_by_factors(100, 2000),
    holdout_seed_option<Ease>(),
};

/// Bytes of the matrix and of the model's weights.
std::size_t bytes_of(const Ease& options, std::size_t items) {
  constexpr std::size_t kWeightBytes = 24;  // of an item and its weight, in two copies
  return TiledMatrix::bytes(items) + items * std::min<std::size_t>(options.neighbours, items) * kWeightBytes;
}

/// Writes the numbers of users in common to the tiles of the items [begin, end) as columns.
void count_common(const Ratings& ratings, const ByItem& by_item, std::size_t begin, std::size_t end, TiledMatrix& matrix,
                  Workers& workers) {
  constexpr std::size_t kSide = TiledMatrix::kTile;
  std::vector<std::uint32_t> starts{0};
  std::vector<std::uint16_t> columns;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (const std::uint32_t item : ratings.items_of(user)) {
      if (item >= begin && item < end) columns.push_back(static_cast<std::uint16_t>(item - begin));
    }
    starts.push_back(static_cast<std::uint32_t>(columns.size()));
  }
  const std::size_t width = (end - begin + kMarkColumns - 1) / kMarkColumns * kMarkColumns;
  std::vector<AlignedFloats> scratch(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(std::min<std::size_t>(end, ratings.item_count()), 8, [&](std::size_t first, std::size_t last, int slot) {
    AlignedFloats& sums = scratch[static_cast<std::size_t>(slot)];
    sums.reserve(width);
    for (std::size_t item = first; item < last; ++item) {
      const std::span<const std::uint32_t> users = by_item.users_of(static_cast<std::uint32_t>(item));
      std::fill_n(sums.data(), width, 0.0F);
      add_products(PairSums::products, {starts.data(), columns.data(), nullptr}, {users.data(), nullptr, users.size()}, nullptr, width,
                   sums.data(), nullptr);
      for (std::size_t other = std::max(begin, item / kSide * kSide); other < end; ++other)
        matrix.tile(item / kSide, other / kSide)[item % kSide * kSide + other % kSide] = static_cast<double>(sums[other - begin]);
    }
  });
}

/// The weights of a row that are farthest from 0.
NeighbourRow farthest(std::span<const double> weights, std::size_t row, std::size_t kept) {
  std::vector<std::uint32_t> items;
  for (std::uint32_t item = 0; item < weights.size(); ++item) {
    if (item != row && static_cast<float>(weights[item]) != 0) items.push_back(item);
  }
  if (items.size() > kept) {
    const auto middle = items.begin() + static_cast<std::ptrdiff_t>(kept);
    std::nth_element(items.begin(), middle, items.end(), [&](std::uint32_t a, std::uint32_t b) {
      const double one = std::abs(weights[a]);
      const double other = std::abs(weights[b]);
      return one > other || (one == other && a < b);
    });
    items.erase(middle, items.end());
    std::ranges::sort(items);
  }
  NeighbourRow result;
  for (const std::uint32_t item : items) result.weights.push_back(static_cast<float>(weights[item]));
  result.items = std::move(items);
  return result;
}

Neighbours solve(const Ratings& ratings, const Ease& options, Workers& workers) {
  const std::size_t items = ratings.item_count();
  TiledMatrix matrix(items);
  {
    // A multiple of the tile, so that blocks share none.
    constexpr std::size_t kBlock = kMostBlockColumns / TiledMatrix::kTile * TiledMatrix::kTile;
    const ByItem by_item = transpose(ratings, workers);
    for (std::size_t begin = 0; begin < items; begin += kBlock)
      count_common(ratings, by_item, begin, std::min(items, begin + kBlock), matrix, workers);
  }
  constexpr std::size_t kSide = TiledMatrix::kTile;
  for (std::size_t item = 0; item < items; ++item)
    matrix.tile(item / kSide, item / kSide)[item % kSide * (kSide + 1)] += options.regularization;
  if (!invert(matrix, workers)) {
    throw TrainingError("the matrix of items has no inverse in double precision: raise " + mention("regularization"));
  }
  std::vector<double> diagonal(items);
  for (std::size_t item = 0; item < items; ++item) diagonal[item] = matrix.tile(item / kSide, item / kSide)[item % kSide * (kSide + 1)];
  std::vector<NeighbourRow> rows(items);
  std::vector<std::vector<double>> scratch(static_cast<std::size_t>(workers.count()), std::vector<double>(items));
  workers.for_ranges(items, 32, [&](std::size_t begin, std::size_t end, int slot) {
    std::vector<double>& weights = scratch[static_cast<std::size_t>(slot)];
    for (std::size_t row = begin; row < end; ++row) {
      matrix.copy_row(row, weights.data());
      for (std::size_t item = 0; item < items; ++item) weights[item] /= -diagonal[item];
      rows[row] = farthest(weights, row, options.neighbours);
    }
  });
  return joined(rows);
}

}  // namespace

template <>
MethodTraits<Ease> traits_of() {
  return {.options = kOptions,
          .warm_starts = false,
          .weights_alone = true,
          .counts = is_positive<Ease>,
          .uncounted = kNonePositive,
          .ignores_values = always<Ease>,
          .history = [](const Ease&) { return HistoryValues::if_disliked; },
          .extra_bytes = [](const Ease& options, const TrainingShape& shape) { return bytes_of(options, shape.items); }};
}

template <>
Trained train_method(Ratings ratings, const Ease& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  const std::size_t bytes = bytes_of(options, ratings.item_count());
  if (bytes > available_memory()) {
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "training needs about %.2g GB for its matrix of items, but only %.2g GB is available",
                  static_cast<double>(bytes) / 1e9, static_cast<double>(available_memory()) / 1e9);
    throw MemoryError(text.data());
  }
  Workers workers(context.threads);
  const auto find = [&](const Model& /*counts*/) { return solve(ratings, options, workers); };
  return train_neighbours(ratings, find, std::move(frame), validation, observer, context);
}

}  // namespace lowrank
