#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "model/model_header.h"

namespace lowrank {

namespace {

/// Whether every float is finite, by the largest exponent: integers, so that the compiler can take many at once.
bool all_finite(const float* values, std::size_t count) {
  constexpr std::uint32_t kInfinity = 0x7F800000U;
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & 0x7FFFFFFFU);
  return largest < kInfinity;
}

bool all_finite(const FactorMatrix& matrix) { return all_finite(matrix.data(), matrix.rows() * matrix.stride()); }

/// What may safely be printed to a terminal.
bool is_plain_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<std::string> shape_problem(const Model& model) {
  if (model.users.factors.rank() != model.items.factors.rank()) return "users and items have factors of different rank";
  const std::size_t users = model.users.ids.size();
  const std::size_t items = model.items.ids.size();
  if (model.users.factors.rows() != users || model.items.factors.rows() != items) return "ids and factors differ in number";
  if (model.users.biases.size() != users || model.items.biases.size() != items) return "ids and biases differ in number";
  if (model.users.counts.size() != users || model.items.counts.size() != items) return "ids and numbers of ratings differ in number";
  if (!model.seen.offsets().empty() && model.seen.offsets().size() != users + 1) return "seen items of a different number of users";
  return {};
}

std::optional<std::string> number_problem(const Model& model) {
  if (!all_finite(model.users.factors) || !all_finite(model.items.factors)) return "a factor is not finite";
  if (!all_finite(model.users.biases.data(), model.users.biases.size())) return "a user's bias is not finite";
  if (!all_finite(model.items.biases.data(), model.items.biases.size())) return "an item's bias is not finite";
  if (!std::isfinite(model.centre.mean) || !std::isfinite(model.centre.rating_mean)) return "the mean is not finite";
  if (!std::isfinite(model.centre.min_rating) || !std::isfinite(model.centre.max_rating)) return "the range of ratings is not finite";
  if (model.centre.min_rating > model.centre.max_rating) return "the range of ratings is empty";
  const RowProblem& row = model.row_problem;
  for (const double value : {row.observed_weight, row.weight_per_rating, row.unobserved_weight, row.regularization, row.bias_regularization,
                             row.damping, row.bias_damping, row.l1_regularization, row.l1_damping, row.regularization_exponent}) {
    if (!std::isfinite(value) || value < 0) return "a number of the row problem is not finite or negative";
  }
  for (const double exponent : {row.observed_item_exponent, row.unobserved_item_exponent, row.unobserved_user_exponent}) {
    if (!(std::abs(exponent) <= 2)) return "an exponent of the row problem is not within -2 .. 2";
  }
  if ((row.l1_regularization != 0 || row.l1_damping != 0 || row.divergence) && !row.non_negative) {
    return "the row problem is one of factors that are not negative, and does not say so";
  }
  if (row.divergence && (row.solves_bias || row.binary_target)) return "the row problem's divergence has a bias or binary targets";
  return {};
}

std::optional<std::string> record_problem(const TrainingRecord& record) {
  if (record.method.empty() || !is_plain_text(record.method)) return "the method's name is empty or no plain text";
  if (!is_plain_text(record.fingerprint)) return "the data's fingerprint is no plain text";
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

std::optional<std::string> model_problem(const Model& model) {
  if (auto problem = shape_problem(model)) return problem;
  if (auto problem = number_problem(model)) return problem;
  return record_problem(model.record);
}

}  // namespace lowrank
