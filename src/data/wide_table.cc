#include "data/wide_table.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <tuple>

#include "data/column_names.h"
#include "data/number.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The parts of a table that may be a matrix.
struct Grid {
  std::vector<std::string> items;
  bool corner = false;  ///< whether the header has a field above the users
  std::string corner_name;
  std::span<const std::vector<std::string>> rows;
};

/// Takes the table apart by the number of fields in its header and in its rows; nothing if there are no rows.
std::optional<Grid> grid_of(const Table& table) {
  if (table.size() < 2) return std::nullopt;
  const std::vector<std::string>& header = table[0];
  const auto rows_of = [&](std::size_t count) {
    return std::count_if(table.begin() + 1, table.end(), [count](const auto& row) { return row.size() == count; });
  };
  Grid grid;
  grid.corner = header[0].empty() || rows_of(header.size()) >= rows_of(header.size() + 1);
  grid.items.assign(header.begin() + (grid.corner ? 1 : 0), header.end());
  if (grid.corner) grid.corner_name = header[0];
  grid.rows = std::span(table).subspan(1);
  // Spreadsheets may write a separator at the end of every line.
  while (!grid.items.empty() && grid.items.back().empty()) grid.items.pop_back();
  return grid;
}

/// What the cells of a grid are like.
struct Cells {
  std::size_t good_rows = 0;  ///< rows whose cells are all ratings or missing
  bool any_missing = false;
  bool alike = true;     ///< whether the ratings of no item are ten times as large as those of another
  bool distinct = true;  ///< whether every row has another user
  bool running = true;   ///< whether the users are consecutive numbers
  bool counted = false;  ///< whether the first user is 0 or 1
  bool numbered = true;  ///< whether all users are numbers
};

Cells look_at(const Grid& grid) {
  Cells cells;
  std::set<std::string> users;
  std::vector<float> largest(grid.items.size(), 0);
  std::optional<std::uint64_t> last;
  for (const std::vector<std::string>& row : grid.rows) {
    const std::string user = row.empty() ? std::string() : row[0];
    cells.distinct = cells.distinct && !user.empty() && users.insert(user).second;
    const auto number = parse_count(user);
    cells.running = cells.running && number && (!last || *number == *last + 1);
    if (!last && number) cells.counted = *number <= 1;
    last = number;
    cells.numbered = cells.numbered && is_figure(user);
    bool good = row.size() > grid.items.size();
    for (std::size_t cell = 1; good && cell < row.size(); ++cell) {
      float value = 0;
      if (is_missing(row[cell])) {
        cells.any_missing = cells.any_missing || cell <= grid.items.size();
      } else if (cell > grid.items.size() || !is_rating(row[cell], value)) {
        good = false;
      } else {
        largest[cell - 1] = std::max(largest[cell - 1], std::abs(value));
      }
    }
    cells.good_rows += good ? 1 : 0;
  }
  float least = 0;
  float most = 0;
  for (const float value : largest) {
    if (value == 0) continue;
    least = least == 0 ? value : std::min(least, value);
    most = std::max(most, value);
  }
  cells.alike = most <= 10 * least;
  return cells;
}

/// Whether the corner of a table says that it is one: it names users and items (`user\item`), or nothing.
bool tells(const std::string& corner) {
  const std::size_t cut = corner.find_first_of("\\/|");
  if (cut == std::string::npos) return false;
  const std::string parts[] = {corner.substr(0, cut), corner.substr(cut + 1)};
  const NamedColumns named = columns_by_name(parts);
  return named.of(Role::user).named && named.of(Role::item).named;
}

/// Whether the first field of every line is a rating by itself, whose decimal comma ended it: `a;x;4` of `a;x;4,5`.
bool has_ratings_in_front(const Table& table) {
  constexpr Separator kOthers[] = {Separator::double_colon, Separator::tab, Separator::semicolon, Separator::pipe, Separator::blanks};
  return std::any_of(std::begin(kOthers), std::end(kOthers), [&](Separator separator) {
    return std::all_of(table.begin(), table.end(), [separator](const std::vector<std::string>& row) {
      const std::vector<std::string> fields = fields_of(row[0], separator);
      return fields.size() == 3 && is_figure(fields[2]);
    });
  });
}

bool is_wide(const Table& table) {
  const auto grid = grid_of(table);
  if (!grid || grid->items.size() < 2 || columns_by_name(table[0]).is_header() || has_ratings_in_front(table)) return false;
  if (std::set<std::string>(grid->items.begin(), grid->items.end()).size() != grid->items.size()) return false;
  if (std::any_of(grid->items.begin(), grid->items.end(), [](const std::string& item) { return is_missing(item); })) return false;
  const Cells cells = look_at(*grid);
  if (!cells.distinct || 4 * cells.good_rows < 3 * grid->rows.size()) return false;
  if (grid->corner && tells(grid->corner_name)) return true;
  const bool numbers_above = std::all_of(grid->items.begin(), grid->items.end(), [](const std::string& item) { return is_figure(item); });
  if (!grid->corner || grid->corner_name.empty()) {
    // A running number is what programs write before the rows of any table.
    const auto& roles = columns_by_name(grid->items).roles;
    const bool named = std::any_of(roles.begin(), roles.end(), [](const auto& found) { return found.named; });
    if (cells.running && cells.counted && (!cells.alike || !cells.any_missing || named)) return false;
    return grid->corner || !numbers_above || !cells.numbered;
  }
  const std::string names[] = {grid->corner_name};
  const NamedColumns corner = columns_by_name(names);
  const bool rich = cells.any_missing || (cells.alike && grid->items.size() > 2);
  if (corner.of(Role::user).named) return rich;
  return rich && !cells.numbered && !numbers_above && !corner.of(Role::item).named && !is_figure(grid->corner_name);
}

Layout layout_of(Separator separator, const Grid& grid, const Sample& sample, const std::string& name) {
  Layout layout;
  layout.separator = separator;
  layout.lines = Lines::matrix;
  layout.header = true;
  layout.items = grid.items;
  layout.time = Layout::kNone;
  const auto fail = [&](const std::string& problem) { throw DataError(name, sample.lines[0].number, problem); };
  std::set<std::string> seen;
  for (const std::string& item : grid.items) {
    if (auto problem = check_id(item)) fail("the header of a matrix has " + *problem);
    if (!seen.insert(item).second) fail("the header of a matrix has the item " + quoted(item) + " twice");
  }
  return layout;
}

}  // namespace

bool is_missing(std::string_view cell) noexcept {
  if (cell.empty() || cell == "-") return true;
  constexpr std::string_view kWords[] = {"na", "nan", "n/a", "null", "none"};
  const auto is_cell = [cell](std::string_view word) {
    return std::equal(cell.begin(), cell.end(), word.begin(), word.end(), [](char c, char small) { return lower(c) == small; });
  };
  return std::any_of(std::begin(kWords), std::end(kWords), is_cell);
}

bool could_be_wide(const Table& table) {
  const auto grid = grid_of(table);
  if (!grid || grid->items.size() < 2) return false;
  const Cells cells = look_at(*grid);
  const bool row_numbers = cells.running && cells.counted && !cells.alike;
  return cells.distinct && !row_numbers && cells.good_rows == grid->rows.size();
}

std::optional<Layout> find_wide_table(const Sample& sample, const std::string& name, std::span<const Separator> separators) {
  if (sample.lines.size() < 2) return std::nullopt;
  for (const Separator separator : separators) {
    // Most files are told by their first two lines.
    const std::size_t above = count_fields(sample.lines[0].text, separator);
    const std::size_t below = count_fields(sample.lines[1].text, separator);
    if (below < 3 || (above != below && above + 1 != below)) continue;
    const Table table = table_of(sample, separator);
    if (is_wide(table)) return layout_of(separator, *grid_of(table), sample, name);
  }
  return std::nullopt;
}

Layout wide_table(const Sample& sample, const std::string& name, std::span<const Separator> separators) {
  std::optional<Layout> best;
  std::tuple<std::size_t, std::size_t> best_fit;
  Table table;
  std::optional<Separator> chosen;
  for (const Separator separator : separators) {
    table = table_of(sample, separator);
    const auto grid = grid_of(table);
    if (!grid || grid->items.empty()) continue;
    const std::tuple fit{look_at(*grid).good_rows, grid->items.size()};
    if (chosen && fit <= best_fit) continue;
    chosen = separator;
    best_fit = fit;
  }
  if (!chosen) {
    throw DataError(
        name, sample.lines[0].number,
        "expected a header of items, and below it lines of a user and one rating per item, found " + quoted(sample.lines[0].text, 100));
  }
  table = table_of(sample, *chosen);
  return layout_of(*chosen, *grid_of(table), sample, name);
}

std::optional<std::string> check_row(std::string_view line, const Layout& layout, Scratch& scratch) {
  return read_row(line, layout, scratch, [](std::string_view, std::string_view item, float) { return check_id(item); });
}

}  // namespace lowrank
