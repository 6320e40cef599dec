#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/data/page_array.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank {

/// Small ids are decimal integers below this number, without sign or leading zero. They are looked up in an array.
inline constexpr std::uint32_t kSmallIds = std::uint32_t{1} << 22U;

/// The value of a small id; nothing if `id` is not small.
inline std::optional<std::uint32_t> small_id(std::string_view id) noexcept {
  if (id.empty() || id.size() > 7 || (id[0] == '0' && id.size() > 1)) return std::nullopt;
  std::uint32_t number = 0;
  for (const char c : id) {
    const auto digit = static_cast<unsigned char>(c - '0');
    if (digit > 9) return std::nullopt;
    number = number * 10 + digit;
  }
  return number < kSmallIds ? std::optional(number) : std::nullopt;
}

/// The ids of one side of a file: first those of a given vocabulary, then those that the file adds. Looking up is safe from several threads
/// while no thread adds.
class IdTable {
 public:
  /// \param known  null for none; must outlive the table. \param max_ids  greatest number of ids, known ones included
  IdTable(const Vocabulary* known, std::uint32_t max_ids);

  [[nodiscard]] std::uint32_t size() const noexcept { return known_size_ + added_.size(); }
  /// The number of the small id `id` < kSmallIds, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t find_small(std::uint32_t id) const noexcept { return small_[id] - 1; }
  /// The number of `id`, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t find(std::string_view id, std::uint64_t hash) const noexcept {
    const std::uint32_t known = known_size_ == 0 ? Vocabulary::kUnknown : known_->find(id, hash);
    if (known != Vocabulary::kUnknown) return known;
    const std::uint32_t added = added_.find(id, hash);
    return added == Vocabulary::kUnknown ? added : known_size_ + added;
  }
  /// Looks up to a few dozen ids up; Vocabulary::kUnknown for those not found.
  void find(std::span<Vocabulary::Query> queries) const noexcept;
  /// The number of `id`, which is added if it is new; Vocabulary::kUnknown if the table is full.
  std::uint32_t add(std::string_view id);

  [[nodiscard]] std::string_view id(std::uint32_t index) const noexcept {
    return index < known_size_ ? known_->id(index) : added_.id(index - known_size_);
  }
  /// Moves out the ids that the file added.
  Vocabulary take_added();

 private:
  const Vocabulary* known_;
  std::uint32_t known_size_;
  std::uint32_t max_ids_;
  Vocabulary added_;
  PageArray<std::uint32_t> small_;  ///< number + 1, by small id; 0 = unknown
};

}  // namespace lowrank
