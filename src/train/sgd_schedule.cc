#include "train/sgd_schedule.h"

#include <algorithm>
#include <utility>

namespace lowrank {

namespace {

/// An item should not come again before so many groups have passed: that long its row may still be on its way to the cache.
constexpr std::uint32_t kApart = 2;
/// How many of a user's ratings are tried for one whose item has not just been used.
constexpr std::uint32_t kTries = 6;
/// Who has more than this share of the block's ratings starts early, for he would be left alone at the end.
constexpr std::size_t kLongShare = 64;
/// The most ratings of a run: regularisation is not put off for longer.
constexpr std::uint32_t kMostRun = 32;

/// Counts one rating of a row, of `left` that it still has, and adds the run that begins with it, if one does.
void count_rating(std::uint32_t& run, std::uint32_t left, std::uint16_t row, std::vector<SgdRun>& runs) {
  if (run == 0) {
    run = std::min(left, kMostRun);
    runs.push_back({row, static_cast<std::uint16_t>(run - 1)});
  }
  --run;
}

}  // namespace

/// Takes the ratings out of the block, users with many first.
void SgdScheduler::take_over(const Block& block) {
  const std::size_t count = block.items.size();
  items_.clear();
  codes_.clear();
  values_.clear();
  const auto take = [&](std::size_t begin, std::size_t size) {
    const auto append = [&](auto& to, const auto& from) {
      if (!from.empty()) to.insert(to.end(), from.data() + begin, from.data() + begin + size);
    };
    append(items_, block.items);
    append(codes_, block.codes);
    append(values_, block.values);
  };
  const auto has_many = [count](const User& user) { return user.count > count / kLongShare; };
  for (const bool wanted : {true, false}) {
    std::size_t begin = 0;
    for (const User& user : block.by_user) {
      if (has_many(user) == wanted) take(begin, user.count);
      begin += user.count;
    }
  }
  std::stable_partition(block.by_user.begin(), block.by_user.end(), has_many);
  mask_ = block.item_mask;
  item_states_.assign(std::size_t{mask_} + 1, {});
  for (const std::uint16_t item : items_) ++item_states_[item & mask_].left;
}

/// The next user takes part in `lane`. \return false when there is none
bool SgdScheduler::enter(const Block& block, Lane& lane) {
  if (entered_ == block.by_user.size()) return false;
  const User& user = block.by_user[entered_++];
  const std::size_t end = position_ + user.count;
  lane = {.next = static_cast<std::uint32_t>(position_), .end = static_cast<std::uint32_t>(end), .run = 0, .user = user.row};
  position_ = end;
  return true;
}

/// Makes a rating the lane's next whose item is not in the group yet, rather one that has not come for a while. \return false: none
bool SgdScheduler::choose(Lane& lane) {
  const std::uint32_t tries = std::min(lane.end - lane.next, kTries);
  std::uint32_t found = lane.end;
  for (std::uint32_t rating = lane.next; rating < lane.next + tries; ++rating) {
    const std::uint32_t last = item_states_[items_[rating] & mask_].last_group;
    if (last + kApart < group_) {
      found = rating;
      break;
    }
    if (last != group_ && found == lane.end) found = rating;
  }
  if (found == lane.end) return false;
  if (found != lane.next) {
    std::swap(items_[found], items_[lane.next]);
    if (!codes_.empty()) std::swap(codes_[found], codes_[lane.next]);
    if (!values_.empty()) std::swap(values_[found], values_[lane.next]);
  }
  item_states_[items_[lane.next] & mask_].last_group = group_;
  return true;
}

void SgdScheduler::count_runs(Lane& lane, SgdPlan& plan) {
  const auto item = static_cast<std::uint16_t>(items_[lane.next] & mask_);
  ItemState& state = item_states_[item];
  count_rating(lane.run, lane.end - lane.next, lane.user, plan.user_runs);
  count_rating(state.run, state.left--, item, plan.item_runs);
}

void SgdScheduler::put(const Block& block, std::size_t place, std::uint16_t user, std::size_t from) const {
  block.users[place] = user;
  block.items[place] = items_[from];
  if (!codes_.empty()) block.codes[place] = codes_[from];
  if (!values_.empty()) block.values[place] = values_[from];
}

SgdPlan SgdScheduler::arrange(const Block& block) {
  take_over(block);
  group_ = kApart + 1;
  entered_ = position_ = 0;
  singles_.clear();
  SgdPlan plan;
  plan.chunks.reserve(block.items.size() / kSgdChunk + 3);
  const auto mark = [&plan] {
    plan.chunks.push_back({static_cast<std::uint32_t>(plan.user_runs.size()), static_cast<std::uint32_t>(plan.item_runs.size())});
  };
  std::size_t live = 0;
  while (live < kLanes && enter(block, lanes_[live])) ++live;
  std::size_t turn = 0;
  std::size_t place = 0;
  mark();
  while (live > 0) {
    std::array<Lane*, kSgdGroup> chosen{};
    std::size_t size = 0;
    for (std::size_t tried = 0; tried < live && size < kSgdGroup; ++tried) {
      Lane& lane = lanes_[turn];
      if (++turn >= live) turn = 0;
      if (choose(lane)) chosen[size++] = &lane;
    }
    ++group_;
    const bool grouped = size == kSgdGroup;
    if (grouped && place % kSgdChunk == 0 && place > 0) mark();
    bool ended = false;
    for (std::size_t n = 0; n < size; ++n) {
      Lane& lane = *chosen[n];
      count_runs(lane, plan);
      if (grouped) {
        put(block, place++, lane.user, lane.next);
      } else {
        singles_.push_back({lane.user, lane.next});
      }
      if (++lane.next == lane.end && !enter(block, lane)) ended = true;
    }
    if (ended) {
      const auto left = std::remove_if(lanes_.begin(), lanes_.begin() + live, [](const Lane& lane) { return lane.next == lane.end; });
      live = static_cast<std::size_t>(left - lanes_.begin());
      if (turn >= live) turn = 0;
    }
  }
  plan.grouped = place;
  if (plan.grouped > 0) mark();
  mark();
  for (const Single& single : singles_) put(block, place++, single.user, single.rating);
  return plan;
}

}  // namespace lowrank
