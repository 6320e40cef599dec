#include "data/layout.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "data/number.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kSampleLines = 20;

/// The first lines of a file that are not blank.
struct Sample {
  std::vector<std::string_view> lines;
  std::size_t first_end = 0;     ///< bytes of the text up to the end of lines[0]
  std::size_t first_number = 0;  ///< line number of lines[0]
};

Sample take_sample(std::string_view text, bool whole) {
  Sample sample;
  std::string_view rest = text;
  std::size_t number = 0;
  while (!rest.empty() && sample.lines.size() < kSampleLines) {
    // Ignore a last line that is cut off, unless it is the only one.
    if (!whole && !sample.lines.empty() && rest.find('\n') == std::string_view::npos) break;
    const std::string_view line = take_line(rest);
    ++number;
    if (trimmed(line).empty()) continue;
    if (sample.lines.empty()) {
      sample.first_end = text.size() - rest.size();
      sample.first_number = number;
    }
    sample.lines.push_back(line);
  }
  return sample;
}

std::vector<std::string> fields_of(std::string_view line, Separator separator) {
  std::vector<std::string> fields;
  FieldReader reader(line, separator);
  std::string scratch;
  for (std::string_view field; reader.next(field, scratch);) fields.emplace_back(field);
  return fields;
}

/// Candidate separators by preference if several fit equally well. Blanks come last, because fields of other formats may contain them.
std::span<const Separator> candidates(Format format) {
  static constexpr Separator kAll[] = {Separator::double_colon, Separator::tab, Separator::comma, Separator::semicolon, Separator::blanks};
  switch (format) {
    case Format::movielens:
      return std::span(kAll).subspan(0, 1);
    case Format::csv:
      return std::span(kAll).subspan(2, 2);
    case Format::tsv: {
      static constexpr Separator kTsv[] = {Separator::tab, Separator::blanks};
      return kTsv;
    }
    default:
      return kAll;
  }
}

bool any_name(const Columns& columns) {
  return !columns.user.name.empty() || !columns.item.name.empty() || !columns.rating.name.empty() || !columns.time.name.empty();
}

/// The 0-based index of a column; nothing if the header lacks its name.
std::optional<std::size_t> place_of(const Column& column, const std::vector<std::string>& header) {
  if (column.name.empty()) return column.number == 0 ? Layout::kNone : column.number - 1;
  const auto found = std::find(header.begin(), header.end(), column.name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

/// The columns of `options` with `separator`. \param[out] missing  a name that the header lacks; the result is then empty
std::optional<Layout> lay_out(Separator separator, const ReadOptions& options, std::string_view first_line, std::string& missing) {
  Layout layout;
  layout.separator = separator;
  layout.implicit_values = options.implicit_values;
  const std::vector<std::string> header = any_name(options.columns) ? fields_of(first_line, separator) : std::vector<std::string>{};
  const auto place = [&](const Column& column, std::size_t& to) {
    const auto found = place_of(column, header);
    if (!found && missing.empty()) missing = column.name;
    if (found) to = *found;
    return found.has_value();
  };
  if (!place(options.columns.user, layout.user) || !place(options.columns.item, layout.item)) return std::nullopt;
  layout.rating = Layout::kNone;
  if (!options.pairs_only && !place(options.columns.rating, layout.rating)) return std::nullopt;
  layout.time = Layout::kNone;
  layout.time_wanted = options.keep_times;
  if (options.keep_times && !place(options.columns.time, layout.time)) return std::nullopt;
  layout.time_needed = options.keep_times && options.columns.time_stated && layout.time != Layout::kNone;
  return layout;
}

/// Refuses columns that are missing or used twice.
void check_columns(Layout& layout, const ReadOptions& options) {
  if (layout.user == Layout::kNone || layout.item == Layout::kNone) throw OptionError("columns", "user and item need one column each");
  if (layout.user == layout.item) throw OptionError("columns", "user and item cannot be the same column");
  if (layout.rating == layout.user || layout.rating == layout.item) {
    if (!options.implicit_values) throw OptionError("columns", "the rating cannot be in the column of the user or of the item");
    layout.rating = Layout::kNone;
  }
  if (layout.time != Layout::kNone && (layout.time == layout.user || layout.time == layout.item || layout.time == layout.rating)) {
    if (layout.time_needed) throw OptionError("columns", "the time cannot be in the column of the user, the item or the rating");
    layout.time = Layout::kNone;
  }
}

/// The fit of a layout, to compare: number of lines without a fault, then of lines with three columns, then with two.
std::tuple<std::size_t, std::size_t, std::size_t> fit(const Layout& layout, std::span<const std::string_view> lines) {
  std::size_t good = 0;
  std::size_t three = 0;
  std::size_t two = 0;
  Scratch scratch;
  LineFields fields;
  for (const std::string_view line : lines) {
    const std::size_t count = fields_of(line, layout.separator).size();
    three += count >= 3 ? 1 : 0;
    two += count >= 2 ? 1 : 0;
    if (split_line(line, layout, scratch, fields) || fields.user.empty() || fields.item.empty()) continue;
    float value = 0;
    if (!fields.has_rating || parse_rating(fields.rating, value) == NumberResult::ok) ++good;
  }
  return {good, three, two};
}

Layout choose_layout(const Sample& sample, const ReadOptions& options) {
  std::optional<Layout> best;
  std::tuple<std::size_t, std::size_t, std::size_t> best_fit;
  for (const Separator separator : candidates(options.format)) {
    std::string missing;
    const auto layout = lay_out(separator, options, sample.lines[0], missing);
    if (!layout) continue;
    const auto score = fit(*layout, sample.lines);
    if (best && score <= best_fit) continue;
    best = layout;
    best_fit = score;
  }
  if (best) return *best;

  // No separator yields all names: report the missing one for the separator with the most columns.
  std::vector<std::string> names;
  std::string missing;
  for (const Separator separator : candidates(options.format)) {
    auto fields = fields_of(sample.lines[0], separator);
    if (fields.size() <= names.size()) continue;
    names = std::move(fields);
    missing.clear();
    lay_out(separator, options, sample.lines[0], missing);
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quoted(name);
  throw OptionError("columns", "there is no column " + quoted(missing) + "; the columns are " + list);
}

enum class Reading : std::uint8_t { number, other, absent };

Reading reading_of(std::optional<std::string_view> field) {
  if (!field) return Reading::absent;
  float value = 0;
  return parse_rating(*field, value) == NumberResult::not_a_number ? Reading::other : Reading::number;
}

/// Line 1 is a header if its rating is not a number and that of line 2 is one. A single line is a header if neither its rating nor its ids
/// are numbers.
bool first_is_header(const Sample& sample, const Layout& layout, const ReadOptions& options) {
  if (any_name(options.columns)) return true;
  Layout with_rating = layout;
  if (options.pairs_only) with_rating.rating = options.columns.rating.number - 1;
  if (with_rating.rating == Layout::kNone) return false;
  with_rating.implicit_values = true;
  with_rating.time_needed = false;
  Scratch scratch;
  LineFields first;
  LineFields second;
  const auto rating = [&](std::string_view line, LineFields& fields) -> std::optional<std::string_view> {
    if (split_line(line, with_rating, scratch, fields) || !fields.has_rating) return std::nullopt;
    return fields.rating;
  };
  if (reading_of(rating(sample.lines[0], first)) != Reading::other) return false;
  if (sample.lines.size() == 1) return reading_of(first.user) == Reading::other && reading_of(first.item) == Reading::other;
  return reading_of(rating(sample.lines[1], second)) == Reading::number;
}

}  // namespace

Layout detect_layout(std::string_view head, bool whole, const std::string& name, const ReadOptions& options) {
  const std::string_view text = without_bom(head);
  const std::size_t mark_bytes = head.size() - text.size();
  const bool matrix_market =
      options.format == Format::matrix_market || (options.format == Format::automatic && has_matrix_market_banner(text));
  if (matrix_market || options.format == Format::adjacency) {
    if (options.columns.stated) throw OptionError("columns", "cannot be used with this format, whose columns are fixed");
    Layout layout;
    layout.separator = Separator::blanks;
    layout.time = Layout::kNone;
    layout.skipped_bytes = mark_bytes;
    layout.adjacency = !matrix_market;
    if (options.pairs_only || layout.adjacency) layout.rating = Layout::kNone;
    if (matrix_market) read_matrix_market_header(head, whole, name, options, layout);
    return layout;
  }

  const Sample sample = take_sample(text, whole);
  if (sample.lines.empty()) {
    Layout layout;
    layout.implicit_values = options.implicit_values;
    layout.skipped_bytes = mark_bytes;
    return layout;
  }
  Layout layout = choose_layout(sample, options);
  check_columns(layout, options);
  layout.skipped_bytes = mark_bytes;
  if (first_is_header(sample, layout, options)) {
    layout.skipped_bytes += sample.first_end;
    layout.skipped_lines = sample.first_number;
  }
  return layout;
}

}  // namespace lowrank
