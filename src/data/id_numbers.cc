#include "data/id_numbers.h"

#include "data/bytes.h"
#include "data/line_check.h"

namespace lowrank {

void IdNumbers::begin(NewIds& fresh) {
  known_ = table_.size();
  fresh_ = &fresh;
  fresh.ids.clear();
  fresh.lines.clear();
}

void IdNumbers::end() {
  for (std::uint32_t index = 0; index < fresh_->ids.size(); ++index) {
    if (const auto small = small_id(fresh_->ids.id(index))) small_[*small] = 0;
  }
}

std::optional<std::uint32_t> IdNumbers::number(std::string_view id, std::size_t line, std::optional<std::string>& problem) {
  const auto small = small_id(id);
  const std::uint64_t hash = hash_bytes(id);
  std::uint32_t found = small ? table_.find_small(*small) : table_.find(id, hash);
  if (found != Vocabulary::kUnknown) return found;
  found = small ? small_[*small] - 1 : fresh_->ids.find(id, hash);
  if (found != Vocabulary::kUnknown) return known_ + found;
  if (!small) problem = check_id(id);
  if (problem) return std::nullopt;
  const std::uint32_t local = fresh_->ids.add(id, hash);
  fresh_->lines.push_back(static_cast<std::uint32_t>(line));
  if (small) small_[*small] = local + 1;
  return known_ + local;
}

}  // namespace lowrank
