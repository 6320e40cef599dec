#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/parallel.h"
#include "lowrank/model/model.h"
#include "lowrank/pipeline/update.h"
#include "pipeline/update_edit.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

/// What solving the touched rows came to.
struct SolvedRows {
  std::uint64_t solves = 0;
  std::uint64_t left = 0;  ///< rows that the time limit left, once per sweep
  std::optional<double> before;
  std::optional<double> after;
};

/// The ratings of the touched rows.
struct TouchedRatings {
  FoldInRows users;
  FoldInRows items;
  std::uint32_t left_out = 0;  ///< touched rows that are none any more
};

/// Gives the touched rows their new numbers of ratings, and leaves out those that cannot be solved again: rows with more training ratings
/// than the history had of them. All that the history has counts, held-out ratings too. O(ratings of the model)
TouchedRatings count_touched(Model& model, HistoryChange& change, const TakesRating& takes, Workers& workers);

/// Solves the touched rows of a model whose history and numbers of ratings are the new ones. \param end  when to stop, if ever
SolvedRows solve_touched(Model& model, const HistoryChange& change, TouchedRatings ratings, const UpdateInput& input,
                         const UpdateOptions& options, const std::optional<std::chrono::steady_clock::time_point>& end, Workers& workers);

}  // namespace lowrank
