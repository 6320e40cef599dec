#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/sgd.h"

namespace lowrank {

/// A block's groups, and when which row takes its share of regularisation: see SgdBlock.
struct SgdPlan {
  std::vector<SgdRun> user_runs;
  std::vector<SgdRun> item_runs;
  std::vector<SgdChunk> chunks;
};

/// Puts the ratings of a block into the order in which they are learned: groups of one user's, so that his row is read and written once for
/// four ratings, and the same item again as late as may be. A number of users take part at a time, one group of each in turn, so that their
/// groups' latencies overlap and their rows stay in the first-level cache; who has no rating left makes room for the next. The order
/// depends on the block alone.
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
  /// Ratings from `first` on that are learned together.
  struct Group {
    std::uint32_t first;
    std::uint16_t user;
    std::uint16_t size;
  };

  void take_over(const Block& block);
  bool enter(const Block& block, Lane& lane);
  void choose(Lane& lane);
  void count_runs(Lane& lane, SgdPlan& plan);
  void begin_chunk(SgdPlan& plan);
  void end_chunk(const Block& block, SgdPlan& plan);

  /// So many users at a time.
  static constexpr std::size_t kLanes = 16;

  std::array<Lane, kLanes> lanes_;
  std::size_t entered_ = 0;   ///< users that take or took part
  std::size_t position_ = 0;  ///< of the ratings of the user who enters next
  std::size_t place_ = 0;     ///< of the next rating in the order of learning
  std::uint32_t group_ = 0;
  std::uint16_t mask_ = 0;
  std::vector<ItemState> item_states_;
  std::vector<std::uint16_t> items_;  ///< the block's ratings, user by user
  std::vector<std::uint8_t> codes_;
  std::vector<float> values_;
  std::vector<Group> groups_;  ///< of the chunk
};

}  // namespace lowrank
