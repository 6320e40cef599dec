#include "evaluate/common_pairs.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace lowrank {

namespace {

/// The numbers of the ids of `known` and then `unknown` in `ids`; those not in it count on from its size.
std::vector<std::uint32_t> numbers_in(const Vocabulary& ids, const Vocabulary& known, std::uint32_t known_size, const Vocabulary& unknown) {
  std::vector<std::uint32_t> numbers(known_size + unknown.size());
  std::uint32_t next = ids.size();
  for (std::uint32_t n = 0; n < numbers.size(); ++n) {
    const std::uint32_t found = ids.find(n < known_size ? known.id(n) : unknown.id(n - known_size));
    numbers[n] = found == Vocabulary::kUnknown ? next++ : found;
  }
  return numbers;
}

}  // namespace

void NumberedPairs::restore_users(UserFigures& figures) const {
  std::vector<std::uint32_t> common(pairs.users.empty() ? 0 : *std::ranges::max_element(pairs.users) + std::size_t{1});
  for (std::size_t n = 0; n < pairs.size(); ++n) common[pairs.users[n]] = common_users[n];
  for (std::uint32_t& user : figures.users) user = common[user];
  std::vector<std::size_t> order(figures.users.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, [&](std::size_t n) { return figures.users[n]; });
  const auto reorder = [&]<class T>(std::vector<T>& values) {
    std::vector<T> ordered(values.size());
    std::ranges::transform(order, ordered.begin(), [&](std::size_t n) { return values[n]; });
    values = std::move(ordered);
  };
  reorder(figures.weights);
  for (UserFigure& figure : figures.figures) reorder(figure.sums);
  reorder(figures.users);
}

CommonPairs::CommonPairs(std::span<const Model* const> models, const Pairs& test) : models_(models), test_(&test) {
  const Model& first = *models.front();
  for (const Model* model : models) {
    users_.push_back(numbers_in(model->users.ids, first.users.ids, test.known_users, test.unknown_users));
    items_.push_back(numbers_in(model->items.ids, first.items.ids, test.known_items, test.unknown_items));
  }
}

NumberedPairs CommonPairs::of(std::size_t model, const Pairs& pairs) const {
  NumberedPairs own;
  own.common_users = pairs.users;
  own.pairs.values = pairs.values;
  own.pairs.times = pairs.times;
  own.pairs.situation = pairs.situation;
  own.pairs.situations = pairs.situations;
  own.pairs.known_users = models_[model]->users.ids.size();
  own.pairs.known_items = models_[model]->items.ids.size();
  for (const std::uint32_t user : pairs.users) own.pairs.users.push_back(users_[model][user]);
  for (const std::uint32_t item : pairs.items) own.pairs.items.push_back(items_[model][item]);
  return own;
}

Pairs CommonPairs::unseen() const {
  std::vector<std::size_t> order(test_->size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::size_t n) { return test_->users[n]; });
  std::vector<bool> seen(test_->size(), false);
  std::vector<std::uint32_t> rated;
  for (std::size_t model = 0; model < models_.size(); ++model) {
    for (std::size_t n = 0; n < order.size(); ++n) {
      const std::uint32_t user = test_->users[order[n]];
      if (n == 0 || test_->users[order[n - 1]] != user) {
        rated.clear();
        models_[model]->history.append_items_of(users_[model][user], rated);
      }
      if (std::ranges::binary_search(rated, items_[model][test_->items[order[n]]])) seen[order[n]] = true;
    }
  }
  Pairs unseen;
  unseen.situations = test_->situations;
  for (std::size_t n = 0; n < test_->size(); ++n) {
    if (seen[n]) continue;
    unseen.users.push_back(test_->users[n]);
    unseen.items.push_back(test_->items[n]);
    if (!test_->values.empty()) unseen.values.push_back(test_->values[n]);
    if (!test_->times.empty()) unseen.times.push_back(test_->times[n]);
    if (!test_->situation.empty()) unseen.situation.push_back(test_->situation[n]);
  }
  return unseen;
}

History CommonPairs::seen_by(std::size_t model, const NumberedPairs& pairs) const {
  std::vector<std::uint32_t> users = pairs.common_users;
  std::ranges::sort(users);
  users.erase(std::unique(users.begin(), users.end()), users.end());
  const Model& own = *models_[model];
  RatingsBuilder builder;
  std::uint32_t user_count = own.users.ids.size();
  std::vector<std::uint32_t> rated;
  for (std::size_t other = 0; other < models_.size(); ++other) {
    const Vocabulary& ids = models_[other]->items.ids;
    std::vector<std::uint32_t> numbers(ids.size());
    for (std::uint32_t item = 0; item < ids.size(); ++item) numbers[item] = own.items.ids.find(ids.id(item));
    for (const std::uint32_t user : users) {
      const std::uint32_t number = users_[model][user];
      user_count = std::max(user_count, number + 1);
      rated.clear();
      models_[other]->history.append_items_of(users_[other][user], rated);
      for (const std::uint32_t item : rated) {
        if (numbers[item] != Vocabulary::kUnknown) builder.add(number, numbers[item], 1);
      }
    }
  }
  return History(builder.build(user_count, own.items.ids.size()));
}

}  // namespace lowrank
