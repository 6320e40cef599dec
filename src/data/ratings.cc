#include "lowrank/data/ratings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "data/staging.h"
#include "data/value_table.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kPending = std::size_t{1} << 15U;

}  // namespace

struct RatingsBuilder::State {
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  std::vector<float> values;
  std::vector<std::int64_t> times;
  std::vector<std::uint32_t> situations;
  bool timed = true;     ///< whether every rating has a timestamp or a weight
  bool situated = true;  ///< whether every rating has a situation
  ValueTable table;
  ValueCache cache;
  std::vector<std::uint8_t> codes;
  Staging staging;
};

RatingsBuilder::RatingsBuilder() : state_(std::make_unique<State>()) {}
RatingsBuilder::~RatingsBuilder() = default;
RatingsBuilder::RatingsBuilder(RatingsBuilder&&) noexcept = default;
RatingsBuilder& RatingsBuilder::operator=(RatingsBuilder&&) noexcept = default;

void RatingsBuilder::add(std::uint32_t user, std::uint32_t item, float value) { add_all(user, item, value, nullptr, nullptr); }

void RatingsBuilder::add(std::uint32_t user, std::uint32_t item, float value, std::int64_t time) {
  add_all(user, item, value, &time, nullptr);
}

void RatingsBuilder::add_all(std::uint32_t user, std::uint32_t item, float value, const std::int64_t* time,
                             const std::uint32_t* situation) {
  State& state = *state_;
  state.users.push_back(user);
  state.items.push_back(item);
  state.values.push_back(value == 0 ? 0 : value);
  state.timed = state.timed && time != nullptr;
  if (state.timed) state.times.push_back(*time);
  state.situated = state.situated && situation != nullptr;
  if (state.situated) state.situations.push_back(*situation);
  if (state.users.size() == kPending) flush();
}

void RatingsBuilder::add_weighted(std::uint32_t user, std::uint32_t item, float value, float weight) {
  state_->staging.hold_weights();
  const std::int64_t bits = weight_bits(weight);
  add_all(user, item, value, &bits, nullptr);
}

void RatingsBuilder::add_in_situation(std::uint32_t user, std::uint32_t item, float value, std::uint32_t situation,
                                      std::optional<std::int64_t> time) {
  add_all(user, item, value, time ? &*time : nullptr, &situation);
}

void RatingsBuilder::add_weighted_in_situation(std::uint32_t user, std::uint32_t item, float value, float weight, std::uint32_t situation) {
  state_->staging.hold_weights();
  const std::int64_t bits = weight_bits(weight);
  add_all(user, item, value, &bits, &situation);
}

void RatingsBuilder::add_many_weighted(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                                       std::span<const float> values, std::span<const float> weights) {
  for (std::size_t at = 0; at < users.size(); ++at) {
    if (weights[at] != 0) add_weighted(users[at], items[at], values[at], weights[at]);
  }
}

void RatingsBuilder::add_from(const Ratings& ratings, std::uint32_t user, std::size_t position) {
  const std::int64_t extra = ratings.has_weights() ? weight_bits(ratings.weights()[position])
                             : ratings.has_times() ? ratings.times()[position]
                                                   : 0;
  const std::uint32_t situation = ratings.situation(position);
  if (ratings.has_weights()) state_->staging.hold_weights();
  add_all(user, ratings.items()[position], ratings.value(position), ratings.has_weights() || ratings.has_times() ? &extra : nullptr,
          ratings.has_situations() ? &situation : nullptr);
}

/// Moves the pending ratings to the staging.
void RatingsBuilder::flush() {
  State& state = *state_;
  if (state.users.empty()) return;
  const std::size_t count = state.users.size();
  state.codes.resize(count);
  bool coded = !state.table.full();
  for (std::size_t at = 0; coded && at < count; ++at) {
    const int code = state.cache.code(state.values[at], state.table);
    coded = code != ValueTable::kNoCode;
    state.codes[at] = static_cast<std::uint8_t>(code);
  }
  const StagedPiece piece{count,
                          state.users.data(),
                          state.items.data(),
                          coded ? state.codes.data() : nullptr,
                          state.values.data(),
                          state.timed ? state.times.data() : nullptr,
                          state.situated ? state.situations.data() : nullptr};
  const std::uint32_t user_bound = *std::max_element(state.users.begin(), state.users.end()) + 1;
  const std::uint32_t item_bound = *std::max_element(state.items.begin(), state.items.end()) + 1;
  Workers alone(1);
  state.staging.append(
      1, user_bound, item_bound, [&](std::size_t) { return piece; }, state.table, alone);
  state.users.clear();
  state.items.clear();
  state.values.clear();
  state.times.clear();
  state.situations.clear();
}

void RatingsBuilder::add_many(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const float> values,
                              int threads) {
  flush();
  State& state = *state_;
  if (users.empty()) return;
  state.timed = false;
  state.situated = false;
  struct Scratch {
    ValueCache cache;
    std::vector<std::uint8_t> codes;
    std::vector<float> values;
    std::uint32_t user_bound = 0;
    std::uint32_t item_bound = 0;
  };
  Workers workers(threads);
  // A few pieces at a time, so that their codes stay in the caches. Later pieces reuse the memory.
  const std::size_t batch = kPending * 2 * static_cast<std::size_t>(workers.count());
  std::vector<Scratch> scratch(batch / kPending);
  for (std::size_t begin = 0; begin < users.size(); begin += batch) {
    const std::size_t size = std::min(batch, users.size() - begin);
    const std::size_t pieces = (size + kPending - 1) / kPending;
    const auto part = [&](std::size_t piece, auto column) {
      return column.subspan(begin + piece * kPending, std::min(kPending, size - piece * kPending));
    };
    workers.for_each(pieces, [&](std::size_t piece, int) {
      Scratch& own = scratch[piece];
      own.user_bound = std::ranges::max(part(piece, users)) + 1;
      own.item_bound = std::ranges::max(part(piece, items)) + 1;
      own.values.clear();
      for (const float value : part(piece, values)) own.values.push_back(value == 0 ? 0 : value);
      own.codes.resize(own.values.size());
      bool coded = !state.table.full();
      for (std::size_t at = 0; coded && at < own.values.size(); ++at) {
        const int code = own.cache.code(own.values[at], state.table);
        coded = code != ValueTable::kNoCode;
        own.codes[at] = static_cast<std::uint8_t>(code);
      }
      if (!coded) own.codes.clear();
    });
    std::uint32_t user_bound = 0;
    std::uint32_t item_bound = 0;
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      user_bound = std::max(user_bound, scratch[piece].user_bound);
      item_bound = std::max(item_bound, scratch[piece].item_bound);
    }
    const auto staged = [&](std::size_t piece) {
      const Scratch& own = scratch[piece];
      return StagedPiece{own.values.size(),
                         part(piece, users).data(),
                         part(piece, items).data(),
                         own.codes.empty() ? nullptr : own.codes.data(),
                         own.values.data(),
                         nullptr,
                         nullptr};
    };
    state.staging.append(pieces, user_bound, item_bound, staged, state.table, workers);
  }
}

std::size_t RatingsBuilder::size() const noexcept { return state_->staging.size() + state_->users.size(); }

Ratings RatingsBuilder::build(std::uint32_t user_count, std::uint32_t item_count, Duplicates duplicates, std::size_t* duplicate_count,
                              int threads) {
  flush();
  const std::unique_ptr<State> state = std::exchange(state_, std::make_unique<State>());
  Workers workers(threads);
  const bool situated = state->situated;
  Grouped grouped = state->staging.group(user_count, item_count, duplicates, state->table, workers);
  if (grouped.repeated) {
    const std::string pair =
        "user number " + std::to_string(grouped.repeated->first) + " rated item number " + std::to_string(grouped.repeated->second);
    if (duplicates == Duplicates::error) throw DataError(pair + " more than once" + (situated ? " in the same context" : ""));
    throw DataError("the ratings with which " + pair + ", or their weights, have no finite sum as a 32-bit float");
  }
  if (duplicate_count != nullptr) *duplicate_count = grouped.duplicates;
  return std::move(grouped.ratings);
}

}  // namespace lowrank
