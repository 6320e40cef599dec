#include "model/history_edit.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace lowrank {

namespace {

constexpr std::size_t kMostCodes = 256;

}  // namespace

HistoryWriter::HistoryWriter(const History& before, bool keeps_values)
    : before_(before), keeps_values_(keeps_values), coded_(!before.has_values() || !before.codes().empty()) {
  after_.offsets_.reserve(before.offsets_.size() + 1);
  after_.offsets_.assign(1, 0);
  after_.bytes_.reserve(before.bytes_.size() + 64);
  if (!keeps_values) return;
  (coded_ ? after_.codes_.reserve(before.codes_.size() + 64) : after_.values_.reserve(before.values_.size() + 64));
  if (!coded_) return;
  if (before.has_values()) {
    table_ = before.values_;
  } else {
    table_.assign(1, 1.0F);
  }
  for (std::size_t code = 0; code < table_.size(); ++code) codes_of_.emplace(table_[code], static_cast<std::uint8_t>(code));
}

void HistoryWriter::copy(std::uint32_t begin, std::uint32_t end) {
  end = std::min(end, before_.user_count());
  if (begin >= end) return;
  const std::uint64_t first = before_.offsets_[begin];
  const std::uint64_t last = before_.offsets_[end];
  const std::uint64_t shift = after_.bytes_.size() - first;
  const auto at = [](const auto& vector, std::uint64_t position) { return vector.begin() + static_cast<std::ptrdiff_t>(position); };
  after_.bytes_.insert(after_.bytes_.end(), at(before_.bytes_, first), at(before_.bytes_, last));
  for (std::uint32_t user = begin; user < end; ++user) after_.offsets_.push_back(before_.offsets_[user + 1] + shift);
  if (!keeps_values_) return;
  if (!before_.has_values()) {
    const auto items = static_cast<std::size_t>(
        std::count_if(at(before_.bytes_, first), at(before_.bytes_, last), [](std::uint8_t byte) { return byte < 128; }));
    if (coded_) {
      after_.codes_.insert(after_.codes_.end(), items, 0);
    } else {
      after_.values_.insert(after_.values_.end(), items, 1.0F);
    }
    return;
  }
  const std::uint64_t from = before_.starts_[begin];
  const std::uint64_t to = before_.starts_[end];
  if (coded_) {
    after_.codes_.insert(after_.codes_.end(), at(before_.codes_, from), at(before_.codes_, to));
  } else if (before_.codes_.empty()) {
    after_.values_.insert(after_.values_.end(), at(before_.values_, from), at(before_.values_, to));
  } else {
    for (std::uint64_t position = from; position < to; ++position) after_.values_.push_back(before_.values_[before_.codes_[position]]);
  }
}

void HistoryWriter::write(std::span<const std::uint32_t> items, std::span<const float> values) {
  std::uint32_t next_possible = 0;
  for (const std::uint32_t item : items) {
    std::array<std::uint8_t, 8> code{};
    std::uint8_t* end = encode(gap(item, next_possible), code.data());
    after_.bytes_.insert(after_.bytes_.end(), code.data(), end);
    next_possible = item + 1;
  }
  after_.offsets_.push_back(after_.bytes_.size());
  if (!keeps_values_) return;
  for (const float value : values) add_value(value);
}

void HistoryWriter::add_value(float value) {
  if (coded_) {
    const auto found = codes_of_.find(value);
    if (found != codes_of_.end()) {
      after_.codes_.push_back(found->second);
      return;
    }
    if (table_.size() < kMostCodes) {
      const auto code = static_cast<std::uint8_t>(table_.size());
      codes_of_.emplace(value, code);
      table_.push_back(value);
      after_.codes_.push_back(code);
      return;
    }
    spread();
  }
  after_.values_.push_back(value);
}

void HistoryWriter::spread() {
  coded_ = false;
  after_.values_.reserve(after_.codes_.capacity());
  for (const std::uint8_t code : after_.codes_) after_.values_.push_back(table_[code]);
  after_.codes_ = {};
}

History HistoryWriter::finish() {
  if (!keeps_values_) return std::move(after_);
  if (coded_) {
    std::array<std::uint8_t, kMostCodes> used{};
    for (const std::uint8_t code : after_.codes_) used[code] = 1;
    std::array<std::uint8_t, kMostCodes> recoded{};
    bool moves = false;
    for (const auto& [value, code] : codes_of_) {  // ascending by value
      if (used[code] == 0) continue;
      recoded[code] = static_cast<std::uint8_t>(after_.values_.size());
      moves = moves || recoded[code] != code;
      after_.values_.push_back(value);
    }
    if (moves) std::ranges::transform(after_.codes_, after_.codes_.begin(), [&](std::uint8_t code) { return recoded[code]; });
  }
  if (!after_.values_.empty()) after_.count_items();
  return std::move(after_);
}

Ratings ratings_of(const History& history, std::uint32_t user_count, std::uint32_t item_count) {
  RatingsBuilder builder;
  for_each_entry(history, 0, history.user_count(), [&](std::uint32_t user, std::uint32_t item, std::size_t position) {
    builder.add(user, item, value_at(history, position));
  });
  return builder.build(user_count, item_count);
}

}  // namespace lowrank
