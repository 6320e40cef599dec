#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lowrank/evaluate/user_figures.h"

namespace lowrank {

/// The two-sided p value of the difference of every figure of `b` to that of `a`, by a permutation test over users (Fisher 1935): if the
/// two were alike, exchanging them for any user would change nothing. In each of `draws` draws they are exchanged for each user with
/// probability one half, the same users for every figure. \param a, b  figures of the same users with the same weights
/// \return (1 + draws whose difference is at least as great in size) / (1 + draws), one per figure
std::vector<double> sign_flip_p(const UserFigures& a, const UserFigures& b, std::size_t draws, std::uint64_t seed, int threads);

}  // namespace lowrank
