#include "model/feature_section.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "model/checked_json.h"

namespace lowrank {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// In the order of FeatureForm.
constexpr std::array<std::string_view, 5> kForms = {"words", "weights", "standardized", "binned", "left_out"};
/// In the order of FeatureNumber.
constexpr std::array<std::string_view, 3> kNumbers = {"number", "date", "year_at_end"};

template <class Enumeration, std::size_t kSize>
Enumeration named(Fields& fields, const char* member, const std::array<std::string_view, kSize>& names) {
  const auto found = std::ranges::find(names, fields.text(member));
  if (found == names.end()) refuse(fields.what() + ": " + in_quotes(member) + " is not one of those there are");
  return static_cast<Enumeration>(found - names.begin());
}

std::uint32_t count_32(Fields& fields, const char* member) {
  const std::uint64_t count = fields.count(member);
  if (count > std::numeric_limits<std::uint32_t>::max()) refuse(fields.what() + ": " + in_quotes(member) + " is out of range");
  return static_cast<std::uint32_t>(count);
}

FeatureField read_field(const json& entry) {
  Fields fields(entry, "a field of features");
  FeatureField field;
  field.name = fields.text("name");
  field.form = named<FeatureForm>(fields, "form", kForms);
  field.number = named<FeatureNumber>(fields, "number", kNumbers);
  field.first = count_32(fields, "first");
  field.count = count_32(fields, "count");
  const std::string& separator = fields.text("separator");
  if (separator.size() > 1) refuse(fields.what() + ": \"separator\" is longer than one character");
  field.separator = separator.empty() ? '\0' : separator.front();
  field.mean = fields.number("mean");
  field.deviation = fields.number("deviation");
  for (const json& edge : fields.list("edges")) {
    if (!edge.is_number()) refuse(fields.what() + ": \"edges\" is not a list of numbers");
    field.edges.push_back(edge.get<double>());
  }
  fields.end();
  return field;
}

bool all_finite(const float* values, std::size_t count) {
  return std::all_of(values, values + count, [](float value) { return std::isfinite(value); });
}

}  // namespace

FeatureExtent extent_of(const FeatureVectors& features, std::size_t description_bytes) {
  return {.columns = features.description.size(),
          .mean = features.mean.empty() && features.mean_bias == 0 ? 0 : features.factors.rank() + 1,
          .name_bytes = features.description.names.characters().size(),
          .description_bytes = description_bytes};
}

std::string description_text(const FeatureDescription& description) {
  ordered_json fields = ordered_json::array();
  for (const FeatureField& field : description.fields) {
    fields.push_back({{"name", field.name},
                      {"form", kForms[static_cast<std::size_t>(field.form)]},
                      {"number", kNumbers[static_cast<std::size_t>(field.number)]},
                      {"first", field.first},
                      {"count", field.count},
                      {"separator", field.separator == 0 ? std::string() : std::string(1, field.separator)},
                      {"mean", field.mean},
                      {"deviation", field.deviation},
                      {"edges", field.edges}});
  }
  return ordered_json{{"fields", std::move(fields)}}.dump();
}

void read_description(std::string_view text, FeatureDescription& description) {
  const json parsed = parse_json(text, "the description of features");
  Fields fields(parsed, "the description of features");
  for (const json& entry : fields.list("fields")) description.fields.push_back(read_field(entry));
  fields.end();
}

std::optional<std::string> feature_problem(const Side& side) {
  if (!side.features) return {};
  const FeatureVectors& features = *side.features;
  if (auto problem = description_problem(features.description)) return problem;
  for (const FeatureField& field : features.description.fields) {
    if (!field.name.empty() && id_problem(field.name)) return "a field of features has no sound name";
  }
  const std::size_t columns = features.description.size();
  const std::size_t rank = side.factors.rank();
  if (features.factors.rows() != columns || features.biases.size() != columns || features.counts.size() != columns)
    return "columns and vectors of features differ in number";
  if (features.factors.rank() != rank || (!features.mean.empty() && features.mean.size() != rank)) {
    return "vectors of features have a different rank";
  }
  if (features.rows.size() != side.counts.size()) return "features of a different number of rows";
  if (std::ranges::any_of(features.rows, [](std::uint8_t flag) { return flag > 1; })) return "a mark of a row with features is not 0 or 1";
  if (!all_finite(features.factors.data(), features.factors.rows() * features.factors.stride()) ||
      !all_finite(features.biases.data(), columns) || !all_finite(features.mean.data(), features.mean.size()) ||
      !std::isfinite(features.mean_bias)) {
    return "a vector of features is not finite";
  }
  return {};
}

}  // namespace lowrank
