#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lowrank {

/// A run: ratings of one user or item that follow each other among the row's ratings of a block. The row is regularised once per run.
struct SgdRun {
  std::uint16_t row;   ///< row within the block's stripe
  std::uint16_t more;  ///< number of ratings less one
};

/// The most ratings of a group. A group has ratings of one user; all its errors are computed before a row is updated.
constexpr std::size_t kSgdGroup = 4;
/// The most ratings of a chunk. A chunk has whole groups.
constexpr std::size_t kSgdChunk = 128;

/// The groups of a chunk: first those of four ratings, then those of three, of two and of one.
struct SgdChunk {
  std::uint32_t begin;      ///< first rating
  std::uint32_t user_runs;  ///< runs of users that begin in earlier chunks
  std::uint32_t item_runs;  ///< runs of items that begin in earlier chunks
  std::uint8_t fours;       ///< groups of four ratings
  std::uint8_t threes;      ///< groups of three ratings
  std::uint8_t twos;        ///< groups of two ratings
};

/// Bits of the item where an item and a code share 16 bits: the lower ones.
constexpr unsigned kSgdPackedBits = 12;
constexpr std::uint16_t kSgdPackedMask = (1U << kSgdPackedBits) - 1;
/// The most items of a stripe, and the most values, that can share 16 bits.
constexpr std::size_t kSgdMostPackedItems = std::size_t{1} << kSgdPackedBits;
constexpr std::size_t kSgdMostPackedValues = std::size_t{1} << (16 - kSgdPackedBits);

/// A block of ratings in visiting order. Users and items are rows of the block's stripes. Values are in training units: floats in `values`,
/// or entries of `value_table` by 1-byte `codes`; where both are null, the code shares the 16 bits of the item.
struct SgdBlock {
  const std::uint16_t* users;
  const std::uint16_t* items;
  const std::uint8_t* codes;
  const float* values;
  const float* value_table;
  std::size_t count;
  const SgdRun* user_runs;  ///< runs of users in the order in which they begin
  const SgdRun* item_runs;  ///< runs of items in the order in which they begin
  const SgdChunk* chunks;   ///< chunk_count + 1 chunks: the last one is empty and marks the end
  std::size_t chunk_count;

  [[nodiscard]] std::size_t item(std::size_t n) const noexcept {
    return codes == nullptr && values == nullptr ? items[n] & kSgdPackedMask : items[n];
  }
  [[nodiscard]] float value(std::size_t n) const noexcept {
    if (values != nullptr) return values[n];
    return value_table[codes != nullptr ? codes[n] : items[n] >> kSgdPackedBits];
  }
};

/// Ratings in visiting order, with users and items by their rows in the whole tables.
struct SgdSequence {
  const std::uint32_t* users = nullptr;
  const std::uint32_t* items = nullptr;
  const float* values = nullptr;
  std::size_t count = 0;
  const float* weights = nullptr;  ///< of every rating, each above 0; null for ones
};

/// The tables that are learned: rows of `stride` floats (a multiple of 16, 0 for rank 0), aligned to 64 bytes, and biases. For a block they
/// begin with the first rows of its stripes. A decay is rate * regularisation, the share of a row or bias that one rating takes off.
struct SgdTables {
  float* user_factors;
  float* item_factors;
  float* user_biases;
  float* item_biases;
  const float* user_decays;
  const float* item_decays;
  const float* user_bias_decays;
  const float* item_bias_decays;
  std::size_t stride;
};

/// Step sizes.
struct SgdStep {
  float rate;
  float bias_rate;  ///< 0 for a model without biases
};

/// Errors of all ratings of a block.
struct SgdErrors {
  double squared = 0;          ///< sum of e^2
  double clipped_squared = 0;  ///< sum of e^2 with clipped predictions

  SgdErrors& operator+=(const SgdErrors& other) {
    squared += other.squared;
    clipped_squared += other.clipped_squared;
    return *this;
  }
};

/// The shares of rows and biases that regularisation leaves at one rating: 1 where it has been applied before.
struct SgdKeeps {
  float user = 1;
  float item = 1;
  float user_bias = 1;
  float item_bias = 1;
};
inline SgdKeeps keeps_of(const SgdTables& tables, std::size_t user, std::size_t item) {
  return {std::max(0.0F, 1.0F - tables.user_decays[user]), std::max(0.0F, 1.0F - tables.item_decays[item]),
          std::max(0.0F, 1.0F - tables.user_bias_decays[user]), std::max(0.0F, 1.0F - tables.item_bias_decays[item])};
}

/// How a rating of some weight is learned.
struct SgdVisit {
  SgdStep step = {};
  SgdKeeps keeps = {};
};
/// A weight up to 1 shortens the step. A greater one lengthens it as that many visits in turn would, which leave of the error e
/// (1 - a)^weight e for a step that leaves (1 - a) e, so that no weight oversteps (Karampatziakis, Langford, "Online importance weight
/// aware updates", 2011). What regularisation keeps is kept as often. O(rank)
SgdVisit weighted_visit(const SgdTables& tables, const SgdStep& step, std::size_t user, std::size_t item, float weight);

/// One pass over a block. For a group of a user's ratings of different items, with e_n = value_n - bu - bi_n - <p, q_n>, all from the old
/// values (Koren, Bell, Volinsky 2009, "Matrix factorization techniques ..."; the user learns from a batch):
///     p += rate sum_n e_n q_n,  q_n += rate e_n p,  bu += rate sum_n e_n,  bi_n += rate e_n
/// Regularisation is applied once per run of n ratings, when the chunk begins in which the run begins:
///     x = x / (1 + n decay),
/// the implicit step, which shrinks at any step size. Chunks are visited in a circle that begins with `first_chunk`.
/// \param first_chunk  below block.chunk_count, or 0
/// \return the sum of e^2; not finite where training diverges
double sgd_block(const SgdBlock& block, std::size_t first_chunk, const SgdTables& tables, const SgdStep& step);

/// The errors that the tables leave in a block, with predictions clipped to [least, most]. Changes nothing.
SgdErrors sgd_errors(const SgdBlock& block, const SgdTables& tables, float least, float most);

/// One pass over a sequence, rating by rating. Regularisation is applied with every rating: with keep = max(0, 1 - decay),
///     p = keep p + rate e q,  q = keep q + rate e p,  bu = keep bu + rate e,  bi = keep bi + rate e
/// with the rates and keeps of weighted_visit() where ratings have weights. \return the sum of weight e^2
double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step);

}  // namespace lowrank
