#include "lowrank/data/features.h"

#include <algorithm>
#include <cmath>

namespace lowrank {

namespace {

bool all_finite(std::span<const double> numbers) {
  return std::ranges::all_of(numbers, [](double number) { return std::isfinite(number); });
}

std::optional<std::string> field_problem(const FeatureField& field) {
  if (!std::isfinite(field.mean) || !std::isfinite(field.deviation) || !(field.deviation > 0) || !all_finite(field.edges)) {
    return "a number that describes features is out of range";
  }
  if (field.form == FeatureForm::binned ? field.edges.size() + 1 != field.count : !field.edges.empty()) {
    return "a field of features has edges that do not fit its columns";
  }
  if (std::ranges::adjacent_find(field.edges, std::greater_equal<>()) != field.edges.end()) {
    return "a field of features has edges that do not ascend";
  }
  if (field.form == FeatureForm::standardized && field.count != 1) return "a field of features has more columns than its form";
  return {};
}

}  // namespace

std::optional<std::string> description_problem(const FeatureDescription& description) {
  if (description.fields.empty()) return {};
  std::uint64_t next = 0;
  for (const FeatureField& field : description.fields) {
    if (auto problem = field_problem(field)) return problem;
    if (field.first != next) return "the columns of features do not follow one another";
    next += field.count;
  }
  if (next != description.size()) return "fields and columns of features differ in number";
  return {};
}

std::optional<std::string> features_problem(const Features& features) {
  if (auto problem = description_problem(features.description)) return problem;
  const std::vector<std::size_t>& offsets = features.offsets;
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != features.columns.size() || !std::ranges::is_sorted(offsets)) {
    return "the offsets of features do not span their entries";
  }
  if (features.columns.size() != features.values.size()) return "features have different numbers of columns and values";
  for (std::uint32_t row = 0; row < features.rows(); ++row) {
    const std::span<const std::uint32_t> columns = features.columns_of(row);
    if (std::ranges::adjacent_find(columns, std::greater_equal<>()) != columns.end())
      return "the columns of a row of features do not ascend";
    if (!columns.empty() && columns.back() >= features.description.size()) return "a column of features is out of range";
  }
  const auto sound = [](float value) { return std::isfinite(value) && value != 0; };
  if (!std::ranges::all_of(features.values, sound)) return "a value of features is 0 or not finite";
  return {};
}

}  // namespace lowrank
