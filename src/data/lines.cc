#include "lowrank/data/lines.h"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "data/context_columns.h"
#include "data/input.h"
#include "data/lines_in_context.h"
#include "data/text.h"
#include "data/times.h"
#include "lowrank/base/error.h"

namespace lowrank {

RatingLines read_lines(const std::string& path, const ReadOptions& read) {
  RatingLines lines;
  append_lines(path, read, lines);
  return lines;
}

void append_lines(const std::string& path, const ReadOptions& read, RatingLines& lines) {
  append_numbered_lines(path, read, lines, nullptr);
}

namespace {

/// The columns of `lines.situations` that come from files. Those of periods are added anew, since a later file may tell other units.
void drop_periods(RatingLines& lines) {
  std::vector<ContextColumn> columns = lines.situations.columns;
  if (std::erase_if(columns, [](const ContextColumn& column) { return column.period != Period::none; }) == 0) return;
  if (columns.empty()) {
    lines.situations = {};
    lines.situation.clear();
    return;
  }
  lines.situations = situations_in(lines.situations, columns, lines.situation);
}

/// Gives the lines the columns of contexts that a file has. \throws DataError where an earlier file had others
void take_columns(const std::vector<std::string>& names, const std::string& file, RatingLines& lines) {
  if (lines.size() == 0) {
    lines.situations = {};
    for (const std::string& name : names) lines.situations.columns.push_back({name, Period::none, {}});
  }
  if (!std::ranges::equal(lines.situations.columns, names, {}, &ContextColumn::name)) {
    throw DataError(file + ": has other contexts than the file before it");
  }
}

}  // namespace

void append_numbered_lines(const std::string& path, const ReadOptions& options, RatingLines& lines, std::vector<std::size_t>* numbers) {
  ReadOptions read = options;
  const bool derives = !read.time_contexts.empty();
  read.keep_times = read.keep_times || derives;
  const bool weighted = read.columns.weight_stated;
  if (weighted && read.keep_times) throw OptionError("columns", "a weight is not read together with times");
  lines.all_have_times = lines.all_have_times || lines.size() == 0;
  drop_periods(lines);
  bool started = false;
  SituationNumbers situations(lines.situations);
  const auto consume = [&](const RatingLine& line, std::size_t number, const std::vector<std::string>& contexts) {
    if (!started) take_columns(contexts, input_name(path), lines);
    started = true;
    lines.user.push_back(lines.users.add(line.user));
    lines.item.push_back(lines.items.add(line.item));
    lines.value.push_back(line.value);
    if (weighted) lines.weight.push_back(line.weight);
    if (line.time && lines.time.empty()) lines.time.resize(lines.value.size() - 1, RatingLines::kNoTime);
    if (line.time || !lines.time.empty()) lines.time.push_back(line.time.value_or(RatingLines::kNoTime));
    lines.all_have_times = lines.all_have_times && line.time.has_value();
    lines.dates = lines.dates || line.date;
    if (!contexts.empty()) lines.situation.push_back(situations.number(line.contexts, input_name(path), number));
    if (numbers != nullptr) numbers->push_back(number);
  };
  for_each_line_in_context(path, read, consume);
  if (!derives) return;
  const bool none = lines.time.empty();
  if (none) lines.time.assign(lines.size(), RatingLines::kNoTime);
  try {
    add_periods(read.time_contexts, lines.time, lines.situations, lines.situation);
  } catch (const DataError& error) {
    throw DataError(input_name(path) + ": " + error.what());
  }
  if (none) lines.time.clear();
}

namespace {

/// The item and situation of each line as one number: lines that differ in either are no repeats.
struct Cells {
  std::vector<std::uint32_t> of_lines;
  std::uint32_t count = 0;

  explicit Cells(const RatingLines& lines) : of_lines(lines.item), count(lines.items.size()) {
    if (lines.situation.empty()) return;
    std::unordered_map<std::uint64_t, std::uint32_t> numbers;
    for (std::size_t n = 0; n < lines.size(); ++n) {
      const std::uint64_t cell = std::uint64_t{lines.item[n]} << 32U | lines.situation[n];
      of_lines[n] = numbers.try_emplace(cell, static_cast<std::uint32_t>(numbers.size())).first->second;
    }
    count = static_cast<std::uint32_t>(numbers.size());
  }
};

}  // namespace

std::size_t merge_repeats(RatingLines& lines, Duplicates rule, int threads) {
  RatingsBuilder builder;
  if (!lines.all_have_times) lines.time.clear();
  const Cells cells(lines);
  for (std::size_t n = 0; n < lines.size(); ++n) {
    if (!lines.weight.empty()) {
      builder.add_weighted(lines.user[n], cells.of_lines[n], lines.value[n], lines.weight[n]);
    } else if (lines.time.empty()) {
      builder.add(lines.user[n], cells.of_lines[n], lines.value[n]);
    } else {
      builder.add(lines.user[n], cells.of_lines[n], lines.value[n], lines.time[n]);
    }
  }
  const bool refuses = rule == Duplicates::error;
  std::size_t removed = 0;
  const Ratings merged = builder.build(lines.users.size(), cells.count, refuses ? Duplicates::last : rule, &removed, threads);
  std::vector<bool> taken(merged.size(), false);
  std::size_t kept = 0;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const std::span<const std::uint32_t> items = merged.items_of(lines.user[n]);
    const std::size_t position =
        merged.row_offsets()[lines.user[n]] + static_cast<std::size_t>(std::ranges::lower_bound(items, cells.of_lines[n]) - items.begin());
    if (taken[position]) {
      if (!refuses) continue;
      throw DataError("user " + quoted(lines.users.id(lines.user[n])) + " rated item " + quoted(lines.items.id(lines.item[n])) +
                      " more than once" + (lines.situation.empty() ? "" : " in the same context") + " (see " + mention("duplicates") + ")");
    }
    taken[position] = true;
    lines.user[kept] = lines.user[n];
    lines.item[kept] = lines.item[n];
    if (!lines.situation.empty()) lines.situation[kept] = lines.situation[n];
    lines.value[kept] = merged.value(position);
    if (!lines.weight.empty()) lines.weight[kept] = merged.weights()[position];
    if (!lines.time.empty()) lines.time[kept] = merged.times()[position];
    ++kept;
  }
  lines.user.resize(kept);
  lines.item.resize(kept);
  lines.value.resize(kept);
  if (!lines.weight.empty()) lines.weight.resize(kept);
  if (!lines.situation.empty()) lines.situation.resize(kept);
  if (!lines.time.empty()) lines.time.resize(kept);
  return removed;
}

std::string time_text(std::int64_t time, bool dates) { return dates ? date_text(time) : shortest_text(time); }

}  // namespace lowrank
