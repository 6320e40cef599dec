#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/sgd.h"

namespace lowrank {

/// When which row of a block takes its share of regularisation: see SgdBlock.
struct SgdPlan {
  std::size_t grouped = 0;
  std::vector<SgdRun> user_runs;
  std::vector<SgdRun> item_runs;
  std::vector<SgdChunk> chunks;
};

/// Puts the ratings of a block into the order in which they are learned: groups in which no user and no item comes twice, so that their
/// latencies overlap, and the same row again as late as may be. A number of users take part at a time, one rating of each in turn, so that
/// their rows stay in the first-level cache; who has no rating left makes room for the next. The order depends on the block alone.
class SgdScheduler {
 public:
  /// A user of a block and how many ratings it has of him.
  struct User {
    std::uint16_t row;
    std::uint32_t count;
  };

  /// One block. On entry items, and codes or values, stand user by user; on return in the order of learning, with the users beside them.
  struct Block {
    std::span<User> by_user;  ///< may change their order
    std::span<std::uint16_t> users;
    std::span<std::uint16_t> items;
    std::span<std::uint8_t> codes;  ///< empty where there are none
    std::span<float> values;        ///< empty where there are none
    std::uint16_t item_mask;        ///< of the bits of `items` that name the item
  };

  SgdPlan arrange(const Block& block);

 private:
  /// A user who takes part.
  struct Lane {
    std::uint32_t next = 0;  ///< his next rating
    std::uint32_t end = 0;   ///< one past his last
    std::uint32_t run = 0;   ///< ratings until his next run begins
    std::uint16_t user = 0;
  };
  struct ItemState {
    std::uint32_t last_group = 0;  ///< in which it came last
    std::uint32_t left = 0;        ///< ratings that it still has
    std::uint32_t run = 0;         ///< ratings until its next run begins
  };
  /// A rating that found no group.
  struct Single {
    std::uint16_t user;
    std::uint32_t rating;
  };

  void take_over(const Block& block);
  bool enter(const Block& block, Lane& lane);
  bool choose(Lane& lane);
  void count_runs(Lane& lane, SgdPlan& plan);
  void put(const Block& block, std::size_t place, std::uint16_t user, std::size_t from) const;

  /// So many users at a time: four groups' worth.
  static constexpr std::size_t kLanes = 16;

  std::array<Lane, kLanes> lanes_;
  std::size_t entered_ = 0;   ///< users that take or took part
  std::size_t position_ = 0;  ///< of the ratings of the user who enters next
  std::uint32_t group_ = 0;
  std::uint16_t mask_ = 0;
  std::vector<ItemState> item_states_;
  std::vector<std::uint16_t> items_;  ///< the block's ratings, user by user
  std::vector<std::uint8_t> codes_;
  std::vector<float> values_;
  std::vector<Single> singles_;
};

}  // namespace lowrank
