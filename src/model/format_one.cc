#include <algorithm>
#include <cmath>

#include "lowrank/base/error.h"
#include "model/checked_json.h"
#include "model/count_weight.h"
#include "model/model_header.h"

namespace lowrank {

namespace {

/// What format 1 says about a new user: one problem whose switches are those of all methods of its time. Items have none of their own.
struct RowProblem {
  double observed_weight = 1;
  double weight_per_rating = 0;
  double unobserved_weight = 0;
  bool unobserved_includes_seen = true;
  double observed_item_exponent = 0;
  double unobserved_item_exponent = 0;
  double unobserved_user_exponent = 0;
  double regularization = 0;
  double bias_regularization = 0;
  double damping = 0;
  double bias_damping = 0;
  double l1_regularization = 0;
  double l1_damping = 0;
  double regularization_exponent = 0;
  bool solves_bias = true;
  bool non_negative = false;
  bool binary_target = false;
  bool divergence = false;
};

RowProblem parse(const std::string& text) {
  const nlohmann::json parsed = parse_json(text, "the header's row problem");
  Fields fields(parsed, "the header's row problem");
  RowProblem row;
  const auto weight = [](double value) {
    if (!std::isfinite(value) || value < 0) refuse("a number of the row problem is not finite or negative");
    return value;
  };
  const auto optional = [&](const char* name) { return fields.has(name) ? fields.number(name) : 0.0; };
  const auto exponent = [&](const char* name) {
    const double value = optional(name);
    if (!(std::abs(value) <= 2)) refuse("an exponent of the row problem is not within -2 .. 2");
    return value;
  };
  row.observed_weight = weight(fields.number("observed_weight"));
  row.weight_per_rating = weight(fields.number("weight_per_rating"));
  row.unobserved_weight = weight(fields.number("unobserved_weight"));
  row.unobserved_includes_seen = fields.flag("unobserved_includes_seen");
  row.regularization = weight(fields.number("regularization"));
  row.bias_regularization = weight(fields.number("bias_regularization"));
  row.damping = weight(fields.number("damping"));
  row.bias_damping = weight(fields.number("bias_damping"));
  row.regularization_exponent = weight(fields.number("regularization_exponent"));
  row.solves_bias = fields.flag("solves_bias");
  row.non_negative = fields.flag("non_negative");
  row.binary_target = fields.flag("binary_target");
  row.l1_regularization = weight(optional("l1_regularization"));
  row.l1_damping = weight(optional("l1_damping"));
  row.observed_item_exponent = exponent("observed_item_exponent");
  row.unobserved_item_exponent = exponent("unobserved_item_exponent");
  row.unobserved_user_exponent = exponent("unobserved_user_exponent");
  row.divergence = fields.has("divergence") && fields.flag("divergence");
  fields.end();
  if ((row.l1_regularization != 0 || row.l1_damping != 0 || row.divergence) && !row.non_negative) {
    refuse("the row problem is one of factors that are not negative, and does not say so");
  }
  if (row.divergence && (row.solves_bias || row.binary_target)) refuse("the row problem's divergence has a bias or binary targets");
  return row;
}

PowerWeight power_weight(double exponent, const Side& side, CountWeight::Mean mean) {
  return CountWeight(exponent, side.counts, mean).power();
}

FoldIn fold_in_of(const RowProblem& row, const Model& model) {
  // A constant regularisation of a problem whose size is the number of ratings has no part that grows with it.
  const bool by_count = row.regularization_exponent != 0;
  RowPenalty penalty{.l2_constant = row.damping, .l1_constant = row.l1_damping, .bias_constant = row.bias_damping};
  const auto grow = [by_count](double weight, double& per_rating, double& constant) { (by_count ? per_rating : constant) += weight; };
  grow(row.regularization, penalty.l2, penalty.l2_constant);
  grow(row.l1_regularization, penalty.l1, penalty.l1_constant);
  grow(row.bias_regularization, penalty.bias, penalty.bias_constant);
  RowPenalty of_items = penalty;
  const bool over_zeros = !row.binary_target && row.unobserved_weight != 0;
  if (over_zeros && model.items.known() > 0) {
    // The constant weighs a row's cells: an item has as many as there are users.
    const double ratio = static_cast<double>(model.users.known()) / static_cast<double>(model.items.known());
    of_items.l2_constant *= ratio;
    of_items.l1_constant *= ratio;
  }
  if (row.divergence) return Divergence{.users = penalty, .items = of_items, .absent_weight = row.unobserved_weight};
  if (model.record.method == "popular") return NoFoldIn{};
  if (row.unobserved_weight == 0 && row.weight_per_rating == 0 && !row.binary_target) {
    return LeastSquares{.users = penalty, .items = of_items, .solves_bias = row.solves_bias, .non_negative = row.non_negative};
  }
  return WeightedLeastSquares{.users = penalty,
                              .items = of_items,
                              .observed_weight = row.observed_weight,
                              .alpha = row.weight_per_rating,
                              .unobserved_weight = row.unobserved_weight,
                              .unobserved_includes_seen = row.unobserved_includes_seen,
                              .binary_target = row.binary_target,
                              .non_negative = row.non_negative,
                              .size_exponent = row.regularization_exponent,
                              .observed_item = power_weight(row.observed_item_exponent, model.items, CountWeight::Mean::over_ratings),
                              .unobserved_item = power_weight(row.unobserved_item_exponent, model.items, CountWeight::Mean::over_rows),
                              .unobserved_user = power_weight(row.unobserved_user_exponent, model.users, CountWeight::Mean::over_rows)};
}

}  // namespace

std::function<void(Model&)> read_row_problem(const std::string& json) {
  return [row = parse(json)](Model& model) { model.fold_in = fold_in_of(row, model); };
}

}  // namespace lowrank
