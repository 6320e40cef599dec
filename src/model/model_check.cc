#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "model/feature_section.h"
#include "model/fold_in_fields.h"
#include "model/model_header.h"

namespace lowrank {

namespace {

/// Whether every float is finite, by the largest exponent: integers, so that the compiler can take many at once.
bool is_finite(const float* values, std::size_t count) {
  constexpr std::uint32_t kInfinity = 0x7F800000U;
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & 0x7FFFFFFFU);
  return largest < kInfinity;
}

bool is_finite(const FactorMatrix& matrix) { return is_finite(matrix.data(), matrix.rows() * matrix.stride()); }

/// What may safely be printed to a terminal.
bool is_plain_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<std::string> prior_problem(const Model& model) {
  const bool has = std::holds_alternative<PosteriorMean>(model.fold_in);
  const auto problem_of = [&](const Side& side, const Side& other) -> std::optional<std::string> {
    if (side.prior.has_value() != has) return has ? "a fold-in by priors of rows that are not there" : "priors of rows without a use";
    if (!has) return {};
    const std::size_t size = model.rank() + 1;
    const FactorMatrix& precision = side.prior->precision;
    if (precision.rows() != size || precision.rank() != size) return "a prior of another rank";
    const FactorMatrix& history = side.prior->history;
    if (history.rows() != 0 && (history.rows() != other.size() || history.rank() != size)) return "a prior for other rows";
    const std::vector<float>& average = side.prior->average;
    if (!average.empty() && (history.rows() == 0 || average.size() != size)) return "an average of a prior that does not belong to it";
    if (!is_finite(precision) || !is_finite(history) || !is_finite(average.data(), average.size()))
      return "a number of a prior is not finite";
    for (std::size_t k = 0; k < size; ++k) {
      if (!(precision.row(k)[k] > 0)) return "a precision that is not above 0";
      for (std::size_t j = 0; j < k; ++j) {
        if (precision.row(k)[j] != precision.row(j)[k]) return "a precision that is not symmetric";
      }
    }
    return {};
  };
  if (auto problem = problem_of(model.users, model.items)) return problem;
  return problem_of(model.items, model.users);
}

std::optional<std::string> shape_problem(const Model& model) {
  if (model.users.factors.rank() != model.items.factors.rank()) return "users and items have factors of different rank";
  const std::size_t users = model.users.ids.size();
  const std::size_t items = model.items.ids.size();
  if (auto problem = rank_problem(model.rank(), users, items)) return problem;
  if (model.users.factors.rows() != users || model.items.factors.rows() != items) return "ids and factors differ in number";
  if (model.users.biases.size() != users || model.items.biases.size() != items) return "ids and biases differ in number";
  if (model.users.counts.size() != users || model.items.counts.size() != items) return "ids and numbers of ratings differ in number";
  if (!model.history.offsets().empty() && model.history.offsets().size() != users + 1) return "seen items of a different number of users";
  if (model.neighbours && model.neighbours->of_users() && model.neighbours->rows() != users)
    return "neighbours of a different number of users";
  if (model.neighbours && !model.neighbours->of_users() && model.neighbours->rows() != items)
    return "neighbours of a different number of items";
  if (model.neighbours && model.neighbours->is_mean() && !model.history.bytes().empty() && !model.history.has_values())
    return "neighbours that read ratings, without their values in the history";
  const bool sums = std::holds_alternative<HistorySum>(model.fold_in);
  if (model.history_factors.rows() != (sums ? items : 0)) return "history factors of a different number of items";
  if (sums && model.history_factors.rank() != model.rank()) return "history factors of a different rank";
  return prior_problem(model);
}

/// Every number of `value` is finite and not negative, but for exponents.
template <class Struct>
bool sound(const Struct& value) {
  bool is_sound = true;
  for_each_field(value, [&]<class Member>(const char* /*name*/, const Member& member) {
    if constexpr (std::is_same_v<Member, PowerWeight>) {
      is_sound = is_sound && std::abs(member.exponent) <= 2 && std::isfinite(member.scale) && member.scale >= 0;
    } else if constexpr (std::is_class_v<Member>) {
      is_sound = is_sound && sound(member);
    } else if constexpr (!std::is_same_v<Member, bool>) {
      is_sound = is_sound && std::isfinite(member) && member >= 0;
    }
  });
  return is_sound;
}

bool has_l1(const RowPenalty& penalty) { return penalty.l1 != 0 || penalty.l1_constant != 0; }

std::optional<std::string> fold_in_problem(const FoldIn& fold_in) {
  return std::visit(
      []<class Problem>(const Problem& problem) -> std::optional<std::string> {
        if (!sound(problem)) return "a number of the fold-in is out of range";
        if constexpr (std::is_same_v<Problem, PairwiseLogistic>) {
          const bool draws = problem.negatives >= 1 && problem.negatives <= PairwiseLogistic::kMostNegatives;
          if (!draws || problem.negative_exponent > 2) return "a number of the fold-in is out of range";
        }
        if constexpr (std::is_same_v<Problem, PosteriorMean>) {
          if (problem.noise == 0) return "a number of the fold-in is out of range";
        }
        if constexpr (std::is_same_v<Problem, HistorySum>) {
          if (problem.exponent > 2) return "a number of the fold-in is out of range";
          if (has_l1(problem.users) || has_l1(problem.items)) return "the fold-in has an L1 penalty, and factors of any sign";
        }
        if constexpr (requires { problem.non_negative; }) {
          if (!problem.non_negative && (has_l1(problem.users) || has_l1(problem.items))) {
            return "the fold-in is one of factors that are not negative, and does not say so";
          }
        }
        return {};
      },
      fold_in);
}

std::optional<std::string> number_problem(const Model& model) {
  if (!is_finite(model.users.factors) || !is_finite(model.items.factors) || !is_finite(model.history_factors))
    return "a factor is not finite";
  if (!is_finite(model.users.biases.data(), model.users.biases.size())) return "a user's bias is not finite";
  if (!is_finite(model.items.biases.data(), model.items.biases.size())) return "an item's bias is not finite";
  if (!std::isfinite(model.centre.mean) || !std::isfinite(model.centre.rating_mean)) return "the mean is not finite";
  if (!std::isfinite(model.centre.min_rating) || !std::isfinite(model.centre.max_rating)) return "the range of ratings is not finite";
  if (model.centre.min_rating > model.centre.max_rating) return "the range of ratings is empty";
  return fold_in_problem(model.fold_in);
}

std::optional<std::string> record_problem(const TrainingRecord& record) {
  if (record.method.empty() || !is_plain_text(record.method)) return "the method's name is empty or no plain text";
  if (!is_plain_text(record.fingerprint)) return "the data's fingerprint is no plain text";
  if (record.lineage && !is_plain_text(record.lineage->trained_fingerprint)) return "the training data's fingerprint is no plain text";
  for (const Metric& metric : record.metrics) {
    if (!is_plain_text(metric.name)) return "a metric's name is no plain text";
    if (!std::isfinite(metric.value)) return "the metric " + metric.name + " is not finite";
  }
  constexpr int kDeepest = 8;
  bool too_deep = false;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  if (!is_plain_text(record.options) || !nlohmann::json::parse(record.options, watch, false).is_object() || too_deep) {
    return "the options are no JSON object";
  }
  return {};
}

}  // namespace

std::optional<std::string> rank_problem(std::uint64_t rank, std::uint64_t users, std::uint64_t items) {
  if (rank > kMaxRank) return "a rank of " + std::to_string(rank) + ", but no model has one above " + std::to_string(kMaxRank);
  if (rank != 0 && (users == 0 || items == 0)) return "a rank of " + std::to_string(rank) + " without users or without items";
  return {};
}

std::optional<std::string> model_problem(const Model& model) {
  if (auto problem = shape_problem(model)) return problem;
  if (auto problem = number_problem(model)) return problem;
  for (const Side* side : {&model.users, &model.items}) {
    if (auto problem = feature_problem(*side)) return problem;
  }
  if (auto problem = uncertainty_problem(model)) return problem;
  if (auto problem = context_problem(model)) return problem;
  return record_problem(model.record);
}

}  // namespace lowrank
