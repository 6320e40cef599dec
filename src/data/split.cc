#include "lowrank/data/split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/random.h"
#include "data/division.h"
#include "data/option_check.h"
#include "data/text.h"
#include "data/times.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// In the order of SplitBy.
constexpr std::array<std::string_view, 6> kNames = {"random", "user", "time", "last", "global-time", "pair"};

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

std::vector<Part> split_at_random(std::size_t size, const SplitOptions& options) {
  RandomStream random(options.seed, Purpose::split);
  Quota quota(size, options.test, options.validation);
  std::vector<Part> parts(size);
  for (Part& part : parts) part = quota.next(random);
  return parts;
}

/// All ratings of a pair go where the pair goes.
std::vector<Part> split_by_pair(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, const SplitOptions& options) {
  const PairNumbers pairs(users, items);
  const std::vector<Part> of_pairs = split_at_random(pairs.count, options);
  std::vector<Part> parts;
  parts.reserve(users.size());
  for (const std::uint32_t pair : pairs.of_ratings) parts.push_back(of_pairs[pair]);
  return parts;
}

/// Draws are keyed by user and position among the user's ratings, so that the order of the users in the file does not matter.
std::vector<Part> split_by_user(std::span<const std::uint32_t> users, const SplitOptions& options) {
  ByUser groups(users);
  std::vector<Part> parts(users.size());
  for (std::size_t user = 0; user < groups.users(); ++user) {
    const std::span<const std::size_t> own = groups.of(user);
    Quota quota(own.size(), options.test, options.validation);
    for (const std::size_t position : own) {
      RandomStream random(options.seed, Purpose::split, std::uint64_t{1} + user, quota.left);
      parts[position] = quota.next(random);
    }
  }
  return parts;
}

/// The latest ratings of each user. \param quota_of  how many of `n` ratings of a user go to test and validation
template <class QuotaOf>
std::vector<Part> split_latest(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const QuotaOf& quota_of) {
  ByUser groups(users);
  groups.order_by(times);
  std::vector<Part> parts(users.size(), Part::train);
  for (std::size_t user = 0; user < groups.users(); ++user) {
    const std::span<const std::size_t> own = groups.of(user);
    const auto [test, validation] = quota_of(own.size());
    for (const std::size_t position : own.last(test)) parts[position] = Part::test;
    for (const std::size_t position : own.first(own.size() - test).last(validation)) parts[position] = Part::validation;
  }
  return parts;
}

std::pair<std::size_t, std::size_t> shares_of(std::size_t size, const SplitOptions& options) {
  const Quota quota(size, options.test, options.validation);
  return {quota.test, quota.validation};
}

std::pair<std::size_t, std::size_t> last_of(std::size_t size, const SplitOptions& options) {
  const std::size_t movable = size - std::min<std::size_t>(size, 1);
  const std::size_t test = std::min<std::size_t>(options.last, movable);
  return {test, std::min<std::size_t>(options.last_validation, movable - test)};
}

std::vector<Part> split_by_moment(std::span<const std::int64_t> times, const SplitOptions& options) {
  const SplitMoments moments = split_moments(times, options);
  std::vector<Part> parts(times.size(), Part::train);
  for (std::size_t position = 0; position < times.size(); ++position) {
    if (moments.validation && times[position] >= *moments.validation) parts[position] = Part::validation;
    if (moments.test && times[position] >= *moments.test) parts[position] = Part::test;
  }
  return parts;
}

/// The timestamp that `text` stands for among `sorted` ones: a date is in the unit that the magnitude of the latest one tells.
std::int64_t parse_moment(const std::string& text, std::span<const std::int64_t> sorted) {
  const std::string_view trimmed_text = trimmed(text);
  if (const auto number = parse_time(trimmed_text)) return *number;
  const auto date = parse_date(trimmed_text);
  if (!date) throw OptionError("at", "expected a date such as 2020-01-31 or 2020-01-31T12:00, or a number, found " + quoted(text));
  const TimeUnit unit = sorted.empty() ? TimeUnit::unknown : unit_of_time(sorted.back());
  if (unit == TimeUnit::unknown) throw OptionError("at", "the timestamps are numbers that count no known unit; give a number like them");
  const auto moment = in_unit(*date, unit);
  if (!moment) throw OptionError("at", text + " is out of range");
  return *moment;
}

/// How many of the sorted times are before `at`.
std::size_t count_before(const std::string& at, std::int64_t moment, std::span<const std::int64_t> sorted) {
  const auto before = static_cast<std::size_t>(std::ranges::lower_bound(sorted, moment) - sorted.begin());
  if (before > 0 && before < sorted.size()) return before;
  std::string problem = before == 0 ? "no rating is before " : "no rating is at or after ";
  problem += at;
  if (!sorted.empty()) problem += "; the first is at " + described_time(sorted.front()) + ", the last at " + described_time(sorted.back());
  throw OptionError("at", problem);
}

void check_share(const char* option, double share) { check_option(share >= 0 && share < 1, option, "at least 0 and below 1", share); }

}  // namespace

std::string_view name_of(SplitBy by) noexcept { return kNames[static_cast<std::size_t>(by)]; }

bool needs_times(SplitBy by) noexcept { return !draws(by); }

bool validates(const SplitOptions& options) noexcept {
  return options.by == SplitBy::last ? options.last_validation > 0 : options.validation > 0;
}

SplitBy parse_split_by(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found != kNames.end()) return static_cast<SplitBy>(found - kNames.begin());
  throw OptionError("by", "must be random, user, time, last, global-time or pair, got " + quoted(name));
}

void check_split(const SplitOptions& options) {
  check_share("test", options.test);
  check_share("validation", options.validation);
  check_option(options.last >= 1, "last", "at least 1", options.last);
  const std::vector<std::string> stated = stated_options(options);
  const bool latest = options.by == SplitBy::last;
  const std::string unread = "is not read with " + mention("by=" + std::string(name_of(options.by)));
  if (!draws(options.by)) refuse_stated(stated, "seed", unread);
  if (latest) {
    refuse_stated(stated, "test", unread + "; " + mention("last") + " is the number of ratings per user");
    refuse_stated(stated, "validation", unread + "; " + mention("last_validation") + " is the number of ratings per user");
  } else {
    for (const char* name : {"last", "last_validation"}) refuse_stated(stated, name, "needs " + mention("by=last"));
  }
  if (options.by != SplitBy::global_time) refuse_stated(stated, "at", "needs " + mention("by=global-time"));
  if (!options.at.empty()) refuse_stated(stated, "test", "is not read with " + mention("at"));
  if (!latest && options.at.empty() && options.test + options.validation >= 1) {
    throw OptionError("validation", "together with " + mention("test") + " leaves nothing to train on");
  }
}

std::vector<Part> assign_parts(std::span<const std::uint32_t> users, std::span<const std::int64_t> times, const SplitOptions& options,
                               std::span<const std::uint32_t> items) {
  check_split(options);
  check_times(options.by, users.size(), times.size());
  switch (options.by) {
    case SplitBy::user:
      return split_by_user(users, options);
    case SplitBy::time:
      return split_latest(users, times, [&](std::size_t size) { return shares_of(size, options); });
    case SplitBy::last:
      return split_latest(users, times, [&](std::size_t size) { return last_of(size, options); });
    case SplitBy::global_time:
      return split_by_moment(times, options);
    case SplitBy::pair:
      return split_by_pair(users, items, options);
    case SplitBy::random:
      break;
  }
  return split_at_random(users.size(), options);
}

SplitMoments split_moments(std::span<const std::int64_t> times, const SplitOptions& options) {
  check_split(options);
  std::vector<std::int64_t> sorted(times.begin(), times.end());
  std::ranges::sort(sorted);
  const Quota quota(sorted.size(), options.at.empty() ? options.test : 0, options.validation);
  SplitMoments moments;
  std::span<const std::int64_t> left = sorted;
  if (!options.at.empty()) {
    moments.test = parse_moment(options.at, sorted);
    left = left.first(count_before(options.at, *moments.test, sorted));
  }
  std::vector<std::size_t> targets;
  if (quota.validation > 0) targets.push_back(left.size() - std::min(left.size(), quota.test + quota.validation));
  if (quota.test > 0) targets.push_back(left.size() - quota.test);
  const auto cuts = cuts_near(left, targets);
  if (!cuts) throw DataError("the ratings have too few different timestamps to divide them by one moment");
  if (quota.test > 0) moments.test = left[cuts->back()];
  if (quota.validation > 0) moments.validation = left[cuts->front()];
  return moments;
}

std::size_t count_shared_pairs(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                               std::span<const std::uint16_t> labels) {
  ByUser groups(users);
  std::size_t shared = 0;
  for (std::size_t user = 0; user < groups.users(); ++user) {
    const std::span<std::size_t> own = groups.of(user);
    std::ranges::sort(own, {}, [&](std::size_t position) { return items[position]; });
    for (std::size_t begin = 0, end = 0; begin < own.size(); begin = end) {
      bool differs = false;
      for (end = begin; end < own.size() && items[own[end]] == items[own[begin]]; ++end) differs |= labels[own[end]] != labels[own[begin]];
      shared += differs ? 1 : 0;
    }
  }
  return shared;
}

std::string shared_pairs_warning(std::size_t pairs) {
  return std::to_string(pairs) + (pairs == 1 ? " pair" : " pairs") + " of a user and an item, rated more than once, " +
         (pairs == 1 ? "is" : "are") + " in more than one part: what is learned there is asked again, and figures are too good; use " +
         mention("by=pair") + " to keep the ratings of a pair together, or keep one rating of each pair";
}

std::size_t count_pairs(const Ratings& ratings) {
  if (!ratings.has_situations()) return ratings.size();
  std::size_t pairs = 0;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    const std::span<const std::uint32_t> items = ratings.items_of(user);
    for (std::size_t n = 0; n < items.size(); ++n) pairs += n == 0 || items[n] != items[n - 1] ? 1U : 0U;
  }
  return pairs;
}

Holdout hold_out(const Ratings& ratings, double fraction, std::uint64_t seed) {
  check_option(fraction > 0 && fraction < 1, "holdout", "above 0 and below 1", fraction);
  const std::size_t pairs = count_pairs(ratings);
  Quota quota(pairs, fraction, 0);
  if (quota.test == pairs) {
    throw DataError("holding out " + shortest_text(fraction) + " of " + std::to_string(pairs) + " ratings leaves none to train on");
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
  Part part = Part::train;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t position = offsets[user]; position < offsets[user + 1]; ++position) {
      const std::uint32_t item = ratings.items()[position];
      const float value = ratings.value(position);
      if (position == offsets[user] || item != ratings.items()[position - 1]) part = quota.next(random);
      if (part == Part::test) {
        result.held.users.push_back(user);
        result.held.items.push_back(item);
        result.held.values.push_back(value);
        if (ratings.has_times()) result.held.times.push_back(ratings.times()[position]);
        if (ratings.has_situations()) result.held.situation.push_back(ratings.situation(position));
      } else {
        train.add_from(ratings, user, position);
      }
    }
  }
  // The rows come in order, so a second thread would have no work.
  result.train = train.build(ratings.user_count(), ratings.item_count(), Duplicates::last, nullptr, 1);
  return result;
}

}  // namespace lowrank
