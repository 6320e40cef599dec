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

/// Makes a rating the lane's next whose item has not come for a while.
void SgdScheduler::choose(Lane& lane) {
  const std::uint32_t tries = std::min(lane.end - lane.next, kTries);
  std::uint32_t found = lane.next;
  for (std::uint32_t rating = lane.next; rating < lane.next + tries; ++rating) {
    if (item_states_[items_[rating] & mask_].last_group + kApart < group_) {
      found = rating;
      break;
    }
  }
  if (found != lane.next) {
    std::swap(items_[found], items_[lane.next]);
    if (!codes_.empty()) std::swap(codes_[found], codes_[lane.next]);
    if (!values_.empty()) std::swap(values_[found], values_[lane.next]);
  }
  item_states_[items_[lane.next] & mask_].last_group = group_;
}

void SgdScheduler::count_runs(Lane& lane, SgdPlan& plan) {
  const auto item = static_cast<std::uint16_t>(items_[lane.next] & mask_);
  ItemState& state = item_states_[item];
  count_rating(lane.run, lane.end - lane.next, lane.user, plan.user_runs);
  count_rating(state.run, state.left--, item, plan.item_runs);
}

void SgdScheduler::begin_chunk(SgdPlan& plan) {
  plan.chunks.push_back({.begin = static_cast<std::uint32_t>(place_),
                         .user_runs = static_cast<std::uint32_t>(plan.user_runs.size()),
                         .item_runs = static_cast<std::uint32_t>(plan.item_runs.size()),
                         .fours = 0,
                         .threes = 0,
                         .twos = 0});
  groups_.clear();
}

/// Lays the chunk's groups down, the largest first: what is alike in a row, a processor foresees.
void SgdScheduler::end_chunk(const Block& block, SgdPlan& plan) {
  for (std::size_t size = kSgdGroup; size > 0; --size) {
    for (const Group& group : groups_) {
      if (group.size != size) continue;
      for (std::size_t from = group.first; from < group.first + size; ++from, ++place_) {
        block.users[place_] = group.user;
        block.items[place_] = items_[from];
        if (!codes_.empty()) block.codes[place_] = codes_[from];
        if (!values_.empty()) block.values[place_] = values_[from];
      }
    }
  }
  const auto groups_of = [this](std::uint16_t size) {
    return static_cast<std::uint8_t>(
        std::count_if(groups_.begin(), groups_.end(), [size](const Group& group) { return group.size == size; }));
  };
  SgdChunk& chunk = plan.chunks.back();
  chunk.fours = groups_of(4);
  chunk.threes = groups_of(3);
  chunk.twos = groups_of(2);
}

SgdPlan SgdScheduler::arrange(const Block& block) {
  take_over(block);
  group_ = kApart + 1;
  entered_ = position_ = place_ = 0;
  SgdPlan plan;
  plan.chunks.reserve(block.items.size() / (kSgdChunk - kSgdGroup + 1) + 2);
  std::size_t live = 0;
  while (live < kLanes && enter(block, lanes_[live])) ++live;
  begin_chunk(plan);
  std::size_t size = 0;
  for (std::size_t turn = 0; live > 0;) {
    Lane& lane = lanes_[turn];
    const std::uint32_t first = lane.next;
    const std::uint32_t taken = std::min<std::uint32_t>(lane.end - first, kSgdGroup);
    if (size + taken > kSgdChunk) {
      end_chunk(block, plan);
      begin_chunk(plan);
      size = 0;
    }
    for (; lane.next < first + taken; ++lane.next) {
      choose(lane);
      count_runs(lane, plan);
    }
    groups_.push_back({first, lane.user, static_cast<std::uint16_t>(taken)});
    size += taken;
    ++group_;
    if (lane.next == lane.end && !enter(block, lane)) {
      std::copy(lanes_.begin() + turn + 1, lanes_.begin() + live, lanes_.begin() + turn);
      --live;
    } else {
      ++turn;
    }
    if (turn >= live) turn = 0;
  }
  end_chunk(block, plan);
  begin_chunk(plan);
  // An empty block has no chunk, only the end of one.
  if (place_ == 0) plan.chunks.pop_back();
  return plan;
}

}  // namespace lowrank
