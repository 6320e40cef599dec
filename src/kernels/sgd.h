#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lowrank {

/// A user's or an item's next ratings within a block: his row within the block's stripe, and how many there are beyond the first.
struct SgdRun {
  std::uint16_t row;
  std::uint16_t more;
};

/// Ratings are learned in groups of one user's, so many at most: all errors are taken, then the rows updated.
constexpr std::size_t kSgdGroup = 4;
/// Groups are taken in chunks of so many ratings at most.
constexpr std::size_t kSgdChunk = 128;

/// Where a chunk begins, and how many runs begin before it. Its groups of four ratings come first, then those of three and of two, and last
/// the ratings that have no company.
struct SgdChunk {
  std::uint32_t begin;
  std::uint32_t user_runs;
  std::uint32_t item_runs;
  std::uint8_t fours;
  std::uint8_t threes;
  std::uint8_t twos;
};

/// Where an item and a code share 16 bits, the item has the lower so many.
constexpr unsigned kSgdPackedBits = 12;
constexpr std::uint16_t kSgdPackedMask = (1U << kSgdPackedBits) - 1;
/// So many items and values can share 16 bits.
constexpr std::size_t kSgdMostPackedItems = std::size_t{1} << kSgdPackedBits;
constexpr std::size_t kSgdMostPackedValues = std::size_t{1} << (16 - kSgdPackedBits);

/// A block of ratings in the order in which they are learned, users and items by their rows within the block's stripes. Values are in the
/// units of training: floats in `values`, or entries of `value_table` by 1-byte `codes`; where both are null, the code shares the 16 bits
/// of the item.
struct SgdBlock {
  const std::uint16_t* users;
  const std::uint16_t* items;
  const std::uint8_t* codes;
  const float* values;
  const float* value_table;
  std::size_t count;
  const SgdRun* user_runs;  ///< in the order in which they begin
  const SgdRun* item_runs;
  const SgdChunk* chunks;  ///< and one more, where the last one ends
  std::size_t chunk_count;

  [[nodiscard]] std::size_t item(std::size_t n) const noexcept {
    return codes == nullptr && values == nullptr ? items[n] & kSgdPackedMask : items[n];
  }
  [[nodiscard]] float value(std::size_t n) const noexcept {
    if (values != nullptr) return values[n];
    return value_table[codes != nullptr ? codes[n] : items[n] >> kSgdPackedBits];
  }
};

/// Ratings in an order of their own, users and items as they come.
struct SgdSequence {
  const std::uint32_t* users;
  const std::uint32_t* items;
  const float* values;
  std::size_t count;
};

/// What is learned: rows of `stride` floats (a multiple of 16, 0 for rank 0), aligned to 64 bytes, and biases; of a block, those of its
/// stripes. A decay is rate * regularisation, what one rating takes off a row or bias; it may differ from row to row.
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

/// What regularisation leaves of rows and biases at one rating: all, where it was taken before.
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

/// One pass over a block. For a group of a user's ratings of different items, with e_n = value_n - bu - bi_n - <p, q_n>, all from the old
/// values (Koren, Bell, Volinsky 2009, "Matrix factorization techniques ..."; the user learns from a batch):
///     p += rate sum_n e_n q_n,  q_n += rate e_n p,  bu += rate sum_n e_n,  bi_n += rate e_n
/// Regularisation is taken once a run instead of bit by bit, with the chunk in which the run begins: of its n ratings
///     x = x / (1 + n decay),
/// the implicit step, which shrinks at any step size. Chunks are taken in a circle from `first_chunk` on.
/// \param first_chunk below block.chunk_count, or 0. \return the sum of e^2; not finite when the numbers ran away
double sgd_block(const SgdBlock& block, std::size_t first_chunk, const SgdTables& tables, const SgdStep& step);

/// One pass over a sequence, one rating after another, regularisation with every rating: with keep = 1 - decay, but not below 0,
///     p = keep p + rate e q,  q = keep q + rate e p,  bu = keep bu + rate e,  bi = keep bi + rate e
double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step);

}  // namespace lowrank
