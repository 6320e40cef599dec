#include "lowrank/model/history.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/memory.h"
#include "base/parallel.h"
#include "lowrank/base/error.h"
#include "model/gap_code.h"

namespace lowrank {

namespace {

/// One rating of each pair: the mean of those in different situations.
Ratings without_situations(const Ratings& ratings, int threads) {
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      builder.add(user, ratings.items()[at], ratings.value(at));
    }
  }
  return builder.build(ratings.user_count(), ratings.item_count(), Duplicates::mean, nullptr, threads);
}

}  // namespace

History::History(const Ratings& ratings, HistoryValues values, int threads) : offsets_(std::size_t{ratings.user_count()} + 1) {
  if (ratings.has_situations()) {
    *this = History(without_situations(ratings, threads), values, threads);
    return;
  }
  constexpr std::size_t kUsers = 1024;
  Workers workers(threads);
  const auto for_each_gap = [&](std::size_t user, const auto& visit) {
    std::uint32_t next_possible = 0;
    for (const std::uint32_t item : ratings.items_of(static_cast<std::uint32_t>(user))) {
      visit(gap(item, next_possible));
      next_possible = item + 1;
    }
  };
  workers.for_ranges(ratings.user_count(), kUsers, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t user = begin; user < end; ++user) {
      std::uint64_t size = 0;
      for_each_gap(user, [&](std::uint32_t value) { size += code_length(value); });
      offsets_[user + 1] = size;
    }
  });
  std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
  bytes_.reserve(offsets_.back());
  prefer_large_pages(bytes_.data(), bytes_.capacity());
  bytes_.resize(offsets_.back());
  workers.for_ranges(ratings.user_count(), kUsers, [&](std::size_t begin, std::size_t end, int) {
    std::uint8_t* to = bytes_.data() + offsets_[begin];
    for (std::size_t user = begin; user < end; ++user) for_each_gap(user, [&](std::uint32_t value) { to = encode(value, to); });
  });
  const std::span<const float> numbers = ratings.coded() ? ratings.value_table() : ratings.values();
  const auto liked = [](float value) { return value > 0; };
  if (values == HistoryValues::dropped || (values == HistoryValues::if_disliked && std::ranges::all_of(numbers, liked))) return;
  codes_.assign(ratings.codes().begin(), ratings.codes().end());
  values_.assign(numbers.begin(), numbers.end());
  count_items();
}

History::History(std::vector<std::uint8_t> bytes, std::vector<std::uint64_t> offsets, std::uint32_t item_count,
                 std::vector<std::uint8_t> codes, std::vector<float> values)
    : bytes_(std::move(bytes)), offsets_(std::move(offsets)), codes_(std::move(codes)), values_(std::move(values)) {
  if (offsets_.empty() ? !bytes_.empty() : offsets_.front() != 0 || offsets_.back() != bytes_.size()) {
    throw DataError("seen items: the offsets do not span the bytes");
  }
  for (std::size_t user = 0; user + 1 < offsets_.size(); ++user) {
    if (offsets_[user] > offsets_[user + 1] || offsets_[user + 1] > bytes_.size()) throw DataError("seen items: the offsets do not ascend");
    check_code(bytes_.data() + offsets_[user], bytes_.data() + offsets_[user + 1], item_count, "seen items");
  }
  if (codes_.empty() && values_.empty()) return;
  count_items();
  const std::size_t kept = codes_.empty() ? values_.size() : codes_.size();
  if (offsets_.empty() || starts_.back() != kept) throw DataError("seen items: items and values differ in number");
  const auto in_table = [&](std::uint8_t code) { return code < values_.size(); };
  if (!std::all_of(codes_.begin(), codes_.end(), in_table)) throw DataError("seen items: a value is not in the table");
  if (!std::all_of(values_.begin(), values_.end(), [](float value) { return std::isfinite(value); })) {
    throw DataError("seen items: a value is not finite");
  }
}

void History::count_items() {
  starts_.assign(offsets_.size(), 0);
  for (std::size_t user = 0; user + 1 < offsets_.size(); ++user) {
    const auto* row = bytes_.data();
    // The last byte of each item's code has its high bit clear.
    const auto items = std::count_if(row + offsets_[user], row + offsets_[user + 1], [](std::uint8_t byte) { return byte < 128; });
    starts_[user + 1] = starts_[user] + static_cast<std::uint64_t>(items);
  }
}

std::vector<float> History::values_of(std::uint32_t user) const {
  std::vector<float> values;
  if (!has_values() || user >= user_count()) return values;
  for (std::uint64_t at = starts_[user]; at < starts_[user + 1]; ++at) values.push_back(codes_.empty() ? values_[at] : values_[codes_[at]]);
  return values;
}

void History::append_items_of(std::uint32_t user, std::vector<std::uint32_t>& items) const {
  if (user >= user_count()) return;
  append_decoded(bytes_.data() + offsets_[user], bytes_.data() + offsets_[user + 1], items);
}

std::vector<std::uint32_t> History::items_of(std::uint32_t user) const {
  std::vector<std::uint32_t> items;
  append_items_of(user, items);
  return items;
}

std::vector<std::uint32_t> History::liked_items_of(std::uint32_t user) const {
  std::vector<std::uint32_t> items = items_of(user);
  if (!has_values()) return items;
  const std::vector<float> values = values_of(user);
  std::size_t kept = 0;
  for (std::size_t n = 0; n < items.size(); ++n) {
    if (values[n] > 0) items[kept++] = items[n];
  }
  items.resize(kept);
  return items;
}

}  // namespace lowrank
