#include "data/layout.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "data/adjacency.h"
#include "data/context_columns.h"
#include "data/foreign.h"
#include "data/header.h"
#include "data/line_check.h"
#include "data/number.h"
#include "data/sample.h"
#include "data/text.h"
#include "data/wide_table.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Candidate separators by preference if several fit equally well. Blanks come last, because fields of other formats may contain them.
std::vector<Separator> candidates(const ReadOptions& options) {
  if (const auto separator = stated_separator(options)) return {*separator};
  std::vector<Separator> all;
  switch (options.format) {
    case Format::movielens:
      all = {Separator::double_colon};
      break;
    case Format::csv:
      all = {Separator::comma, Separator::semicolon, Separator::pipe};
      break;
    case Format::tsv:
      all = {Separator::tab, Separator::blanks};
      break;
    default:
      all = {Separator::double_colon, Separator::tab, Separator::comma, Separator::semicolon, Separator::pipe, Separator::blanks};
  }
  if (options.decimal == ',') std::erase(all, Separator::comma);
  return all;
}

bool any_name(const Columns& columns) {
  if (std::ranges::any_of(columns.further, [](const auto& column) { return !column.second.name.empty(); })) return true;
  return !columns.user.name.empty() || !columns.item.name.empty() || !columns.rating.name.empty() || !columns.time.name.empty() ||
         !columns.weight.name.empty();
}

Decimal stated_decimal(const ReadOptions& options) noexcept {
  return options.decimal == ',' ? Decimal::comma : options.decimal == '.' ? Decimal::point : Decimal::unknown;
}

/// The 0-based index of a column; nothing if the header lacks its name.
std::optional<std::size_t> place_of(const Column& column, const std::vector<std::string>& header) {
  if (column.name.empty()) return column.number == 0 ? Layout::kNone : column.number - 1;
  const auto found = std::find(header.begin(), header.end(), column.name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

/// The columns of `options` with `separator`, those that are not stated at their usual places.
/// \param[out] missing  a name that the header lacks; the result is then empty
std::optional<Layout> lay_out(Separator separator, const ReadOptions& options, std::string_view first_line, std::string& missing) {
  Layout layout;
  layout.separator = separator;
  layout.implicit_values = options.implicit_values;
  layout.skip_bad_lines = options.skip_bad_lines;
  layout.decimal = stated_decimal(options);
  const std::vector<std::string> header = any_name(options.columns) ? fields_of(first_line, separator) : std::vector<std::string>{};
  const auto place = [&](const Column& column, std::size_t& to) {
    const auto found = place_of(column, header);
    if (!found && missing.empty()) missing = column.name;
    if (found) to = *found;
    return found.has_value();
  };
  if (!place(options.columns.user, layout.user) || !place(options.columns.item, layout.item)) return std::nullopt;
  layout.rating = Layout::kNone;
  // Whoever states the columns and leaves the rating out has none.
  const bool rated = !options.pairs_only && !(options.columns.stated && !options.columns.rating_stated && options.implicit_values);
  if (rated && !place(options.columns.rating, layout.rating)) return std::nullopt;
  layout.time = Layout::kNone;
  layout.time_wanted = options.keep_times;
  if (options.keep_times && !place(options.columns.time, layout.time)) return std::nullopt;
  layout.time_named = options.keep_times && options.columns.time_stated && layout.time != Layout::kNone;
  layout.time_needed = options.times_needed || layout.time_named;
  if (!place(options.columns.weight, layout.weight)) return std::nullopt;
  return layout;
}

/// Refuses columns that are missing or used twice.
void check_columns(Layout& layout, const std::string& name, const ReadOptions& options) {
  const auto fail = [&](const char* problem) { throw OptionError("columns", name + ": " + problem); };
  if (layout.user == Layout::kNone || layout.item == Layout::kNone) fail("user and item need one column each");
  if (layout.user == layout.item) fail("user and item cannot be the same column");
  if (layout.rating == layout.user || layout.rating == layout.item) {
    if (!options.implicit_values) fail("the rating cannot be in the column of the user or of the item");
    layout.rating = Layout::kNone;
  }
  if (layout.time != Layout::kNone && (layout.time == layout.user || layout.time == layout.item || layout.time == layout.rating)) {
    if (layout.time_needed) fail("the time cannot be in the column of the user, the item or the rating");
    layout.time = Layout::kNone;
  }
  if (layout.weight != Layout::kNone && (layout.weight == layout.user || layout.weight == layout.item || layout.weight == layout.rating)) {
    fail("the weight cannot be in the column of the user, the item or the rating");
  }
}

/// Calls `look` with the texts of the ratings of the sample until it returns true.
template <class Look>
void for_each_rating_text(const Sample& sample, const Layout& layout, const Look& look) {
  Scratch scratch;
  LineFields fields;
  for (std::size_t at = layout.header ? 1 : 0; at < sample.lines.size(); ++at) {
    if (layout.lines == Lines::matrix) {
      const std::vector<std::string> cells = fields_of(sample.lines[at].text, layout.separator);
      if (std::any_of(cells.begin() + 1, cells.end(), look)) return;
    } else if (!split_line(sample.lines[at].text, layout, scratch, fields) && fields.has_rating && look(fields.rating)) {
      return;
    }
  }
}

/// Finds the decimal mark in the ratings of the sample: the first one that does not separate thousands, or else a point.
void find_decimal(const Sample& sample, const ReadOptions& options, Layout& layout) {
  layout.decimal = stated_decimal(options);
  if (layout.decimal != Decimal::unknown || layout.lines == Lines::adjacency ||
      (layout.lines == Lines::ratings && layout.rating == Layout::kNone))
    return;
  bool points = false;
  for_each_rating_text(sample, layout, [&](std::string_view text) {
    float value = 0;
    const bool point = text.find('.') != std::string_view::npos && parse_rating(text, value) == NumberResult::ok;
    points = points || point;
    if (has_groups(text)) return false;
    if (point) layout.decimal = Decimal::point;
    if (parse_comma_rating(text, value) == NumberResult::ok && layout.separator != Separator::comma) layout.decimal = Decimal::comma;
    return layout.decimal != Decimal::unknown;
  });
  if (layout.decimal == Decimal::unknown && points) layout.decimal = Decimal::point;
}

/// Finds out what the timestamps of the sample count.
void find_time_unit(const Sample& sample, const std::string& name, const ReadOptions& options, Layout& layout) {
  if (!options.keep_times) return;
  const bool beyond = !layout.time_named && layout.column_count <= layout.time;
  if (options.times_needed && (layout.time == Layout::kNone || beyond)) {
    throw DataError(name + ": no column of timestamps; use " + mention("columns") + " to name it (" + description(layout) + ")");
  }
  bool numbers = false;
  if (layout.time == Layout::kNone) return;
  Scratch scratch;
  LineFields fields;
  for (std::size_t at = layout.header ? 1 : 0; at < sample.lines.size(); ++at) {
    if (split_line(sample.lines[at].text, layout, scratch, fields) || !fields.has_time || is_missing_time(fields.time)) continue;
    const auto time = parse_time(fields.time);
    numbers = numbers || time;
    if (!numbers && parse_date(fields.time)) {
      layout.time_unit = TimeUnit::date;
      // Blanks separate a date from its time of day, without which the order within a day would be lost.
      const auto all = fields_of(sample.lines[at].text, layout.separator);
      if (layout.separator == Separator::blanks && layout.time + 1 < all.size() && parse_date("2000-01-01 " + all[layout.time + 1])) {
        throw DataError(name, sample.lines[at].number, "a date and a time of day in two columns; put both in quotes, or a T between them");
      }
      return;
    }
    if (time) layout.time_unit = unit_of_time(*time);
    if (layout.time_unit != TimeUnit::unknown) return;
  }
}

/// The fit of a layout, to compare: the number of roles that line 1 names if it is a header, then of lines without a fault, of lines with
/// three columns, and of lines with two.
using Fit = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>;

Fit fit_of(const Layout& layout, std::span<const std::string_view> lines) {
  std::size_t good = 0;
  std::size_t three = 0;
  std::size_t two = 0;
  Scratch scratch;
  LineFields fields;
  for (const std::string_view line : lines) {
    const std::size_t count = count_fields(line, layout.separator);
    three += count >= 3 ? 1 : 0;
    two += count >= 2 ? 1 : 0;
    if (split_line(line, layout, scratch, fields) || fields.user.empty() || fields.item.empty()) continue;
    float value = 0;
    // The blank of `1 000` does not make two columns of it.
    if (!fields.has_rating || !read_rating(fields.rating, layout, value) || has_groups(fields.rating)) ++good;
  }
  const NamedColumns named = columns_by_name(fields_of(lines[0], layout.separator));
  const auto roles = std::count_if(named.roles.begin(), named.roles.end(), [](const auto& found) { return found.named; });
  return {named.is_header() ? static_cast<std::size_t>(roles) : 0, good, three, two};
}

Layout choose_layout(const Sample& sample, const std::string& name, const ReadOptions& options) {
  std::vector<std::string_view> lines;
  lines.reserve(sample.lines.size());
  for (const Sample::Line& line : sample.lines) lines.push_back(line.text);
  std::optional<Layout> best;
  Fit best_fit;
  for (const Separator separator : candidates(options)) {
    std::string missing;
    const auto layout = lay_out(separator, options, lines[0], missing);
    if (!layout) continue;
    const Fit fit = fit_of(*layout, lines);
    if (best && fit <= best_fit) continue;
    best = layout;
    best_fit = fit;
  }
  if (best) return *best;

  // No separator yields all names: report the missing one for the separator with the most columns.
  std::vector<std::string> names;
  std::string missing;
  for (const Separator separator : candidates(options)) {
    auto fields = fields_of(lines[0], separator);
    if (fields.size() <= names.size()) continue;
    names = std::move(fields);
    missing.clear();
    lay_out(separator, options, lines[0], missing);
  }
  std::string list;
  for (const std::string& own : names) list += (list.empty() ? "" : ", ") + quoted(own);
  throw OptionError("columns", name + ": there is no column " + quoted(missing) + "; the columns are " + list);
}

/// The last comment before the first line, without its marks, if it names the columns of the lines below it.
std::optional<Sample::Line> commented_header(const Sample& sample, const Table& table, Separator separator) {
  if (sample.comments.empty()) return std::nullopt;
  Sample::Line line = sample.comments.back();
  while (has_comment_mark(line.text)) line.text.remove_prefix(1);
  line.text = trimmed(line.text);
  const std::vector<std::string> names = fields_of(line.text, separator);
  if (names.size() != usual_count(table, 0) || !columns_by_name(names).is_header()) return std::nullopt;
  return line;
}

/// Refuses what would pass for lines of ratings although it is something else.
void refuse_other_formats(const Sample& sample, const Table& table, const Layout& layout, const std::string& name) {
  const bool header = layout.header;
  const auto fail = [&](const std::string& problem) { throw DataError(name, sample.lines[header ? 1 : 0].number, problem); };
  const bool titled = header && table[0].size() == usual_count(table, 1);
  if (!titled && are_lists(std::span(table).subspan(header ? 1 : 0), sample.whole)) {
    fail("lines like those of a user and the user's items; use " + mention("format") + " adjacency to read them so, or " +
         mention("columns") + " user=1,item=2,rating=3 if they are ratings");
  }
  if (header) return;
  if (table[0][0].empty() && could_be_wide(table)) {
    fail("a header without names; use " + mention("format") + " matrix for a table of users x items, or " + mention("columns") +
         " for ratings, and leave the header out");
  }
  if (is_bare_matrix(table)) {
    fail("a matrix of users x items without names; put the items in a header and the users in a first column, as " + mention("format") +
         " matrix has them");
  }
  if (layout.rating != Layout::kNone && has_times(table, layout.rating)) {
    fail("times where ratings are expected, in column 3; use " + mention("columns") + " user=1,item=2 with " + mention("implicit_values") +
         " to read every line as a rating of 1, or " + mention("columns") + " with the column of the rating");
  }
  if (is_matrix_market_body(sample, table)) {
    fail(
        "the size line of a Matrix Market file without its banner; the first line must be \"%%MatrixMarket matrix coordinate real "
        "general\"");
  }
}

/// The layout of an adjacency file.
Layout adjacency_layout(Sample& sample, const std::string& name, const ReadOptions& options) {
  Layout layout;
  layout.lines = Lines::adjacency;
  layout.skip_bad_lines = options.skip_bad_lines;
  layout.rating = Layout::kNone;
  layout.time = Layout::kNone;
  layout.separator = stated_separator(options).value_or(separator_of_lists(sample.unmarked()));
  sample.remove_comments(layout, name);
  layout.header = is_header_of_lists(table_of(sample, layout.separator));
  return layout;
}

/// The layout of a file with one rating per line.
Layout lines_layout(Sample& sample, const std::string& name, const ReadOptions& options) {
  const Sample unmarked = sample.unmarked();
  Layout layout = choose_layout(unmarked, name, options);
  layout.column_count = usual_count(table_of(unmarked, layout.separator), 0);
  sample.remove_comments(layout, name);
  if (sample.lines.empty()) return layout;
  Table table = table_of(sample, layout.separator);
  Heading heading = read_heading(sample, table, layout, options);
  if (heading.kind == Heading::Kind::doubtful && options.skip_bad_lines) heading = {};
  if (any_name(options.columns) || names_contexts(options, table[0])) heading.kind = Heading::Kind::named;
  if (heading.kind != Heading::Kind::named) {
    if (const auto line = commented_header(sample, table, layout.separator)) {
      sample.lines.insert(sample.lines.begin(), *line);
      table = table_of(sample, layout.separator);
      heading = read_heading(sample, table, layout, options);
      heading.kind = Heading::Kind::named;
    }
  }
  if (heading.kind != Heading::Kind::none) {
    layout.header = true;
    layout.names = table[0];
  }
  if (options.format == Format::automatic && !options.columns.stated) refuse_other_formats(sample, table, layout, name);
  if (layout.header) place_by_names(heading, sample, table, name, options, layout);
  check_columns(layout, name, options);
  place_contexts(options, name, layout);
  find_decimal(sample, options, layout);
  find_time_unit(sample, name, options, layout);
  return layout;
}

}  // namespace

std::optional<Separator> stated_separator(const ReadOptions& options) {
  if (options.separator.empty()) return std::nullopt;
  const std::string mark = parse_separator(options.separator);
  return mark == "::" ? Separator::double_colon : static_cast<Separator>(mark[0]);
}

Layout detect_layout(std::string_view head, bool whole, const std::string& name, const ReadOptions& options) {
  refuse_foreign(head, name, options.encoding.empty() ? "use " + mention("encoding") + " " : "");
  const bool tensor = is_tensor(name, options);
  check_contexts(options, tensor);
  if (tensor) return tensor_layout(head, name, options);
  const std::string_view text = without_bom(head);
  const Format format = options.format;
  const bool banner = has_matrix_market_banner(text);
  if (banner && format != Format::automatic && format != Format::matrix_market) {
    throw DataError(name + ": starts with a banner of Matrix Market files; use " + mention("format") + " matrix-market");
  }
  const bool matrix_market = banner || format == Format::matrix_market;
  if (options.columns.stated && (matrix_market || format == Format::adjacency || format == Format::matrix)) {
    throw OptionError("columns", "cannot be used with the format of " + name + ", whose columns are fixed");
  }
  const bool contexts = !options.contexts.empty() || !options.time_contexts.empty();
  if (contexts && (matrix_market || format == Format::adjacency || format == Format::matrix)) {
    throw OptionError("contexts", "cannot be used with the format of " + name + ", which has none");
  }
  if (!options.separator.empty() && (matrix_market || format == Format::movielens)) {
    throw OptionError("separator", "cannot be used with the format of " + name + ", which has its own");
  }
  Layout layout;
  if (matrix_market) {
    layout.separator = Separator::blanks;
    layout.time = Layout::kNone;
    if (options.pairs_only) layout.rating = Layout::kNone;
    read_matrix_market_header(head, whole, name, options, layout);
    layout.skip_bad_lines = options.skip_bad_lines;
    return layout;
  }
  Sample sample = Sample::of(text, whole);
  layout.implicit_values = options.implicit_values;
  layout.skipped_bytes = head.size() - text.size();
  if (sample.lines.empty()) return layout;
  const std::vector<Separator> separators = candidates(options);
  std::optional<Layout> wide;
  if (format == Format::matrix) wide = wide_table(sample.unmarked(), name, separators);
  if (format == Format::automatic && !options.columns.stated && !contexts) wide = find_wide_table(sample.unmarked(), name, separators);
  if (wide) {
    wide->skip_bad_lines = options.skip_bad_lines;
    sample.remove_comments(*wide, name);
    layout = std::move(*wide);
    find_decimal(sample, options, layout);
  } else {
    layout = format == Format::adjacency ? adjacency_layout(sample, name, options) : lines_layout(sample, name, options);
  }
  // Nothing before the first rating is read again.
  const Sample::Line* last = layout.header && !sample.lines.empty() ? &sample.lines[0]
                             : sample.comments.empty()              ? nullptr
                                                                    : &sample.comments.back();
  layout.skipped_bytes = head.size() - text.size() + (last == nullptr ? 0 : last->end);
  layout.skipped_lines = last == nullptr ? 0 : last->number;
  return layout;
}

}  // namespace lowrank
