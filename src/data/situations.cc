#include "lowrank/data/situations.h"

#include <algorithm>
#include <utility>

namespace lowrank {

namespace {

using Levels = std::vector<std::uint16_t>;

/// The situations of `numbers`, with the levels of each column replaced. \param levels  the new level of each level, by column
Situations replaced(const Situations& all, std::vector<ContextColumn> columns, std::span<const std::size_t> sources,
                    std::span<const Levels> levels, std::span<std::uint32_t> numbers) {
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  Situations result;
  result.columns = std::move(columns);
  std::vector<std::uint32_t> renamed(all.size(), kNone);
  Levels own(result.columns.size());
  for (std::uint32_t& number : numbers) {
    if (renamed[number] == kNone) {
      const std::span<const std::uint16_t> old = all.levels(number);
      for (std::size_t column = 0; column < own.size(); ++column) {
        const std::size_t source = sources[column];
        const bool missing = source == all.columns.size() || old[source] == Situations::kMissing;
        own[column] = missing ? Situations::kMissing : levels[column][old[source]];
      }
      renamed[number] = result.number(own);
    }
    number = renamed[number];
  }
  return result;
}

/// Numbers the levels of a column that occur, and adds them to `to`.
Levels number_levels(const Situations& all, std::size_t column, std::span<const std::uint32_t> numbers, Vocabulary& to) {
  const Vocabulary& from = all.columns[column].levels;
  Levels renamed(from.size(), Situations::kMissing);
  std::vector<std::uint16_t> order;
  for (const std::uint32_t number : numbers) {
    const std::uint16_t level = all.levels(number)[column];
    if (level == Situations::kMissing || renamed[level] != Situations::kMissing) continue;
    renamed[level] = 0;
    order.push_back(level);
  }
  // Those of a period are in the order of the calendar already.
  if (all.columns[column].period != Period::none) std::ranges::sort(order);
  for (const std::uint16_t level : order) renamed[level] = static_cast<std::uint16_t>(to.add(from.id(level)));
  return renamed;
}

}  // namespace

std::uint32_t Situations::number(std::span<const std::uint16_t> levels) {
  std::string key;
  key.reserve(2 * levels.size());
  for (const std::uint16_t level : levels) {
    key += static_cast<char>(level & 0xFFU);
    key += static_cast<char>(level >> 8U);
  }
  const auto [place, is_new] = numbers_.try_emplace(std::move(key), static_cast<std::uint32_t>(numbers_.size()));
  if (is_new) levels_.insert(levels_.end(), levels.begin(), levels.end());
  return place->second;
}

Situations own_situations(const Situations& all, std::span<std::uint32_t> numbers) {
  std::vector<ContextColumn> columns;
  std::vector<std::size_t> sources;
  std::vector<Levels> levels;
  for (std::size_t column = 0; column < all.columns.size(); ++column) {
    ContextColumn& own = columns.emplace_back(ContextColumn{all.columns[column].name, all.columns[column].period, {}});
    sources.push_back(column);
    levels.push_back(number_levels(all, column, numbers, own.levels));
  }
  return replaced(all, std::move(columns), sources, levels, numbers);
}

std::vector<UnknownLevels> unknown_levels(const Situations& all, std::span<const std::uint32_t> numbers,
                                          const std::function<const Vocabulary*(const std::string& name)>& known) {
  std::vector<std::size_t> counts(all.size());
  for (const std::uint32_t number : numbers) ++counts[number];
  std::vector<UnknownLevels> unknown;
  for (std::size_t column = 0; column < all.columns.size(); ++column) {
    const ContextColumn& own = all.columns[column];
    const Vocabulary* const levels = own.period == Period::none ? known(own.name) : nullptr;
    if (levels == nullptr) continue;
    std::vector<bool> is_known;
    for (std::uint32_t level = 0; level < own.levels.size(); ++level) {
      is_known.push_back(levels->find(own.levels.id(level)) != Vocabulary::kUnknown);
    }
    std::size_t ratings = 0;
    for (std::uint32_t situation = 0; situation < all.size(); ++situation) {
      const std::uint16_t level = all.levels(situation)[column];
      if (level != Situations::kMissing && !is_known[level]) ratings += counts[situation];
    }
    if (ratings > 0) unknown.push_back({own.name, ratings});
  }
  return unknown;
}

std::string description(std::span<const UnknownLevels> unknown, std::size_t count, std::string_view what) {
  if (unknown.empty()) return {};
  std::string text;
  for (const auto& [column, ratings] : unknown) {
    const std::string number = std::to_string(ratings);
    if (text.empty()) {
      text = number + " of " + std::to_string(count) + " ";
      text.append(what).append(ratings == 1 ? " has" : " have").append(" a level of ").append(column);
    } else {
      text.append(", ").append(number).append(" of ").append(column);
    }
  }
  return text + (unknown.size() > 1 ? "," : "") + " that the model has not met; they are taken as without one";
}

Situations situations_in(const Situations& all, std::span<const ContextColumn> columns, std::span<std::uint32_t> numbers) {
  std::vector<std::size_t> sources;
  std::vector<Levels> levels;
  for (const ContextColumn& column : columns) {
    const auto found = std::ranges::find(all.columns, column.name, &ContextColumn::name);
    sources.push_back(static_cast<std::size_t>(found - all.columns.begin()));
    Levels& renamed = levels.emplace_back();
    if (found == all.columns.end()) continue;
    for (std::uint32_t level = 0; level < found->levels.size(); ++level) {
      const std::uint32_t known = column.levels.find(found->levels.id(level));
      renamed.push_back(known == Vocabulary::kUnknown ? Situations::kMissing : static_cast<std::uint16_t>(known));
    }
  }
  return replaced(all, {columns.begin(), columns.end()}, sources, levels, numbers);
}

}  // namespace lowrank
