#include "model/uncertainty_section.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "model/checked_json.h"

namespace lowrank {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Finite and at least 0.
bool are_variances(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return value >= 0 && std::isfinite(value); });
}

bool is_positive(double value) { return value > 0 && std::isfinite(value); }

template <class Number>
bool ascends(const std::vector<Number>& values) {
  return std::ranges::all_of(values, [](Number value) { return std::isfinite(value); }) &&
         std::ranges::adjacent_find(values, std::ranges::greater_equal()) == values.end();
}

template <class Number>
std::vector<Number> numbers_of(Fields& fields, const char* name) {
  std::vector<Number> numbers;
  for (const json& number : fields.list(name)) {
    if (!number.is_number()) refuse(fields.what() + ": " + in_quotes(name) + " is not a list of numbers");
    numbers.push_back(static_cast<Number>(number.get<double>()));
  }
  return numbers;
}

std::optional<std::string> variance_problem(const RowVariances& variances, const Side& side) {
  const std::size_t rows = std::size_t{side.size()} + 1;
  if (variances.factors.rows() != rows || variances.biases.size() != rows || (!variances.noise.empty() && variances.noise.size() != rows))
    return "variances of a different number of rows";
  if (variances.factors.rank() != side.factors.rank()) return "variances of a different rank";
  for (std::size_t row = 0; row < rows; ++row) {
    if (!are_variances(variances.factors.row(row))) return "a variance is negative or not finite";
  }
  if (!are_variances(variances.biases)) return "a variance is negative or not finite";
  if (!std::ranges::all_of(variances.noise, [](float share) { return is_positive(static_cast<double>(share)); }))
    return "a row's share of the noise is not above 0";
  return {};
}

}  // namespace

std::string uncertainty_text(const Uncertainty& uncertainty) {
  return ordered_json{{"noise", uncertainty.noise}, {"scale", uncertainty.scale}}.dump();
}

void read_uncertainty(const std::string& text, Uncertainty& uncertainty) {
  const json parsed = parse_json(text, "the header's uncertainty");
  Fields fields(parsed, "the header's uncertainty");
  uncertainty.noise = fields.number("noise");
  uncertainty.scale = fields.number("scale");
  fields.end();
}

std::string ordinal_text(const OrdinalScale& scale) {
  return ordered_json{{"levels", std::vector<double>(scale.levels.begin(), scale.levels.end())},
                      {"cutpoints", scale.cutpoints},
                      {"deviation", scale.deviation}}
      .dump();
}

OrdinalScale read_ordinal(const std::string& text) {
  const json parsed = parse_json(text, "the header's ordinal scale");
  Fields fields(parsed, "the header's ordinal scale");
  OrdinalScale scale{.levels = numbers_of<float>(fields, "levels"),
                     .cutpoints = numbers_of<double>(fields, "cutpoints"),
                     .deviation = fields.number("deviation")};
  fields.end();
  return scale;
}

std::optional<std::string> uncertainty_problem(const Model& model) {
  if (model.centre.ordinal) {
    const OrdinalScale& scale = *model.centre.ordinal;
    if (scale.levels.size() < 2 || scale.levels.size() > OrdinalScale::kMostLevels) return "an ordinal scale of too few or too many levels";
    if (scale.cutpoints.size() + 1 != scale.levels.size()) return "levels and cutpoints that do not fit together";
    if (!ascends(scale.levels) || !ascends(scale.cutpoints)) return "levels or cutpoints that do not ascend";
    if (!is_positive(scale.deviation)) return "the deviation of an ordinal scale is not above 0";
  }
  if (!model.uncertainty) return {};
  const Uncertainty& uncertainty = *model.uncertainty;
  if (!is_positive(uncertainty.noise)) return "the variance of ratings is not above 0";
  if (!(uncertainty.scale >= 0) || !std::isfinite(uncertainty.scale)) return "the scale of variances is negative or not finite";
  if (!uncertainty.quantiles.empty() && uncertainty.quantiles.size() != kQuantiles) return "a different number of quantiles";
  if (!are_variances(uncertainty.quantiles) || !std::ranges::is_sorted(uncertainty.quantiles)) return "quantiles that do not ascend";
  if (auto problem = variance_problem(uncertainty.users, model.users)) return problem;
  return variance_problem(uncertainty.items, model.items);
}

}  // namespace lowrank
