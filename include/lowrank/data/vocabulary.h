#pragma once

/// \file
/// The ids of users or items, which are strings, and their dense numbers.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace [[gnu::visibility("default")]] lowrank {

/// The form in which ids were given, before they became strings.
enum class IdKind : std::uint8_t {
  text,     ///< fields of a text file, where a number and a string look the same (default)
  integer,  ///< integers
  string,   ///< strings
};

/// Distinct ids (strings), numbered 0, 1, 2 ... in order of first appearance; maps both ways. `7` and `007` are two ids.
///
/// Stored as an array of characters, an array of offsets and a flat hash table: 17 to 30 bytes per id plus its characters. Reading is safe
/// from several threads at once; adding is not.
class Vocabulary {
 public:
  /// Greatest number of ids in a vocabulary. The number above it, `kUnknown`, means "not in the vocabulary".
  static constexpr std::uint32_t kMaxSize = 0xFFFFFFFEU;
  /// Returned instead of a number for an unknown id.
  static constexpr std::uint32_t kUnknown = 0xFFFFFFFFU;

  Vocabulary() = default;
  /// A vocabulary of `ids`, in the given order. \throws DataError if an id occurs twice or is not valid (see id_problem).
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
  /// \throws DataError if the vocabulary has kMaxSize ids already
  std::uint32_t add(std::string_view id);

  /// The hash of an id, for find and add. Compute it once to look an id up in several vocabularies.
  [[nodiscard]] static std::uint64_t hash(std::string_view id) noexcept;
  /// As find(id), with `hash` = hash(id).
  [[nodiscard]] std::uint32_t find(std::string_view id, std::uint64_t hash) const noexcept;
  /// One of several ids to look up together.
  struct Query {
    std::string_view id;
    std::uint64_t hash = 0;           ///< hash(id)
    std::uint32_t number = kUnknown;  ///< the answer
  };
  /// Answers several queries (up to a few dozen) at once. Several times faster than single lookups if the vocabulary does not fit in a
  /// cache, because the memory accesses of the queries overlap.
  void find(std::span<Query> queries) const noexcept;
  /// As add(id), with `hash` = hash(id).
  std::uint32_t add(std::string_view id, std::uint64_t hash);

  /// The form in which the ids were given. Finding an id does not depend on it.
  [[nodiscard]] IdKind kind() const noexcept { return kind_; }
  void set_kind(IdKind kind) noexcept { kind_ = kind; }

  /// Removes all ids and keeps the memory for new ones.
  void clear() noexcept;

  /// Releases memory that is reserved for growth.
  void shrink_to_fit();

  /// The characters of all ids one after another, and the size() + 1 offsets at which ids start and end, as a model file stores them.
  [[nodiscard]] std::string_view characters() const noexcept { return {characters_.data(), characters_.size()}; }
  [[nodiscard]] std::span<const std::uint64_t> offsets() const noexcept { return offsets_; }

  /// Equal if the same ids have the same numbers.
  friend bool operator==(const Vocabulary& a, const Vocabulary& b) {
    return a.kind_ == b.kind_ && a.offsets_ == b.offsets_ && a.characters_ == b.characters_;
  }

 private:
  void rebuild_table(std::size_t slots);
  [[nodiscard]] bool is_at(std::string_view id, std::uint32_t index) const noexcept;

  IdKind kind_ = IdKind::text;
  std::vector<char> characters_;
  std::vector<std::uint64_t> offsets_{0};
  std::vector<std::uint64_t> table_;  ///< open addressing, 2^n slots of 32 upper bits of the hash and 32 bits of the number; ~0 = free
};

/// Why `id` cannot be an id (`an empty id`, `a control character in an id`, `an id that is not valid UTF-8`), or nothing if it can.
std::optional<std::string_view> id_problem(std::string_view id) noexcept;

}  // namespace lowrank
