#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/sgd.h"
#include "lowrank/data/page_array.h"
#include "lowrank/data/ratings.h"
#include "train/sgd_schedule.h"
#include "train/units.h"

namespace lowrank {

/// How item indices become rows of training: stripe after stripe, in each the popular items first.
struct ItemLayout {
  std::vector<std::uint32_t> row_of_item;
  std::vector<std::uint32_t> item_of_row;
  std::vector<std::uint32_t> stripe_begin;  ///< first row of each stripe, and one past the last
};

/// The errors that tables leave, in the units of training.
struct SgdErrors {
  double squared = 0;          ///< sum of e^2
  double clipped_squared = 0;  ///< the same with clipped predictions

  SgdErrors& operator+=(const SgdErrors& other) {
    squared += other.squared;
    clipped_squared += other.clipped_squared;
    return *this;
  }
};

/// Ratings cut into stripes x stripes blocks, stripes of users against stripes of items, each with about the same number of ratings. Blocks
/// in different stripes of users and of items share no row and may be learned side by side. The cut depends on the ratings and the rank
/// alone.
class SgdGrid {
 public:
  /// \param units  of training. \param rank  of the rows that will be learned
  SgdGrid(Ratings ratings, const Units& units, std::size_t rank, std::uint64_t seed, Workers& workers);

  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] std::size_t stripes() const noexcept { return layout_.stripe_begin.size() - 1; }
  [[nodiscard]] const ItemLayout& layout() const noexcept { return layout_; }

  /// One pass over all ratings. `tables` has the whole tables, items by layout(). \return sum of e^2, not finite when the numbers ran away
  [[nodiscard]] double pass(const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch, Workers& workers) const;

  /// Of all ratings against the tables, predictions clipped to [least, most].
  [[nodiscard]] SgdErrors errors(const SgdTables& tables, float least, float most, Workers& workers) const;

 private:
  [[nodiscard]] SgdBlock block(std::size_t number) const;
  [[nodiscard]] SgdTables tables_of(std::size_t number, const SgdTables& tables) const;
  [[nodiscard]] std::size_t stripe_items(std::size_t stripe) const {
    return layout_.stripe_begin[stripe + 1] - layout_.stripe_begin[stripe];
  }
  void lay_out_items(const Ratings& ratings, std::size_t stripes, Workers& workers);
  void cut_users(const Ratings& ratings, std::size_t stripes);
  void count_blocks(const Ratings& ratings, Workers& workers);
  void make_room(const Ratings& ratings);
  void fill_blocks(Ratings& ratings, const Units& units, std::uint64_t seed, Workers& workers);
  void fill_stripe(const Ratings& ratings, const Units& units, std::uint64_t seed, std::size_t user_stripe,
                   const std::vector<std::uint16_t>& stripe_of_row, std::vector<std::vector<SgdScheduler::User>>& users);
  [[nodiscard]] double learn(std::size_t number, const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch) const;

  ItemLayout layout_;
  std::vector<std::uint32_t> user_begin_;  ///< first user of each stripe of users, and one past the last
  std::vector<std::size_t> rating_begin_;  ///< of each block, user stripe by user stripe
  std::vector<SgdPlan> plans_;             ///< of each block
  PageArray<std::uint16_t> users_;
  PageArray<std::uint16_t> items_;
  PageArray<std::uint8_t> codes_;
  PageArray<float> values_;
  std::vector<float> value_table_;  ///< of coded ratings
  bool packed_ = false;             ///< codes share 16 bits with the items
};

}  // namespace lowrank
