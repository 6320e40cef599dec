#include "tune/inner_split.h"

#include <cmath>
#include <string>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "data/division.h"
#include "lowrank/base/error.h"
#include "lowrank/data/split.h"

namespace lowrank {

namespace {

/// Inner splits on which the best few are trained where there are no folds.
constexpr std::size_t kSplits = 3;
constexpr std::size_t kMostFolds = 100;

Holdout fold(const Ratings& ratings, std::size_t folds, std::size_t number, std::uint64_t seed) {
  Holdout parts;
  parts.held.known_users = ratings.user_count();
  parts.held.known_items = ratings.item_count();
  RatingsBuilder train;
  bool held = false;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t position = ratings.row_offsets()[user]; position < ratings.row_offsets()[user + 1]; ++position) {
      const std::uint32_t item = ratings.items()[position];
      const float value = ratings.value(position);
      // The ratings of a pair in different situations are next to each other, and go where the first one goes.
      if (position == ratings.row_offsets()[user] || item != ratings.items()[position - 1]) {
        held = RandomStream(seed, Purpose::search, folds, position).below(folds) == number;
      }
      if (held) {
        parts.held.users.push_back(user);
        parts.held.items.push_back(item);
        parts.held.values.push_back(value);
        if (ratings.has_times()) parts.held.times.push_back(ratings.times()[position]);
        if (ratings.has_situations()) parts.held.situation.push_back(ratings.situation(position));
      } else {
        train.add_from(ratings, user, position);
      }
    }
  }
  parts.train = train.build(ratings.user_count(), ratings.item_count(), Duplicates::last, nullptr, 1);
  if (parts.train.empty() || parts.held.size() == 0) {
    throw DataError(std::to_string(folds) + " folds of " + std::to_string(ratings.size()) + " ratings leave one of them empty");
  }
  return parts;
}

double share_of(const TuneOptions& options) { return options.holdout == 0 ? kHoldout : options.holdout; }

}  // namespace

std::size_t inner_splits(const TuneOptions& options) { return options.folds != 0 ? options.folds : kSplits; }

void check_parts(const TuneOptions& options) {
  if (!(options.holdout >= 0 && options.holdout < 1)) throw OptionError("holdout", "must be at least 0 and below 1");
  if (options.folds == 1 || options.folds > kMostFolds) {
    throw OptionError("folds", "must be 2 to " + std::to_string(kMostFolds) + ", got " + std::to_string(options.folds));
  }
  if (options.folds != 0 && options.holdout != 0) throw OptionError("folds", "cannot be given together with " + mention("holdout"));
}

void check_split(const TrainData& data, const TuneOptions& options) {
  if (data.validation) {
    if (options.holdout != 0) throw OptionError("holdout", "cannot be given together with " + mention("validation"));
    if (options.folds != 0) throw OptionError("folds", "cannot be given together with " + mention("validation"));
    if (data.validation->size() == 0) throw DataError("there are no ratings to validate on");
  }
  if (data.data.ratings.empty()) throw DataError("there are no ratings to train on");
  const std::size_t pairs = count_pairs(data.data.ratings);
  if (!data.validation && options.folds == 0 && std::llround(share_of(options) * static_cast<double>(pairs)) < 1) {
    throw DataError("holding out " + shortest_text(share_of(options)) + " of " + std::to_string(pairs) +
                    (pairs == data.data.ratings.size() ? " ratings" : " pairs of user and item") + " leaves none to validate on");
  }
}

InnerSplit inner_split(const TrainData& data, const TuneOptions& options, std::size_t number) {
  InnerSplit split;
  split.number = number;
  split.seed = options.seed + number;
  const Ratings& ratings = data.data.ratings;
  if (data.validation) {
    split.shared = &ratings;
    split.validation = &*data.validation;
    return split;
  }
  Holdout parts =
      options.folds != 0 ? fold(ratings, options.folds, number, options.seed) : hold_out(ratings, share_of(options), split.seed);
  split.train = std::move(parts.train);
  split.held = std::move(parts.held);
  split.held.situations = data.data.situations;
  return split;
}

}  // namespace lowrank
