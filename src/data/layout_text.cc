#include <algorithm>

#include "data/layout.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

std::string words_for(Separator separator) {
  switch (separator) {
    case Separator::comma:
      return "commas";
    case Separator::semicolon:
      return "semicolons";
    case Separator::tab:
      return "tabs";
    case Separator::double_colon:
      return "\"::\"";
    case Separator::blanks:
      return "blanks";
    default:
      return quoted(std::string(1, static_cast<char>(separator)));
  }
}

/// A name of a column as it is, or quoted if that would be hard to read.
std::string shown(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == ':';
  };
  const bool fits = !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), plain);
  return fits ? name : quoted(name);
}

std::string column_text(const Layout& layout, std::size_t column) {
  const std::size_t shift = layout.row_names ? 1 : 0;
  if (layout.header && column >= shift && column - shift < layout.names.size() && !layout.names[column - shift].empty()) {
    return shown(layout.names[column - shift]);
  }
  return "column " + std::to_string(column + 1);
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string roles_text(const Layout& layout) {
  std::string text = "user = " + column_text(layout, layout.user) + ", item = " + column_text(layout, layout.item);
  if (layout.rating != Layout::kNone) {
    text += ", rating = " + column_text(layout, layout.rating) + (layout.implicit_values ? ", or 1 without one" : "");
  } else if (layout.implicit_values) {
    text += ", rating = 1";
  }
  if (layout.weight != Layout::kNone) text += ", weight = " + column_text(layout, layout.weight);
  const bool absent = !layout.time_named && layout.column_count > 0 && layout.column_count <= layout.time;
  if (!layout.time_wanted || layout.time == Layout::kNone || absent) return text;
  text += ", time = " + column_text(layout, layout.time);
  if (layout.time_unit == TimeUnit::date) return text + " (dates, in UTC where no zone is given)";
  if (layout.time_unit != TimeUnit::unknown) text.append(" (").append(name_of(layout.time_unit)).append(" since 1970)");
  return text;
}

/// `; contexts daytime, companion`, and nothing without contexts.
std::string contexts_text(const Layout& layout) {
  std::string text;
  const auto add = [&text](std::string_view name) { text.append(text.empty() ? "; contexts " : ", ").append(name); };
  for (const ContextPlace& context : layout.contexts) {
    add(context.name);
    if (context.column == Layout::kNone) text += " (missing)";
  }
  for (const Period period : layout.periods) add(name_of(period));
  return text;
}

}  // namespace

std::string description(const Layout& layout) {
  if (layout.tensor) {
    return "tensor of " + std::to_string(layout.column_count - 1) + " modes; user = mode 1, item = mode 2, rating = value" +
           contexts_text(layout);
  }
  const std::string separated = "separated by " + words_for(layout.separator);
  if (layout.matrix_market) {
    const char* kind = layout.symmetry == Symmetry::symmetric ? "symmetric " : layout.symmetry == Symmetry::skew ? "skew-symmetric " : "";
    return std::string("Matrix Market, ") + kind + std::to_string(layout.rows) + " x " + std::to_string(layout.columns) +
           "; user = row, item = column, rating = " + (layout.rating == Layout::kNone ? "1" : "value");
  }
  if (layout.lines == Lines::adjacency)
    return "a user and the user's items per line, " + separated + (layout.header ? ", header" : ", no header") + "; rating = 1";
  if (layout.lines == Lines::matrix) {
    return "matrix of users x items, " + counted(layout.items.size(), "item", "items") + " in the header, " + separated +
           (layout.decimal == Decimal::comma ? ", decimal commas" : "");
  }
  std::string text;
  if (layout.column_count > 0) text += counted(layout.column_count, "column", "columns");
  text += layout.column_count == 1 ? ", nothing that separates columns" : " " + separated;
  text += (layout.header ? ", header" : ", no header");
  if (layout.row_names) text += " without a name for column 1";
  if (layout.decimal == Decimal::comma) text += ", decimal commas";
  return text + "; " + roles_text(layout) + contexts_text(layout);
}

std::string with_context(const std::string& problem, std::string_view line, const Layout& layout) {
  constexpr std::size_t kShown = 100;
  const std::string context = " in " + quoted(line, kShown) + " (" + description(layout) + ")";
  // Advice comes last.
  std::string text = problem;
  if (!valid_utf8(line)) text += "; use " + mention("encoding") + " to state the encoding, such as latin-1 or windows-1252";
  const std::size_t advice = text.find("; use " + mention("").substr(0, 1));  // the mark of an option
  return text.insert(std::min(advice, text.size()), context);
}

}  // namespace lowrank
