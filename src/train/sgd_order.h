#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/sgd.h"

namespace lowrank {

/// A block's groups and runs: see SgdBlock.
struct SgdPlan {
  std::vector<SgdRun> user_runs;
  std::vector<SgdRun> item_runs;
  std::vector<SgdChunk> chunks;
};

/// The visiting order of a block's ratings. Ratings of one user are visited in groups of four, so that the user's row is read and written
/// once for all of them, and an item comes again as late as possible. 16 users take part at a time, with one group each in turn: then the
/// latencies of their groups overlap, and their rows stay in the first-level cache. A user without ratings left makes room for the next
/// one. The order depends on the block alone. Holds scratch memory: one per thread.
class SgdOrder {
 public:
  /// A user of a block.
  struct User {
    std::uint16_t row;    ///< row within the block's stripe of users
    std::uint32_t count;  ///< ratings in the block
  };

  /// The ratings of a block. On entry items, and codes or values, are sorted by user; on return they are in visiting order, with their
  /// users.
  struct Block {
    std::span<User> by_user;  ///< may come back in another order
    std::span<std::uint16_t> users;
    std::span<std::uint16_t> items;
    std::span<std::uint8_t> codes;  ///< empty where there are none
    std::span<float> values;        ///< empty where there are none
    std::uint16_t item_mask;        ///< the bits of `items` that name the item
  };

  /// Puts the block into visiting order. O(ratings)
  SgdPlan arrange(const Block& block);

 private:
  /// A user who takes part. Ratings are numbered as in items_.
  struct Lane {
    std::uint32_t next = 0;  ///< the user's next rating
    std::uint32_t end = 0;   ///< one past the user's last rating
    std::uint32_t run = 0;   ///< ratings left in the user's current run
    std::uint16_t user = 0;
  };
  struct ItemState {
    std::uint32_t last_group = 0;  ///< number of the group that had the item last
    std::uint32_t left = 0;        ///< ratings of the item that are not yet in a group
    std::uint32_t run = 0;         ///< ratings left in the item's current run
  };
  /// Groups of one size in the chunk: the first rating of each, and its user.
  struct Groups {
    std::array<std::uint32_t, kSgdChunk> first{};
    std::array<std::uint16_t, kSgdChunk> user{};
    std::size_t count = 0;
  };

  void take_over(const Block& block);
  [[nodiscard]] SgdPlan empty_plan(const Block& block) const;
  bool enter(const Block& block, Lane& lane);
  void choose(Lane& lane);
  void count_runs(Lane& lane, SgdPlan& plan);
  void begin_chunk(SgdPlan& plan) const;
  void end_chunk(const Block& block, SgdPlan& plan);
  template <std::size_t kSize>
  void lay_down(const Block& block);

  static constexpr std::size_t kLanes = 16;

  std::array<Lane, kLanes> lanes_;
  std::size_t entered_ = 0;   ///< users that take part or have done so
  std::size_t position_ = 0;  ///< first rating of the user who enters next
  std::size_t place_ = 0;     ///< place of the next rating in the visiting order
  std::uint32_t group_ = 0;   ///< number of the group that is being filled
  std::uint16_t mask_ = 0;
  std::vector<ItemState> item_states_;
  std::vector<std::uint16_t> items_;  ///< ratings of the block, sorted by user
  std::vector<std::uint8_t> codes_;
  std::vector<float> values_;
  std::array<Groups, kSgdGroup + 1> groups_;  ///< groups of the chunk by their size
};

}  // namespace lowrank
