#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "kernels/sgd.h"
#include "lowrank/data/page_array.h"
#include "lowrank/data/ratings.h"
#include "train/sgd_order.h"
#include "train/units.h"

namespace lowrank {

/// The rows of the items in training: stripe after stripe, popular items first in each.
struct ItemLayout {
  std::vector<std::uint32_t> row_of_item;
  std::vector<std::uint32_t> item_of_row;
  std::vector<std::uint32_t> stripe_begin;  ///< first row of each stripe, and one past the last
};

/// Ratings in stripes x stripes blocks of about equal numbers of ratings: each stripe of users by each stripe of items. Blocks with
/// different stripes of users and different stripes of items share no row, so threads may learn them at the same time. The cut depends on
/// the ratings and the rank alone.
class SgdGrid {
 public:
  /// \param item_counts  number of ratings of every item
  /// \param units  units of training
  /// \param rank  rank of the rows that will be learned
  SgdGrid(Ratings ratings, std::span<const std::uint32_t> item_counts, const Units& units, std::size_t rank, std::uint64_t seed,
          Workers& workers);

  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] std::size_t stripes() const noexcept { return layout_.stripe_begin.size() - 1; }
  [[nodiscard]] const ItemLayout& layout() const noexcept { return layout_; }

  /// One pass over all ratings. \param tables  the whole tables, items by layout()
  /// \return the sum of e^2; not finite where training diverges
  [[nodiscard]] double pass(const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch, Workers& workers) const;

  /// The errors of the tables over all ratings, with predictions clipped to [least, most].
  [[nodiscard]] SgdErrors errors(const SgdTables& tables, float least, float most, Workers& workers) const;

 private:
  [[nodiscard]] SgdBlock block(std::size_t number) const;
  [[nodiscard]] SgdTables tables_of(std::size_t number, const SgdTables& tables) const;
  [[nodiscard]] std::size_t stripe_items(std::size_t stripe) const {
    return layout_.stripe_begin[stripe + 1] - layout_.stripe_begin[stripe];
  }
  struct ItemPlace;
  struct Placed;
  struct Filling;
  void lay_out_items(std::span<const std::uint32_t> item_counts, std::size_t stripes);
  void cut_users(const Ratings& ratings, std::size_t stripes);
  void make_room(const Ratings& ratings);
  [[nodiscard]] std::vector<ItemPlace> item_places() const;
  void fill_blocks(Ratings& ratings, const Units& units, std::uint64_t seed, Workers& workers);
  void begin_stripe(const Ratings& ratings, std::size_t user_stripe, std::span<const ItemPlace> item_places, std::vector<Filling>& blocks);
  void fill_stripe(const Ratings& ratings, const Units& units, std::uint64_t seed, std::size_t user_stripe,
                   std::span<const ItemPlace> item_places, std::vector<Filling>& blocks);
  [[nodiscard]] double learn(std::size_t number, const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch) const;

  ItemLayout layout_;
  std::vector<std::uint32_t> user_begin_;  ///< first user of each stripe of users, and one past the last
  std::vector<std::size_t> rating_begin_;  ///< first rating of each block, user stripe by user stripe, and one past the last
  std::vector<SgdPlan> plans_;             ///< plan of each block
  PageArray<std::uint16_t> users_;
  PageArray<std::uint16_t> items_;
  PageArray<std::uint8_t> codes_;
  PageArray<float> values_;
  std::vector<float> value_table_;  ///< values of the codes, in training units
  bool packed_ = false;             ///< codes share 16 bits with the items
};

}  // namespace lowrank
