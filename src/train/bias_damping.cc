#include "train/bias_damping.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lowrank {

namespace {

constexpr double kLeast = 0.5;
constexpr double kMost = 100;
constexpr double kStart = 3;

/// Residuals of one side's rows: how many, their sum, the sum of their squares.
struct Group {
  double count = 0;
  double sum = 0;
  double squares = 0;
};

/// The ratio of variances, or `otherwise` where the rows cannot tell it.
double ratio_of_variances(const std::vector<Group>& groups, double otherwise) {
  double rows = 0;
  double count = 0;
  double count_squares = 0;
  double within = 0;
  double between = 0;
  for (const Group& group : groups) {
    if (group.count == 0) continue;
    rows += 1;
    count += group.count;
    count_squares += group.count * group.count;
    within += group.squares - group.sum * group.sum / group.count;
    between += group.sum * group.sum / group.count;
  }
  if (rows < 2 || count <= rows) return otherwise;
  const double variance_within = std::max(within, 0.0) / (count - rows);
  const double mean_count = (count - count_squares / count) / (rows - 1);
  const double variance_between = (between / (rows - 1) - variance_within) / mean_count;
  return std::clamp(variance_within / std::max(variance_between, 1e-9), kLeast, kMost);
}

std::vector<double> shrunk_means(const std::vector<Group>& groups, double damping) {
  std::vector<double> biases(groups.size());
  std::transform(groups.begin(), groups.end(), biases.begin(),
                 [damping](const Group& group) { return group.sum / (group.count + damping); });
  return biases;
}

/// \param weight  of a rating, by its position
template <class Weight>
BiasDamping estimate(const Ratings& ratings, const Units& units, const Weight& weight) {
  constexpr std::size_t kSample = 1'000'000;
  constexpr int kRounds = 4;
  const std::size_t stride = (ratings.size() + kSample - 1) / kSample;
  const std::size_t users = (ratings.user_count() + stride - 1) / stride;
  const auto for_each = [&](const auto& visit) {
    for (std::size_t row = 0; row < users; ++row) {
      const std::size_t user = row * stride;
      for (std::size_t position = ratings.row_offsets()[user]; position < ratings.row_offsets()[user + 1]; ++position) {
        visit(row, ratings.items()[position], static_cast<double>(units.to_training(ratings.value(position))), weight(position));
      }
    }
  };
  BiasDamping damping{kStart, kStart};
  std::vector<double> user_biases(users);
  for (int round = 0; round < kRounds; ++round) {
    const auto add = [](Group& group, double residual, double count) {
      group.count += count;
      group.sum += count * residual;
      group.squares += count * residual * residual;
    };
    std::vector<Group> by_item(ratings.item_count());
    for_each([&](std::size_t user, std::size_t item, double value, double count) { add(by_item[item], value - user_biases[user], count); });
    damping.item = ratio_of_variances(by_item, damping.item);
    const std::vector<double> item_biases = shrunk_means(by_item, damping.item);
    std::vector<Group> by_user(users);
    for_each([&](std::size_t user, std::size_t item, double value, double count) { add(by_user[user], value - item_biases[item], count); });
    damping.user = ratio_of_variances(by_user, damping.user);
    user_biases = shrunk_means(by_user, damping.user);
  }
  return damping;
}

}  // namespace

BiasDamping estimate_bias_damping(const Ratings& ratings, const Units& units) {
  if (!ratings.has_weights()) return estimate(ratings, units, [](std::size_t) { return 1.0; });
  return estimate(ratings, units, [&ratings](std::size_t position) { return static_cast<double>(ratings.weights()[position]); });
}

}  // namespace lowrank
