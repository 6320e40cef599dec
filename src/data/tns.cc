#include <algorithm>

#include "data/context_columns.h"
#include "data/number.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

bool is_tensor(const std::string& path, const ReadOptions& options) {
  if (options.format != Format::automatic) return options.format == Format::tns;
  std::string_view name = path;
  for (const std::string_view packing : {".gz", ".zst", ".xz"}) {
    if (name.ends_with(packing)) {
      name.remove_suffix(packing.size());
      break;
    }
  }
  return name.ends_with(".tns");
}

Layout tensor_layout(std::string_view head, const std::string& name, const ReadOptions& options) {
  if (options.columns.stated) throw OptionError("columns", "cannot be used with the format of " + name + ", whose columns are fixed");
  if (!options.separator.empty()) throw OptionError("separator", "cannot be used with the format of " + name + ", which has its own");
  if (!options.time_contexts.empty())
    throw OptionError("time_contexts", "cannot be used with the format of " + name + ", which has no times");
  Layout layout;
  layout.tensor = true;
  layout.separator = Separator::blanks;
  layout.time = Layout::kNone;
  layout.decimal = Decimal::point;
  layout.skip_bad_lines = options.skip_bad_lines;
  std::string_view rest = without_bom(head);
  layout.skipped_bytes = head.size() - rest.size();
  std::string_view line;
  std::size_t number = 0;
  while (!rest.empty() && (trimmed(line).empty() || has_comment_mark(trimmed(line)))) {
    line = take_line(rest);
    ++number;
  }
  if (trimmed(line).empty() || has_comment_mark(trimmed(line))) return layout;
  layout.column_count = count_fields(line, Separator::blanks);
  if (layout.column_count < 3 || layout.column_count > 3 + kMostContexts) {
    throw DataError(name, number,
                    "expected 2 to " + std::to_string(2 + kMostContexts) + " indices and a value, found " +
                        std::to_string(layout.column_count) + (layout.column_count == 1 ? " field" : " fields") + " in " +
                        quoted(line, 100));
  }
  layout.rating = layout.column_count - 1;
  for (std::size_t mode = 3; mode < layout.column_count; ++mode) layout.contexts.push_back({"mode" + std::to_string(mode), mode - 1});
  std::vector<std::string> modes;
  modes.reserve(layout.contexts.size());
  for (const ContextPlace& context : layout.contexts) modes.push_back(context.name);
  refuse_given(options, modes, name);
  for (const std::string& wanted : options.contexts_needed ? options.contexts : std::vector<std::string>()) {
    if (std::ranges::find(layout.contexts, wanted, &ContextPlace::name) == layout.contexts.end())
      throw OptionError("contexts", quoted(wanted) + " is no context of " + name + ", whose contexts are its modes from mode3 on");
  }
  return layout;
}

std::optional<std::string> check_tensor_line(std::string_view line, const Layout& layout) {
  FieldReader reader(line, Separator::blanks);
  std::string scratch;
  std::string_view field;
  std::size_t count = 0;
  for (; reader.next(field, scratch); ++count) {
    if (count < layout.rating && !parse_count(field)) return "expected an index, a whole number, found " + quoted(field);
  }
  if (count == layout.column_count) return std::nullopt;
  return "expected " + std::to_string(layout.column_count) + " fields as on the first line, found " + std::to_string(count);
}

}  // namespace lowrank
