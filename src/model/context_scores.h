#pragma once

#include <cstdint>
#include <span>

#include "data/times.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// What the contexts of ratings add to their scores, for callers who take the ratings in parts. Borrows the model.
class ContextScores {
 public:
  /// \param times  of all ratings, which tell the unit; empty for none \throws DataError where they tell none
  ContextScores(const Model& model, std::span<const std::int64_t> times);

  /// \param unit  of all times
  ContextScores(const Model& model, TimeUnit unit);

  /// Adds to the scores of some pairs what their times add; nothing where all ratings have no times. The same for any parts. O(n rank)
  void add(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const std::int64_t> times,
           std::span<double> scores) const;

  [[nodiscard]] bool empty() const noexcept { return empty_; }

 private:
  const Model& model_;
  bool empty_;
  TimeUnit unit_ = TimeUnit::unknown;
};

}  // namespace lowrank
