#include "data/sample.h"

#include <algorithm>
#include <map>

#include "data/number.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kSampleLines = 40;

}  // namespace

Sample Sample::of(std::string_view text, bool whole) {
  Sample sample;
  std::string_view rest = text;
  std::size_t number = 0;
  while (!rest.empty() && sample.lines.size() < kSampleLines) {
    // Ignore a last line that is cut off, unless it is the only one.
    if (!whole && !sample.lines.empty() && rest.find('\n') == std::string_view::npos) break;
    Line line;
    line.begin = text.size() - rest.size();
    line.text = take_line(rest);
    line.end = text.size() - rest.size();
    line.number = ++number;
    if (!trimmed(line.text).empty()) sample.lines.push_back(line);
  }
  sample.whole = whole && rest.empty();
  return sample;
}

Sample Sample::unmarked() const {
  Sample part = *this;
  std::erase_if(part.lines, [](const Line& line) { return has_comment_mark(line.text); });
  return part.lines.empty() ? *this : part;
}

void Sample::remove_comments(const Layout& layout, const std::string& name) {
  const bool all_marked = std::all_of(lines.begin(), lines.end(), [](const Line& line) { return has_comment_mark(line.text); });
  std::vector<Line> kept;
  for (const Line& line : lines) {
    if (!has_comment_mark(line.text)) {
      kept.push_back(line);
      continue;
    }
    std::optional<std::string> problem;
    bool comment = is_comment(line.text, layout, problem);
    if (problem && !layout.skip_bad_lines) throw DataError(name, line.number, with_context(*problem, line.text, layout));
    // Before the first rating, a mark is enough for a line that does not read as a rating.
    if (!comment && kept.empty() && !all_marked) comment = layout.separator == Separator::blanks || !reads_as_rating(line.text, layout);
    if (!comment) kept.push_back(line);
    if (comment && kept.empty()) comments.push_back(line);
  }
  lines = std::move(kept);
}

Table table_of(const Sample& sample, Separator separator) {
  Table table;
  for (const Sample::Line& line : sample.lines) table.push_back(fields_of(line.text, separator));
  return table;
}

std::size_t usual_count(const Table& table, std::size_t from) {
  std::map<std::size_t, std::size_t> times;
  for (std::size_t row = from; row < table.size(); ++row) ++times[table[row].size()];
  std::size_t usual = 0;
  for (const auto& [count, number] : times) {
    if (usual == 0 || number >= times[usual]) usual = count;
  }
  return usual;
}

bool is_rating(std::string_view field, float& value) {
  return parse_rating(field, value) == NumberResult::ok || parse_comma_rating(field, value) == NumberResult::ok;
}

bool is_figure(std::string_view field) {
  float value = 0;
  if (parse_rating(field, value) != NumberResult::not_a_number || parse_comma_rating(field, value) == NumberResult::ok) return true;
  const auto part_of_date = [](char c) {
    return is_digit(c) || c == '-' || c == '/' || c == ':' || c == '.' || c == ',' || c == 'T' || c == 'Z' || c == ' ' || c == '+';
  };
  return !field.empty() && is_digit(field[0]) && std::all_of(field.begin(), field.end(), part_of_date);
}

}  // namespace lowrank
