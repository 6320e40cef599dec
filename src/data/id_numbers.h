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

/// Ids of a chunk that were not in the table when the chunk was parsed.
struct NewIds {
  Vocabulary ids;
  std::vector<std::uint32_t> lines;    ///< line of the first appearance of each id, counted from 0 in the chunk
  std::vector<std::uint32_t> numbers;  ///< final numbers, set when the chunks are merged
};

/// Numbers the ids of one side of a chunk, in one thread: known ids as in the table, new ids from the size of the table on.
class IdNumbers {
 public:
  explicit IdNumbers(const IdTable& table) : table_(table), small_(kSmallIds) {}

  /// Starts a chunk. Its new ids are added to `fresh`.
  void begin(NewIds& fresh);
  /// Ends the chunk.
  void end();

  /// The number of a small id, or Vocabulary::kUnknown if it has none yet.
  [[nodiscard]] std::uint32_t find_small(std::uint32_t id) const noexcept {
    const std::uint32_t number = table_.find_small(id);
    if (number != Vocabulary::kUnknown) return number;
    return small_[id] == 0 ? Vocabulary::kUnknown : known_ + small_[id] - 1;
  }
  /// Looks up to a few dozen ids up in the table; Vocabulary::kUnknown for those not found, which includes the new ids of this chunk.
  void find(std::span<Vocabulary::Query> queries) const noexcept { table_.find(queries); }
  /// The number of an id that this chunk added, or Vocabulary::kUnknown.
  [[nodiscard]] std::uint32_t find_fresh(const Vocabulary::Query& query) const noexcept {
    const std::uint32_t local = fresh_->ids.find(query.id, query.hash);
    return local == Vocabulary::kUnknown ? local : known_ + local;
  }
  /// The number of any id, or nothing if it is not valid; `problem` then says why. \param line  counted from 0 in the chunk
  std::optional<std::uint32_t> number(std::string_view id, std::size_t line, std::optional<std::string>& problem);

 private:
  const IdTable& table_;
  std::uint32_t known_ = 0;         ///< size of the table at the start of the chunk
  PageArray<std::uint32_t> small_;  ///< index among the new ids + 1, by small id; 0 = not new
  NewIds* fresh_ = nullptr;
};

}  // namespace lowrank
