#pragma once

/// \file
/// What training ends in, whatever the method.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/vocabulary.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/fold_in.h"
#include "lowrank/model/history.h"
#include "lowrank/model/neighbours.h"

namespace [[gnu::visibility("default")]] lowrank {

/// A named figure of a model, e.g. {"validation_rmse", 0.93}.
struct Metric {
  std::string name;
  double value = 0;
  friend bool operator==(const Metric&, const Metric&) = default;
};

/// Where a model comes from. Depends on data, options and seed alone: no time, host, path or thread count.
struct TrainingRecord {
  std::string method = "sgd";  ///< the method's name
  std::string options = "{}";  ///< its options, a JSON object, every option in the order of its description
  std::uint64_t seed = 0;
  std::uint64_t ratings = 0;    ///< number of ratings trained on
  std::uint64_t epochs = 0;     ///< epochs that the kept model had
  std::string fingerprint;      ///< of the training data: 16 hex digits (see fingerprint())
  std::vector<Metric> metrics;  ///< figures known when the model was made, in a fixed order
  friend bool operator==(const TrainingRecord&, const TrainingRecord&) = default;
};

/// One side of a model: its users, or its items. Row r of every member is the user or item with number r.
struct Side {
  Vocabulary ids;
  FactorMatrix factors;               ///< rows x rank
  std::vector<float> biases;          ///< one per row; zeros for a model without biases
  std::vector<std::uint32_t> counts;  ///< training ratings of each row; 0 means that the row is unknown to the model

  /// Number of rows.
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(counts.size()); }
  /// True when `row` is one of this side with at least one training rating.
  [[nodiscard]] bool knows(std::uint32_t row) const noexcept { return row < counts.size() && counts[row] != 0; }
  /// The number of rows with a training rating. O(rows)
  [[nodiscard]] std::uint32_t known() const noexcept {
    return size() - static_cast<std::uint32_t>(std::count(counts.begin(), counts.end(), 0U));
  }

  friend bool operator==(const Side&, const Side&) = default;
};

/// What the scores of a model are relative to, and what they mean.
struct Centre {
  double mean = 0;         ///< added to every score; 0 for a model without biases
  double rating_mean = 0;  ///< mean of the training ratings: the answer where neither user nor item is known
  float min_rating = 0;    ///< predictions of ratings are clipped to [min_rating, max_rating]
  float max_rating = 0;
  bool clips = true;             ///< false: predictions of ratings are not clipped
  bool has_biases = true;        ///< mean and biases are part of the model
  bool predicts_ratings = true;  ///< false: scores only rank items, and have no error as ratings

  /// `score` as a prediction of a rating: within the range, where the model clips.
  [[nodiscard]] double clip(double score) const noexcept {
    return clips ? std::min(std::max(score, static_cast<double>(min_rating)), static_cast<double>(max_rating)) : score;
  }

  friend bool operator==(const Centre&, const Centre&) = default;
};

/// A trained factorization: a biased dot product, and where there are neighbours, what the items of the user's history add,
///
///     score(user, item) = centre.mean + users.biases[user] + items.biases[item] + <users.factors[user], items.factors[item]>
///                         + sum over items j of the history of neighbours.weight(j, item)
///
/// A plain value: copying copies everything. Const use is safe from many threads.
struct Model {
  Side users;
  Side items;
  Centre centre;
  History history;  ///< items that each user rated, held-out ones included
  FoldIn fold_in;   ///< how a new row of either side is solved
  std::optional<Neighbours> neighbours;
  /// Items x rank: what an item adds to the factors of a new user who has it, where fold-in is a HistorySum; else no rows. Users of the
  /// model have their sums in their factors.
  FactorMatrix history_factors;
  TrainingRecord record;

  [[nodiscard]] std::size_t rank() const noexcept { return users.factors.rank(); }

  friend bool operator==(const Model&, const Model&) = default;
};

/// Score of (user, item), unclipped, from what is known: an unknown user or item (index out of range, or without a training rating)
/// contributes nothing; where neither is known, or where the model has no biases and one is unknown, it is rating_mean. O(rank).
double score(const Model& model, std::uint32_t user, std::uint32_t item);

/// The same for many pairs at once, `users`, `items` and `scores` of equal length, several times faster. The scores are those of score() to
/// the last bit.
void score_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores);

/// The score as a prediction of a rating: clipped to [min_rating, max_rating] when the model clips. O(rank).
double predict(const Model& model, std::uint32_t user, std::uint32_t item);
/// The same for many pairs at once, as score_pairs. \param threads 0 for all; no influence on the result
void predict_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores,
                   int threads = 0);

/// A 64-bit fingerprint of training data, as 16 hex digits: of the ids in their order and of indices and values as kept. Timestamps do not
/// count. Equal data give equal digits on every machine and for any number of threads.
std::string fingerprint(const Vocabulary& users, const Vocabulary& items, const Ratings& ratings, int threads = 0);

}  // namespace lowrank
