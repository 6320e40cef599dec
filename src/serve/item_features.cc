#include "serve/item_features.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/data/feature_table.h"

namespace lowrank::serve {

namespace {

using Json = nlohmann::json;

constexpr char kListSeparator = '|';
constexpr const char* kId = "item";
constexpr const char* kCategory = "category";

/// The text as one line, without blanks at its ends: it is the same word alone and in a list.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; }, ' ');
  return std::string(trimmed(text));
}

/// Names that a reader of tables takes as they are.
bool can_name(std::string_view name) {
  const auto may_be = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' || c == ' ' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  if (name.empty() || name.size() > kMostNameBytes || name.front() == ' ' || name.back() == ' ') return false;
  return name != kId && name != kCategory && std::ranges::all_of(name, may_be);
}

/// Words as one text; those that are too long are left out.
std::string list_of(std::span<const std::string> words) {
  std::string list;
  for (const std::string& word : words) {
    if (word.empty() || word.size() > kMostWordBytes) continue;
    std::string own = one_line(word);
    if (own.empty()) continue;
    std::ranges::replace(own, kListSeparator, '/');
    list.append(list.empty() ? "" : "|").append(own);
  }
  return list;
}

/// What is read of a member of metadata; empty for nothing.
std::string text_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
  if (value.is_number()) return value.dump();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.size() > kMostWordBytes ? std::string() : one_line(text);
  }
  if (!value.is_array() || !std::ranges::all_of(value, [](const Json& each) { return each.is_string(); })) return {};
  return list_of(value.get<std::vector<std::string>>());
}

FeatureReadOptions read_options() { return {.side = FeatureSide::items, .columns = kFeatureColumns}; }

/// The description with lists in every field of words: where each item of the training had one word, the field does not tell.
FeatureDescription with_lists(FeatureDescription description) {
  for (FeatureField& field : description.fields) {
    if (field.form == FeatureForm::words) field.separator = kListSeparator;
  }
  return description;
}

}  // namespace

ItemTexts texts_of(const ItemFacts& item) {
  ItemTexts texts;
  std::vector<std::string> categories = item.categories;
  std::ranges::sort(categories);
  if (std::string list = list_of(categories); !list.empty()) texts.emplace(kCategory, std::move(list));
  if (item.metadata.empty()) return texts;
  const Json metadata = Json::parse(item.metadata, nullptr, false);
  if (!metadata.is_object()) return texts;
  for (const auto& [name, value] : metadata.items()) {
    if (!can_name(name)) continue;
    if (std::string text = text_of(value); !text.empty()) texts.emplace(name, std::move(text));
  }
  return texts;
}

ItemTable item_table(std::span<const ItemFacts> items) {
  std::vector<std::pair<const ItemFacts*, ItemTexts>> rows;
  std::map<std::string, std::size_t> members;
  for (const ItemFacts& item : items) {
    ItemTexts texts = texts_of(item);
    if (texts.empty()) continue;
    for (const auto& [name, text] : texts) {
      if (name != kCategory) ++members[name];
    }
    rows.emplace_back(&item, std::move(texts));
  }
  std::vector<std::pair<std::string, std::size_t>> most(members.begin(), members.end());
  std::ranges::stable_sort(most, std::greater{}, &std::pair<std::string, std::size_t>::second);
  most.resize(std::min(most.size(), kMostMembers));
  std::ranges::sort(most);
  ItemTable table{.names = {kId, kCategory}, .columns = {}};
  for (const auto& [name, count] : most) table.names.push_back(name);
  table.columns.resize(table.names.size());
  for (auto& [item, texts] : rows) {
    table.columns[0].push_back(item->id);
    for (std::size_t column = 1; column < table.names.size(); ++column) {
      const auto found = texts.find(table.names[column]);
      table.columns[column].push_back(found == texts.end() ? std::string() : std::move(found->second));
    }
  }
  return table;
}

Features learn_item_features(const ItemTable& table, Vocabulary& ids, const std::function<void(const std::string&)>& say) {
  if (table.rows() == 0) throw DataError("no item of the store has categories or metadata, which item_features would read");
  FeatureReadOptions options = read_options();
  options.known = &ids;
  options.on_summary = say;
  return learn_features(make_feature_table(table.names, table.columns, options), ids, options);
}

NewFeatures features_in_columns(const Model& model, std::span<const ItemFacts> items) {
  const FeatureDescription& description = description_of(FeatureSide::items, model);
  std::vector<std::string> names{kId};
  for (const FeatureField& field : description.fields) {
    if (can_name(field.name) || field.name == kCategory) names.push_back(field.name);
  }
  std::vector<std::vector<std::string>> columns(names.size());
  for (const ItemFacts& item : items) {
    ItemTexts texts = texts_of(item);
    columns[0].push_back(item.id);
    for (std::size_t column = 1; column < names.size(); ++column) {
      const auto found = texts.find(names[column]);
      columns[column].push_back(found == texts.end() ? std::string() : std::move(found->second));
    }
  }
  NewFeatures rows;
  FeatureGaps gaps;
  gaps.takes_unreadable = true;
  rows.features = apply_features(make_feature_table(names, columns, read_options()), with_lists(description), rows.ids, gaps);
  rows.features.description = description;
  return rows;
}

}  // namespace lowrank::serve
