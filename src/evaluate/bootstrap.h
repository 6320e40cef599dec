#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lowrank/evaluate/user_figures.h"

namespace lowrank {

/// The values of figures in every draw of a bootstrap over users.
///
/// \param tests  figures of the same users in the same order, for example those of several models on one test: each draw takes the same
///               users of all of them
/// \return draws x (sum of the numbers of figures) values, one row per draw, the figures of the first test first
std::vector<double> bootstrap_values(std::span<const UserFigures* const> tests, std::size_t draws, std::uint64_t seed, int threads);

/// The interval that holds `level` of `values`, which are put in order: quantiles with linear interpolation (type 7 of Hyndman and Fan).
Interval percentile_interval(std::vector<double>& values, double level);

}  // namespace lowrank
