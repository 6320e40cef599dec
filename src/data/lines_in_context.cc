#include "data/lines_in_context.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "data/input.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Throws the error of the first line that repeats an earlier one in user, item and situation. Does nothing where none does.
void refuse_repeats(const RatingLines& lines, std::span<const std::size_t> numbers, const std::string& file) {
  const auto key = [&](std::size_t n) {
    return std::tuple(lines.user[n], lines.item[n], lines.situation.empty() ? 0 : lines.situation[n]);
  };
  std::vector<std::size_t> order(lines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, key);
  std::size_t first = lines.size();
  std::size_t before = 0;
  for (std::size_t at = 1; at < order.size(); ++at) {
    if (key(order[at]) != key(order[at - 1]) || order[at] >= first) continue;
    first = order[at];
    before = order[at - 1];
  }
  if (first == lines.size()) return;
  throw DataError(file, numbers[first],
                  "user " + quoted(lines.users.id(lines.user[first])) + " rated item " + quoted(lines.items.id(lines.item[first])) +
                      (lines.situation.empty() ? "" : " in the same context") + " before, on line " + std::to_string(numbers[before]) +
                      " (see " + mention("duplicates") + ")");
}

Ratings ratings_of(const RatingLines& lines, const ReadOptions& options, std::size_t& duplicates) {
  RatingsBuilder builder;
  const bool timed = options.keep_times && lines.all_have_times && !lines.time.empty();
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const std::uint32_t user = lines.user[n];
    const std::uint32_t item = lines.item[n];
    const float value = lines.value[n];
    const std::optional<std::int64_t> time = timed ? std::optional(lines.time[n]) : std::nullopt;
    if (!lines.situation.empty() && !lines.weight.empty()) {
      builder.add_weighted_in_situation(user, item, value, lines.weight[n], lines.situation[n]);
    } else if (!lines.situation.empty()) {
      builder.add_in_situation(user, item, value, lines.situation[n], time);
    } else if (!lines.weight.empty()) {
      builder.add_weighted(user, item, value, lines.weight[n]);
    } else if (time) {
      builder.add(user, item, value, *time);
    } else {
      builder.add(user, item, value);
    }
  }
  return builder.build(lines.users.size(), lines.items.size(), options.duplicates, &duplicates, options.threads);
}

/// Numbers ids in a vocabulary, and unknown ones above it.
std::vector<std::uint32_t> numbers_in(const Vocabulary& known, const Vocabulary& own, std::span<const std::uint32_t> of_lines,
                                      Vocabulary& unknown) {
  std::vector<std::uint32_t> renamed;
  renamed.reserve(own.size());
  for (std::uint32_t number = 0; number < own.size(); ++number) {
    const std::uint32_t found = known.find(own.id(number));
    renamed.push_back(found == Vocabulary::kUnknown ? known.size() + unknown.add(own.id(number)) : found);
  }
  std::vector<std::uint32_t> numbers;
  numbers.reserve(of_lines.size());
  for (const std::uint32_t number : of_lines) numbers.push_back(renamed[number]);
  return numbers;
}

}  // namespace

Dataset read_in_context(const std::string& path, const ReadOptions& options) {
  ReadOptions read = options;
  read.keep_weights = options.columns.weight_stated;
  const bool refuses = options.duplicates == Duplicates::error;
  RatingLines lines;
  std::vector<std::size_t> numbers;
  append_numbered_lines(path, read, lines, refuses ? &numbers : nullptr);
  if (refuses) refuse_repeats(lines, numbers, input_name(path));
  Dataset dataset;
  try {
    dataset.ratings = ratings_of(lines, options, dataset.duplicates);
  } catch (const DataError& error) {
    throw DataError(input_name(path) + ": " + error.what());
  }
  dataset.users = std::move(lines.users);
  dataset.items = std::move(lines.items);
  dataset.situations = std::move(lines.situations);
  return dataset;
}

Pairs read_pairs_in_context(const std::string& path, const Vocabulary& users, const Vocabulary& items, const ReadOptions& options,
                            std::span<const ContextColumn> columns) {
  RatingLines lines = read_lines(path, options);
  Pairs pairs;
  pairs.known_users = users.size();
  pairs.known_items = items.size();
  pairs.users = numbers_in(users, lines.users, lines.user, pairs.unknown_users);
  pairs.items = numbers_in(items, lines.items, lines.item, pairs.unknown_items);
  if (!options.pairs_only) pairs.values = std::move(lines.value);
  if (options.keep_times && lines.all_have_times) pairs.times = std::move(lines.time);
  pairs.situation = std::move(lines.situation);
  pairs.situations = std::move(lines.situations);
  if (columns.empty()) return pairs;
  if (pairs.situation.empty()) {
    // A file without a column of a context: one situation, which lacks every level.
    pairs.situations = {};
    pairs.situation.assign(pairs.size(), pairs.situations.number({}));
  }
  pairs.situations = situations_in(pairs.situations, columns, pairs.situation);
  return pairs;
}

}  // namespace lowrank
