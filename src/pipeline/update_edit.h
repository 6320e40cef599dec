#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/pipeline/update.h"

namespace lowrank {

/// The rows of one side before and after users or items came and went.
struct RowMap {
  std::vector<std::uint32_t> from;  ///< of each row after, its number before, or Vocabulary::kUnknown for a new one
  std::vector<std::uint32_t> to;    ///< of each row before, its number after, or Vocabulary::kUnknown for one that is forgotten
  bool forgets = false;             ///< some row is forgotten

  [[nodiscard]] std::size_t fresh() const { return from.size() - to.size() + forgotten; }
  std::size_t forgotten = 0;
};

/// One side of what an update touches, in the numbering after it.
struct TouchedSide {
  std::vector<std::uint32_t> rows;  ///< those with a rating that changed, ascending
  std::vector<std::uint8_t> lost;   ///< of each row of the side: 1 where it lost a rating
  std::vector<std::uint8_t> known;  ///< of each row of the side: 1 where it was known before
  std::vector<std::int32_t> more;   ///< of each row of the side: by how many its ratings that the method takes grew
};

/// What an update changes in a history.
struct HistoryChange {
  TouchedSide users;
  TouchedSide items;
  std::uint64_t added = 0;
  std::uint64_t replaced = 0;
  std::uint64_t removed = 0;
  /// \name Of the ratings that the method takes: how many more there are, and by how much their sum grew
  /// \{
  std::int64_t more = 0;
  double sum = 0;
  /// \}
  std::uint32_t new_users = 0;
  std::uint32_t new_items = 0;
  std::uint32_t forgotten_users = 0;
  std::uint32_t forgotten_items = 0;
};

/// Whether a rating of this value counts.
using TakesRating = std::function<bool(float)>;

/// \param what  name of the pairs for messages
/// \throws DataError for pairs whose parts do not fit together, or that are not numbered in the ids of the model
void check_pairs(const Pairs& pairs, const Model& model, const char* what);

/// Changes ids, rows and history of `model` as `input` asks: new rows are 0, rows that are forgotten are gone everywhere, rows that lost
/// ratings are as they were. Numbers of ratings follow; solved rows do not change.
/// \param history  all ratings so far, with their values where `reads_values` \param reads_values  whether values above 0 differ
/// \throws as update(), but for pairs that check_pairs() refuses, which must not be given
HistoryChange edit_model(Model& model, const UpdateInput& input, const History& history, bool reads_values, const TakesRating& takes);

}  // namespace lowrank
