#pragma once

#include <concepts>
#include <type_traits>

#include "lowrank/model/fold_in.h"

namespace lowrank {

/// `T`, or `const T`.
template <class Struct, class T>
concept MaybeConst = std::same_as<std::remove_const_t<Struct>, T>;

/// \name The members of what FoldIn holds, each once: written, read and checked by them
/// `visit` is called with a name and a reference to a number, a count, a flag, or a struct that has members of its own.
/// \{
template <MaybeConst<RowPenalty> Struct, class Visit>
void for_each_field(Struct& penalty, const Visit& visit) {
  visit("l2", penalty.l2);
  visit("l2_constant", penalty.l2_constant);
  visit("l1", penalty.l1);
  visit("l1_constant", penalty.l1_constant);
  visit("bias", penalty.bias);
  visit("bias_constant", penalty.bias_constant);
}

template <MaybeConst<PowerWeight> Struct, class Visit>
void for_each_field(Struct& weight, const Visit& visit) {
  visit("exponent", weight.exponent);
  visit("scale", weight.scale);
}

template <MaybeConst<NoFoldIn> Struct, class Visit>
void for_each_field(Struct& /*problem*/, const Visit& /*visit*/) {}

template <MaybeConst<LeastSquares> Struct, class Visit>
void for_each_field(Struct& problem, const Visit& visit) {
  visit("users", problem.users);
  visit("items", problem.items);
  visit("solves_bias", problem.solves_bias);
  visit("non_negative", problem.non_negative);
}

template <MaybeConst<WeightedLeastSquares> Struct, class Visit>
void for_each_field(Struct& problem, const Visit& visit) {
  visit("users", problem.users);
  visit("items", problem.items);
  visit("observed_weight", problem.observed_weight);
  visit("alpha", problem.alpha);
  visit("unobserved_weight", problem.unobserved_weight);
  visit("unobserved_includes_seen", problem.unobserved_includes_seen);
  visit("binary_target", problem.binary_target);
  visit("non_negative", problem.non_negative);
  visit("size_exponent", problem.size_exponent);
  visit("observed_item", problem.observed_item);
  visit("unobserved_item", problem.unobserved_item);
  visit("unobserved_user", problem.unobserved_user);
}

template <MaybeConst<Divergence> Struct, class Visit>
void for_each_field(Struct& problem, const Visit& visit) {
  visit("users", problem.users);
  visit("items", problem.items);
  visit("absent_weight", problem.absent_weight);
}

template <MaybeConst<PairwiseLogistic> Struct, class Visit>
void for_each_field(Struct& problem, const Visit& visit) {
  visit("users", problem.users);
  visit("items", problem.items);
  visit("negatives", problem.negatives);
  visit("hardest", problem.hardest);
  visit("negative_exponent", problem.negative_exponent);
  visit("solves_bias", problem.solves_bias);
}

template <MaybeConst<HistorySum> Struct, class Visit>
void for_each_field(Struct& problem, const Visit& visit) {
  visit("users", problem.users);
  visit("items", problem.items);
  visit("exponent", problem.exponent);
  visit("solves_bias", problem.solves_bias);
  visit("solves_factors", problem.solves_factors);
}

template <MaybeConst<PosteriorMean> Struct, class Visit>
void for_each_field(Struct& problem, const Visit& visit) {
  visit("noise", problem.noise);
}
/// \}

}  // namespace lowrank
