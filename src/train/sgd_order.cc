#include "train/sgd_order.h"

#include <algorithm>
#include <utility>

namespace lowrank {

namespace {

/// Groups that should lie between two visits of an item: its row may still be on the way to the cache.
constexpr std::uint32_t kApart = 2;
/// Ratings of a user among which one is looked for whose item has not just been visited.
constexpr std::uint32_t kTries = 6;
/// A user with more than 1/64 of the block's ratings enters first: entering late, they would be alone at the end.
constexpr std::size_t kLongShare = 64;
/// Most ratings of a run: regularisation is not put off for longer.
constexpr std::uint32_t kMostRun = 32;

std::size_t run_count(std::size_t ratings) { return (ratings + kMostRun - 1) / kMostRun; }

/// Counts one rating of a row in its current run, and begins a run where there is none. `left` is the number of the row's ratings that
/// have not been counted, this one included.
void count_rating(std::uint32_t& run, std::uint32_t left, std::uint16_t row, std::vector<SgdRun>& runs) {
  if (run == 0) {
    run = std::min(left, kMostRun);
    runs.push_back({row, static_cast<std::uint16_t>(run - 1)});
  }
  --run;
}

}  // namespace

/// Copies the block's ratings, those of users with many first.
void SgdOrder::take_over(const Block& block) {
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
  if (std::ranges::none_of(block.by_user, has_many)) {
    take(0, count);
  } else {
    for (const bool wanted : {true, false}) {
      std::size_t begin = 0;
      for (const User& user : block.by_user) {
        if (has_many(user) == wanted) take(begin, user.count);
        begin += user.count;
      }
    }
    std::stable_partition(block.by_user.begin(), block.by_user.end(), has_many);
  }
  mask_ = block.item_mask;
  item_states_.assign(std::size_t{mask_} + 1, {});
  for (const std::uint16_t item : items_) ++item_states_[item & mask_].left;
}

/// A plan with exactly the room that its runs will take: there are many blocks.
SgdPlan SgdOrder::empty_plan(const Block& block) const {
  SgdPlan plan;
  std::size_t user_runs = 0;
  for (const User& user : block.by_user) user_runs += run_count(user.count);
  std::size_t item_runs = 0;
  for (const ItemState& state : item_states_) item_runs += run_count(state.left);
  plan.user_runs.reserve(user_runs);
  plan.item_runs.reserve(item_runs);
  plan.chunks.reserve(block.items.size() / (kSgdChunk - kSgdGroup + 1) + 2);
  return plan;
}

/// Lets the next user take part in `lane`. \return false when there is none
bool SgdOrder::enter(const Block& block, Lane& lane) {
  if (entered_ == block.by_user.size()) return false;
  const User& user = block.by_user[entered_++];
  const std::size_t end = position_ + user.count;
  lane = {.next = static_cast<std::uint32_t>(position_), .end = static_cast<std::uint32_t>(end), .run = 0, .user = user.row};
  position_ = end;
  return true;
}

/// Picks the user's next rating. The ratings that the user has left are [next, end) of items_; the first one of the next kTries whose item
/// has not been in one of the last kApart groups changes places with items_[next]. An item of the group that is being filled counts as just
/// visited too, so a group has an item twice only if nothing else is left. Where all tries fail, the order stays.
void SgdOrder::choose(Lane& lane) {
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

/// Counts the rating just picked in its user's run and in its item's. A run is up to kMostRun ratings that follow each other in one row's
/// sequence of visits; it is listed with the chunk in which it begins, and there the row is regularised once for all of the run. That is
/// why a run must be listed at its first rating, with its final length: `left` gives it.
void SgdOrder::count_runs(Lane& lane, SgdPlan& plan) {
  const auto item = static_cast<std::uint16_t>(items_[lane.next] & mask_);
  ItemState& state = item_states_[item];
  count_rating(lane.run, lane.end - lane.next, lane.user, plan.user_runs);
  count_rating(state.run, state.left--, item, plan.item_runs);
}

void SgdOrder::begin_chunk(SgdPlan& plan) const {
  plan.chunks.push_back({.begin = static_cast<std::uint32_t>(place_),
                         .user_runs = static_cast<std::uint32_t>(plan.user_runs.size()),
                         .item_runs = static_cast<std::uint32_t>(plan.item_runs.size()),
                         .fours = 0,
                         .threes = 0,
                         .twos = 0});
}

/// Writes the chunk's groups of kSize ratings to their places, and forgets them.
template <std::size_t kSize>
void SgdOrder::lay_down(const Block& block) {
  Groups& groups = groups_[kSize];
  for (std::size_t group = 0; group < groups.count; ++group, place_ += kSize) {
    const std::size_t first = groups.first[group];
    std::fill_n(block.users.data() + place_, kSize, groups.user[group]);
    std::copy_n(items_.data() + first, kSize, block.items.data() + place_);
    if (!codes_.empty()) std::copy_n(codes_.data() + first, kSize, block.codes.data() + place_);
    if (!values_.empty()) std::copy_n(values_.data() + first, kSize, block.values.data() + place_);
  }
  groups.count = 0;
}

/// Writes the chunk's groups, the largest first: groups of one size in a row are branches that the processor predicts.
void SgdOrder::end_chunk(const Block& block, SgdPlan& plan) {
  SgdChunk& chunk = plan.chunks.back();
  chunk.fours = static_cast<std::uint8_t>(groups_[4].count);
  chunk.threes = static_cast<std::uint8_t>(groups_[3].count);
  chunk.twos = static_cast<std::uint8_t>(groups_[2].count);
  lay_down<4>(block);
  lay_down<3>(block);
  lay_down<2>(block);
  lay_down<1>(block);
}

SgdPlan SgdOrder::arrange(const Block& block) {
  take_over(block);
  group_ = kApart + 1;
  entered_ = position_ = place_ = 0;
  SgdPlan plan = empty_plan(block);
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
    Groups& groups = groups_[taken];
    groups.first[groups.count] = first;
    groups.user[groups.count++] = lane.user;
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
