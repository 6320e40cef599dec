#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/id_table.h"
#include "lowrank/data/page_array.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank {

/// Ids that a chunk holds and the table did not when the chunk was parsed.
struct NewIds {
  Vocabulary ids;
  std::vector<std::uint32_t> lines;    ///< where each stands first, from 0 in the chunk
  std::vector<std::uint32_t> numbers;  ///< given when the chunks are merged
};

/// Numbers the ids of one side of a chunk, in one thread: those that the table knows as there, those that are new from its size on.
class IdNumbers {
 public:
  explicit IdNumbers(const IdTable& table) : table_(table), small_(kSmallIds) {}

  /// Starts a chunk, whose new ids go to `fresh`.
  void begin(NewIds& fresh);
  /// Ends the chunk.
  void end();

  /// The number of a small id that has one, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t find_small(std::uint32_t id) const noexcept {
    const std::uint32_t number = table_.find_small(id);
    if (number != Vocabulary::kUnknown) return number;
    return small_[id] == 0 ? Vocabulary::kUnknown : known_ + small_[id] - 1;
  }
  /// The numbers of some dozens of ids, or Vocabulary::kUnknown. Ids that this chunk added are not among those found.
  void find(std::span<Vocabulary::Query> queries) const noexcept { table_.find(queries); }
  /// The number of an id that this chunk added, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t find_fresh(const Vocabulary::Query& query) const noexcept {
    const std::uint32_t local = fresh_->ids.find(query.id, query.hash);
    return local == Vocabulary::kUnknown ? local : known_ + local;
  }
  /// The number of any id, or nothing: then `problem` says what is wrong with it. \param line  from 0 in the chunk
  std::optional<std::uint32_t> number(std::string_view id, std::size_t line, std::optional<std::string>& problem);

 private:
  const IdTable& table_;
  std::uint32_t known_ = 0;         ///< size of the table
  PageArray<std::uint32_t> small_;  ///< number among the new ids + 1, by small id
  NewIds* fresh_ = nullptr;
};

}  // namespace lowrank
