#include "cli/explanation.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "cli/results.h"

namespace lowrank::cli {

namespace {

std::string signed_number(double value) {
  constexpr int kDigits = 4;
  return (value < 0 ? "" : "+") + rounded(value, kDigits);
}

void add_line(std::string& text, std::string_view label, const std::string& number) {
  text.append("\t").append(label).append(":\t").append(number).append("\n");
}

std::string label_of(const Contribution& contribution, ExplanationKind kind) {
  const bool raises = contribution.amount > 0;
  std::string label = contribution.value ? raises ? "because you rated" : "although you rated" : raises ? "because of" : "in spite of";
  if (kind == ExplanationKind::leave_one_out) label += " (by leaving it out)";
  return label;
}

}  // namespace

std::string explanation_text(const Explanation& explanation, const Model& model, const Titles* titles) {
  // What rounding of float32 factors makes of a sum.
  constexpr double kRounding = 1e-4;
  if (explanation.kind == ExplanationKind::none) return "\tnothing is known of the user: the score is the number of ratings of the item\n";
  std::string text;
  for (const Contribution& one : explanation.contributions) {
    const std::string_view id = model.items.ids.id(one.item);
    std::string line(id);
    if (one.value) append(line += '\t', *one.value);
    line += '\t' + signed_number(one.amount);
    if (titles != nullptr) (line += '\t') += titles->find(id);
    add_line(text, label_of(one, explanation.kind), line);
  }
  if (explanation.kind == ExplanationKind::sum) {
    const std::string items = explanation.other_items == 1 ? "1 other item" : std::to_string(explanation.other_items) + " other items";
    if (explanation.other_items > 0) add_line(text, items, signed_number(explanation.others));
    if (explanation.base != 0) add_line(text, "apart from your history", signed_number(explanation.base));
  }
  const double difference = explanation.score - explanation.explained;
  if (std::abs(difference) > kRounding * std::max(std::abs(explanation.score), std::abs(explanation.explained))) {
    add_line(text, "trained factors differ from the fold-in by", signed_number(difference));
  }
  return text;
}

std::string explanation_json(const Explanation& explanation, const Model& model, const Titles* titles) {
  std::string text = ",\"explanation\":{\"kind\":";
  if (explanation.kind == ExplanationKind::none) return text + "\"none\"}";
  const bool adds_up = explanation.kind == ExplanationKind::sum;
  text += adds_up ? "\"sum\"" : "\"leave_one_out\"";
  text += ",\"items\":[";
  for (const Contribution& one : explanation.contributions) {
    if (&one != &explanation.contributions.front()) text += ",";
    const std::string_view id = model.items.ids.id(one.item);
    append_json(text += "{\"item\":", id);
    if (one.value) append(text += ",\"value\":", *one.value);
    append(text += ",\"contribution\":", one.amount);
    const std::string_view title = titles != nullptr ? titles->find(id) : std::string_view{};
    if (!title.empty()) append_json(text += ",\"title\":", title);
    text += "}";
  }
  append(text += "],\"other_items\":", std::uint64_t{explanation.other_items});
  if (adds_up) {
    append(text += ",\"others\":", explanation.others);
    append(text += ",\"base\":", explanation.base);
  }
  append(text += ",\"explained\":", explanation.explained);
  append(text += ",\"difference\":", explanation.score - explanation.explained);
  return text + "}";
}

}  // namespace lowrank::cli
