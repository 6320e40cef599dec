#include "lowrank/evaluate/rating_metrics.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/base/error.h"
#include "model/score_users.h"

namespace lowrank {

namespace {

struct Sums {
  double squares = 0;
  double absolutes = 0;
  std::size_t unknown = 0;

  void add(const Model& model, std::uint32_t user, std::uint32_t item, float value, double prediction) {
    const double error = prediction - static_cast<double>(value);
    squares += error * error;
    absolutes += std::abs(error);
    unknown += model.users.knows(user) && model.items.knows(item) ? 0U : 1U;
  }
  Sums& operator+=(const Sums& other) {
    squares += other.squares;
    absolutes += other.absolutes;
    unknown += other.unknown;
    return *this;
  }
};

RatingScores scores_of(const Sums& sums, std::size_t size) {
  const auto count = static_cast<double>(size);
  return {.rmse = std::sqrt(sums.squares / count), .mae = sums.absolutes / count, .ratings = size, .unknown = sums.unknown};
}

/// Errors summed by user, in the order of the pairs.
UserFigures errors_by_user(const Pairs& pairs, std::span<const double> predictions) {
  UserFigures by_user;
  by_user.users = pairs.users;
  std::sort(by_user.users.begin(), by_user.users.end());
  by_user.users.erase(std::unique(by_user.users.begin(), by_user.users.end()), by_user.users.end());
  const std::vector<double> zeros(by_user.users.size(), 0.0);
  by_user.weights = zeros;
  by_user.figures = {{.name = "rmse", .is_root = true, .sums = zeros}, {.name = "mae", .sums = zeros}};
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    const auto found = std::lower_bound(by_user.users.begin(), by_user.users.end(), pairs.users[n]);
    const auto position = static_cast<std::size_t>(found - by_user.users.begin());
    const double error = predictions[n] - static_cast<double>(pairs.values[n]);
    by_user.weights[position] += 1;
    by_user.figures[0].sums[position] += error * error;
    by_user.figures[1].sums[position] += std::abs(error);
  }
  return by_user;
}

void refuse_nothing(std::size_t size) {
  if (size == 0) throw DataError("there are no ratings to score");
}

}  // namespace

RatingScores score_ratings(const Model& model, const Pairs& pairs, int threads, UserFigures* by_user) {
  if (pairs.values.size() != pairs.size()) throw DataError("pairs without ratings cannot be scored");
  refuse_nothing(pairs.size());
  constexpr std::size_t kGrain = std::size_t{1} << 15U;
  // With neighbours pairs cost less together, and the unit of times is told by all of them.
  const bool timed = (!pairs.times.empty() || !pairs.situation.empty()) && !model.contexts.empty();
  std::vector<double> all(model.neighbours || timed || by_user != nullptr ? pairs.size() : 0);
  if (!all.empty()) predict_pairs(model, pairs, all, threads);
  const Sums sums = Workers(threads).sum_ranges(pairs.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    const std::span users = std::span(pairs.users).subspan(begin, end - begin);
    const std::span items = std::span(pairs.items).subspan(begin, end - begin);
    std::vector<double> predictions(all.empty() ? end - begin : 0);
    if (all.empty()) score_pairs(model, users, items, predictions);
    Sums part;
    for (std::size_t n = begin; n < end; ++n) {
      const double prediction = all.empty() ? model.centre.rating(predictions[n - begin]) : all[n];
      part.add(model, pairs.users[n], pairs.items[n], pairs.values[n], prediction);
    }
    return part;
  });
  if (by_user != nullptr) *by_user = errors_by_user(pairs, all);
  return scores_of(sums, pairs.size());
}

RatingScores score_ratings(const Model& model, const Ratings& ratings, int threads, const Situations* situations) {
  refuse_nothing(ratings.size());
  const std::optional<Neighbours> by_item = neighbours_by_item(model, ratings.size());
  const ContextScores contexts(model, ratings.times(), situations);
  const Sums sums = Workers(threads).sum_rows(ratings.user_count(), [&](std::size_t first, std::size_t last, int) {
    Sums part;
    const auto add = [&](std::uint32_t user, std::size_t position, double prediction) {
      part.add(model, user, ratings.items()[position], ratings.value(position), prediction);
    };
    score_users(model, ratings, first, last, contexts, add, by_item ? &*by_item : nullptr);
    return part;
  });
  return scores_of(sums, ratings.size());
}

}  // namespace lowrank
