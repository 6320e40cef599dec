#include "data/adjacency.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "data/column_names.h"
#include "data/number.h"
#include "data/text.h"
#include "data/wide_table.h"

namespace lowrank {

namespace {

/// Numbers from this one on are times (seconds since 1970, for one) rather than ids in a short list.
constexpr std::uint64_t kLeastTime = 100000000;

bool is_id(const std::string& field) { return parse_count(field).has_value(); }

/// Whether a field could be a word for a user or item, rather than a part of a sentence or of a line with another separator.
bool is_word(const std::string& field) {
  return !field.empty() && field.find_first_of("|,;:()\"`") == std::string::npos && field.back() != '.';
}

/// Whether the ids after the first one grow.
bool is_sorted_list(const std::vector<std::string>& row) {
  for (std::size_t at = 2; at < row.size(); ++at) {
    if (*parse_count(row[at]) <= *parse_count(row[at - 1])) return false;
  }
  return true;
}

}  // namespace

Separator separator_of_lists(const Sample& sample) {
  for (const auto& [mark, separator] : {std::pair(',', Separator::comma), std::pair(';', Separator::semicolon)}) {
    bool fits = true;
    bool any = false;
    for (const Sample::Line& line : sample.lines) {
      const std::string_view text = trimmed(line.text);
      any = any || text.find(mark) != std::string_view::npos;
      for (std::size_t at = 1; at < text.size(); ++at)
        fits = fits && (!is_blank(text[at]) || is_blank(text[at - 1]) || text[at - 1] == mark);
    }
    if (fits && any) return separator;
  }
  return Separator::blanks;
}

bool is_header_of_lists(const Table& table) {
  if (table.empty()) return false;
  const std::vector<std::string>& first = table[0];
  if (std::any_of(first.begin(), first.end(), [](const std::string& field) { return is_figure(field); })) return false;
  if (columns_by_name(first).is_header()) return true;
  std::vector<std::string> ids;
  for (std::size_t row = 1; row < table.size(); ++row) ids.insert(ids.end(), table[row].begin(), table[row].end());
  return !ids.empty() && std::all_of(ids.begin(), ids.end(), is_id);
}

bool are_lists(std::span<const std::vector<std::string>> table, bool whole) {
  if (table.empty()) return false;
  // Most of a file with one line is not seen.
  if (table.size() == 1) return !whole && table[0].size() > 100 && std::all_of(table[0].begin(), table[0].end(), is_id);
  std::set<std::string> users;
  std::size_t shortest = table[0].size();
  std::size_t longest = shortest;
  std::size_t words = 0;  // lines whose rating is no number
  bool ids = true;
  bool all_words = true;
  bool times = false;
  for (const std::vector<std::string>& row : table) {
    if (row.empty() || !users.insert(row[0]).second) return false;
    shortest = std::min(shortest, row.size());
    longest = std::max(longest, row.size());
    ids = ids && std::all_of(row.begin(), row.end(), is_id);
    all_words = all_words && std::all_of(row.begin(), row.end(), is_word);
    float value = 0;
    words += row.size() > 2 && parse_rating(row[2], value) == NumberResult::not_a_number ? 1U : 0U;
    times = times || (row.size() > 3 && parse_count(row[3]).value_or(0) >= kLeastTime);
  }
  if (shortest == longest) return ids && longest > 4 && table.size() > 2 && std::all_of(table.begin(), table.end(), is_sorted_list);
  if (longest < 4) return false;
  return ids ? longest > 4 || !times : all_words && 2 * words > table.size();
}

bool is_bare_matrix(const Table& table) {
  std::size_t ids = 0;        // rows without a value where the user or the item would be
  std::size_t rows = 0;       // rows without a value where the user, the item or the rating would be
  std::size_t fractions = 0;  // rows with a negative number or a fraction where the item would be
  for (const std::vector<std::string>& row : table) {
    float value = 0;
    const bool numbers =
        std::all_of(row.begin(), row.end(), [&](const std::string& field) { return is_missing(field) || is_rating(field, value); });
    if (!numbers || row.size() < 3 || row.size() != table[0].size()) return false;
    // An empty field between three commas is a malformed rating.
    const auto lacks = [&](const std::string& field) { return is_missing(field) && (!field.empty() || row.size() > 3); };
    const bool no_id = lacks(row[0]) || lacks(row[1]);
    ids += no_id ? 1 : 0;
    rows += no_id || is_missing(row[2]) ? 1U : 0U;
    fractions += row.size() > 3 && is_rating(row[1], value) && (value < 0 || value != std::floor(value)) ? 1U : 0U;
  }
  return (ids > 0 && rows > 1) || (fractions > 1 && 2 * fractions > table.size());
}

bool has_times(const Table& table, std::size_t rating) {
  constexpr std::uint64_t kLeast = 500000000;  // seconds, in 1985
  return table.size() > 1 && std::all_of(table.begin(), table.end(), [rating](const std::vector<std::string>& row) {
           return rating < row.size() && parse_count(row[rating]).value_or(0) >= kLeast;
         });
}

bool is_matrix_market_body(const Sample& sample, const Table& table) {
  const bool marked = std::any_of(sample.comments.begin(), sample.comments.end(), [](const auto& line) { return line.text[0] == '%'; });
  if (!marked || table[0].size() != 3 || table.size() < 2) return false;
  const auto rows = parse_count(table[0][0]);
  const auto columns = parse_count(table[0][1]);
  const auto entries = parse_count(table[0][2]);
  if (!rows || !columns || !entries) return false;
  const std::size_t below = table.size() - 1;
  if (sample.whole ? *entries != below : *entries < below) return false;
  return std::all_of(table.begin() + 1, table.end(), [&](const std::vector<std::string>& row) {
    const auto user = row.size() > 1 ? parse_count(row[0]) : std::nullopt;
    const auto item = row.size() > 1 ? parse_count(row[1]) : std::nullopt;
    return user && item && *user >= 1 && *user <= *rows && *item >= 1 && *item <= *columns;
  });
}

}  // namespace lowrank
