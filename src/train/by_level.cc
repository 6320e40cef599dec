#include "train/by_level.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// The levels from the first to the last: those of periods as they are, others by the numbers that all of them begin with and by their
/// texts.
std::vector<std::uint32_t> ordered_levels(const ContextColumn& column) {
  std::vector<std::uint32_t> order(column.levels.size());
  std::iota(order.begin(), order.end(), 0U);
  if (column.period != Period::none) return order;
  std::vector<double> numbers(order.size());
  const bool numbered = std::ranges::all_of(order, [&](std::uint32_t level) {
    const std::string_view text = column.levels.id(level);
    const bool is_number = std::from_chars(text.data(), text.data() + text.size(), numbers[level]).ec == std::errc{};
    return is_number && std::isfinite(numbers[level]);
  });
  if (!numbered) std::ranges::fill(numbers, 0.0);
  std::ranges::sort(order, {}, [&](std::uint32_t level) { return std::tuple(numbers[level], column.levels.id(level)); });
  return order;
}

/// The rows of levels, of which some have no rating. \param[out] chain  over the others
std::vector<std::uint32_t> rows_of(const ContextColumn& column, std::span<const std::uint32_t> counts, bool chained, ChainParts& chain) {
  std::vector<std::uint32_t> rows(counts.size());
  std::iota(rows.begin(), rows.end(), 0U);
  if (!chained) return rows;
  chain.length = static_cast<std::size_t>(std::ranges::count_if(counts, [](std::uint32_t count) { return count != 0; }));
  std::size_t place = 0;
  std::size_t without = chain.length;
  for (const std::uint32_t level : ordered_levels(column)) {
    rows[level] = static_cast<std::uint32_t>(counts[level] != 0 ? chain.row(place++) : without++);
  }
  return rows;
}

/// \param level_of  of each context; the number of levels where it is missing
ByLevel group(const Ratings& ratings, ContextColumn column, std::span<const std::uint32_t> contexts, std::vector<std::uint32_t> level_of,
              bool chained) {
  ByLevel own;
  const std::size_t levels = column.levels.size();
  std::vector<std::uint32_t> counts(levels);
  std::size_t grouped = 0;
  for (const std::uint32_t context : contexts) {
    if (level_of[context] == levels) continue;
    ++counts[level_of[context]];
    ++grouped;
  }
  own.rows = rows_of(column, counts, chained, own.chain);
  own.column = std::move(column);
  own.counts.resize(levels + 1);
  for (std::size_t level = 0; level < levels; ++level) own.counts[own.rows[level]] = counts[level];
  own.row_of = std::move(level_of);
  for (std::uint32_t& row : own.row_of) {
    if (row != levels) row = own.rows[row];
  }
  own.offsets.push_back(0);
  for (const std::uint32_t count : own.counts) own.offsets.push_back(own.offsets.back() + count);
  own.users.resize(grouped);
  own.items.resize(grouped);
  own.places.resize(grouped);
  std::vector<std::size_t> next(own.offsets.begin(), own.offsets.end() - 1);
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      const std::uint32_t row = own.row_of[contexts[at]];
      if (row == levels) continue;
      const std::size_t to = next[row]++;
      own.users[to] = user;
      own.items[to] = ratings.items()[at];
      own.places[to] = static_cast<std::uint32_t>(at);
    }
  }
  return own;
}

/// Contexts of several columns stay; those of one become its rows.
void finish(const ByItem& by_item, const Ratings& ratings, RatingContexts& contexts) {
  if (contexts.columns.size() == 1) {
    ByLevel& column = contexts.columns.front();
    for (std::uint32_t& context : contexts.of_ratings) context = column.row_of[context];
    contexts.size = column.levels() + 1;
    column.row_of.resize(contexts.size);
    std::iota(column.row_of.begin(), column.row_of.end(), 0U);
  }
  for (const std::uint32_t place : places_by_user(ratings, by_item)) contexts.by_item.push_back(contexts.of_ratings[place]);
}

}  // namespace

std::vector<std::uint32_t> places_by_user(const Ratings& ratings, const ByItem& by_item) {
  if (ratings.size() > std::numeric_limits<std::uint32_t>::max())
    throw DataError("noise, likelihood, time or contexts as stated take 4294967295 ratings at most, and there are " +
                    std::to_string(ratings.size()));
  std::vector<std::size_t> next = by_item.offsets;
  std::vector<std::uint32_t> places(ratings.size());
  // Users come in ascending order, as an item's ratings do, and the ratings of a pair in theirs.
  for (std::size_t at = 0; at < ratings.size(); ++at) places[next[ratings.items()[at]]++] = static_cast<std::uint32_t>(at);
  return places;
}

RatingContexts by_level(const Ratings& ratings, const ByItem& by_item, const Situations& situations, std::span<const std::string> chained) {
  RatingContexts contexts{.size = situations.size(), .of_ratings = {}, .by_item = {}, .columns = {}};
  contexts.of_ratings.resize(ratings.size());
  for (std::size_t at = 0; at < ratings.size(); ++at) contexts.of_ratings[at] = ratings.situation(at);
  for (std::size_t number = 0; number < situations.columns.size(); ++number) {
    const ContextColumn& column = situations.columns[number];
    const auto levels = static_cast<std::uint32_t>(column.levels.size());
    std::vector<std::uint32_t> level_of(situations.size());
    for (std::uint32_t situation = 0; situation < situations.size(); ++situation) {
      level_of[situation] = std::min<std::uint32_t>(situations.levels(situation)[number], levels);
    }
    const bool is_chain = std::ranges::find(chained, column.name) != chained.end();
    contexts.columns.push_back(group(ratings, column, contexts.of_ratings, std::move(level_of), is_chain));
  }
  finish(by_item, ratings, contexts);
  return contexts;
}

RatingContexts by_period(const Ratings& ratings, const ByItem& by_item, Period period, bool chained) {
  PeriodLevels found = periods_of(ratings.times(), period);
  RatingContexts contexts{.size = found.levels.size(), .of_ratings = std::move(found.codes), .by_item = {}, .columns = {}};
  std::vector<std::uint32_t> level_of(contexts.size);
  std::iota(level_of.begin(), level_of.end(), 0U);
  contexts.columns.push_back(
      group(ratings, {std::string(name_of(period)), period, std::move(found.levels)}, contexts.of_ratings, std::move(level_of), chained));
  finish(by_item, ratings, contexts);
  return contexts;
}

}  // namespace lowrank
