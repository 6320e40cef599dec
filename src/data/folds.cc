#include "lowrank/data/folds.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "data/division.h"
#include "data/option_check.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Deals ratings to windows 1 to `folds` in turn, like cards.
std::vector<std::uint16_t> deal(std::span<const std::size_t> order, std::uint32_t folds) {
  std::vector<std::uint16_t> windows(order.size());
  for (std::size_t place = 0; place < order.size(); ++place) windows[order[place]] = static_cast<std::uint16_t>(place % folds + 1);
  return windows;
}

std::vector<std::uint16_t> deal_at_random(std::size_t size, const FoldOptions& options) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  RandomStream(options.seed, Purpose::folds).shuffle(std::span(order));
  return deal(order, options.folds);
}

/// All ratings of a pair are where the pair is.
std::vector<std::uint16_t> deal_by_pair(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                                        const FoldOptions& options) {
  const PairNumbers pairs(users, items);
  const std::vector<std::uint16_t> of_pairs = deal_at_random(pairs.count, options);
  std::vector<std::uint16_t> windows;
  windows.reserve(users.size());
  for (const std::uint32_t pair : pairs.of_ratings) windows.push_back(of_pairs[pair]);
  return windows;
}

/// The users come in random order as well, so that a user with few ratings is not bound to certain folds. What is drawn for a user depends
/// on the user's number and number of ratings, not on how users are mixed in the file.
std::vector<std::uint16_t> deal_by_user(std::span<const std::uint32_t> users, const FoldOptions& options) {
  ByUser groups(users);
  std::vector<std::size_t> turns(groups.users());
  std::iota(turns.begin(), turns.end(), std::size_t{0});
  RandomStream(options.seed, Purpose::folds).shuffle(std::span(turns));
  std::vector<std::size_t> order;
  order.reserve(users.size());
  for (const std::size_t user : turns) {
    const std::span<std::size_t> own = groups.of(user);
    RandomStream(options.seed, Purpose::folds, std::uint64_t{1} + user).shuffle(own);
    order.insert(order.end(), own.begin(), own.end());
  }
  return deal(order, options.folds);
}

std::vector<std::uint16_t> windows_of_last(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, std::uint32_t folds) {
  ByUser groups(users);
  groups.order_by(times);
  std::vector<std::uint16_t> windows(users.size(), 0);
  for (std::size_t user = 0; user < groups.users(); ++user) {
    const std::span<std::size_t> own = groups.of(user);
    for (std::size_t back = 0; back < folds && back + 1 < own.size(); ++back) {
      windows[own[own.size() - 1 - back]] = static_cast<std::uint16_t>(folds - back);
    }
  }
  return windows;
}

void take_windows_of_time(std::span<const std::int64_t> times, Folds& folds) {
  std::vector<std::int64_t> sorted(times.begin(), times.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> targets(folds.count);
  for (std::uint32_t fold = 0; fold < folds.count; ++fold) {
    targets[fold] = sorted.size() - (folds.count - fold) * (sorted.size() / (folds.count + 1));
  }
  const auto cuts = cuts_near(sorted, targets);
  if (!cuts) {
    throw DataError(std::to_string(folds.count) + " folds by time need ratings of at least " + std::to_string(folds.count + 1) +
                    " different times");
  }
  for (const std::size_t cut : *cuts) folds.moments.push_back(sorted[cut]);
  folds.windows.reserve(times.size());
  for (const std::int64_t time : times) {
    const auto after = std::upper_bound(folds.moments.begin(), folds.moments.end(), time);
    folds.windows.push_back(static_cast<std::uint16_t>(after - folds.moments.begin()));
  }
}

void check_no_fold_is_empty(const Folds& folds) {
  std::vector<std::size_t> sizes(folds.count + std::size_t{1}, 0);
  for (const std::uint16_t window : folds.windows) ++sizes[window];
  std::size_t before = sizes[0];
  for (std::uint32_t fold = 1; fold <= folds.count; ++fold) {
    const std::size_t trained = folds.rolls ? before : folds.windows.size() - sizes[fold];
    if (sizes[fold] == 0 || trained == 0) {
      throw DataError("fold " + std::to_string(fold) + " of " + std::to_string(folds.count) + " would have no ratings to " +
                      (sizes[fold] == 0 ? "test" : "train on") + "; use fewer folds");
    }
    before += sizes[fold];
  }
}

}  // namespace

FoldOptions fold_options(const SplitOptions& split, std::uint32_t folds) {
  return {.folds = folds, .by = split.by, .seed = split.seed, .stated = stated_options(split)};
}

void check_folds(const FoldOptions& options) {
  check_option(options.folds >= 2 && options.folds <= FoldOptions::kMostFolds, "folds", "at least 2 and at most 100", options.folds);
  if (options.by == SplitBy::time) {
    throw OptionError("by", "time has no folds; they are by random, user, last, global-time or pair");
  }
  if (!draws(options.by)) {
    const std::string problem = "is not read with " + mention("by=" + std::string(name_of(options.by)));
    refuse_stated(options.stated, "seed", problem);
    if (options.seed != FoldOptions{}.seed) throw OptionError("seed", problem);
  }
  for (const char* name : {"test", "validation", "last", "last_validation", "at"}) {
    refuse_stated(options.stated, name, "is not read with " + mention("folds"));
  }
}

Folds assign_folds(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const FoldOptions& options,
                   std::span<const std::uint32_t> items) {
  check_folds(options);
  check_times(options.by, users.size(), times.size());
  Folds folds;
  folds.count = options.folds;
  folds.rolls = !draws(options.by);
  if (options.by == SplitBy::random) folds.windows = deal_at_random(users.size(), options);
  if (options.by == SplitBy::pair) folds.windows = deal_by_pair(users, items, options);
  if (options.by == SplitBy::user) folds.windows = deal_by_user(users, options);
  if (options.by == SplitBy::last) folds.windows = windows_of_last(users, times, options.folds);
  if (options.by == SplitBy::global_time) take_windows_of_time(times, folds);
  check_no_fold_is_empty(folds);
  return folds;
}

}  // namespace lowrank
