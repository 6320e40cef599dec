#include "data/division.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <unordered_map>

#include "lowrank/base/error.h"

namespace lowrank {

ByUser::ByUser(std::span<const std::uint32_t> users) : positions(users.size()), offsets(1, 0) {
  for (const std::uint32_t user : users) {
    if (user + std::size_t{2} > offsets.size()) offsets.resize(user + std::size_t{2}, 0);
    ++offsets[user + std::size_t{1}];
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::vector<std::size_t> next(offsets.begin(), std::prev(offsets.end()));
  for (std::size_t position = 0; position < users.size(); ++position) positions[next[users[position]]++] = position;
}

void ByUser::order_by(std::span<const std::int64_t> times) {
  for (std::size_t user = 0; user < users(); ++user) {
    const std::span<std::size_t> own = of(user);
    std::sort(own.begin(), own.end(), [&](std::size_t a, std::size_t b) { return times[a] != times[b] ? times[a] < times[b] : a < b; });
  }
}

PairNumbers::PairNumbers(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items) {
  if (users.size() != items.size()) throw DataError("a split by pair needs the item of every rating");
  std::unordered_map<std::uint64_t, std::uint32_t> numbers;
  of_ratings.reserve(users.size());
  for (std::size_t position = 0; position < users.size(); ++position) {
    const std::uint64_t pair = std::uint64_t{users[position]} << 32U | items[position];
    of_ratings.push_back(numbers.try_emplace(pair, static_cast<std::uint32_t>(numbers.size())).first->second);
  }
  count = static_cast<std::uint32_t>(numbers.size());
}

std::optional<std::vector<std::size_t>> cuts_near(std::span<const std::int64_t> sorted, std::span<const std::size_t> targets) {
  std::vector<std::size_t> possible;
  for (std::size_t position = 1; position < sorted.size(); ++position) {
    if (sorted[position] != sorted[position - 1]) possible.push_back(position);
  }
  if (possible.size() < targets.size()) return std::nullopt;
  std::vector<std::size_t> cuts(targets.size());
  std::size_t end = possible.size();
  for (std::size_t index = targets.size(); index-- > 0;) {
    // Those in [index, end) leave a cut for each target before this one.
    const auto first = possible.begin() + static_cast<std::ptrdiff_t>(index);
    const auto last = possible.begin() + static_cast<std::ptrdiff_t>(end);
    auto nearest = std::lower_bound(first, last, targets[index]);
    if (nearest == last || (nearest != first && *nearest - targets[index] > targets[index] - *std::prev(nearest))) --nearest;
    cuts[index] = *nearest;
    end = static_cast<std::size_t>(nearest - possible.begin());
  }
  return cuts;
}

void check_times(SplitBy by, std::size_t ratings, std::size_t times) {
  if (!draws(by) && times != ratings) throw DataError("a split by " + std::string(name_of(by)) + " needs a timestamp for every rating");
}

std::vector<std::string> stated_options(const SplitOptions& options) {
  const SplitOptions defaults;
  std::vector<std::string> stated = options.stated;
  if (options.test != defaults.test) stated.emplace_back("test");
  if (options.validation != defaults.validation) stated.emplace_back("validation");
  if (options.seed != defaults.seed) stated.emplace_back("seed");
  if (options.last != defaults.last) stated.emplace_back("last");
  if (options.last_validation != defaults.last_validation) stated.emplace_back("last_validation");
  if (!options.at.empty()) stated.emplace_back("at");
  return stated;
}

void refuse_stated(std::span<const std::string> stated, const char* name, const std::string& problem) {
  if (std::ranges::find(stated, name) != stated.end()) throw OptionError(name, problem);
}

}  // namespace lowrank
