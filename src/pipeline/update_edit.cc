#include "pipeline/update_edit.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "data/text.h"
#include "lowrank/base/error.h"
#include "model/context_scores.h"
#include "model/history_edit.h"

namespace lowrank {

namespace {

constexpr std::uint32_t kNone = Vocabulary::kUnknown;

/// Rows without those that are forgotten, and the numbers they move to.
RowMap map_without(std::uint32_t rows, std::span<const std::uint32_t> forgotten) {
  RowMap map;
  std::vector<std::uint8_t> gone(rows);
  for (const std::uint32_t row : forgotten) {
    if (row >= rows) throw DataError("a row to forget is not one of the model");
    gone[row] = 1;
  }
  map.from.reserve(rows);
  map.to.resize(rows, kNone);
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (gone[row] != 0) continue;
    map.to[row] = static_cast<std::uint32_t>(map.from.size());
    map.from.push_back(row);
  }
  map.forgotten = rows - map.from.size();
  map.forgets = map.forgotten != 0;
  return map;
}

/// Numbers the users or items of pairs after the update, adding those that are new.
class RowNumbers {
 public:
  /// \param before  ids of the model before \param ids  those after, to which new ones are added
  RowNumbers(const Vocabulary& before, Vocabulary& ids, RowMap& map) : before_(before), ids_(ids), map_(map) {}

  [[nodiscard]] std::uint32_t known(std::uint32_t number) const { return number < map_.to.size() ? map_.to[number] : kNone; }
  /// \param unknown  ids of the pairs that the model does not have
  std::uint32_t add(std::uint32_t number, const Vocabulary& unknown) {
    if (const std::uint32_t there = known(number); there != kNone) return there;
    const bool returns = number < map_.to.size();
    const std::uint32_t after = ids_.add(returns ? before_.id(number) : unknown.id(number - static_cast<std::uint32_t>(map_.to.size())));
    if (after == map_.from.size()) map_.from.push_back(kNone);
    return after;
  }

 private:
  const Vocabulary& before_;
  Vocabulary& ids_;
  RowMap& map_;
};

/// The ids that are left.
Vocabulary ids_after(const Vocabulary& before, const RowMap& map) {
  Vocabulary ids;
  ids.set_kind(before.kind());
  for (const std::uint32_t row : map.from) ids.add(before.id(row));
  return ids;
}

/// One change of a rating, in the numbering after the update.
struct RatingChange {
  std::uint32_t user;
  std::uint32_t item;
  std::uint32_t order;  ///< 0 for a removal; of the new ratings from 1 on
  float value;
};

template <class T>
void rearrange(std::vector<T>& values, const RowMap& map, T fill) {
  if (!map.forgets) {
    values.resize(map.from.size(), fill);
    return;
  }
  std::vector<T> after(map.from.size(), fill);
  for (std::size_t row = 0; row < after.size(); ++row) {
    if (map.from[row] != kNone) after[row] = values[map.from[row]];
  }
  values = std::move(after);
}

void rearrange(FactorMatrix& rows, const RowMap& map) {
  if (!map.forgets && rows.rows() == map.from.size()) return;
  FactorMatrix after(map.from.size(), rows.rank());
  if (!map.forgets) {
    std::copy_n(rows.data(), rows.rows() * rows.stride(), after.data());
  } else {
    for (std::size_t row = 0; row < map.from.size(); ++row) {
      if (map.from[row] != kNone) std::ranges::copy(rows.row(map.from[row]), after.row(row).begin());
    }
  }
  rows = std::move(after);
}

/// The last row is that of rows which are not known; new rows are like it.
void rearrange(RowVariances& variances, RowMap map) {
  const auto last = static_cast<std::uint32_t>(map.to.size());
  std::ranges::replace(map.from, kNone, last);
  map.from.push_back(last);
  map.forgets = true;
  rearrange(variances.factors, map);
  rearrange(variances.biases, map, 0.0F);
  if (!variances.noise.empty()) rearrange(variances.noise, map, 1.0F);
}

Neighbours rearranged(const Neighbours& neighbours, const RowMap& map) {
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint32_t> items;
  std::vector<float> weights;
  items.reserve(neighbours.size());
  weights.reserve(neighbours.size());
  for (const std::uint32_t row : map.from) {
    if (row != kNone) {
      for (std::size_t n = 0; n < neighbours.items_of(row).size(); ++n) {
        const std::uint32_t item = map.to[neighbours.items_of(row)[n]];
        if (item == kNone) continue;
        items.push_back(item);
        weights.push_back(neighbours.weights_of(row)[n]);
      }
    }
    offsets.push_back(items.size());
  }
  return Neighbours(std::move(offsets), std::move(items), std::move(weights), neighbours.rule());
}

void rearrange(LevelBiases& biases, const RowMap& map) {
  if (biases.empty()) return;
  LevelBiases after;
  after.offsets.push_back(0);
  for (const std::uint32_t row : map.from) {
    if (row != kNone) {
      const auto begin = static_cast<std::ptrdiff_t>(biases.offsets[row]);
      const auto end = static_cast<std::ptrdiff_t>(biases.offsets[row + 1]);
      after.levels.insert(after.levels.end(), biases.levels.begin() + begin, biases.levels.begin() + end);
      after.values.insert(after.values.end(), biases.values.begin() + begin, biases.values.begin() + end);
    }
    after.offsets.push_back(after.levels.size());
  }
  biases = std::move(after);
}

/// Everything but ids and history.
void rearrange_side(Model& model, bool users, const RowMap& map) {
  if (!map.forgets && map.from.size() == map.to.size()) return;
  Side& side = users ? model.users : model.items;
  Side& other = users ? model.items : model.users;
  rearrange(side.factors, map);
  rearrange(side.biases, map, 0.0F);
  rearrange(side.counts, map, 0U);
  if (side.features) rearrange(side.features->rows, map, std::uint8_t{0});
  if (other.prior && other.prior->history.rows() != 0) rearrange(other.prior->history, map);
  if (model.uncertainty) rearrange(users ? model.uncertainty->users : model.uncertainty->items, map);
  if (!users && model.history_factors.rows() != 0) rearrange(model.history_factors, map);
  for (ContextVectors& context : model.contexts) rearrange(users ? context.user_biases : context.item_biases, map);
  if (model.neighbours && model.neighbours->of_users() == users) model.neighbours = rearranged(*model.neighbours, map);
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The value that is left of several of a pair, that of the model first. \param contexts  whether the new ones may be of several contexts
double combined(Duplicates rule, std::span<const double> values, bool had, bool contexts) {
  switch (rule) {
    case Duplicates::first:
      return values.front();
    case Duplicates::mean:
      return mean_of(values);
    case Duplicates::sum:
      return std::accumulate(values.begin(), values.end(), 0.0);
    case Duplicates::count:
      return had ? values.front() + static_cast<double>(values.size() - 1) : static_cast<double>(values.size());
    case Duplicates::last:
      // As the history of training has it.
      return contexts ? mean_of(values.subspan(had ? 1 : 0)) : values.back();
    case Duplicates::error:
      return values.back();
  }
  return values.back();
}

/// Writes the history anew, and notes what changes.
class HistoryChanger {
 public:
  HistoryChanger(Model& model, const History& before, const RowMap& users, const RowMap& items, const TakesRating& takes)
      : model_(model), before_(before), users_(users), items_(items), takes_(takes), contexts_(trained_in_contexts(model)) {
    change_.users.lost.resize(users.from.size());
    change_.items.lost.resize(items.from.size());
    change_.users.more.resize(users.from.size());
    change_.items.more.resize(items.from.size());
    touched_items_.resize(items.from.size());
  }

  History run(std::span<const RatingChange> changes, Duplicates rule, bool reads_values) {
    rule_ = rule;
    forget_users();
    const bool disliked = std::ranges::any_of(changes, [](const RatingChange& each) { return each.order != 0 && !(each.value > 0); });
    // Without values all that counts is whether they are above 0.
    alike_ = !reads_values && !before_.has_values();
    HistoryWriter writer(before_, before_.has_values() || reads_values || disliked);
    std::size_t next = 0;
    for (std::uint32_t user = 0; user < users_.from.size(); ++user) {
      const std::size_t first = next;
      while (next < changes.size() && changes[next].user == user) ++next;
      const std::uint32_t from = users_.from[user];
      if (from != kNone && first == next && !items_.forgets) {
        // Rows that follow one another are copied together.
        std::uint32_t end = user + 1;
        while (end < users_.from.size() && users_.from[end] == users_.from[end - 1] + 1 && users_.from[end] != kNone &&
               (next == changes.size() || changes[next].user != end)) {
          ++end;
        }
        writer.copy(from, from + (end - user));
        user = end - 1;
        continue;
      }
      change_row(user, from, changes.subspan(first, next - first), writer);
    }
    for (std::uint32_t item = 0; item < touched_items_.size(); ++item) {
      if (touched_items_[item] != 0) change_.items.rows.push_back(item);
    }
    return writer.finish();
  }

  HistoryChange& change() { return change_; }

 private:
  void lose(std::uint32_t item, float value) {
    touched_items_[item] = 1;
    change_.items.lost[item] = 1;
    ++change_.removed;
    if (!takes_(value)) return;
    --change_.items.more[item];
    --change_.more;
    change_.sum -= static_cast<double>(value);
  }

  void forget_users() {
    if (!users_.forgets) return;
    for (std::uint32_t user = 0; user < users_.to.size(); ++user) {
      if (users_.to[user] != kNone) continue;
      for_each_entry(before_, user, user + 1, [&](std::uint32_t, std::uint32_t item, std::size_t position) {
        if (items_.to[item] != kNone) {
          lose(items_.to[item], value_at(before_, position));
        } else {
          lose_gone(value_at(before_, position));
        }
      });
    }
  }

  void lose_gone(float value) {
    ++change_.removed;
    if (!takes_(value)) return;
    --change_.more;
    change_.sum -= static_cast<double>(value);
  }

  [[noreturn]] void fail(const RatingChange& change, const std::string& what) const {
    throw DataError("the rating of user " + quoted(model_.users.ids.id(change.user)) + " and item " +
                    quoted(model_.items.ids.id(change.item)) + " " + what);
  }

  void change_row(std::uint32_t user, std::uint32_t from, std::span<const RatingChange> changes, HistoryWriter& writer) {
    items_of_.clear();
    values_of_.clear();
    bool touched = false;
    if (from != kNone) {
      for_each_entry(before_, from, from + 1, [&](std::uint32_t, std::uint32_t item, std::size_t position) {
        const float value = value_at(before_, position);
        if (items_.to[item] == kNone) {
          lose_gone(value);
          change_.users.lost[user] = 1;
          change_.users.more[user] -= takes_(value) ? 1 : 0;
          touched = true;
          return;
        }
        items_of_.push_back(items_.to[item]);
        values_of_.push_back(value);
      });
    }
    std::vector<std::uint32_t> items;
    std::vector<float> values;
    std::size_t at = 0;
    const auto keep = [&] {
      items.push_back(items_of_[at]);
      values.push_back(values_of_[at++]);
    };
    for (std::size_t first = 0; first < changes.size();) {
      std::size_t last = first;
      while (last < changes.size() && changes[last].item == changes[first].item) ++last;
      const std::uint32_t item = changes[first].item;
      while (at < items_of_.size() && items_of_[at] < item) keep();
      const bool had = at < items_of_.size() && items_of_[at] == item;
      const float old = had ? values_of_[at] : 0.0F;
      at += had ? 1U : 0U;
      const std::optional<float> value = changed(user, had, old, changes.subspan(first, last - first), touched);
      if (value) {
        items.push_back(item);
        values.push_back(*value);
      }
      first = last;
    }
    while (at < items_of_.size()) keep();
    writer.write(items, values);
    if (touched) change_.users.rows.push_back(user);
  }

  /// What a pair is rated after its changes.
  std::optional<float> changed(std::uint32_t user, bool had, float old, std::span<const RatingChange> changes, bool& touched) {
    bool has = had;
    const RatingChange& first = changes.front();
    if (first.order == 0) {
      if (!had) fail(first, "cannot be removed: the model has none");
      lose(first.item, old);
      change_.users.lost[user] = 1;
      change_.users.more[user] -= takes_(old) ? 1 : 0;
      touched = true;
      has = false;
    }
    std::vector<double> values;
    if (has) values.push_back(static_cast<double>(old));
    for (const RatingChange& each : changes) {
      if (each.order != 0) values.push_back(static_cast<double>(each.value));
    }
    if (values.size() == (has ? 1U : 0U)) return has ? std::optional(old) : std::nullopt;
    if (rule_ == Duplicates::error && values.size() > 1) fail(changes.back(), has ? "is there already" : "is given twice");
    auto value = static_cast<float>(combined(rule_, values, has, contexts_));
    if (!std::isfinite(value)) fail(changes.back(), "is not finite as a float32");
    if (alike_ && value > 0) value = 1;
    if (has && value == old) return value;
    touched = true;
    touched_items_[first.item] = 1;
    ++(has ? change_.replaced : change_.added);
    const int more = (takes_(value) ? 1 : 0) - (has && takes_(old) ? 1 : 0);
    change_.users.more[user] += more;
    change_.items.more[first.item] += more;
    if (has && takes_(old)) {
      --change_.more;
      change_.sum -= static_cast<double>(old);
    }
    if (takes_(value)) {
      ++change_.more;
      change_.sum += static_cast<double>(value);
    }
    return value;
  }

  const Model& model_;
  const History& before_;
  const RowMap& users_;
  const RowMap& items_;
  const TakesRating& takes_;
  bool contexts_;
  Duplicates rule_ = Duplicates::last;
  bool alike_ = false;
  HistoryChange change_;
  std::vector<std::uint8_t> touched_items_;
  std::vector<std::uint32_t> items_of_;
  std::vector<float> values_of_;
};

}  // namespace

void check_pairs(const Pairs& pairs, const Model& model, const char* what) {
  if (pairs.size() == 0) return;
  const bool equal = pairs.items.size() == pairs.size() && (pairs.values.empty() || pairs.values.size() == pairs.size());
  if (!equal) throw DataError(std::string(what) + ": there are different numbers of users, items and values");
  const bool numbered = pairs.known_users == model.users.ids.size() && pairs.known_items == model.items.ids.size();
  const auto within = [](const std::vector<std::uint32_t>& numbers, std::size_t known, const Vocabulary& unknown) {
    return std::ranges::all_of(numbers, [&](std::uint32_t number) { return number < known + unknown.size(); });
  };
  if (!numbered || !within(pairs.users, pairs.known_users, pairs.unknown_users) ||
      !within(pairs.items, pairs.known_items, pairs.unknown_items)) {
    throw DataError(std::string(what) + ": the pairs are not numbered in the ids of the model");
  }
}

HistoryChange edit_model(Model& model, const UpdateInput& input, const History& history, bool reads_values, const TakesRating& takes) {
  RowMap users = map_without(model.users.ids.size(), input.forgotten_users);
  RowMap items = map_without(model.items.ids.size(), input.forgotten_items);
  Vocabulary users_before;
  Vocabulary items_before;
  const auto take_out = [](Vocabulary& ids, const RowMap& map, Vocabulary& before) {
    if (!map.forgets) return;
    Vocabulary after = ids_after(ids, map);
    before = std::exchange(ids, std::move(after));
  };
  take_out(model.users.ids, users, users_before);
  take_out(model.items.ids, items, items_before);
  RowNumbers user_numbers(users_before, model.users.ids, users);
  RowNumbers item_numbers(items_before, model.items.ids, items);

  std::vector<RatingChange> changes;
  changes.reserve(input.ratings.size() + input.removed.size());
  for (std::size_t n = 0; n < input.removed.size(); ++n) {
    const std::uint32_t user = user_numbers.known(input.removed.users[n]);
    const std::uint32_t item = item_numbers.known(input.removed.items[n]);
    if (user == kNone || item == kNone) {
      const Vocabulary& known_users = users.forgets ? users_before : model.users.ids;
      const Vocabulary& known_items = items.forgets ? items_before : model.items.ids;
      throw DataError("the rating of user " + quoted(input.removed.user_id(known_users, input.removed.users[n])) + " and item " +
                      quoted(input.removed.item_id(known_items, input.removed.items[n])) + " cannot be removed: the model has none");
    }
    changes.push_back({.user = user, .item = item, .order = 0, .value = 0});
  }
  for (std::size_t n = 0; n < input.ratings.size(); ++n) {
    const float value = input.ratings.values.empty() ? 1.0F : input.ratings.values[n];
    if (!std::isfinite(value)) throw DataError("a new rating is not a finite number");
    changes.push_back({.user = user_numbers.add(input.ratings.users[n], input.ratings.unknown_users),
                       .item = item_numbers.add(input.ratings.items[n], input.ratings.unknown_items),
                       .order = static_cast<std::uint32_t>(n + 1),
                       .value = value});
  }
  std::ranges::sort(changes, [](const RatingChange& a, const RatingChange& b) {
    return std::tuple(a.user, a.item, a.order) < std::tuple(b.user, b.item, b.order);
  });

  // Ids of two kinds are texts.
  const auto join_kinds = [](Vocabulary& ids, const Vocabulary& given) {
    if (!given.empty() && given.kind() != ids.kind()) ids.set_kind(IdKind::text);
  };
  join_kinds(model.users.ids, input.ratings.unknown_users);
  join_kinds(model.items.ids, input.ratings.unknown_items);
  HistoryChanger changer(model, history, users, items, takes);
  History after = changer.run(changes, input.duplicates, reads_values);
  HistoryChange change = std::move(changer.change());
  rearrange_side(model, true, users);
  rearrange_side(model, false, items);
  model.history = std::move(after);
  for (auto* pair : {&change.users, &change.items}) {
    const Side& side = pair == &change.users ? model.users : model.items;
    pair->known.resize(side.size());
    for (std::uint32_t row = 0; row < side.size(); ++row) pair->known[row] = side.knows(row) ? 1 : 0;
  }
  change.new_users = static_cast<std::uint32_t>(users.fresh());
  change.new_items = static_cast<std::uint32_t>(items.fresh());
  change.forgotten_users = static_cast<std::uint32_t>(users.forgotten);
  change.forgotten_items = static_cast<std::uint32_t>(items.forgotten);
  return change;
}

}  // namespace lowrank
