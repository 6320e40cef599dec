#include "train/neighbour_addition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "train/list_neighbours.h"
#include "train/neighbour_weight.h"

namespace lowrank {

namespace {

Ratings above_zero(const Ratings& ratings) {
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      if (ratings.value(at) > 0) builder.add(user, ratings.items()[at], 1);
    }
  }
  return builder.build(ratings.user_count(), ratings.item_count());
}

/// The neighbours of method `neighbours` with its defaults.
Neighbours find_neighbours(const Ratings& ratings, std::uint32_t kept, Workers& workers) {
  std::vector<std::uint32_t> users(ratings.user_count());
  std::vector<std::uint32_t> items(ratings.item_count());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) users[user] = static_cast<std::uint32_t>(ratings.items_of(user).size());
  for (const std::uint32_t item : ratings.items()) ++items[item];
  ItemNeighbours options;
  options.neighbours = kept;
  return list_neighbours(ratings, options, users, items, workers);
}

/// The sum over the users of the standard deviations of their factors' scores over the known items: the root of p^T C p with the covariance
/// C of the items' factors.
double factor_spread(const Model& model, Workers& workers) {
  const std::size_t rank = model.rank();
  const auto known = static_cast<double>(model.items.known());
  using Sums = std::vector<double>;
  const Sums moments = workers.sum_rows(model.items.size(), [&](std::size_t begin, std::size_t end, int /*slot*/) {
    Sums sums(rank * (rank + 1));
    for (std::size_t item = begin; item < end; ++item) {
      if (!model.items.knows(static_cast<std::uint32_t>(item))) continue;
      const std::span<const float> q = model.items.factors.row(item);
      for (std::size_t k = 0; k < rank; ++k) {
        sums[rank * rank + k] += static_cast<double>(q[k]);
        for (std::size_t l = 0; l < rank; ++l) sums[k * rank + l] += static_cast<double>(q[k]) * static_cast<double>(q[l]);
      }
    }
    return sums;
  });
  std::vector<float> covariance(rank * rank);
  for (std::size_t k = 0; k < rank; ++k) {
    for (std::size_t l = 0; l < rank; ++l) {
      const double product = moments[rank * rank + k] * moments[rank * rank + l] / known;
      covariance[k * rank + l] = static_cast<float>((moments[k * rank + l] - product) / known);
    }
  }
  return workers.sum_rows(model.users.size(), [&](std::size_t begin, std::size_t end, int /*slot*/) {
    double sum = 0;
    for (std::size_t user = begin; user < end; ++user) {
      const std::span<const float> p = model.users.factors.row(user);
      double square = 0;
      for (std::size_t k = 0; k < rank; ++k) {
        float row = 0;
        for (std::size_t l = 0; l < rank; ++l) row += covariance[k * rank + l] * p[l];
        square += static_cast<double>(row) * static_cast<double>(p[k]);
      }
      sum += std::sqrt(std::max(square, 0.0));
    }
    return sum;
  });
}

/// The same of the sums of the weights of a user's items.
double neighbour_spread(const Neighbours& neighbours, const Ratings& ratings, double known, Workers& workers) {
  std::vector<std::vector<double>> scratch(static_cast<std::size_t>(workers.count()));
  return workers.sum_rows(ratings.user_count(), [&](std::size_t begin, std::size_t end, int slot) {
    std::vector<double>& sums = scratch[static_cast<std::size_t>(slot)];
    sums.resize(ratings.item_count());
    double sum = 0;
    for (std::size_t user = begin; user < end; ++user) {
      double total = 0;
      double squares = 0;
      const std::span<const std::uint32_t> items = ratings.items_of(static_cast<std::uint32_t>(user));
      const auto each = [&](const auto& use) {
        for (const std::uint32_t from : items) {
          for (std::size_t n = 0; n < neighbours.items_of(from).size(); ++n)
            use(sums[neighbours.items_of(from)[n]], neighbours.weights_of(from)[n]);
        }
      };
      each([&](double& own, float weight) {
        // The square grows from s^2 to (s + w)^2.
        const auto more = static_cast<double>(weight);
        total += more;
        squares += more * (2 * own + more);
        own += more;
      });
      each([](double& own, float /*weight*/) { own = 0; });
      sum += std::sqrt(std::max(squares / known - total / known * (total / known), 0.0));
    }
    return sum;
  });
}

Neighbours scaled(const Neighbours& neighbours, double factor) {
  std::vector<float> weights(neighbours.weights().begin(), neighbours.weights().end());
  for (float& weight : weights) weight = static_cast<float>(static_cast<double>(weight) * factor);
  return Neighbours({neighbours.offsets().begin(), neighbours.offsets().end()}, {neighbours.items().begin(), neighbours.items().end()},
                    std::move(weights));
}

}  // namespace

Neighbours added_neighbours(const Ratings& ratings, std::uint32_t kept, Workers& workers) {
  return find_neighbours(above_zero(ratings), kept, workers);
}

void add_neighbours(Trained& trained, const Ratings& ratings, const AddedNeighbours& added, const Validation& validation,
                    Workers& workers) {
  if (added.neighbours == 0) return;
  constexpr double kDefault = 0.4;
  constexpr std::array kTried = {0.0, 0.1, 0.2, 0.4, 0.8, 1.6};
  Model& model = trained.model;
  const Ratings liked = above_zero(ratings);
  const Neighbours neighbours = find_neighbours(liked, added.neighbours, workers);
  const double own = neighbour_spread(neighbours, liked, model.items.known(), workers);
  const double factors = factor_spread(model, workers);
  const double unit = own > 0 && factors > 0 ? factors / own : 1;
  // Scores come from the history, in validation too.
  if (validation) model.history = History(liked, HistoryValues::dropped, workers.count());
  weigh_neighbours(trained, added.weight, kDefault, kTried, validation, [&](double weight) { return scaled(neighbours, weight * unit); });
}

}  // namespace lowrank
