#include "lowrank/data/vocabulary.h"

#include <algorithm>
#include <bit>
#include <string>

#include "data/bytes.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::uint64_t kFree = ~std::uint64_t{0};
constexpr std::size_t kFirstSlots = 16;

/// The table is at most 7/8 full; up to there linear probing with tags takes few steps.
constexpr std::size_t slots_for(std::size_t ids) { return std::max(kFirstSlots, std::bit_ceil(ids + ids / 7 + 1)); }

}  // namespace

Vocabulary::Vocabulary(std::span<const std::string_view> ids) {
  std::size_t bytes = 0;
  for (const std::string_view id : ids) bytes += id.size();
  characters_.reserve(bytes);
  offsets_.reserve(ids.size() + 1);
  if (!ids.empty()) rebuild_table(slots_for(ids.size()));
  for (const std::string_view id : ids) {
    if (const auto problem = id_problem(id)) throw DataError("a vocabulary holds " + std::string(*problem));
    const std::uint32_t size_before = size();
    if (add(id) != size_before) throw DataError("the id " + quoted(id) + " is twice in a vocabulary");
  }
}

std::uint64_t Vocabulary::hash(std::string_view id) noexcept { return hash_bytes(id); }

std::uint32_t Vocabulary::find(std::string_view id) const noexcept { return find(id, hash_bytes(id)); }

std::uint32_t Vocabulary::find(std::string_view id, std::uint64_t hash) const noexcept {
  if (table_.empty()) return kUnknown;
  const std::size_t mask = table_.size() - 1;
  const std::uint64_t tag = hash >> 32U;
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const std::uint64_t entry = table_[slot];
    if (entry == kFree) return kUnknown;
    if (entry >> 32U != tag) continue;
    const auto index = static_cast<std::uint32_t>(entry);
    if (is_at(id, index)) return index;
  }
}

bool Vocabulary::is_at(std::string_view id, std::uint32_t index) const noexcept {
  const std::uint64_t begin = offsets_[index];
  return offsets_[index + 1] - begin == id.size() && equal_bytes(characters_.data() + begin, id.data(), id.size());
}

void Vocabulary::find(std::span<Query> queries) const noexcept {
  for (Query& query : queries) query.number = kUnknown;
  if (table_.empty()) return;
  const std::size_t mask = table_.size() - 1;
  for (const Query& query : queries) __builtin_prefetch(&table_[query.hash & mask]);
  for (Query& query : queries) {
    std::size_t slot = query.hash & mask;
    while (table_[slot] != kFree && table_[slot] >> 32U != query.hash >> 32U) slot = (slot + 1) & mask;
    query.number = static_cast<std::uint32_t>(table_[slot]);
    if (query.number != kUnknown) __builtin_prefetch(&offsets_[query.number]);
  }
  for (const Query& query : queries) {
    if (query.number != kUnknown) __builtin_prefetch(characters_.data() + offsets_[query.number]);
  }
  // Rarely, a tag belongs to another id. Then search again.
  for (Query& query : queries) {
    if (query.number != kUnknown && !is_at(query.id, query.number)) query.number = find(query.id, query.hash);
  }
}

std::uint32_t Vocabulary::add(std::string_view id) { return add(id, hash_bytes(id)); }

std::uint32_t Vocabulary::add(std::string_view id, std::uint64_t hash) {
  const std::uint32_t known = find(id, hash);
  if (known != kUnknown) return known;
  const std::uint32_t index = size();
  if (index == kMaxSize) throw DataError("more than " + std::to_string(kMaxSize) + " distinct ids");
  const std::size_t slots = slots_for(std::size_t{index} + 1);
  if (slots > table_.size()) rebuild_table(slots);
  characters_.insert(characters_.end(), id.begin(), id.end());
  offsets_.push_back(characters_.size());
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = hash & mask;
  while (table_[slot] != kFree) slot = (slot + 1) & mask;
  table_[slot] = (hash >> 32U) << 32U | index;
  return index;
}

void Vocabulary::rebuild_table(std::size_t slots) {
  table_.assign(slots, kFree);
  const std::size_t mask = slots - 1;
  for (std::uint32_t index = 0; index < size(); ++index) {
    const std::uint64_t hash = hash_bytes(id(index));
    std::size_t slot = hash & mask;
    while (table_[slot] != kFree) slot = (slot + 1) & mask;
    table_[slot] = (hash >> 32U) << 32U | index;
  }
}

void Vocabulary::clear() noexcept {
  characters_.clear();
  offsets_.resize(1);
  std::fill(table_.begin(), table_.end(), kFree);
}

void Vocabulary::shrink_to_fit() {
  characters_.shrink_to_fit();
  offsets_.shrink_to_fit();
}

std::optional<std::string_view> id_problem(std::string_view id) noexcept {
  if (id.empty()) return "an empty id";
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; };
  if (std::any_of(id.begin(), id.end(), is_control)) return "a control character in an id";
  if (!valid_utf8(id)) return "an id that is not valid UTF-8";
  return std::nullopt;
}

}  // namespace lowrank
