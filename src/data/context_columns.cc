#include "data/context_columns.h"

#include <algorithm>
#include <array>

#include "data/line_check.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/data/lines.h"

namespace lowrank {

namespace {

constexpr std::size_t kLongestName = 64;

/// The column of a context as stated; nothing if its name is to be looked up in the header.
std::optional<Column> stated_column(const ReadOptions& options, const std::string& name) {
  for (const auto& [own, column] : options.columns.further) {
    if (own == name) return column;
  }
  return std::nullopt;
}

/// The place in a header of a column with this very name, or else of the only one that spells it. Layout::kNone without one.
std::size_t find_name(const std::vector<std::string>& header, const std::string& text) {
  const auto exact = std::ranges::find(header, text);
  if (exact != header.end()) return static_cast<std::size_t>(exact - header.begin());
  const auto same = [name = context_name(text)](const std::string& own) { return name && context_name(own) == name; };
  const auto found = std::ranges::find_if(header, same);
  return std::ranges::count_if(header, same) == 1 ? static_cast<std::size_t>(found - header.begin()) : Layout::kNone;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quoted(name);
  return list;
}

/// The 0-based column of a context; kNone if the file has none. \throws OptionError if it must have one
std::size_t column_of(const ReadOptions& options, const std::string& spelling, const std::string& name, const std::string& file,
                      const Layout& layout) {
  const std::optional<Column> stated = stated_column(options, name);
  if (stated && stated->number != 0) return stated->number - 1;
  const std::string& wanted = stated ? stated->name : spelling;
  const std::size_t found = layout.header ? find_name(layout.names, wanted) : Layout::kNone;
  if (found != Layout::kNone) return found + (layout.row_names ? 1 : 0);
  if (!options.contexts_needed) return Layout::kNone;
  if (layout.header) {
    throw OptionError("contexts", file + ": there is no column " + quoted(wanted) + "; the columns are " + list_of(layout.names));
  }
  throw OptionError("contexts", file + ": there is no header that says which column is " + quoted(wanted) + "; use " + mention("columns") +
                                    " user=1,item=2,rating=3," + name + "=4");
}

/// Refuses a context in a column that is something else. The time of a file gives way unless it was asked for.
void check_place(const ReadOptions& options, const ContextPlace& context, const std::string& file, Layout& layout) {
  const auto fail = [&](const std::string& problem) { throw OptionError("contexts", file + ": " + problem); };
  if (context.column == Layout::kNone) return;
  const auto taken = [&](std::size_t column, const char* role) {
    if (column == context.column) fail(context.name + " cannot be in the column of the " + role);
  };
  taken(layout.user, "user");
  taken(layout.item, "item");
  taken(layout.rating, "rating");
  taken(layout.weight, "weight");
  if (layout.time == context.column && options.columns.time_stated) taken(layout.time, "time");
  for (const ContextPlace& other : layout.contexts) {
    if (other.column == context.column) fail(other.name + " and " + context.name + " cannot be the same column");
  }
  if (layout.time != context.column) return;
  layout.time = Layout::kNone;
  layout.time_named = false;
}

}  // namespace

std::optional<std::string> context_name(std::string_view text) {
  std::string name;
  for (const char c : trimmed(text)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    } else if (c == ' ' || c == '-' || c == '.') {
      name += '_';
    } else if (letter) {
      name += c;
    } else {
      return std::nullopt;
    }
  }
  if (name.empty() || name.size() > kLongestName) return std::nullopt;
  return name;
}

bool reads_contexts(const std::string& path, const ReadOptions& options) {
  return !options.contexts.empty() || !options.time_contexts.empty() || is_tensor(path, options);
}

void check_contexts(const ReadOptions& options, bool tensor) {
  if (!options.missing.empty() && options.contexts.empty() && !tensor) {
    throw OptionError("missing", "is read only with " + mention("contexts") + ", and there are none");
  }
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    if (std::ranges::find(names, name) != names.end()) throw OptionError("contexts", quoted(name) + " is given twice");
    names.push_back(std::move(name));
  };
  for (const std::string& spelling : options.contexts) {
    const auto name = context_name(spelling);
    if (!name) {
      throw OptionError("contexts", "a name must have 1 to 64 letters (a to z), digits or _, got " + quoted(spelling) + "; use " +
                                        mention("columns") + " to give the column another name");
    }
    add(*name);
  }
  const std::size_t columns = names.size();
  for (const Period period : options.time_contexts) add(std::string(name_of(period)));
  if (names.size() > kMostContexts) {
    throw OptionError("contexts", "at most " + std::to_string(kMostContexts) + " are read, got " + std::to_string(names.size()));
  }
  for (const auto& [name, column] : options.columns.further) {
    if (std::ranges::find(options.given_contexts, name) != options.given_contexts.end()) {
      throw OptionError("columns", "the context " + quoted(name) + " is given already: leave its column out");
    }
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(columns), name) !=
        names.begin() + static_cast<std::ptrdiff_t>(columns))
      continue;
    throw OptionError("columns", "expected user, item, rating, time or weight, or one of " + mention("contexts") + ", got " + quoted(name));
  }
}

bool names_contexts(const ReadOptions& options, const std::vector<std::string>& header) {
  bool any = false;
  for (const std::string& spelling : options.contexts) {
    const auto stated = stated_column(options, context_name(spelling).value_or(""));
    if (stated && stated->number != 0) continue;
    if (find_name(header, stated ? stated->name : spelling) == Layout::kNone) return false;
    any = true;
  }
  return any;
}

void refuse_given(const ReadOptions& options, const std::vector<std::string>& columns, const std::string& name) {
  for (const std::string& column : columns) {
    const std::string own = context_name(column).value_or("");
    if (std::ranges::find(options.given_contexts, own) == options.given_contexts.end()) continue;
    std::string problem = own;
    problem.append(" is given, and ").append(name).append(" has a column ").append(quoted(column)).append(": leave one of them out");
    throw OptionError("context", problem);
  }
}

void place_contexts(const ReadOptions& options, const std::string& name, Layout& layout) {
  if (layout.header) refuse_given(options, layout.names, name);
  for (const std::string& spelling : options.contexts) {
    const std::string own = context_name(spelling).value_or("");
    const ContextPlace context{own, column_of(options, spelling, own, name, layout)};
    check_place(options, context, name, layout);
    layout.contexts.push_back(context);
  }
  layout.missing = options.missing;
  layout.periods = options.time_contexts;
  if (options.time_contexts.empty() || !options.contexts_needed) return;
  const bool beyond = !layout.time_named && layout.column_count <= layout.time;
  if (layout.time == Layout::kNone || beyond) {
    throw DataError(name + ": no column of timestamps to derive contexts from; use " + mention("columns") + " to name it");
  }
}

bool is_missing_level(std::string_view text, const std::vector<std::string>& missing) {
  constexpr std::array<std::string_view, 5> kMissing = {"na", "n/a", "nan", "null", "?"};
  if (text.empty() || std::ranges::find(missing, text) != missing.end()) return true;
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::any_of(kMissing, [&](std::string_view word) { return std::ranges::equal(text, word, {}, small); });
}

std::optional<std::string> ContextFields::read(std::string_view line) {
  FieldReader reader(line, layout_.separator);
  std::ranges::fill(texts_, std::string_view());
  const std::size_t columns = layout_.columns_read();
  std::string_view field;
  for (std::size_t column = 0; column < columns; ++column) {
    const auto context = std::ranges::find(layout_.contexts, column, &ContextPlace::column);
    const bool wanted = context != layout_.contexts.end();
    const auto place = static_cast<std::size_t>(context - layout_.contexts.begin());
    if (!reader.next(field, wanted ? scratch_[place] : skipped_)) break;
    if (!wanted || is_missing_level(field, layout_.missing)) continue;
    if (auto problem = check_id(field)) return "the context " + context->name + ": " + *problem;
    texts_[place] = field;
  }
  return std::nullopt;
}

std::uint32_t SituationNumbers::number(std::span<const std::string_view> texts, const std::string& file, std::size_t line) {
  levels_.assign(texts.size(), Situations::kMissing);
  for (std::size_t column = 0; column < texts.size(); ++column) {
    if (texts[column].empty()) continue;
    Vocabulary& known = situations_.columns[column].levels;
    const std::uint32_t level = known.add(texts[column]);
    if (level >= kMostLevels) {
      throw DataError(file, line,
                      "the context " + situations_.columns[column].name + " has more than " + std::to_string(kMostLevels) + " levels");
    }
    levels_[column] = static_cast<std::uint16_t>(level);
  }
  return situations_.number(levels_);
}

void add_periods(std::span<const Period> periods, std::span<const std::int64_t> times, Situations& situations,
                 std::vector<std::uint32_t>& numbers) {
  if (periods.empty()) return;
  std::vector<std::int64_t> present;
  for (const std::int64_t time : times) {
    if (time != RatingLines::kNoTime) present.push_back(time);
  }
  const std::size_t before = situations.columns.size();
  Situations result;
  result.columns = situations.columns;
  std::vector<PeriodLevels> found;
  for (const Period period : periods) {
    found.push_back(periods_of(present, period));
    if (found.back().levels.size() > kMostLevels) {
      throw DataError("the timestamps lie in more than " + std::to_string(kMostLevels) + " different periods of kind " +
                      std::string(name_of(period)));
    }
    result.columns.push_back({std::string(name_of(period)), period, found.back().levels});
  }
  std::vector<std::uint16_t> levels(result.columns.size());
  std::size_t next = 0;
  const bool first = numbers.empty();
  if (first) numbers.assign(times.size(), 0);
  for (std::size_t n = 0; n < times.size(); ++n) {
    if (!first && before > 0) std::ranges::copy(situations.levels(numbers[n]), levels.begin());
    const bool missing = times[n] == RatingLines::kNoTime;
    for (std::size_t period = 0; period < periods.size(); ++period) {
      levels[before + period] = missing ? Situations::kMissing : static_cast<std::uint16_t>(found[period].codes[next]);
    }
    next += missing ? 0 : 1;
    numbers[n] = result.number(levels);
  }
  situations = std::move(result);
}

}  // namespace lowrank
