#include "tune/fold_data.h"

#include <optional>
#include <vector>

namespace lowrank {

namespace {

/// The numbers of ids in a part, given those in all ratings.
class Renumbering {
 public:
  explicit Renumbering(const Vocabulary& all) : all_(all), numbers_(all.size(), Vocabulary::kUnknown) {}

  /// The number of id `number` in `known`, where it is added if it is new.
  std::uint32_t add(std::uint32_t number, Vocabulary& known) {
    if (numbers_[number] == Vocabulary::kUnknown) numbers_[number] = known.add(all_.id(number));
    return numbers_[number];
  }

  /// Takes the numbers of ids that were added to `known` from elsewhere.
  void take(const Vocabulary& known) {
    for (std::uint32_t number = 0; number < all_.size(); ++number) {
      if (numbers_[number] == Vocabulary::kUnknown) numbers_[number] = known.find(all_.id(number));
    }
  }

  /// The number of an id, of `known` ones or above them; a new one is added to `unknown`.
  std::uint32_t find(std::uint32_t number, std::uint32_t known, Vocabulary& unknown) {
    if (numbers_[number] == Vocabulary::kUnknown) numbers_[number] = known + unknown.add(all_.id(number));
    return numbers_[number];
  }

 private:
  const Vocabulary& all_;
  std::vector<std::uint32_t> numbers_;
};

}  // namespace

FoldData fold_data(const RatingLines& lines, const Folds& folds, std::uint32_t fold, Duplicates rule, int threads,
                   const std::function<void(Dataset&)>& learn) {
  FoldData data;
  data.train.users.set_kind(lines.users.kind());
  data.train.items.set_kind(lines.items.kind());
  Renumbering users(lines.users);
  Renumbering items(lines.items);
  const bool timed = lines.all_have_times && !lines.time.empty();
  const bool situated = !lines.situation.empty();
  std::vector<std::uint32_t> situations;
  for (std::size_t n = 0; situated && n < lines.size(); ++n) {
    if (folds.trains(n, fold)) situations.push_back(lines.situation[n]);
  }
  if (situated) data.train.situations = own_situations(lines.situations, situations);
  auto situation = situations.begin();
  RatingsBuilder builder;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    if (!folds.trains(n, fold)) continue;
    const std::uint32_t user = users.add(lines.user[n], data.train.users);
    const std::uint32_t item = items.add(lines.item[n], data.train.items);
    if (situated && !lines.weight.empty()) {
      builder.add_weighted_in_situation(user, item, lines.value[n], lines.weight[n], *situation++);
    } else if (situated) {
      builder.add_in_situation(user, item, lines.value[n], *situation++, timed ? std::optional(lines.time[n]) : std::nullopt);
    } else if (!lines.weight.empty()) {
      builder.add_weighted(user, item, lines.value[n], lines.weight[n]);
    } else if (timed) {
      builder.add(user, item, lines.value[n], lines.time[n]);
    } else {
      builder.add(user, item, lines.value[n]);
    }
  }
  data.train.ratings = builder.build(data.train.users.size(), data.train.items.size(), rule, &data.train.duplicates, threads);
  if (learn) {
    learn(data.train);
    users.take(data.train.users);
    items.take(data.train.items);
  }
  Pairs& test = data.test;
  test.known_users = data.train.users.size();
  test.known_items = data.train.items.size();
  for (std::size_t n = 0; n < lines.size(); ++n) {
    if (!folds.tests(n, fold)) continue;
    test.users.push_back(users.find(lines.user[n], test.known_users, test.unknown_users));
    test.items.push_back(items.find(lines.item[n], test.known_items, test.unknown_items));
    test.values.push_back(lines.value[n]);
    if (timed) test.times.push_back(lines.time[n]);
    if (situated) test.situation.push_back(lines.situation[n]);
    const std::uint32_t user = test.users.back();
    if (user >= data.users.size()) data.users.resize(user + std::size_t{1}, Vocabulary::kUnknown);
    data.users[user] = lines.user[n];
  }
  if (situated) test.situations = situations_in(lines.situations, data.train.situations.columns, test.situation);
  return data;
}

}  // namespace lowrank
