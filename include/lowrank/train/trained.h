#pragma once

/// \file
/// What training gives back.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/train/observer.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Why training ended.
enum class Stopped : std::uint8_t { epochs, converged, patience, observer };
/// `epochs`, `converged`, `patience`, `observer`.
std::string_view name_of(Stopped stopped);

/// What training gives back.
struct Trained {
  Model model;                 ///< the kept one; without vocabularies, seen items, fingerprint and metrics, which the caller knows
  std::size_t epochs = 0;      ///< epochs run
  std::size_t best_epoch = 0;  ///< the epoch of the kept model
  Stopped stopped = Stopped::epochs;
  double seconds = 0;                ///< wall time of the epochs, validation left out
  std::optional<double> train_rmse;  ///< of the kept model over the ratings trained on, clipped when the model clips; if it predicts them
  std::optional<double> train_loss;  ///< the method's full objective of the kept model, where it has one
  /// The weight of the neighbours beside the factors, which a method chose where its options left it open; nothing where there are none.
  std::optional<double> neighbour_weight = {};
  /// The epochs, ascending. Of more than 16,384 only every second, fourth ... is kept, and always the best and the last.
  std::vector<EpochReport> history;
};

}  // namespace lowrank
