#include "data/number_ids.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "data/bytes.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// A hash table is used if the range of the ids is more than this many times their count.
constexpr std::uint64_t kSpanPerId = 4;
constexpr std::uint64_t kSmallSpan = std::uint64_t{1} << 16U;

/// A hash table from id to number with open addressing, at most half full.
class HashTable {
 public:
  explicit HashTable(std::size_t ids) : slots_(std::bit_ceil(std::min<std::size_t>(ids, kFirstIds) * 2)) {}

  /// The number of `id`, to read or to set; kUnknown if the id is new.
  std::uint32_t& number(std::int64_t id, std::size_t distinct) {
    if (distinct * 2 >= slots_.size()) grow();
    return place(id).number;
  }

 private:
  static constexpr std::size_t kFirstIds = 1024;
  struct Slot {
    std::int64_t id = 0;
    std::uint32_t number = Vocabulary::kUnknown;
  };

  Slot& place(std::int64_t id) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash_integer(static_cast<std::uint64_t>(id)) & mask;
    while (slots_[at].number != Vocabulary::kUnknown && slots_[at].id != id) at = (at + 1) & mask;
    slots_[at].id = id;
    return slots_[at];
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number != Vocabulary::kUnknown) place(slot.id).number = slot.number;
    }
  }

  std::vector<Slot> slots_;
};

/// The ids may lie in memory that others change meanwhile: each is read once, and nothing relies on what was read before.
template <class Integer>
Integer read_once(const Integer& value) {
  return *static_cast<const volatile Integer*>(&value);
}

/// Numbers every id. `number_of(id, number of distinct ids so far)` refers to the number of the id.
template <class Integer, class NumberOf>
void number_all(std::span<const Integer> ids, NumberedIds& result, const NumberOf& number_of) {
  for (std::size_t at = 0; at < ids.size(); ++at) {
    const Integer id = read_once(ids[at]);
    std::uint32_t& number = number_of(id, result.ids.size());
    if (number == Vocabulary::kUnknown) {
      if (result.ids.size() == Vocabulary::kMaxSize) throw DataError("more than " + std::to_string(Vocabulary::kMaxSize) + " distinct ids");
      number = static_cast<std::uint32_t>(result.ids.size());
      result.ids.push_back(id);
    }
    result.numbers[at] = number;
  }
}

template <class Integer>
NumberedIds numbered(std::span<const Integer> ids) {
  NumberedIds result;
  if (ids.empty()) return result;
  result.numbers.resize(ids.size());
  const auto [least, most] = std::ranges::minmax(ids);
  const auto offset = [least = least](Integer id) { return static_cast<std::uint64_t>(id) - static_cast<std::uint64_t>(least); };
  const std::uint64_t span = offset(most);
  if (span < std::max(kSmallSpan, kSpanPerId * ids.size())) {
    std::vector<std::uint32_t> table(span + 1, Vocabulary::kUnknown);
    number_all(ids, result, [&](Integer id, std::size_t) -> std::uint32_t& {
      if (offset(id) > span) throw DataError("the ids changed while they were read");
      return table[offset(id)];
    });
  } else {
    HashTable table(ids.size());
    number_all(ids, result, [&](Integer id, std::size_t distinct) -> std::uint32_t& { return table.number(id, distinct); });
  }
  return result;
}

}  // namespace

NumberedIds number_ids(std::span<const std::int64_t> ids) { return numbered(ids); }
NumberedIds number_ids(std::span<const std::int32_t> ids) { return numbered(ids); }

Vocabulary vocabulary_of(std::span<const std::int64_t> ids) {
  Vocabulary vocabulary;
  std::array<char, 24> digits{};
  for (std::size_t at = 0; at < ids.size(); ++at) {
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), ids[at]).ptr;
    const std::string_view id(digits.data(), static_cast<std::size_t>(end - digits.data()));
    if (vocabulary.add(id) != at) throw DataError("the id \"" + std::string(id) + "\" is twice in a vocabulary");
  }
  vocabulary.shrink_to_fit();
  return vocabulary;
}

std::optional<std::vector<std::int64_t>> integers_of(const Vocabulary& ids) {
  std::vector<std::int64_t> integers(ids.size());
  for (std::uint32_t number = 0; number < ids.size(); ++number) {
    const std::string_view id = ids.id(number);
    const std::string_view digits = id.substr(id.starts_with('-') ? 1 : 0);
    if (digits.starts_with('0') && id != "0") return std::nullopt;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), integers[number]);
    if (error != std::errc{} || end != id.data() + id.size()) return std::nullopt;
  }
  return integers;
}

}  // namespace lowrank
