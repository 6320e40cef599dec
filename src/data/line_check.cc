#include "data/line_check.h"

#include "data/number.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank {

std::optional<std::string> check_id(std::string_view id) {
  const auto problem = id_problem(id);
  if (!problem) return std::nullopt;
  return id.empty() ? std::string(*problem) : std::string(*problem) + ": " + quoted(id);
}

std::optional<std::string> read_value(std::string_view text, float& value) {
  switch (parse_rating(text, value)) {
    case NumberResult::ok:
      return std::nullopt;
    case NumberResult::not_finite:
      return "expected a rating that is finite as a 32-bit float, found " + quoted(text);
    default:
      return "expected a number, found " + quoted(text);
  }
}

std::optional<std::string> read_rating(std::string_view text, const Layout& layout, float& value) {
  auto problem = read_value(text, value);
  const bool commas = layout.decimal == Decimal::comma;
  if (!problem) {
    if (commas && text.find('.') != std::string_view::npos) return "expected a decimal comma, found " + quoted(text);
    return std::nullopt;
  }
  float fraction = 0;
  const bool is_fraction = parse_comma_rating(text, fraction) == NumberResult::ok;
  if (is_fraction && commas) {
    value = fraction;
    return std::nullopt;
  }
  const bool grouped = has_groups(text);
  if (is_fraction && layout.separator == Separator::comma && !grouped) {
    return *problem + "; use " + mention("decimal") + " , with " + mention("separator") + " , to read decimal commas";
  }
  if (is_fraction && layout.decimal == Decimal::point) return "expected a decimal point, found " + quoted(text);
  if (is_fraction && !grouped) {
    value = fraction;
    return std::nullopt;
  }
  if (is_fraction && layout.separator != Separator::comma) {
    return "expected a number, found " + quoted(text) + ", whose comma may be decimal or separate thousands; use " + mention("decimal") +
           " , if it is decimal";
  }
  if (grouped) return "expected a number without separators of thousands, found " + quoted(text);
  return problem;
}

std::optional<std::string> read_weight(std::string_view text, const Layout& layout, float& weight) {
  std::optional<std::string> problem = read_rating(text, layout, weight);
  if (!problem && weight >= 0) return std::nullopt;
  const bool by_mark = layout.decimal == Decimal::comma || text.find(',') != std::string_view::npos;
  if (problem && by_mark) return problem;
  return "expected a weight, a finite number of at least 0, found " + quoted(text);
}

std::optional<std::string> read_entry_value(std::string_view text, float& value) {
  const std::size_t mark = text.find_first_of("dD");
  if (mark == std::string_view::npos) return read_value(text, value);
  std::string plain(text);
  plain[mark] = 'e';
  return read_value(plain, value) ? read_value(text, value) : std::nullopt;
}

std::optional<std::string> check_entry(std::string_view row, std::string_view column, const Layout& layout) {
  const auto check = [](std::string_view index, const std::optional<std::uint64_t>& number, std::uint64_t size, const char* what) {
    if (number && *number >= 1 && *number <= size) return std::optional<std::string>();
    return std::optional(std::string("expected a ") + what + " from 1 to " + std::to_string(size) + ", found " + quoted(index));
  };
  const auto row_number = parse_count(row);
  const auto column_number = parse_count(column);
  if (auto problem = check(row, row_number, layout.rows, "row")) return problem;
  if (auto problem = check(column, column_number, layout.columns, "column")) return problem;
  if (layout.symmetry == Symmetry::symmetric && *row_number < *column_number) {
    return "an entry above the diagonal of a symmetric matrix, which the entries below it give";
  }
  if (layout.symmetry == Symmetry::skew && *row_number <= *column_number) {
    return "an entry on or above the diagonal of a skew-symmetric matrix, which the entries below it give";
  }
  return std::nullopt;
}

std::optional<std::string> read_time(const LineFields& fields, const Layout& layout, std::optional<std::int64_t>& time) {
  time.reset();
  if (!fields.has_time) return std::nullopt;
  const bool dates = layout.time_unit == TimeUnit::date;
  time = dates ? parse_date(fields.time) : parse_time(fields.time);
  if (!time) {
    const bool fault = layout.time_needed || (layout.time_named && !is_missing_time(fields.time));
    if (fault) return std::string(dates ? "expected a date" : "expected a timestamp") + ", found " + quoted(fields.time);
    return std::nullopt;
  }
  if (dates || layout.time_unit == TimeUnit::unknown) return std::nullopt;
  const TimeUnit unit = unit_of_time(*time);
  if (unit == layout.time_unit || unit == TimeUnit::unknown) return std::nullopt;
  return std::string("a timestamp in ") + name_of(unit) + ", " + quoted(fields.time) + ", after others in " + name_of(layout.time_unit);
}

std::optional<std::string> check_fields(const LineFields& fields, const Layout& layout) {
  if (auto problem = check_id(fields.user)) return problem;
  if (auto problem = check_id(fields.item)) return problem;
  float value = 0;
  if (fields.has_rating) {
    auto problem = layout.matrix_market ? read_entry_value(fields.rating, value) : read_rating(fields.rating, layout, value);
    if (problem) return problem;
  }
  std::optional<std::int64_t> time;
  return layout.time_wanted || layout.time_needed ? read_time(fields, layout, time) : std::nullopt;
}

std::string skipped_text(const std::string& problem, std::string_view line) {
  // Without advice, which is for whoever wants no line skipped.
  return problem.substr(0, problem.find("; use " + mention("").substr(0, 1))) + " in " + quoted(line, 100);
}

void check_entries(const Layout& layout, std::uint64_t count, const std::string& name, bool at_end) {
  if (!layout.matrix_market) return;
  const std::string entries = std::to_string(layout.entries);
  if (count > layout.entries) throw DataError(name + ": expected " + entries + " entries by the size line, found more");
  if (at_end && count < layout.entries) throw DataError(name + ": expected " + entries + " entries, found " + std::to_string(count));
}

}  // namespace lowrank
