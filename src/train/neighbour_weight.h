#pragma once

#include <optional>
#include <span>

#include "lowrank/train/trained.h"
#include "lowrank/train/validation.h"

namespace lowrank {

/// Gives a trained model neighbours beside its factors, and says by which weight: the one that is stated, or with validation data the one
/// of `tried` with the best figure (the first of equals), or `usual`. A weight of 0 gives no neighbours. \param make  (weight) the
/// neighbours that it gives
template <class Make>
void weigh_neighbours(Trained& trained, std::optional<double> stated, double usual, std::span<const double> tried,
                      const Validation& validation, const Make& make) {
  std::optional<Neighbours>& neighbours = trained.model.neighbours;
  const auto take = [&](double weight) {
    neighbours.reset();
    if (weight != 0) neighbours = make(weight);
  };
  double chosen = stated.value_or(usual);
  if (!stated && validation) {
    std::optional<double> best;
    for (const double weight : tried) {
      take(weight);
      const double value = validation.measure(trained.model);
      if (best && !validation.better(value, *best)) continue;
      best = value;
      chosen = weight;
    }
  }
  take(chosen);
  trained.neighbour_weight = chosen;
}

}  // namespace lowrank
