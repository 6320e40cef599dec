#include "lowrank/evaluate/rating_metrics.h"

#include <algorithm>
#include <cmath>
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

void refuse_nothing(std::size_t size) {
  if (size == 0) throw DataError("there are no ratings to score");
}

}  // namespace

RatingScores score_ratings(const Model& model, const Pairs& pairs, int threads) {
  if (pairs.values.size() != pairs.size()) throw DataError("pairs without ratings cannot be scored");
  refuse_nothing(pairs.size());
  constexpr std::size_t kGrain = std::size_t{1} << 15U;
  const Sums sums = Workers(threads).sum_ranges(pairs.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> predictions(end - begin);
    score_pairs(model, std::span(pairs.users).subspan(begin, end - begin), std::span(pairs.items).subspan(begin, end - begin), predictions);
    Sums part;
    for (std::size_t n = begin; n < end; ++n) {
      double& prediction = predictions[n - begin];
      prediction = model.centre.clip(prediction);
      part.add(model, pairs.users[n], pairs.items[n], pairs.values[n], prediction);
    }
    return part;
  });
  return scores_of(sums, pairs.size());
}

RatingScores score_ratings(const Model& model, const Ratings& ratings, int threads) {
  refuse_nothing(ratings.size());
  const Sums sums = Workers(threads).sum_rows(ratings.user_count(), [&](std::size_t first, std::size_t last, int) {
    Sums part;
    score_users(model, ratings, first, last, [&](std::uint32_t user, std::size_t position, double prediction) {
      part.add(model, user, ratings.items()[position], ratings.value(position), prediction);
    });
    return part;
  });
  return scores_of(sums, ratings.size());
}

}  // namespace lowrank
