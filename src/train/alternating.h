#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "base/random.h"
#include "lowrank/model/factor_matrix.h"
#include "lowrank/model/model.h"

namespace lowrank {

/// Normal draws of standard deviation `deviation` in every row that has ratings, zeros in the others.
void start_rows(FactorMatrix& table, std::span<const std::uint32_t> ratings, double deviation, std::uint64_t seed, Purpose purpose,
                Workers& workers);

/// The rows of `from` that it knows, for the rows of `table` that have ratings; the others stay.
void continue_rows(FactorMatrix& table, std::span<const std::uint32_t> ratings, const Side& from);

/// True when every number is finite.
bool all_finite(std::span<const float> numbers, Workers& workers);
bool all_finite(const FactorMatrix& table, Workers& workers);

/// The sum over rows of weights[row] * |row|^2, in double, the same for any number of threads.
double weighted_squares(const FactorMatrix& table, std::span<const double> weights, Workers& workers);

}  // namespace lowrank
