#pragma once

// Models with contexts: of small numbers that float holds exactly.

#include <cstdint>
#include <string>

#include "lowrank/model/model.h"
#include "model/models.h"

namespace lowrank::testing_models {

/// The first of their days, in seconds.
inline constexpr std::int64_t kFirstDay = 978307200;

/// A context of days from the first of January 2001 on.
inline ContextVectors days(std::size_t rank, std::uint32_t levels = 3) {
  ContextVectors context{.name = "day",
                         .period = Period::day,
                         .levels = {},
                         .user_factors = FactorMatrix(levels, rank),
                         .item_factors = FactorMatrix(levels, rank),
                         .biases = {},
                         .counts = {}};
  for (std::uint32_t level = 0; level < levels; ++level) {
    context.levels.add("2001-01-0" + std::to_string(level + 1));
    for (std::size_t k = 0; k < rank; ++k) {
      context.user_factors.row(level)[k] = 0.125F * static_cast<float>((level * 5 + k * 3) % 7) - 0.25F;
      context.item_factors.row(level)[k] = 0.25F * static_cast<float>((level * 3 + k) % 5) - 0.5F;
    }
    context.biases.push_back(0.5F * static_cast<float>(level) - 0.75F);
    context.counts.push_back(level + 1);
  }
  return context;
}

/// A model of 9 users and 7 items with a context of days.
inline Model model_with_days(std::size_t rank = 5) {
  Model model = testing_models::random_model(9, 7, rank);
  model.contexts = {days(rank)};
  return model;
}

/// Biases of some rows in some of `levels` levels.
inline LevelBiases some_biases(std::uint32_t rows, std::uint32_t levels) {
  LevelBiases biases{.offsets = {0}, .levels = {}, .values = {}};
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t level = 0; level < levels; ++level) {
      if ((row * 3 + level) % 4 == 0) continue;
      biases.levels.push_back(level);
      biases.values.push_back(0.125F * static_cast<float>((row * 7 + level * 5) % 11) - 0.5F);
    }
    biases.offsets.push_back(biases.levels.size());
  }
  return biases;
}

/// A model of 9 users and 7 items with three contexts: days, companions with scales, moods with scales and biases of rows.
inline Model model_with_all(std::size_t rank = 5) {
  Model model = model_with_days(rank);
  for (const char* name : {"companion", "mood"}) {
    ContextVectors context = days(rank, 4);
    context.name = name;
    context.period = Period::none;
    context.scales = FactorMatrix(4, rank);
    for (std::uint32_t level = 0; level < 4; ++level) {
      for (std::size_t k = 0; k < rank; ++k) context.scales.row(level)[k] = 0.25F * static_cast<float>((level * 3 + k * 5) % 9) - 0.5F;
    }
    model.contexts.push_back(context);
  }
  model.contexts[2].user_biases = some_biases(model.users.size(), 4);
  model.contexts[2].item_biases = some_biases(model.items.size(), 4);
  return model;
}

}  // namespace lowrank::testing_models
