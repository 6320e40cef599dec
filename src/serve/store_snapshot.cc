/// \file
/// All ratings of one moment, while writes go on. The table is read in pieces between commits, and what is committed in the meantime is
/// noted. At the end the notes are applied: the result is the state at the end. Applying a note that a piece has seen already changes
/// nothing, and rows are never given twice, so that it does not matter when which piece was read.

#include <algorithm>
#include <memory>
#include <numeric>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "serve/store_state.h"

namespace lowrank::serve {

namespace {

/// Ratings per piece: about 1 ms of reading.
constexpr std::int64_t kPiece = 2'000;

struct Row {
  std::int64_t user = 0;
  std::int64_t item = 0;
  float value = 0;
  std::int64_t time = 0;
};

struct Table {
  std::vector<Row> rows;  ///< ascending by user, then item
  std::vector<RowChange> changes;
  std::vector<std::pair<std::int64_t, std::string>> users;  ///< rows and ids
  std::vector<std::pair<std::int64_t, std::string>> items;
};

struct PairHash {
  std::size_t operator()(const std::pair<std::int64_t, std::int64_t>& pair) const noexcept {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15U;
    return static_cast<std::size_t>((static_cast<std::uint64_t>(pair.first) * kOdd ^ static_cast<std::uint64_t>(pair.second)) * kOdd >> 7U);
  }
};

void apply_changes(Table& table) {
  if (table.changes.empty()) return;
  std::unordered_map<std::pair<std::int64_t, std::int64_t>, RowChange, PairHash> last;
  std::unordered_set<std::int64_t> users;
  std::unordered_set<std::int64_t> items;
  for (const RowChange& change : table.changes) {
    if (change.kind == RowChange::Kind::erase_user) {
      users.insert(change.user);
    } else if (change.kind == RowChange::Kind::erase_item) {
      items.insert(change.item);
    } else {
      last[{change.user, change.item}] = change;
    }
  }
  std::erase_if(table.rows, [&](const Row& row) {
    return users.contains(row.user) || items.contains(row.item) || last.contains({row.user, row.item});
  });
  for (const auto& [pair, change] : last) {
    if (change.kind != RowChange::Kind::put || users.contains(pair.first) || items.contains(pair.second)) continue;
    table.rows.push_back({pair.first, pair.second, change.value, change.time});
  }
  std::ranges::sort(table.rows, [](const Row& a, const Row& b) { return a.user != b.user ? a.user < b.user : a.item < b.item; });
}

/// The order of names by their bytes. \return for each place among the rows its rank
std::vector<std::uint32_t> ranks(const std::vector<std::pair<std::int64_t, std::string>>& names) {
  std::vector<std::uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&names](std::uint32_t a, std::uint32_t b) { return names[a].second < names[b].second; });
  std::vector<std::uint32_t> rank(names.size());
  for (std::uint32_t place = 0; place < order.size(); ++place) rank[order[place]] = place;
  return rank;
}

std::uint32_t place_of(const std::vector<std::pair<std::int64_t, std::string>>& names, std::int64_t row) {
  return static_cast<std::uint32_t>(std::ranges::lower_bound(names, row, {}, &std::pair<std::int64_t, std::string>::first) - names.begin());
}

/// The ratings by the bytes of the ids, numbered as in a file of that order.
RatingLines in_order(Table table) {
  const std::vector<std::uint32_t> user_ranks = ranks(table.users);
  const std::vector<std::uint32_t> item_ranks = ranks(table.items);
  struct Ranked {
    std::uint32_t user = 0;
    std::uint32_t item = 0;
    float value = 0;
    std::int64_t time = 0;
  };
  std::vector<Ranked> ratings;
  ratings.reserve(table.rows.size());
  for (const Row& row : table.rows) {
    ratings.push_back({user_ranks[place_of(table.users, row.user)], item_ranks[place_of(table.items, row.item)], row.value, row.time});
  }
  table.rows = {};
  std::ranges::sort(ratings, [](const Ranked& a, const Ranked& b) { return a.user != b.user ? a.user < b.user : a.item < b.item; });
  const auto by_rank = [](const std::vector<std::uint32_t>& rank) {
    std::vector<std::uint32_t> places(rank.size());
    for (std::uint32_t place = 0; place < rank.size(); ++place) places[rank[place]] = place;
    return places;
  };
  const std::vector<std::uint32_t> users = by_rank(user_ranks);
  const std::vector<std::uint32_t> items = by_rank(item_ranks);
  RatingLines lines;
  lines.user.reserve(ratings.size());
  lines.item.reserve(ratings.size());
  lines.value.reserve(ratings.size());
  lines.time.reserve(ratings.size());
  std::vector<std::uint32_t> item_numbers(items.size(), Vocabulary::kUnknown);
  std::uint32_t last = Vocabulary::kUnknown;
  for (const Ranked& rating : ratings) {
    if (rating.user != last) lines.users.add(table.users[users[rating.user]].second);
    last = rating.user;
    std::uint32_t& number = item_numbers[rating.item];
    if (number == Vocabulary::kUnknown) number = lines.items.add(table.items[items[rating.item]].second);
    lines.user.push_back(lines.users.size() - 1);
    lines.item.push_back(number);
    lines.value.push_back(rating.value);
    lines.time.push_back(rating.time);
  }
  lines.all_have_times = !lines.time.empty();
  return lines;
}

}  // namespace

RatingLines Store::snapshot(std::uint64_t* written) {
  State& state = *state_;
  Table table;
  state.run([&state, &table] {
    state.logs.push_back(&table.changes);
    table.rows.reserve(static_cast<std::size_t>(state.changes->ratings()));
  });
  try {
    for (bool more = true; more;) {
      more = state.run([&state, &table] {
        const Row last = table.rows.empty() ? Row{.user = INT64_MIN, .item = INT64_MIN} : table.rows.back();
        Statement piece(*state.database,
                        "SELECT user, item, value, time FROM ratings WHERE (user, item) > (?, ?) ORDER BY user, item LIMIT ?");
        piece.bind(last.user, last.item, kPiece);
        std::int64_t count = 0;
        for (; piece.step(); ++count) {
          table.rows.push_back({piece.number(0), piece.number(1), static_cast<float>(piece.real(2)), piece.number(3)});
        }
        return count == kPiece;
      });
    }
    state.run([&state, &table, written] {
      table.users = state.changes->users().all();
      table.items = state.changes->items().all();
      if (written != nullptr) *written = state.changes->written();
      std::erase(state.logs, &table.changes);
    });
  } catch (...) {
    // The thread of the writer must not write to what is gone. If it has ended, it does not.
    try {
      state.run([&state, &table] { std::erase(state.logs, &table.changes); });
    } catch (const StoreError&) {
    }
    throw;
  }
  apply_changes(table);
  return in_order(std::move(table));
}

std::vector<ItemFacts> Store::item_facts() {
  State& state = *state_;
  std::vector<std::pair<std::int64_t, ItemFacts>> rows;
  for (bool more = true; more;) {
    more = state.run([&state, &rows] {
      const std::size_t before = rows.size();
      const std::int64_t last = rows.empty() ? INT64_MIN : rows.back().first;
      Statement piece(*state.database, "SELECT id, name, metadata FROM items WHERE id > ? ORDER BY id LIMIT ?");
      piece.bind(last, kPiece);
      while (piece.step()) {
        rows.emplace_back(piece.number(0),
                          ItemFacts{.id = std::string(piece.text(1)), .categories = {}, .metadata = piece.optional_text(2).value_or("")});
      }
      if (rows.size() == before) return false;
      Statement categories(*state.database, "SELECT item, category FROM item_categories WHERE item > ? AND item <= ? ORDER BY item");
      categories.bind(last, rows.back().first);
      std::size_t at = before;
      while (categories.step()) {
        while (rows[at].first != categories.number(0)) ++at;
        rows[at].second.categories.emplace_back(categories.text(1));
      }
      return true;
    });
  }
  // Items that were removed since they were read, be they there again or not.
  state.run(
      [&state, &rows] { std::erase_if(rows, [&](const auto& row) { return state.changes->items().row_of(row.second.id) != row.first; }); });
  std::vector<ItemFacts> facts;
  facts.reserve(rows.size());
  for (auto& [row, own] : rows) facts.push_back(std::move(own));
  std::ranges::sort(facts, {}, &ItemFacts::id);
  return facts;
}

}  // namespace lowrank::serve
