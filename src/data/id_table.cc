#include "data/id_table.h"

#include <utility>

namespace lowrank {

IdTable::IdTable(const Vocabulary* known, std::uint32_t max_ids)
    : known_(known), known_size_(known == nullptr ? 0 : known->size()), max_ids_(max_ids), small_(kSmallIds) {
  for (std::uint32_t index = 0; index < known_size_; ++index) {
    if (const auto small = small_id(known->id(index))) small_[*small] = index + 1;
  }
}

void IdTable::find(std::span<Vocabulary::Query> queries) const noexcept {
  if (known_size_ == 0) return added_.find(queries);
  known_->find(queries);
  for (Vocabulary::Query& query : queries) {
    if (query.number == Vocabulary::kUnknown) query.number = find(query.id, query.hash);
  }
}

std::uint32_t IdTable::add(std::string_view id) {
  const auto small = small_id(id);
  const std::uint64_t hash = Vocabulary::hash(id);
  std::uint32_t number = small ? find_small(*small) : find(id, hash);
  if (number != Vocabulary::kUnknown || size() >= max_ids_) return number;
  number = known_size_ + added_.add(id, hash);
  if (small) small_[*small] = number + 1;
  return number;
}

Vocabulary IdTable::take_added() {
  added_.shrink_to_fit();
  return std::exchange(added_, Vocabulary());
}

}  // namespace lowrank
