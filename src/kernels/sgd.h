#pragma once

#include <cstddef>
#include <cstdint>

namespace lowrank {

/// The ratings of one user within a block: `count` of them from position `begin` of the block's arrays.
struct SgdRun {
  std::uint32_t user;
  std::uint32_t begin;
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

/// What is learned: rows of `stride` floats (a multiple of 16, 0 for rank 0), aligned to 64 bytes, and biases.
struct SgdTables {
  float* user_factors;
  float* user_biases;
  float* item_factors;  ///< of the block's stripe
  float* item_biases;   ///< of the block's stripe
  std::size_t stride;
};

/// One step: x += rate * (e * dprediction/dx - decay * x), for factors and for biases.
struct SgdStep {
  float factor_rate;
  float factor_regularization;
  float bias_rate;  ///< 0 for a model without biases
  float bias_regularization;
};

/// Ratings are visited as this many runs side by side, one rating of each in turn: enough that the latency of one rating hides behind the
/// others. Part of the result: every SIMD level uses the same number.
constexpr std::size_t sgd_lanes(std::size_t stride) { return stride <= 64 ? 8 : 4; }

/// One pass over a block. Runs are taken in their order by sgd_lanes(stride) lanes, a lane taking the next run when its own has ended; in
/// each round every lane in turn learns from its run's next rating. When fewer runs than lanes are left, the lanes finish one after
/// another. For one rating, with e = value - bu - bi - <p, q> from the old values (Koren, Bell, Volinsky 2009, "Matrix factorization
/// techniques ..."):
///     p += rate (e q - reg p),  q += rate (e p - reg q),  bu += rate (e - reg bu),  bi += rate (e - reg bi)
/// \return the sum of e^2; not finite when the numbers ran away
double sgd_block(const SgdBlock& block, const SgdTables& tables, const SgdStep& step);

/// One pass over a sequence, one rating after another, same update.
double sgd_sequence(const SgdSequence& sequence, const SgdTables& tables, const SgdStep& step);

}  // namespace lowrank
