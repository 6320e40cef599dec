#include "model/neighbour_rule_section.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "model/checked_json.h"

namespace lowrank {

namespace {

constexpr std::string_view kMean = "mean";
/// In the order of NeighbourSide.
constexpr std::array<std::string_view, 2> kSides = {"items", "users"};

}  // namespace

std::string neighbour_rule_text(const NeighbourRule& rule) {
  const nlohmann::ordered_json json{
      {"form", kMean}, {"side", kSides[static_cast<std::size_t>(rule.side)]}, {"damping", rule.damping}, {"scale", rule.scale}};
  return json.dump();
}

NeighbourRule read_neighbour_rule(const std::string& text) {
  const nlohmann::json parsed = parse_json(text, "the header's neighbours");
  Fields fields(parsed, "the header's neighbours");
  if (fields.text("form") != kMean) refuse(fields.what() + ": \"form\" is not a form of neighbours");
  const auto* const side = std::ranges::find(kSides, fields.text("side"));
  if (side == kSides.end()) refuse(fields.what() + ": \"side\" is neither items nor users");
  NeighbourRule rule{.form = NeighbourForm::mean,
                     .side = static_cast<NeighbourSide>(side - kSides.begin()),
                     .damping = fields.number("damping"),
                     .scale = fields.number("scale")};
  fields.end();
  return rule;
}

}  // namespace lowrank
