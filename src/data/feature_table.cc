#include "lowrank/data/feature_table.h"

#include <algorithm>
#include <optional>
#include <span>

#include "data/chunks.h"
#include "data/feature_layout.h"
#include "data/line_check.h"
#include "data/text.h"
#include "data/wide_table.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Takes rows into a table.
class TableWriter {
 public:
  TableWriter(FeatureTable& table, const FeatureLayout& layout) : table_(table), layout_(layout) {
    if (layout.listed) return;
    for (const std::size_t column : layout.read) {
      table.fields.push_back({.name = layout.names[column], .stated = layout.stated, .texts = {}, .cells = {}});
    }
  }

  /// Takes the texts of a row. Returns its fault, or nothing. \param line  0 for a table in memory
  std::optional<std::string> add(std::span<const std::string_view> texts, std::size_t line) {
    if (layout_.listed) return add_entry(texts, line);
    if (texts.size() != layout_.names.size()) {
      return "expected " + std::to_string(layout_.names.size()) + " columns, found " + std::to_string(texts.size());
    }
    const std::string_view id = texts[layout_.id];
    if (auto problem = check_id(id)) return problem;
    const std::uint32_t row = table_.ids.add(id);
    if (row != table_.lines.size()) {
      const std::string before = line == 0 ? "" : ", after line " + std::to_string(table_.lines[row]);
      return "the id " + quoted(id) + " a second time" + before + ": a table has a row per id";
    }
    table_.lines.push_back(line);
    for (std::size_t n = 0; n < layout_.read.size(); ++n) {
      const std::string_view text = texts[layout_.read[n]];
      FeatureTable::Field& field = table_.fields[n];
      field.cells.push_back(is_missing(text) ? Vocabulary::kUnknown : field.texts.add(text));
      if (field.bad_line != 0 || valid_utf8(text)) continue;
      field.bad_line = line;
      field.bad_row = row;
    }
    return {};
  }

 private:
  std::optional<std::string> add_entry(std::span<const std::string_view> texts, std::size_t line) {
    if (texts.size() < 2 || texts.size() > layout_.names.size()) {
      return "expected " + std::to_string(layout_.names.size()) + " columns, found " + std::to_string(texts.size());
    }
    if (auto problem = check_id(texts[layout_.id])) return problem;
    const std::size_t feature = layout_.id == 0 ? 1 : 0;
    if (auto problem = check_id(texts[feature])) return "a feature: " + *problem;
    FeatureTable::Entry entry;
    entry.row = table_.ids.add(texts[layout_.id]);
    if (entry.row == table_.lines.size()) table_.lines.push_back(line);
    entry.feature = table_.features.add(texts[feature]);
    entry.line = line;
    if (texts.size() > 2 && is_missing(texts[2])) return {};
    if (texts.size() > 2) entry.text = table_.values.add(texts[2]);
    table_.entries.push_back(entry);
    return {};
  }

  FeatureTable& table_;
  const FeatureLayout& layout_;
};

/// The fields of a line. \param scratch  texts without their doubled quotes
std::optional<std::string> split(std::string_view line, Separator separator, std::vector<std::string>& scratch,
                                 std::vector<std::string_view>& texts) {
  texts.clear();
  FieldReader reader(line, separator);
  std::size_t count = 0;
  // Texts point into the scratch, which must not move.
  for (;; ++count) {
    if (scratch.size() == count) return "more than " + std::to_string(count) + " columns";
    std::string_view text;
    if (!reader.next(text, scratch[count])) return {};
    if (reader.problem() != nullptr) return reader.problem();
    texts.push_back(text);
  }
}

}  // namespace

FeatureTable read_feature_table(const std::string& path, const FeatureReadOptions& options, const FeatureDescription* description) {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 18U;
  ChunkSource source(path, kChunkBytes, 1, options.encoding);
  const FeatureLayout layout = detect_feature_layout(source.head(), source.head_is_all(), source.name(), options, description);
  FeatureTable table;
  table.source = source.name();
  table.listed = layout.listed;
  table.layout = lowrank::description(layout);
  TableWriter writer(table, layout);
  source.skip(layout.skipped_bytes);
  std::size_t number = layout.skipped_lines;
  std::vector<std::string> scratch(layout.names.size() + 2);
  std::vector<std::string_view> texts;
  while (source.next_batch(1) != 0) {
    std::string_view rest = source.load(0, 0);
    while (!rest.empty()) {
      const std::string_view line = take_line(rest);
      ++number;
      if (trimmed(line).empty()) continue;
      std::optional<std::string> problem = split(line, layout.separator, scratch, texts);
      if (!problem) problem = writer.add(texts, number);
      if (!problem) continue;
      if (!valid_utf8(line)) *problem += "; use " + mention("encoding") + " to state the encoding, such as latin-1 or windows-1252";
      throw DataError(table.source, number, *problem + " in " + quoted(line, 100) + " (" + table.layout + ")");
    }
  }
  if (table.ids.empty()) throw DataError(table.source + ": no features in the file");
  return table;
}

FeatureTable make_feature_table(const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& columns,
                                const FeatureReadOptions& options) {
  const FeatureLayout layout = layout_of_names(names, options);
  FeatureTable table;
  table.layout = std::to_string(names.size()) + " columns; id = " + names[layout.id];
  TableWriter writer(table, layout);
  const std::size_t rows = columns.empty() ? 0 : columns[0].size();
  std::vector<std::string_view> texts(names.size());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < names.size(); ++column) texts[column] = columns[column].at(row);
    if (const auto problem = writer.add(texts, 0))
      throw DataError("row " + std::to_string(row + 1) + " of the table of features: " + *problem);
  }
  if (table.ids.empty()) throw DataError("the table of features has no rows");
  return table;
}

}  // namespace lowrank
