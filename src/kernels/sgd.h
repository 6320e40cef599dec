#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// The ratings of one user within a block, `count` of them; they stand behind those of the run before.
struct SgdRun {
  std::uint32_t user;
  std::uint32_t count;
};

/// A block of ratings: users by their row in the whole table, items by their row within the block's stripe of items. No two runs of a block
/// have the same user, and none is empty. Values are in the units of training.
struct SgdBlock {
  const SgdRun* runs;
  std::size_t run_count;
  const std::uint16_t* items;
  const std::uint8_t* codes;  ///< 1-byte codes into value_table, or null
  const float* values;        ///< the values themselves where codes is null
  const float* value_table;
};

/// Ratings in an order of their own, users and items as they come.
struct SgdSequence {
  const std::uint32_t* users;
  const std::uint32_t* items;
  const float* values;
  std::size_t count;
};

/// What is learned: rows of `stride` floats (a multiple of 16, 0 for rank 0), aligned to 64 bytes, and biases. What regularisation leaves
/// of a row or bias at each of its ratings, 1 - rate * regularisation, may differ from row to row.
struct SgdTables {
  float* user_factors;
  float* item_factors;  ///< of the block's stripe, as all of an item's
  float* user_biases;
  float* item_biases;
  const float* user_keeps;
  const float* item_keeps;
  const float* user_bias_keeps;
  const float* item_bias_keeps;
  std::size_t stride;
};

/// Step sizes.
struct SgdStep {
  float rate;
  float bias_rate;  ///< 0 for a model without biases
};

/// Ratings are visited as this many runs side by side, one rating of each in turn: enough that the latency of one rating hides behind the
/// others. Part of the result: every SIMD level uses the same number.
constexpr std::size_t sgd_lanes(std::size_t stride) { return stride <= 64 ? 8 : 4; }

/// One pass over a block. Runs are taken in their order by sgd_lanes(stride) lanes, a lane taking the next run when its own has ended; in
/// each round every lane in turn learns from its run's next rating. When fewer runs than lanes are left, the lanes finish one after
/// another. For one rating, with e = value - bu - bi - <p, q> from the old values (Koren, Bell, Volinsky 2009, "Matrix factorization
/// techniques ..."):
///     p = keep p + rate e q,  q = keep q + rate e p,  bu = keep bu + rate e,  bi = keep bi + rate e
/// which is x += rate (e dprediction/dx - reg x) with keep = 1 - rate reg, every keep its own.
/// \return the sum of e^2; not finite when the numbers ran away
double sgd_block(const SgdBlock& block, const SgdTables& tables, const SgdStep& step);

/// One pass over a sequence, one rating after another, same update.
double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step);

}  // namespace lowrank
