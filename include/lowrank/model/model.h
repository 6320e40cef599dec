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

#include "lowrank/data/features.h"
#include "lowrank/data/vocabulary.h"
#include "lowrank/model/contexts.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/fold_in.h"
#include "lowrank/model/history.h"
#include "lowrank/model/neighbours.h"
#include "lowrank/model/uncertainty.h"

namespace [[gnu::visibility("default")]] lowrank {

/// A named figure of a model, e.g. {"validation_rmse", 0.93}.
struct Metric {
  std::string name;
  double value = 0;
  friend bool operator==(const Metric&, const Metric&) = default;
};

/// The changes of updates since the last full training (see update()).
struct Lineage {
  std::uint64_t updates = 0;        ///< number of them
  std::uint64_t trained = 0;        ///< ratings of the training
  std::uint64_t added = 0;          ///< ratings of pairs that were new
  std::uint64_t replaced = 0;       ///< ratings that took the place of others
  std::uint64_t removed = 0;        ///< ratings taken out, those of forgotten rows included
  std::string trained_fingerprint;  ///< of the training data; empty once ratings were removed
  friend bool operator==(const Lineage&, const Lineage&) = default;
};

/// Where a model comes from. Depends on data, options and seed alone: no time, host, path or thread count.
struct TrainingRecord {
  std::string method = "sgd";  ///< the method's name
  std::string options = "{}";  ///< its options, a JSON object, every option in the order of its description
  std::uint64_t seed = 0;
  std::uint64_t ratings = 0;            ///< number of ratings trained on
  std::uint64_t epochs = 0;             ///< epochs that the kept model had
  std::string fingerprint;              ///< of the training data: 16 hex digits (see fingerprint()); of an updated model see update()
  std::vector<Metric> metrics;          ///< figures known when the model was made, in a fixed order
  std::optional<Lineage> lineage = {};  ///< of a model that was updated
  friend bool operator==(const TrainingRecord&, const TrainingRecord&) = default;
};

/// What a side learned about the features of its rows: a row with the features x (one number per column) is expected at
///
///     mean + sum over columns j of x_j factors[j],    with the bias  mean_bias + sum over columns j of x_j biases[j]
///
/// which is all that is known of a row without ratings. A row with ratings has its own factors and bias in the side.
struct FeatureVectors {
  FeatureDescription description;
  FactorMatrix factors;               ///< columns x rank
  std::vector<float> biases;          ///< one per column; zeros for a model without biases
  std::vector<std::uint32_t> counts;  ///< training rows, of those with ratings, that have each column
  std::vector<float> mean;            ///< rank numbers; empty for zeros
  float mean_bias = 0;
  std::vector<std::uint8_t> rows;  ///< one per row of the side: 1 where a feature of it is known, else 0

  /// Writes the factors that a row with these features is expected at, and returns its bias. \param columns, values  equally many
  /// \param[out] to  rank floats. O(columns rank)
  [[nodiscard]] float expect(std::span<const std::uint32_t> columns, std::span<const float> values, std::span<float> to) const;

  friend bool operator==(const FeatureVectors&, const FeatureVectors&) = default;
};

/// What is known of a row of one side before its ratings, where fold-in is a PosteriorMean: the row (factors, bias), rank + 1 numbers, is
/// normal around
///
///     n^(-1/2) sum over its n ratings of history[row of the other side]  - average  + what its features let expect
///
/// where the average is left out if n is 0: it is what ratings that are not known let expect.
struct RowPrior {
  FactorMatrix precision;           ///< (rank + 1) x (rank + 1), symmetric, in units of the model; its diagonal is above 0
  FactorMatrix history = {};        ///< rows of the other side x (rank + 1); no rows for zeros
  std::vector<float> average = {};  ///< rank + 1; empty for zeros, and without a history
  friend bool operator==(const RowPrior&, const RowPrior&) = default;
};

/// One side of a model: its users, or its items. Row r of every member is the user or item with number r.
struct Side {
  Vocabulary ids;
  FactorMatrix factors;               ///< rows x rank
  std::vector<float> biases;          ///< one per row; zeros for a model without biases
  std::vector<std::uint32_t> counts;  ///< training ratings of each row; a row with 0 is known only by its features, if it has any
  std::optional<FeatureVectors> features;
  std::optional<RowPrior> prior;  ///< there where fold-in is a PosteriorMean

  /// Number of rows.
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(counts.size()); }
  /// True when `row` is one of this side with at least one training rating.
  [[nodiscard]] bool rated(std::uint32_t row) const noexcept { return row < counts.size() && counts[row] != 0; }
  /// True when `row` is one of this side with at least one training rating or feature, so that it has factors.
  [[nodiscard]] bool knows(std::uint32_t row) const noexcept {
    return rated(row) || (features && row < features->rows.size() && features->rows[row] != 0);
  }
  /// The number of rows that knows() is true for. O(rows)
  [[nodiscard]] std::uint32_t known() const noexcept;

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

  std::optional<OrdinalScale> ordinal = {};  ///< where scores are not in the units of the ratings

  /// `score` as a prediction of a rating: within the range, where the model clips.
  [[nodiscard]] double rating(double score) const noexcept {
    if (ordinal) score = ordinal->rating(score);
    return clips ? std::min(std::max(score, static_cast<double>(min_rating)), static_cast<double>(max_rating)) : score;
  }

  friend bool operator==(const Centre&, const Centre&) = default;
};

/// A trained factorization: a biased dot product, and where there are neighbours, what the items of the user's history add,
///
///     score(user, item) = centre.mean + users.biases[user] + items.biases[item] + <users.factors[user], items.factors[item]>
///                         + sum over items j of the history of neighbours.weight(j, item)
///
/// Where the context of a rating is known, add_contexts() adds what it changes, and bind_context() makes an ordinary model of it.
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
  std::vector<ContextVectors> contexts;    ///< what ratings depend on besides users and items, at most kMostContexts
  std::optional<Uncertainty> uncertainty;  ///< how far ratings lie from the scores, where that is known
  TrainingRecord record;

  [[nodiscard]] std::size_t rank() const noexcept { return users.factors.rank(); }

  friend bool operator==(const Model&, const Model&) = default;
};

/// Score of (user, item), unclipped, from what is known: an unknown user or item (see Side::knows())
/// contributes nothing; where neither is known, or where the model has no biases and one is unknown, it is rating_mean. O(rank).
double score(const Model& model, std::uint32_t user, std::uint32_t item);

/// The same for many pairs at once, `users`, `items` and `scores` of equal length, several times faster. The scores are those of score() to
/// the last bit.
void score_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores);

/// The score as a prediction of a rating: on an ordinal scale the mean of its levels, and clipped to [min_rating, max_rating] when the
/// model clips. O(rank).
double predict(const Model& model, std::uint32_t user, std::uint32_t item);
/// The same for many pairs at once, as score_pairs. \param threads 0 for all; no influence on the result
void predict_pairs(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores,
                   int threads = 0);

/// The same for pairs with their contexts, where those are known: see add_contexts(). \throws DataError as that
void predict_pairs(const Model& model, const Pairs& pairs, std::span<double> scores, int threads = 0);

/// A 64-bit fingerprint of training data, as 16 hex digits: of the ids in their order, of indices and values as kept, and of contexts.
/// Timestamps do not count. Equal data give equal digits on every machine and for any number of threads.
/// \param situations  those of the ratings; null where these have none
std::string fingerprint(const Vocabulary& users, const Vocabulary& items, const Ratings& ratings, int threads = 0,
                        const Situations* situations = nullptr);

}  // namespace lowrank
