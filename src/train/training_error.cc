#include "train/training_error.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lowrank {

double training_rmse(const Model& model, const Ratings& ratings, Workers& workers) {
  constexpr std::size_t kGrain = 4096;
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  std::vector<double> sums((ratings.size() + kGrain - 1) / kGrain);
  workers.for_ranges(ratings.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    std::vector<std::uint32_t> users(end - begin);
    std::vector<double> scores(end - begin);
    auto user = static_cast<std::uint32_t>(std::upper_bound(offsets.begin(), offsets.end(), begin) - offsets.begin() - 1);
    for (std::size_t position = begin; position < end; ++position) {
      while (offsets[user + 1] <= position) ++user;
      users[position - begin] = user;
    }
    score_pairs(model, users, ratings.items().subspan(begin, end - begin), scores);
    double sum = 0;
    for (std::size_t n = 0; n < scores.size(); ++n) {
      double predicted = scores[n];
      if (model.clips) predicted = std::clamp(predicted, static_cast<double>(model.min_rating), static_cast<double>(model.max_rating));
      sum += std::pow(static_cast<double>(ratings.value(begin + n)) - predicted, 2);
    }
    sums[begin / kGrain] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return std::sqrt(total / static_cast<double>(ratings.size()));
}

}  // namespace lowrank
