#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "tune/method_search.h"
#include "tune/trial_runner.h"

namespace lowrank {

/// A candidate, and the search that it is of.
struct Finishing {
  const MethodSearch* search = nullptr;
  const Candidate* candidate = nullptr;
};

/// The best `count` candidates of all searches: first those trained in full, then by their loss.
std::vector<Finishing> best_of(std::span<const MethodSearch> searches, std::size_t count);

/// The method to train on all ratings: `epochs` epochs, none of which validation cuts short.
/// \param neighbour_weight  the one that validation chose, if any
Method final_method(const Method& method, std::size_t epochs, std::optional<double> neighbour_weight, std::uint64_t seed);

/// Trains the best few on all inner splits, and writes the choice into `result`: finalists, method, trial, options, figure.
/// \return false if the search was interrupted before it was made. \throws TrainingError where none of them could be trained
bool choose(std::span<const MethodSearch> searches, const TuneOptions& options, TrialRunner& runner,
            const std::function<void(const TuneRun&)>& record, TuneResult& result);

/// Takes the best so far, without further trainings.
void choose_now(std::span<const MethodSearch> searches, const TuneOptions& options, TuneResult& result);

}  // namespace lowrank
