#include "lowrank/train/slim.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "model/neighbours_code.h"
#include "train/common_options.h"
#include "train/item_products.h"
#include "train/neighbour_learner.h"
#include "train/transpose.h"

namespace lowrank {

namespace {

constexpr std::array kOptions = {
    Option<Slim>{"l1", &Slim::l1}.tuned_by_factors(0.05, 5),
    Option<Slim>{"l2", &Slim::l2}.tuned_by_factors(1, 100),
    Option<Slim>{"candidates", &Slim::candidates, {0, 100'000}}.tuned_by_factors(50, 800),
    Option<Slim>{"tolerance", &Slim::tolerance, {0, 1}},
    Option<Slim>{"passes", &Slim::passes, {1, 1e9}},
    holdout_seed_option<Slim>(),
};

/// The weights of the items that speak for one item after another.
class Solver {
 public:
  Solver(const Ratings& ratings, const Slim& options, const Neighbours* similar, Workers& workers)
      : ratings_(ratings), by_item_(transpose(ratings, workers)), options_(options), similar_(similar) {}

  struct Scratch {
    std::vector<float> rest;            ///< x - X w, by user; zeros between two items
    std::vector<std::uint32_t> common;  ///< users in common, by item; zeros between two items
    std::vector<std::uint32_t> items;   ///< those that may speak
    std::vector<double> weights;        ///< in the order of `items`
    std::vector<std::size_t> active;    ///< places of those above 0
  };
  NeighbourRow solve(std::uint32_t target, Scratch& scratch) const {
    find_candidates(target, scratch);
    scratch.rest.resize(ratings_.user_count());
    scratch.weights.assign(scratch.items.size(), 0.0);
    for (const std::uint32_t user : by_item_.users_of(target)) scratch.rest[user] = 1;
    descend(scratch);
    NeighbourRow row;
    for (std::size_t n = 0; n < scratch.items.size(); ++n) {
      for (const std::uint32_t user : by_item_.users_of(scratch.items[n])) scratch.rest[user] = 0;
      if (static_cast<float>(scratch.weights[n]) == 0) continue;
      row.items.push_back(scratch.items[n]);
      row.weights.push_back(static_cast<float>(scratch.weights[n]));
    }
    for (const std::uint32_t user : by_item_.users_of(target)) scratch.rest[user] = 0;
    return row;
  }

 private:
  /// An item with l1 users in common, or fewer, has the weight 0 at the minimum: its gradient there is at least l1 minus their number.
  void find_candidates(std::uint32_t target, Scratch& scratch) const {
    scratch.common.resize(ratings_.item_count());
    scratch.items.clear();
    for (const std::uint32_t user : by_item_.users_of(target)) {
      for (const std::uint32_t item : ratings_.items_of(user)) {
        if (scratch.common[item]++ == 0 && similar_ == nullptr) scratch.items.push_back(item);
      }
    }
    if (similar_ != nullptr) {
      const std::span<const std::uint32_t> row = similar_->items_of(target);
      scratch.items.assign(row.begin(), row.end());
    } else {
      std::ranges::sort(scratch.items);
    }
    std::erase_if(scratch.items, [&](std::uint32_t item) { return item == target || scratch.common[item] <= options_.l1; });
    for (const std::uint32_t user : by_item_.users_of(target)) {
      for (const std::uint32_t item : ratings_.items_of(user)) scratch.common[item] = 0;
    }
  }

  /// Sets the weight at a place to its best. \return by how much it changed
  double step(std::size_t place, Scratch& scratch) const {
    const std::span<const std::uint32_t> users = by_item_.users_of(scratch.items[place]);
    const auto count = static_cast<double>(users.size());
    double sum = 0;
    for (const std::uint32_t user : users) sum += static_cast<double>(scratch.rest[user]);
    const double old = scratch.weights[place];
    const double weight = std::max(0.0, (sum + old * count - options_.l1) / (count + options_.l2));
    if (weight == old) return 0;
    const auto change = static_cast<float>(weight - old);
    for (const std::uint32_t user : users) scratch.rest[user] -= change;
    scratch.weights[place] = weight;
    return std::abs(weight - old);
  }

  /// Passes over all candidates, and between two of them over those above 0 until these rest.
  void descend(Scratch& scratch) const {
    for (std::uint32_t pass = 0; pass < options_.passes;) {
      double most = 0;
      scratch.active.clear();
      for (std::size_t place = 0; place < scratch.items.size(); ++place) {
        most = std::max(most, step(place, scratch));
        if (scratch.weights[place] > 0) scratch.active.push_back(place);
      }
      ++pass;
      if (most <= options_.tolerance) return;
      for (; pass < options_.passes; ++pass) {
        double change = 0;
        for (const std::size_t place : scratch.active) change = std::max(change, step(place, scratch));
        if (change <= options_.tolerance) break;
      }
    }
  }

  const Ratings& ratings_;
  ByItem by_item_;
  const Slim& options_;
  const Neighbours* similar_;
};

/// The most similar items of each item, by cosine.
Neighbours similar_items(const Ratings& ratings, const Slim& options, const Model& counts, Workers& workers) {
  std::vector<float> scales(counts.items.counts.size());
  std::ranges::transform(counts.items.counts, scales.begin(), [](std::uint32_t count) {
    return count == 0 ? 0.0F : static_cast<float>(1 / std::sqrt(static_cast<double>(count)));
  });
  return best_products({.ratings = ratings, .row_scales = scales, .column_scales = scales, .kept = options.candidates}, workers);
}

Neighbours solve(const Ratings& ratings, const Slim& options, const Model& counts, Workers& workers) {
  Neighbours similar;
  if (options.candidates != 0) similar = similar_items(ratings, options, counts, workers);
  const Solver solver(ratings, options, options.candidates != 0 ? &similar : nullptr, workers);
  std::vector<NeighbourRow> rows(ratings.item_count());
  std::vector<Solver::Scratch> scratch(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(rows.size(), 8, [&](std::size_t begin, std::size_t end, int slot) {
    for (std::size_t row = begin; row < end; ++row)
      rows[row] = solver.solve(static_cast<std::uint32_t>(row), scratch[static_cast<std::size_t>(slot)]);
  });
  // What speaks for each item, as what each item speaks for.
  return transposed(joined(rows));
}

}  // namespace

template <>
MethodTraits<Slim> traits_of() {
  return {.options = kOptions,
          .warm_starts = false,
          .weights_alone = true,
          .counts = is_positive<Slim>,
          .uncounted = kNonePositive,
          .ignores_values = always<Slim>,
          .history = [](const Slim&) { return HistoryValues::if_disliked; }};
}

template <>
Trained train_method(Ratings ratings, const Slim& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  Workers workers(context.threads);
  const auto find = [&](const Model& counts) { return solve(ratings, options, counts, workers); };
  return train_neighbours(ratings, find, std::move(frame), validation, observer, context);
}

}  // namespace lowrank
