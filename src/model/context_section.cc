#include "model/context_section.h"

#include <algorithm>
#include <cmath>
#include <functional>
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

ContextParts parts_of(const ContextVectors& context) {
  return {.scales = context.scales.rows() != 0, .user_biases = !context.user_biases.empty(), .item_biases = !context.item_biases.empty()};
}

/// Why biases of `rows` rows in `levels` levels are not sound, or nothing.
std::optional<std::string> problem_of(const LevelBiases& biases, std::size_t rows, std::size_t levels) {
  if (biases.empty() && biases.levels.empty() && biases.values.empty()) return {};
  const std::vector<std::uint64_t>& offsets = biases.offsets;
  if (offsets.size() != rows + 1 || offsets.front() != 0 || offsets.back() != biases.levels.size() || !std::ranges::is_sorted(offsets) ||
      biases.values.size() != biases.levels.size()) {
    return "biases of rows in a context are not in order";
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const std::uint32_t> own = std::span(biases.levels).subspan(offsets[row], offsets[row + 1] - offsets[row]);
    if (std::ranges::adjacent_find(own, std::ranges::greater_equal()) != own.end() || (!own.empty() && own.back() >= levels))
      return "levels of the biases of a row are not in order";
  }
  if (!are_finite(biases.values)) return "a number of a context is not finite";
  return {};
}

}  // namespace

ContextExtent context_extent(const std::vector<ContextVectors>& contexts) {
  ContextExtent extent{.count = contexts.size()};
  for (const ContextVectors& context : contexts) {
    extent.levels += context.levels.size();
    extent.level_bytes += context.levels.characters().size();
    extent.scales += context.scales.rows();
    extent.user_biases += context.user_biases.values.size();
    extent.item_biases += context.item_biases.values.size();
    extent.parts.push_back(parts_of(context));
  }
  return extent;
}

std::string contexts_text(const std::vector<ContextVectors>& contexts) {
  ordered_json list = ordered_json::array();
  const bool has_parts = context_extent(contexts).has_parts();
  for (const ContextVectors& context : contexts) {
    ordered_json entry{{"name", context.name}, {"period", name_of(context.period)}};
    if (has_parts) {
      const ContextParts parts = parts_of(context);
      entry["scales"] = parts.scales;
      entry["user_biases"] = parts.user_biases;
      entry["item_biases"] = parts.item_biases;
    }
    list.push_back(std::move(entry));
  }
  return list.dump();
}

std::vector<ContextVectors> read_contexts(const std::string& text, std::uint64_t version, std::vector<ContextParts>& parts) {
  const json parsed = parse_json("{\"contexts\":" + text + "}", "the header's contexts");
  Fields fields(parsed, "the header's contexts");
  std::vector<ContextVectors> contexts;
  for (const json& entry : fields.list("contexts")) {
    Fields context(entry, "a context");
    ContextVectors& own = contexts.emplace_back();
    own.name = context.text("name");
    own.period = period_of(context);
    ContextParts& own_parts = parts.emplace_back();
    if (version > 1) {
      own_parts = {
          .scales = context.flag("scales"), .user_biases = context.flag("user_biases"), .item_biases = context.flag("item_biases")};
    }
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
    if (context.scales.rows() != 0 && (context.scales.rows() != levels || context.scales.rank() != model.rank()))
      return "scales of a context that are not those of its levels";
    if (!are_finite(context.scales)) return "a number of a context is not finite";
    if (auto problem = problem_of(context.user_biases, model.users.size(), levels)) return problem;
    if (auto problem = problem_of(context.item_biases, model.items.size(), levels)) return problem;
    if (!are_finite(context.user_factors) || !are_finite(context.item_factors) || !are_finite(context.biases))
      return "a number of a context is not finite";
  }
  return {};
}

}  // namespace lowrank
