#include "data/feature_layout.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "data/column_names.h"
#include "data/foreign.h"
#include "data/line_check.h"
#include "data/number.h"
#include "data/sample.h"
#include "data/text.h"
#include "data/wide_table.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr const char* kOption = "feature_columns";

/// Every separator that may be between the columns, in the order of preference, and its name.
constexpr std::array<std::pair<Separator, std::string_view>, 5> kSeparators = {{{Separator::double_colon, "::"},
                                                                                {Separator::tab, "tabs"},
                                                                                {Separator::semicolon, "semicolons"},
                                                                                {Separator::comma, "commas"},
                                                                                {Separator::pipe, "|"}}};

std::string name_of(Separator separator) {
  const auto* const found = std::ranges::find(kSeparators, separator, &std::pair<Separator, std::string_view>::first);
  return std::string(found->second);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// The separator by which most lines have as many fields as most others; texts may contain any of the others.
std::optional<Separator> find_separator(const Sample& sample) {
  std::optional<Separator> best;
  std::size_t best_lines = 0;
  for (const auto& [separator, name] : kSeparators) {
    const Table table = table_of(sample, separator);
    const std::size_t usual = usual_count(table, 0);
    if (usual < 2) continue;
    const auto lines = static_cast<std::size_t>(std::ranges::count(table, usual, &std::vector<std::string>::size));
    // A list of words is in most lines, too: whatever separates fields does so in all.
    if (lines <= best_lines) continue;
    best = separator;
    best_lines = lines;
  }
  return best;
}

/// The column whose name says that it has the ids of the side.
std::optional<std::size_t> named_id(const std::vector<std::string>& names, FeatureSide side) {
  const NamedColumns::Found found = columns_by_name(names).of(side == FeatureSide::users ? Role::user : Role::item);
  const auto is_plain = [](const std::string& name) { return lower_case(name) == "id"; };
  if (const auto plain = std::ranges::find_if(names, is_plain); plain != names.end())
    return static_cast<std::size_t>(plain - names.begin());
  // A title names an item, but has no ids.
  if (found.column == NamedColumns::kNone || !found.certain) return std::nullopt;
  return found.column;
}

bool names_feature(const std::string& name) {
  static const std::set<std::string> names = {"feature", "features", "feature_name", "feature_id", "tag",  "tags",
                                              "word",    "token",    "attribute",    "property",   "term", "keyword"};
  return names.contains(lower_case(name));
}

/// Whether most lines name a feature of a model in their second column: they are `id,feature[,value]`.
bool lists_features(const Table& table, const FeatureDescription& description) {
  const auto names = [&](const std::vector<std::string>& row) {
    if (row.size() < 2 || row.size() > 3 || row[1].empty()) return false;
    return description.names.find(row[1]) != Vocabulary::kUnknown ||
           std::ranges::any_of(description.fields, [&](const FeatureField& field) { return field.name == row[1]; });
  };
  return 2 * static_cast<std::size_t>(std::ranges::count_if(table, names)) > table.size() - (table.size() > 2 ? 1 : 0);
}

/// Whether a column that the caller named, not numbered, is called so in the first line.
bool names_column(const std::vector<std::string>& first, std::string_view columns) {
  while (!columns.empty()) {
    std::string_view part = columns.substr(0, columns.find(','));
    columns.remove_prefix(std::min(columns.size(), part.size() + 1));
    part = trimmed(part);
    if (part.starts_with("id=")) part.remove_prefix(3);
    if (!part.empty() && !parse_count(part) && std::ranges::find(first, part) != first.end()) return true;
  }
  return false;
}

/// Whether the first line is a header.
bool has_header(const Table& table, const FeatureReadOptions& options, const FeatureDescription* description) {
  const std::vector<std::string>& first = table[0];
  if (names_column(first, options.columns)) return true;
  if (description != nullptr) {
    if (lists_features(table, *description)) return first.size() > 1 && names_feature(first[1]);
    const auto is_field = [&](const std::string& name) {
      return std::ranges::any_of(description->fields, [&](const FeatureField& field) { return !name.empty() && field.name == name; });
    };
    // Fields without a header are called by their numbers.
    if (std::ranges::any_of(first, [&](const std::string& name) { return !parse_count(name) && is_field(name); })) return true;
  }
  if (std::ranges::any_of(first, [](const std::string& name) { return is_figure(name); })) return false;
  if (options.known != nullptr && table.size() > 1) {
    for (std::size_t column = 0; column < first.size(); ++column) {
      const auto known = [&](const std::vector<std::string>& row) {
        return column < row.size() && options.known->find(row[column]) != Vocabulary::kUnknown;
      };
      const auto rows = std::count_if(table.begin() + 1, table.end(), known);
      if (2 * static_cast<std::size_t>(rows) > table.size() - 1) return !known(first);
    }
  }
  if (named_id(first, options.side) || (first.size() <= 3 && first.size() > 1 && names_feature(first[1]))) return true;
  if (std::set<std::string>(first.begin(), first.end()).size() != first.size()) return false;
  for (std::size_t column = 0; column < first.size(); ++column) {
    const auto is_number = [&](const std::vector<std::string>& row) { return column < row.size() && is_figure(row[column]); };
    const auto figures = std::count_if(table.begin() + 1, table.end(), is_number);
    if (figures > 0 && 2 * static_cast<std::size_t>(figures) >= table.size() - 1) return true;
  }
  return false;
}

/// Whether lines are `id,feature[,value]`.
bool is_listed(const Table& table, const FeatureLayout& layout, const FeatureDescription* description) {
  const std::size_t columns = layout.names.size();
  if (columns < 2 || columns > 3) return false;
  const auto cell = [&](const std::vector<std::string>& row, std::size_t column) {
    return column < row.size() ? std::string_view(row[column]) : std::string_view();
  };
  const std::size_t from = layout.header ? 1 : 0;
  const auto is_weight = [&](const std::vector<std::string>& row) { return columns == 2 || row.size() == 2 || is_figure(cell(row, 2)); };
  if (layout.header && names_feature(layout.names[1])) return true;
  if (description != nullptr) {
    // The form in which the features of the model were given.
    const bool unnamed = description->fields.empty() || (description->fields.size() == 1 && description->fields[0].name.empty());
    if (unnamed || lists_features(table, *description)) return true;
  }
  if (layout.header && columns == 3 && !is_weight(table.back())) return false;
  std::set<std::string_view> ids;
  bool repeats = false;
  for (std::size_t row = from; row < table.size(); ++row) {
    repeats = repeats || !ids.insert(cell(table[row], layout.id)).second;
    if (!is_weight(table[row])) return false;
  }
  return repeats;
}

std::size_t place_of(std::string_view name, const FeatureLayout& layout) {
  const auto named = std::ranges::find(layout.names, name);
  if (layout.header && named != layout.names.end()) return static_cast<std::size_t>(named - layout.names.begin());
  if (const auto number = parse_count(name)) {
    if (*number >= 1 && *number <= layout.names.size()) return *number - 1;
    throw OptionError(kOption, "must be columns from 1 to " + std::to_string(layout.names.size()) + ", got " + quoted(name));
  }
  throw OptionError(kOption, layout.header ? "the header has no column " + quoted(name)
                                           : "there is no header: give the number of a column instead of " + quoted(name));
}

/// Takes the columns that the caller named, or all.
void choose_columns(FeatureLayout& layout, const FeatureReadOptions& options) {
  if (layout.header) layout.id = named_id(layout.names, options.side).value_or(0);
  std::vector<std::size_t> chosen;
  std::string_view rest = options.columns;
  while (!rest.empty()) {
    std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    part = trimmed(part);
    const bool id = part.starts_with("id=");
    if (id) part.remove_prefix(3);
    if (part.empty()) throw OptionError(kOption, "must be names or numbers of columns, separated by commas");
    const std::size_t place = place_of(part, layout);
    if (id) {
      layout.id = place;
    } else if (std::ranges::find(chosen, place) == chosen.end()) {
      chosen.push_back(place);
    }
  }
  layout.stated = !chosen.empty();
  if (chosen.empty()) {
    for (std::size_t column = 0; column < layout.names.size(); ++column) {
      if (column != layout.id) chosen.push_back(column);
    }
  }
  std::ranges::sort(chosen);
  if (std::ranges::find(chosen, layout.id) != chosen.end()) {
    throw OptionError(kOption, "column " + quoted(layout.names[layout.id]) + " has the ids; state another one for them with id=COLUMN");
  }
  layout.read = std::move(chosen);
}

void check_names(const std::vector<std::string>& names, const std::string& source, std::size_t line) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty()) continue;
    const std::optional<std::string> problem = check_id(name);
    if (problem) throw DataError(source, line, "the header has " + *problem);
    if (!seen.insert(name).second) throw DataError(source, line, "the header has the column " + quoted(name) + " twice");
  }
}

}  // namespace

std::string description(const FeatureLayout& layout) {
  std::string text = std::to_string(layout.names.size()) + " columns separated by " + name_of(layout.separator) +
                     (layout.header ? ", header" : ", no header");
  if (layout.listed) return text + "; each line has an id, a feature" + (layout.names.size() > 2 ? " and its value" : "");
  return text + "; id = " + layout.names[layout.id];
}

FeatureLayout detect_feature_layout(std::string_view head, bool whole, const std::string& source, const FeatureReadOptions& options,
                                    const FeatureDescription* description) {
  refuse_foreign(head, source, options.encoding.empty() ? "use " + mention("encoding") + " " : "");
  const std::size_t bom = head.size() - without_bom(head).size();
  head.remove_prefix(bom);
  const Sample sample = Sample::of(head, whole);
  if (sample.lines.empty()) throw DataError(source + ": no features in the file");
  const std::optional<Separator> separator = find_separator(sample);
  if (!separator) {
    throw DataError(source, sample.lines[0].number,
                    "expected an id and features, separated by commas, tabs, semicolons, | or ::, found " + quoted(sample.lines[0].text));
  }
  FeatureLayout layout;
  layout.separator = *separator;
  const Table table = table_of(sample, *separator);
  layout.header = has_header(table, options, description);
  layout.skipped_bytes = bom;
  if (layout.header) {
    layout.names = table[0];
    layout.skipped_bytes += sample.lines[0].end;
    layout.skipped_lines = sample.lines[0].number;
    // Spreadsheets may write a separator at the end of every line.
    check_names(layout.names, source, sample.lines[0].number);
    for (std::size_t column = 0; column < layout.names.size(); ++column) {
      if (layout.names[column].empty()) layout.names[column] = std::to_string(column + 1);
    }
  } else {
    const std::size_t columns = usual_count(table, 0);
    for (std::size_t column = 1; column <= columns; ++column) layout.names.push_back(std::to_string(column));
  }
  choose_columns(layout, options);
  layout.listed = options.columns.empty() && is_listed(table, layout, description);
  return layout;
}

FeatureLayout layout_of_names(const std::vector<std::string>& names, const FeatureReadOptions& options) {
  FeatureLayout layout;
  layout.header = true;
  layout.names = names;
  check_names(names, "the table of features", 0);
  for (const std::string& name : names) {
    if (name.empty()) throw DataError("the table of features has a column without a name");
  }
  choose_columns(layout, options);
  return layout;
}

}  // namespace lowrank
