#include "model/context_section.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "model/checked_json.h"

namespace lowrank {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kLongestName = 64;

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

bool are_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

bool are_finite(const FactorMatrix& matrix) {
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    if (!are_finite(matrix.row(row))) return false;
  }
  return true;
}

Period period_of(Fields& fields) {
  const std::string& name = fields.text("period");
  for (const Period period : {Period::none, Period::day, Period::week, Period::month, Period::hour, Period::weekday, Period::season}) {
    if (name == name_of(period)) return period;
  }
  refuse(fields.what() + ": \"period\" is not a period of the calendar");
}

}  // namespace

ContextExtent context_extent(const std::vector<ContextVectors>& contexts) {
  ContextExtent extent{.count = contexts.size()};
  for (const ContextVectors& context : contexts) {
    extent.levels += context.levels.size();
    extent.level_bytes += context.levels.characters().size();
  }
  return extent;
}

std::string contexts_text(const std::vector<ContextVectors>& contexts) {
  ordered_json list = ordered_json::array();
  for (const ContextVectors& context : contexts) list.push_back({{"name", context.name}, {"period", name_of(context.period)}});
  return list.dump();
}

std::vector<ContextVectors> read_contexts(const std::string& text) {
  const json parsed = parse_json("{\"contexts\":" + text + "}", "the header's contexts");
  Fields fields(parsed, "the header's contexts");
  std::vector<ContextVectors> contexts;
  for (const json& entry : fields.list("contexts")) {
    Fields context(entry, "a context");
    ContextVectors& own = contexts.emplace_back();
    own.name = context.text("name");
    own.period = period_of(context);
    context.end();
  }
  fields.end();
  if (contexts.empty() || contexts.size() > kMostContexts) refuse("the header claims no contexts, or too many");
  return contexts;
}

std::optional<std::string> context_problem(const Model& model) {
  if (model.contexts.size() > kMostContexts) return "too many contexts";
  std::set<std::string> names;
  for (const ContextVectors& context : model.contexts) {
    if (!is_name(context.name)) return "a context without a sound name";
    if (!names.insert(context.name).second) return "two contexts of one name";
    const std::size_t levels = context.levels.size();
    if (context.user_factors.rows() != levels || context.item_factors.rows() != levels || context.biases.size() != levels ||
        context.counts.size() != levels) {
      return "levels of a context and their vectors differ in number";
    }
    if (context.user_factors.rank() != model.rank() || context.item_factors.rank() != model.rank())
      return "vectors of a context of a different rank";
    if (!are_finite(context.user_factors) || !are_finite(context.item_factors) || !are_finite(context.biases))
      return "a number of a context is not finite";
  }
  return {};
}

}  // namespace lowrank
