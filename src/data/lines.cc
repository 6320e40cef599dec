#include "lowrank/data/lines.h"

#include <algorithm>
#include <span>

#include "base/text.h"
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
  const bool weighted = read.columns.weight_stated;
  if (weighted && read.keep_times) throw OptionError("columns", "a weight is not read together with times");
  lines.all_have_times = lines.all_have_times || lines.size() == 0;
  for_each_rating(path, read, [&lines, weighted](const RatingLine& line) {
    lines.user.push_back(lines.users.add(line.user));
    lines.item.push_back(lines.items.add(line.item));
    lines.value.push_back(line.value);
    if (weighted) lines.weight.push_back(line.weight);
    if (line.time && lines.time.empty()) lines.time.resize(lines.value.size() - 1, RatingLines::kNoTime);
    if (line.time || !lines.time.empty()) lines.time.push_back(line.time.value_or(RatingLines::kNoTime));
    lines.all_have_times = lines.all_have_times && line.time.has_value();
    lines.dates = lines.dates || line.date;
  });
}

std::size_t merge_repeats(RatingLines& lines, Duplicates rule, int threads) {
  RatingsBuilder builder;
  if (!lines.all_have_times) lines.time.clear();
  for (std::size_t n = 0; n < lines.size(); ++n) {
    if (!lines.weight.empty()) {
      builder.add_weighted(lines.user[n], lines.item[n], lines.value[n], lines.weight[n]);
    } else if (lines.time.empty()) {
      builder.add(lines.user[n], lines.item[n], lines.value[n]);
    } else {
      builder.add(lines.user[n], lines.item[n], lines.value[n], lines.time[n]);
    }
  }
  const bool refuses = rule == Duplicates::error;
  std::size_t removed = 0;
  const Ratings merged = builder.build(lines.users.size(), lines.items.size(), refuses ? Duplicates::last : rule, &removed, threads);
  std::vector<bool> taken(merged.size(), false);
  std::size_t kept = 0;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const std::span<const std::uint32_t> items = merged.items_of(lines.user[n]);
    const std::size_t position =
        merged.row_offsets()[lines.user[n]] + static_cast<std::size_t>(std::ranges::lower_bound(items, lines.item[n]) - items.begin());
    if (taken[position]) {
      if (!refuses) continue;
      throw DataError("user " + quoted(lines.users.id(lines.user[n])) + " rated item " + quoted(lines.items.id(lines.item[n])) +
                      " more than once (see " + mention("duplicates") + ")");
    }
    taken[position] = true;
    lines.user[kept] = lines.user[n];
    lines.item[kept] = lines.item[n];
    lines.value[kept] = merged.value(position);
    if (!lines.weight.empty()) lines.weight[kept] = merged.weights()[position];
    if (!lines.time.empty()) lines.time[kept] = merged.times()[position];
    ++kept;
  }
  lines.user.resize(kept);
  lines.item.resize(kept);
  lines.value.resize(kept);
  if (!lines.weight.empty()) lines.weight.resize(kept);
  if (!lines.time.empty()) lines.time.resize(kept);
  return removed;
}

std::string time_text(std::int64_t time, bool dates) { return dates ? date_text(time) : shortest_text(time); }

}  // namespace lowrank
