#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/train/method.h"

namespace lowrank {

/// Ratings below which no trial tells anything: the factors have no prior then, so that the model reproduces the ratings.
constexpr std::size_t kFewRatings = 100;

/// A small part of the ratings on which options are tried: the ratings of the most active users and items, a tenth of them held out in
/// turn. It depends on the ratings alone.
///
/// The block is dense, so its rows have enough ratings to learn from however sparse the whole is. Up to kBlock ratings it is all of them.
class Trials {
 public:
  static constexpr std::size_t kBlock = 12'000;   ///< ratings of the block, about
  static constexpr std::uint32_t kFraction = 10;  ///< parts that the block is cut into
  static constexpr std::size_t kHeldOut = 1'200;  ///< ratings that are enough to be held out: parts follow one another up to this number

  /// \param user_counts, item_counts  the numbers of ratings of every user and item
  /// O(users + items + ratings of the most active users)
  Trials(const Ratings& ratings, std::span<const std::uint32_t> user_counts, std::span<const std::uint32_t> item_counts);

  /// The model that a method learns from ratings.
  using Train = std::function<Model(Ratings)>;
  /// The squared error of every held-out rating, times its weight; infinity where training fails.
  [[nodiscard]] std::vector<double> errors(const Train& train) const;

 private:
  struct Cell {
    std::uint32_t user;
    std::uint32_t item;
    float value;
    float weight;
    std::uint32_t part;  ///< the part with which the cell is held out
  };

  std::vector<Cell> cells_;
  bool weighted_ = false;
  std::uint32_t users_ = 0;
  std::uint32_t items_ = 0;
  std::uint32_t parts_ = 1;
};

/// The model of a method that is trained in a trial: on all ratings, without a validation set.
Model learn(Ratings ratings, const Method& method, int threads);

double mean_of(std::span<const double> errors);

/// Whether the mean of `errors` is below that of `usual` by more than the standard error of the difference.
bool clearly_lower(std::span<const double> errors, std::span<const double> usual);

/// The weight of the factors' prior, in ratings: `usual`, which suits opinions, unless trials show that less is clearly better, as for data
/// with little noise. Two trainings on the block, or five.
/// \param train  learns a model with a given weight
double settle_prior(const Trials& trials, double usual, const std::function<Model(Ratings, double prior)>& train);

/// The same for a method that alternates, tried with its usual number of epochs.
/// \param most_rank  the rank that is enough for a trial
template <class Options>
double settle_prior(const Options& options, double usual, std::uint32_t most_rank, const Ratings& ratings, const Model& frame,
                    int threads) {
  Options trial = options;
  trial.rank = std::min(options.rank, most_rank);
  trial.epochs = Options{}.epochs;
  return settle_prior(Trials(ratings, frame.users.counts, frame.items.counts), usual, [&](Ratings part, double prior) {
    trial.prior_ratings = prior;
    return learn(std::move(part), trial, threads);
  });
}

}  // namespace lowrank
