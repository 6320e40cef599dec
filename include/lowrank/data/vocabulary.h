#pragma once

/// \file
/// The ids of users or items, as the strings they are, and their dense numbers.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lowrank {

/// Distinct ids (strings) numbered 0, 1, 2 ... in order of first appearance; both ways. `7` and `007` are two ids.
///
/// Held as one array of characters, one of offsets and a flat hash table: 17 to 30 bytes an id beside its characters.
/// Reading is safe from many threads; adding is not.
class Vocabulary {
 public:
  /// The most ids one vocabulary holds; the number above it, `kUnknown`, means "not in the vocabulary".
  static constexpr std::uint32_t kMaxSize = 0xFFFFFFFEU;
  /// Never the number of an id.
  static constexpr std::uint32_t kUnknown = 0xFFFFFFFFU;

  Vocabulary() = default;
  /// A vocabulary of `ids` in their order. \throws DataError when one stands there twice or is no valid id (see check_id).
  explicit Vocabulary(std::span<const std::string_view> ids);

  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(offsets_.size() - 1); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// The id with number `index` < size(). Valid until the next add. O(1).
  [[nodiscard]] std::string_view id(std::uint32_t index) const noexcept {
    return {characters_.data() + offsets_[index], offsets_[index + 1] - offsets_[index]};
  }

  /// The number of `id`, or kUnknown. Expected O(1).
  [[nodiscard]] std::uint32_t find(std::string_view id) const noexcept;

  /// The number of `id`, which is added if it is new. Expected O(1) amortised.
  /// \throws DataError when there is no number left for it
  std::uint32_t add(std::string_view id);

  /// A hash of an id, for find and add: who looks one id up in several vocabularies computes it once.
  [[nodiscard]] static std::uint64_t hash(std::string_view id) noexcept;
  /// As find(id), with `hash` = hash(id).
  [[nodiscard]] std::uint32_t find(std::string_view id, std::uint64_t hash) const noexcept;
  /// One of many ids to be looked up together.
  struct Query {
    std::string_view id;
    std::uint64_t hash = 0;           ///< hash(id)
    std::uint32_t number = kUnknown;  ///< the answer
  };
  /// Answers up to a few dozen queries at once, several times as fast as one by one where the vocabulary is too large for a cache: what one
  /// needs from memory comes while the others are looked at.
  void find(std::span<Query> queries) const noexcept;
  /// As add(id), with `hash` = hash(id).
  std::uint32_t add(std::string_view id, std::uint64_t hash);

  /// Takes all ids out and keeps the memory for the next ones.
  void clear() noexcept;

  /// Gives back memory held for growth.
  void shrink_to_fit();

  /// The characters of all ids one after another, and the size() + 1 offsets at which they start and end: what a model file holds.
  [[nodiscard]] std::string_view characters() const noexcept { return {characters_.data(), characters_.size()}; }
  [[nodiscard]] std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }

  /// Equal when the same ids have the same numbers.
  friend bool operator==(const Vocabulary& a, const Vocabulary& b) { return a.offsets_ == b.offsets_ && a.characters_ == b.characters_; }

 private:
  void rebuild_table(std::size_t slots);
  [[nodiscard]] bool is_at(std::string_view id, std::uint32_t index) const noexcept;

  std::vector<char> characters_;
  std::vector<std::uint64_t> offsets_{0};
  std::vector<std::uint64_t> table_;  ///< open addressing, a power of two of slots: upper half of the hash, then the number; ~0 = free
};

/// Why `id` cannot be an id (`an empty id`, `a control character in an id`, `an id that is not valid UTF-8`), or nothing when it can.
std::optional<std::string_view> id_problem(std::string_view id) noexcept;

}  // namespace lowrank
