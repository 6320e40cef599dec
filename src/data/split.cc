#include "lowrank/data/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/random.h"
#include "data/option_check.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S) with two kinds of picks: of `total` ratings that come one by one, exactly `test`
/// and `validation` are picked. Every choice is equally likely, and memory is constant.
struct Quota {
  std::size_t left = 0;
  std::size_t test = 0;
  std::size_t validation = 0;

  Quota() = default;
  Quota(std::size_t total, double test_share, double validation_share)
      : left(total),
        test(std::min(total, static_cast<std::size_t>(std::llround(test_share * static_cast<double>(total))))),
        validation(std::min(total - test, static_cast<std::size_t>(std::llround(validation_share * static_cast<double>(total))))) {}

  Part next(RandomStream& random) {
    const std::size_t pick = random.below(left--);
    if (pick < test) {
      --test;
      return Part::test;
    }
    if (pick < test + validation) {
      --validation;
      return Part::validation;
    }
    return Part::train;
  }
};

std::vector<std::size_t> count_users(std::span<const std::uint32_t> users) {
  std::vector<std::size_t> counts;
  for (const std::uint32_t user : users) {
    if (user >= counts.size()) counts.resize(static_cast<std::size_t>(user) + 1);
    ++counts[user];
  }
  return counts;
}

std::vector<Part> split_at_random(std::size_t size, const SplitOptions& options) {
  RandomStream random(options.seed, Purpose::split);
  Quota quota(size, options.test, options.validation);
  std::vector<Part> parts(size);
  for (Part& part : parts) part = quota.next(random);
  return parts;
}

/// Draws are keyed by user and position among the user's ratings, so that the order of the users in the file does not matter.
std::vector<Part> split_by_user(std::span<const std::uint32_t> users, const SplitOptions& options) {
  const std::vector<std::size_t> counts = count_users(users);
  std::vector<Quota> quotas(counts.size());
  for (std::size_t user = 0; user < counts.size(); ++user) quotas[user] = Quota(counts[user], options.test, options.validation);
  std::vector<Part> parts(users.size());
  for (std::size_t position = 0; position < users.size(); ++position) {
    Quota& quota = quotas[users[position]];
    RandomStream random(options.seed, Purpose::split, std::uint64_t{1} + users[position], quota.left);
    parts[position] = quota.next(random);
  }
  return parts;
}

std::vector<Part> split_by_time(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const SplitOptions& options) {
  const std::vector<std::size_t> counts = count_users(users);
  std::vector<std::size_t> ends(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), ends.begin(), std::size_t{0});
  std::vector<std::size_t> grouped(users.size());
  for (std::size_t position = 0; position < users.size(); ++position) grouped[ends[users[position]]++] = position;

  std::vector<Part> parts(users.size(), Part::train);
  for (std::size_t user = 0; user < counts.size(); ++user) {
    const std::span<std::size_t> own = std::span(grouped).subspan(ends[user] - counts[user], counts[user]);
    std::sort(own.begin(), own.end(), [&](std::size_t a, std::size_t b) { return times[a] != times[b] ? times[a] < times[b] : a < b; });
    const Quota quota(own.size(), options.test, options.validation);
    for (const std::size_t position : own.last(quota.test)) parts[position] = Part::test;
    for (const std::size_t position : own.first(own.size() - quota.test).last(quota.validation)) parts[position] = Part::validation;
  }
  return parts;
}

void check_share(const char* option, double share) { check_option(share >= 0 && share < 1, option, "at least 0 and below 1", share); }

}  // namespace

SplitBy parse_split_by(std::string_view name) {
  if (name == "random") return SplitBy::random;
  if (name == "user") return SplitBy::user;
  if (name == "time") return SplitBy::time;
  throw OptionError("by", "must be random, user or time, got " + quoted(name));
}

std::vector<Part> assign_parts(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const SplitOptions& options) {
  check_share("test", options.test);
  check_share("validation", options.validation);
  check_option(options.test + options.validation < 1, "validation", "less than what the test part leaves", options.validation);
  if (options.by == SplitBy::time && options.seed != SplitOptions{}.seed) {
    throw OptionError("seed", "is not read with " + mention("by=time"));
  }
  switch (options.by) {
    case SplitBy::user:
      return split_by_user(users, options);
    case SplitBy::time:
      if (times.size() != users.size()) throw DataError("a split by time needs a timestamp for every rating");
      return split_by_time(users, times, options);
    case SplitBy::random:
      break;
  }
  return split_at_random(users.size(), options);
}

Holdout hold_out(const Ratings& ratings, double fraction, std::uint64_t seed) {
  check_option(fraction > 0 && fraction < 1, "holdout", "above 0 and below 1", fraction);
  Quota quota(ratings.size(), fraction, 0);
  if (quota.test == ratings.size()) {
    throw DataError("holding out " + shortest_text(fraction) + " of " + std::to_string(ratings.size()) +
                    " ratings leaves none to train on");
  }

  Holdout result;
  result.held.known_users = ratings.user_count();
  result.held.known_items = ratings.item_count();
  result.held.users.reserve(quota.test);
  result.held.items.reserve(quota.test);
  result.held.values.reserve(quota.test);
  RatingsBuilder train;
  RandomStream random(seed, Purpose::holdout);
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t position = offsets[user]; position < offsets[user + 1]; ++position) {
      const std::uint32_t item = ratings.items()[position];
      const float value = ratings.value(position);
      if (quota.next(random) == Part::test) {
        result.held.users.push_back(user);
        result.held.items.push_back(item);
        result.held.values.push_back(value);
      } else if (ratings.has_weights()) {
        train.add_weighted(user, item, value, ratings.weights()[position]);
      } else if (ratings.has_times()) {
        train.add(user, item, value, ratings.times()[position]);
      } else {
        train.add(user, item, value);
      }
    }
  }
  // The rows come in order, so a second thread would have no work.
  result.train = train.build(ratings.user_count(), ratings.item_count(), Duplicates::last, nullptr, 1);
  return result;
}

}  // namespace lowrank
