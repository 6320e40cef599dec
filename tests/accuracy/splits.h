#pragma once

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "base/random.h"
#include "real_data.h"

namespace lowrank {

struct Split {
  std::vector<RealRating> train;
  std::vector<RealRating> test;
};

/// Shuffled with a fixed seed, every tenth is test.
inline Split shuffled_split(std::vector<RealRating> ratings) {
  RandomStream(20170423, Purpose::split).shuffle(std::span(ratings));
  Split split;
  for (std::size_t n = 0; n < ratings.size(); ++n) (n % 10 == 9 ? split.test : split.train).push_back(ratings[n]);
  return split;
}

}  // namespace lowrank
