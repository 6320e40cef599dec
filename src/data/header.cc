#include "data/header.h"

#include <algorithm>
#include <vector>

#include "data/number.h"
#include "data/text.h"
#include "data/wide_table.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

const std::string* cell(const std::vector<std::string>& row, std::size_t column) { return column < row.size() ? &row[column] : nullptr; }

/// Whether most lines below line 1 have figures in a column.
bool has_figures(const Table& table, std::size_t column) {
  std::size_t figures = 0;
  for (std::size_t row = 1; row < table.size(); ++row) {
    const std::string* field = cell(table[row], column);
    if (field != nullptr && is_figure(*field)) ++figures;
  }
  return figures > 0 && 2 * figures >= table.size() - 1;
}

/// Whether line 1 has text in a column where most lines below it have figures.
bool turns_into_figures(const Table& table, std::size_t column) {
  const std::string* first = cell(table[0], column);
  return first != nullptr && !first->empty() && !is_figure(*first) && has_figures(table, column);
}

/// Whether the lines below a header of `names` names start with the name of the row, for which the header has no name. R writes tables so.
bool has_row_names(const Sample& sample, const Table& table) {
  if (usual_count(table, 1) != table[0].size() + 1) return false;
  bool running = true;
  bool quoted = true;
  bool late = true;
  std::optional<std::uint64_t> last;
  for (std::size_t row = 1; row < table.size(); ++row) {
    const auto number = parse_count(table[row][0]);
    running = running && number && *number == (last ? *last + 1 : 1);
    last = number;
    quoted = quoted && trimmed(sample.lines[row].text).starts_with('"');
    // A last column without a name is often a time.
    float value = 0;
    late = late && parse_rating(table[row].back(), value) == NumberResult::ok && value > 1e8F;
    if (table[row].back().empty()) return false;
  }
  return quoted || (running && !late);
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 12;
  std::string list;
  for (std::size_t at = 0; at < std::min(names.size(), kMost); ++at) list.append(at == 0 ? "" : ", ").append(quoted(names[at]));
  return names.size() > kMost ? list + " ..." : list;
}

/// A column as `--columns` takes it: by name if that is possible, otherwise by number.
std::string stated(const std::vector<std::string>& names, std::size_t column, bool row_names) {
  const std::string& name = names[column];
  const bool plain = !name.empty() && name.find_first_of(",= \t\"'") == std::string::npos && !parse_count(name) &&
                     std::count(names.begin(), names.end(), name) == 1;
  return plain ? name : std::to_string(column + 1 + (row_names ? 1 : 0));
}

bool has_role(const NamedColumns& columns, std::size_t column) {
  return std::any_of(columns.roles.begin(), columns.roles.end(), [&](const auto& found) { return found.column == column; });
}

/// An example of `--columns` for a header: the columns that are clear, and the next ones for the other roles; empty if there are too few.
std::string example(const Table& table, const NamedColumns& columns, bool row_names, bool rating) {
  const std::vector<std::string>& names = table[0];
  std::size_t next = 0;
  std::string text;
  for (const Role role : {Role::user, Role::item, Role::rating}) {
    if (role == Role::rating && !rating) break;
    std::size_t column = columns.of(role).column;
    if (column == NamedColumns::kNone) {
      const auto fits = [&] { return role != Role::rating || table.size() == 1 || has_figures(table, next + (row_names ? 1 : 0)); };
      while (next < names.size() && (has_role(columns, next) || names[next].empty() || !fits())) ++next;
      if (next == names.size()) return "";
      column = next++;
    }
    text.append(text.empty() ? "" : ",").append(name_of(role)).append("=").append(stated(names, column, row_names));
  }
  return "use " + mention("columns") + " " + text;
}

}  // namespace

Heading read_heading(const Sample& sample, const Table& table, const Layout& layout, const ReadOptions& options) {
  Heading heading;
  const std::vector<std::string>& first = table[0];
  heading.columns = columns_by_name(first);
  const auto named = [&](Role role) { return heading.columns.of(role).named; };
  const bool figures = std::any_of(first.begin(), first.end(), [](const std::string& field) { return is_figure(field); });
  if (heading.columns.is_header() && (!figures || (named(Role::user) && named(Role::item) && named(Role::rating)))) {
    heading.kind = Heading::Kind::named;
    heading.row_names = table.size() > 1 && has_row_names(sample, table);
    return heading;
  }
  if (figures || table.size() == 1) return heading;
  // Pairs may have a rating that is not read.
  const std::size_t rating = options.pairs_only && options.columns.rating.name.empty() ? options.columns.rating.number - 1 : layout.rating;
  const bool rated = rating != Layout::kNone && turns_into_figures(table, rating);
  const bool user = turns_into_figures(table, layout.user);
  const bool item = turns_into_figures(table, layout.item);
  if (!rated && !(user && item)) return heading;
  heading.kind = user || item ? Heading::Kind::unnamed : Heading::Kind::doubtful;
  heading.row_names = has_row_names(sample, table);
  return heading;
}

void place_by_names(const Heading& heading, const Sample& sample, const Table& table, const std::string& name, const ReadOptions& options,
                    Layout& layout) {
  const std::vector<std::string>& names = table[0];
  const std::size_t shift = heading.row_names ? 1 : 0;
  layout.row_names = heading.row_names;
  const auto fail = [&](const std::string& problem) { throw DataError(name, sample.lines[0].number, problem); };
  const bool rated = !options.pairs_only;
  std::string use = example(table, heading.columns, heading.row_names, rated);
  if (use.empty() && options.implicit_values) use = example(table, heading.columns, heading.row_names, false);
  const auto place = [&](Role role, bool role_stated, std::size_t& to) {
    if (role_stated) return;
    const std::size_t usual = static_cast<std::size_t>(role);
    const NamedColumns::Found& found = heading.columns.of(role);
    to = found.column == NamedColumns::kNone ? Layout::kNone : found.column + shift;
    // Whoever states some of the columns has looked at the others, if their names are not those of something else.
    const bool usual_place = options.columns.stated && usual < names.size() && !has_role(heading.columns, usual);
    if (to == Layout::kNone && !found.named && usual_place) to = usual + shift;
  };
  const Columns& columns = options.columns;
  for (const auto& [column, to] :
       {std::pair(&columns.user, &layout.user), std::pair(&columns.item, &layout.item), std::pair(&columns.rating, &layout.rating),
        std::pair(&columns.time, &layout.time), std::pair(&columns.weight, &layout.weight)}) {
    if (!column->name.empty() && *to != Layout::kNone) *to += shift;
  }
  if (!columns.user_stated) layout.user = Layout::kNone;
  if (!columns.item_stated) layout.item = Layout::kNone;
  if (!columns.rating_stated) layout.rating = Layout::kNone;
  if (!columns.time_stated) layout.time = Layout::kNone;
  if (heading.kind == Heading::Kind::doubtful) {
    std::size_t column = options.columns.rating.number - 1;
    if (column >= names.size()) column = names.size() - 1;
    fail("expected a number, found " + quoted(names[column]) + " in " + quoted(sample.lines[0].text, 100) + "; if the line is a header, " +
         use);
  }
  place(Role::user, columns.user_stated, layout.user);
  place(Role::item, columns.item_stated, layout.item);
  if (rated && !(columns.stated && options.implicit_values)) place(Role::rating, columns.rating_stated, layout.rating);
  if (options.keep_times && !columns.stated) place(Role::time, columns.time_stated, layout.time);
  layout.time_named = layout.time != Layout::kNone;

  std::vector<std::string> unclear;
  if (layout.user == Layout::kNone) unclear.emplace_back("user");
  if (layout.item == Layout::kNone) unclear.emplace_back("item");
  const bool unrated = rated && layout.rating == Layout::kNone && !options.implicit_values;
  if (unclear.empty() && unrated) {
    const std::string implicit = mention("implicit_values") + " to read every line as a rating of 1";
    fail("a header that does not say which column is the rating: its names are " + list_of(names) + "; " +
         (use.empty() ? "use " : use + ", or ") + implicit);
  }
  if (unclear.empty()) return;
  if (unrated) unclear.emplace_back("rating");
  std::string roles = unclear[0];
  for (std::size_t at = 1; at < unclear.size(); ++at) roles += (at + 1 == unclear.size() ? " and the " : ", the ") + unclear[at];
  fail("a header that does not say which column is the " + roles + ": its names are " + list_of(names) +
       (use.empty() ? "; user, item and, without " + mention("implicit_values") + ", rating need a column each" : "; " + use) +
       (could_be_wide(table) ? ", or " + mention("format") + " matrix for a table of users x items" : ""));
}

}  // namespace lowrank
