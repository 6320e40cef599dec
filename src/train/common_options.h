#pragma once

#include <array>
#include <string_view>

#include "lowrank/train/correction.h"
#include "train/option.h"

namespace lowrank {

/// \name Settings that options of several methods depend on
/// \{
inline constexpr Setting kHasFactors = without("rank", "0");
inline constexpr Setting kRegularizes = without("regularization", "0");
inline constexpr Setting kHasBiases = with("biases", "true");
inline constexpr Setting kCorrects = without("neighbours", "0");
/// \}

/// The ratings that count where having is all: MethodTraits::counts, and its `uncounted`.
template <class O>
bool is_positive(const O& /*options*/, float rating) {
  return rating > 0;
}
inline constexpr const char* kNonePositive = "above 0";

/// MethodTraits::ignores_values of a method to which all ratings that it takes are alike.
template <class O>
bool always(const O& /*options*/) {
  return true;
}

/// \name Options that several methods have, with the same meaning
/// \{
template <class O>
constexpr Option<O> rank_option() {
  return {
      "rank", &O::rank, {0, 4096}, "number of factors per user and item, 0 to 4096; more fit finer tastes, and take more time and memory"};
}
template <class O>
constexpr Option<O> initial_scale_option() {
  return Option<O>{
      "initial_scale",
      &O::initial_scale,
      {.least_excluded = true},
      "spread of the initial factors, above 0: normal draws of standard deviation initial_scale / sqrt(rank); rarely worth a change"}
      .only(kHasFactors);
}
template <class O>
constexpr Option<O> cg_steps_option() {
  return Option<O>{
      "cg_steps", &O::cg_steps, {1, 1000}, "conjugate gradient steps per row and epoch, 1 to 1000; more come closer to the exact solution"}
      .only(with("solver", "cg"), kHasFactors);
}
template <class O>
constexpr Option<O> biases_option(
    std::string_view help = "learn the mean and a bias for every user and item; without them a score is the dot product alone") {
  return {"biases", &O::biases, {}, help};
}
template <class O>
constexpr Option<O> tolerance_option() {
  return {"tolerance",
          &O::tolerance,
          {0, 1},
          "relative improvement of the training error or loss per epoch below which training ends, 0 to 1; 0 never ends it"};
}
template <class O>
constexpr Option<O> patience_option() {
  return {
      .name = "patience",
      .member = &O::patience,
      .range = {1, 1e9},
      .help =
          "epochs without improvement of the validation figure after which training ends, at least 1; raise it where that figure is noisy",
      .needs = {},
      .validates = true};
}
inline constexpr auto kCorrectionSimilarities = std::to_array<Named<CorrectionSimilarity>>(
    {{"pearson", CorrectionSimilarity::pearson}, {"cosine", CorrectionSimilarity::cosine}, {"distance", CorrectionSimilarity::distance}});
template <class O>
constexpr Option<O> neighbours_option() {
  return {"neighbours", &O::neighbours, {0, 100'000}};
}
template <class O>
constexpr Option<O> neighbour_similarity_option() {
  return Option<O>{"neighbour_similarity", choice<O, &O::neighbour_similarity, kCorrectionSimilarities>()}.only(kCorrects);
}
template <class O>
constexpr Option<O> neighbour_shrinkage_option() {
  return Option<O>{"neighbour_shrinkage", &O::neighbour_shrinkage}.only(kCorrects, with("neighbour_similarity", "pearson"));
}
template <class O>
constexpr Option<O> neighbour_power_option() {
  return Option<O>{"neighbour_power", &O::neighbour_power, {.least_excluded = true}}.only(kCorrects);
}
template <class O>
constexpr Option<O> neighbour_damping_option() {
  return Option<O>{"neighbour_damping", &O::neighbour_damping, {0, 1e20}}.only(kCorrects);
}
template <class O>
constexpr Option<O> neighbour_weight_option() {
  return Option<O>{"neighbour_weight", &O::neighbour_weight, {0, 10}}.only(kCorrects);
}
template <class O>
constexpr Option<O> seed_option() {
  Option<O> option{"seed", &O::seed, {}, "seed of every random choice, those of a holdout too; another seed gives an independent run"};
  option.holds_out = true;
  return option;
}
/// The seed of a method that draws nothing.
template <class O>
constexpr Option<O> holdout_seed_option() {
  Option<O> option{"seed", &O::seed, {}, "seed of a holdout"};
  option.holds_out = true;
  option.trains = false;
  return option;
}
/// \}

}  // namespace lowrank
