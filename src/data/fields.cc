#include <algorithm>

#include "data/layout.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

char mark_of(Separator separator) noexcept { return separator == Separator::double_colon ? ':' : static_cast<char>(separator); }

/// Whether fields of this format may be quoted.
bool is_quoting(Separator separator) noexcept { return separator != Separator::double_colon; }

/// Whether a quote at the start of a field must enclose all of it. Where fields are rarely quoted, as between tabs, it is otherwise a part
/// of the text: `"Weird Al" Yankovic`.
bool is_strict(Separator separator) noexcept {
  return separator == Separator::comma || separator == Separator::semicolon || separator == Separator::blanks;
}

}  // namespace

std::size_t Layout::columns_read() const noexcept {
  std::size_t last = std::max(user, item);
  if (rating != kNone) last = std::max(last, rating);
  if (time_wanted && time != kNone) last = std::max(last, time);
  if (weight != kNone) last = std::max(last, weight);
  for (const ContextPlace& context : contexts) {
    if (context.column != kNone) last = std::max(last, context.column);
  }
  return last + 1;
}

FieldReader::FieldReader(std::string_view line, Separator separator) noexcept : line_(line), separator_(separator) {}

bool FieldReader::next(std::string_view& field, std::string& scratch) {
  if (done_) return false;
  problem_ = nullptr;
  if (separator_ == Separator::blanks) return next_blanks(field, scratch);
  if (is_quoting(separator_)) {
    std::size_t open = at_;
    while (open < line_.size() && is_blank(line_[open])) ++open;
    if (open < line_.size() && line_[open] == '"') {
      const std::size_t start = at_;
      at_ = open + 1;
      next_quoted(field, scratch);
      if (problem_ == nullptr || is_strict(separator_)) return true;
      problem_ = nullptr;
      at_ = start;
    }
  }
  const std::size_t end = find_separator(at_);
  field = trimmed(line_.substr(at_, end - at_));
  pass_separator(end);
  return true;
}

bool FieldReader::next_blanks(std::string_view& field, std::string& scratch) {
  while (at_ < line_.size() && is_blank(line_[at_])) ++at_;
  const std::size_t begin = at_;
  if (at_ < line_.size() && line_[at_] == '"') {
    ++at_;
    next_quoted(field, scratch);
    return true;
  }
  while (at_ < line_.size() && !is_blank(line_[at_])) ++at_;
  field = line_.substr(begin, at_ - begin);
  done_ = field.empty();
  return !done_;
}

/// Reads a quoted field from the byte after its opening quote.
void FieldReader::next_quoted(std::string_view& field, std::string& scratch) {
  const std::size_t begin = at_;
  std::size_t close = line_.find('"', begin);
  bool doubled = false;
  while (close != std::string_view::npos && close + 1 < line_.size() && line_[close + 1] == '"') {
    doubled = true;
    close = line_.find('"', close + 2);
  }
  if (close == std::string_view::npos) {
    field = {};
    problem_ = "a quoted field does not end on its line";
    done_ = true;
    return;
  }
  field = line_.substr(begin, close - begin);
  if (doubled) {
    scratch.clear();
    for (std::size_t at = 0; at < field.size(); ++at) {
      scratch += field[at];
      if (field[at] == '"') ++at;
    }
    field = scratch;
  }
  if (separator_ == Separator::blanks) {
    at_ = close + 1;
    if (at_ < line_.size() && !is_blank(line_[at_])) problem_ = "text after a closing quote";
    return;
  }
  const std::size_t end = find_separator(close + 1);
  if (!trimmed(line_.substr(close + 1, end - close - 1)).empty()) problem_ = "text after a closing quote";
  pass_separator(end);
}

std::size_t FieldReader::find_separator(std::size_t from) const noexcept {
  const std::size_t end = separator_ == Separator::double_colon ? line_.find("::", from) : line_.find(mark_of(separator_), from);
  return std::min(end, line_.size());
}

void FieldReader::pass_separator(std::size_t end) noexcept {
  done_ = end == line_.size();
  at_ = end + (separator_ == Separator::double_colon ? 2 : 1);
}

std::vector<std::string> fields_of(std::string_view line, Separator separator) {
  std::vector<std::string> fields;
  FieldReader reader(line, separator);
  std::string scratch;
  for (std::string_view field; reader.next(field, scratch);) fields.emplace_back(field);
  return fields;
}

std::size_t count_fields(std::string_view line, Separator separator) {
  FieldReader reader(line, separator);
  std::string scratch;
  std::size_t count = 0;
  for (std::string_view field; reader.next(field, scratch);) ++count;
  return count;
}

std::optional<std::string> split_line(std::string_view line, const Layout& layout, Scratch& scratch, LineFields& fields) {
  FieldReader reader(line, layout.separator);
  const std::size_t needed = layout.columns_read();
  fields.has_rating = false;
  fields.has_time = false;
  std::size_t count = 0;
  std::string_view field;
  for (; count < needed; ++count) {
    const std::size_t role = count == layout.user ? 0 : count == layout.item ? 1 : count == layout.rating ? 2 : 3;
    if (!reader.next(field, scratch[role])) break;
    if (reader.problem() != nullptr) return reader.problem();
    if (count == layout.user) fields.user = field;
    if (count == layout.item) fields.item = field;
    if (count == layout.rating) {
      fields.rating = field;
      fields.has_rating = true;
    }
    if (count == layout.time) {
      fields.time = field;
      fields.has_time = true;
    }
    if (count == layout.weight) fields.weight = field;
  }
  // Quotes in ignored columns matter too: after a line break inside quotes, the next line would be taken for a rating.
  if (count == needed && layout.quotes() && line.find('"') != std::string_view::npos) {
    while (reader.next(field, scratch[3])) {
      if (reader.problem() != nullptr) return reader.problem();
    }
  }
  const auto too_few = [&](std::size_t column) {
    return "too few columns: expected at least " + std::to_string(column + 1) + ", found " + std::to_string(count);
  };
  if (count <= std::max(layout.user, layout.item)) return too_few(std::max(layout.user, layout.item));
  if (layout.rating != Layout::kNone && !fields.has_rating && !layout.implicit_values) {
    return too_few(layout.rating) + "; use " + mention("implicit_values") + " to read a line without a rating as a rating of 1";
  }
  if (layout.time_needed && !fields.has_time) return too_few(layout.time);
  if (layout.weight != Layout::kNone && count <= layout.weight) return too_few(layout.weight);
  for (const ContextPlace& context : layout.contexts) {
    if (context.column != Layout::kNone && count <= context.column) return too_few(context.column);
  }
  return std::nullopt;
}

}  // namespace lowrank
