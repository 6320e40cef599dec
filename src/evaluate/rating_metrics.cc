#include "lowrank/evaluate/rating_metrics.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Number of ratings per task. Fixed, so that the sums are the same for any number of threads.
constexpr std::size_t kGrain = std::size_t{1} << 15U;

struct Sums {
  double squares = 0;
  double absolutes = 0;
  std::size_t unknown = 0;

  /// \param scores  scratch memory for one number per pair
  void add(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const float> values,
           std::span<double> scores) {
    score_pairs(model, users, items, scores);
    const auto least = static_cast<double>(model.min_rating);
    const auto most = static_cast<double>(model.max_rating);
    for (std::size_t n = 0; n < users.size(); ++n) {
      const double prediction = model.clips ? std::min(std::max(scores[n], least), most) : scores[n];
      const double error = prediction - static_cast<double>(values[n]);
      squares += error * error;
      absolutes += std::abs(error);
      unknown += model.knows_user(users[n]) && model.knows_item(items[n]) ? 0U : 1U;
    }
  }
};

/// `sum_range(begin, end)` gives the Sums of the ratings [begin, end) of `size`.
template <class SumRange>
RatingScores score_in_ranges(std::size_t size, int threads, const SumRange& sum_range) {
  if (size == 0) throw DataError("there are no ratings to score");
  std::vector<Sums> parts((size + kGrain - 1) / kGrain);
  Workers(threads).for_ranges(size, kGrain,
                              [&](std::size_t begin, std::size_t end, int) { parts[begin / kGrain] = sum_range(begin, end); });
  Sums total;
  for (const Sums& part : parts) {
    total.squares += part.squares;
    total.absolutes += part.absolutes;
    total.unknown += part.unknown;
  }
  const auto count = static_cast<double>(size);
  return {.rmse = std::sqrt(total.squares / count), .mae = total.absolutes / count, .ratings = size, .unknown = total.unknown};
}

}  // namespace

RatingScores score_ratings(const Model& model, const Pairs& pairs, int threads) {
  if (pairs.values.size() != pairs.size()) throw DataError("pairs without ratings cannot be scored");
  return score_in_ranges(pairs.size(), threads, [&](std::size_t begin, std::size_t end) {
    Sums sums;
    std::vector<double> scores(end - begin);
    const std::size_t count = end - begin;
    sums.add(model, std::span(pairs.users).subspan(begin, count), std::span(pairs.items).subspan(begin, count),
             std::span(pairs.values).subspan(begin, count), scores);
    return sums;
  });
}

RatingScores score_ratings(const Model& model, const Ratings& ratings, int threads) {
  return score_in_ranges(ratings.size(), threads, [&](std::size_t begin, std::size_t end) {
    const std::span<const std::size_t> offsets = ratings.row_offsets();
    // The row that holds `begin`: the last one that starts at or before it.
    auto user = static_cast<std::uint32_t>(std::upper_bound(offsets.begin(), offsets.end(), begin) - offsets.begin() - 1);
    std::vector<std::uint32_t> users(end - begin);
    std::vector<float> values(end - begin);
    for (std::size_t n = begin; n < end; ++n) {
      while (offsets[user + 1] <= n) ++user;
      users[n - begin] = user;
      values[n - begin] = ratings.value(n);
    }
    Sums sums;
    std::vector<double> scores(end - begin);
    sums.add(model, users, ratings.items().subspan(begin, end - begin), values, scores);
    return sums;
  });
}

}  // namespace lowrank
