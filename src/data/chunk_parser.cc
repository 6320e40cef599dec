#include "data/chunk_parser.h"

#include <algorithm>
#include <cstring>

#include "data/line_check.h"
#include "data/number.h"
#include "data/staging.h"
#include "data/text.h"
#include "data/wide_table.h"

namespace lowrank {

namespace {

/// The least number of bytes per rating: ` b` in a line of an adjacency file.
constexpr std::size_t kFewestBytes = 2;

}  // namespace

ChunkParser::ChunkParser(ParseContext& context) : context_(context), users_(context.users), items_(context.items) {}

void ChunkParser::parse(std::string_view text, ParsedChunk& chunk) {
  chunk_ = &chunk;
  const std::size_t room = text.size() / kFewestBytes + 1;
  chunk.room = room;
  chunk.users.reserve(room);
  chunk.items.reserve(room);
  chunk.coded = !context_.values.full();
  if (chunk.coded) chunk.codes.reserve(room);
  if (!chunk.coded) chunk.values.reserve(room);
  const bool weighted = context_.layout.weight != Layout::kNone;
  chunk.has_times = weighted || (context_.layout.time_wanted && context_.layout.time != Layout::kNone);
  if (chunk.has_times) chunk.times.reserve(room);
  chunk.count = 0;
  chunk.lines = 0;
  chunk.mirrored = 0;
  chunk.problem.reset();
  chunk.skipped = 0;
  chunk.first_skipped.clear();
  users_.begin(chunk.new_users);
  items_.begin(chunk.new_items);
  const Layout& layout = context_.layout;
  const auto plain = [&layout](Separator separator) { return layout.plain() && layout.separator == separator; };
  if (plain(Separator::comma)) {
    parse_plain<Separator::comma>(text);
  } else if (plain(Separator::semicolon)) {
    parse_plain<Separator::semicolon>(text);
  } else if (plain(Separator::tab)) {
    parse_plain<Separator::tab>(text);
  } else if (plain(Separator::pipe)) {
    parse_plain<Separator::pipe>(text);
  } else if (plain(Separator::double_colon)) {
    parse_plain<Separator::double_colon>(text);
  } else if (plain(Separator::blanks)) {
    parse_plain<Separator::blanks>(text);
  } else {
    parse_lines(text);
  }
  users_.end();
  items_.end();
}

void ChunkParser::parse_lines(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  while (at != end && parse_next(at, end)) ++chunk_->lines;
}

bool ChunkParser::parse_next(const char*& at, const char* end) {
  std::string_view rest(at, static_cast<std::size_t>(end - at));
  // Files that were joined have byte order marks between them.
  const std::string_view line = without_bom(take_line(rest));
  at = rest.data();
  // Few lines start in a way that needs a closer look.
  if (line.empty() || is_blank(line[0]) || has_comment_mark(line)) {
    if (skips(line)) return true;
  }
  if (!chunk_->problem && (context_.layout.lines == Lines::ratings ? parse_line(line) : parse_row(line))) return true;
  return skip_malformed(line);
}

/// Leaves a malformed line out if that is wanted, and otherwise reports its fault and returns false.
bool ChunkParser::skip_malformed(std::string_view line) {
  ParsedChunk& chunk = *chunk_;
  if (!context_.layout.skip_bad_lines) {
    chunk.problem_line = line;
    return false;
  }
  if (chunk.first_skipped.size() < SkippedLines::kNamed) chunk.first_skipped.push_back({chunk.lines, skipped_text(*chunk.problem, line)});
  ++chunk.skipped;
  chunk.problem.reset();
  return true;
}

/// Whether a line has no ratings: it is blank or a comment. Reports a fault of a line that could be a comment.
bool ChunkParser::skips(std::string_view line) {
  if (trimmed(line).empty()) return true;
  return has_comment_mark(line) && is_comment(line, context_.layout, chunk_->problem);
}

bool ChunkParser::parse_line(std::string_view line) {
  ParsedChunk& chunk = *chunk_;
  LineFields fields;
  chunk.problem = split_line(line, context_.layout, scratch_, fields);
  if (chunk.problem) return false;
  const Layout& layout = context_.layout;
  if (layout.matrix_market) {
    chunk.problem = check_entry(fields.user, fields.item, layout);
    if (chunk.problem) return false;
  }
  float weight = 1;
  if (layout.weight != Layout::kNone) chunk.problem = read_weight(fields.weight, layout, weight);
  // A line that is left out adds no ids.
  if (!chunk.problem && (weight == 0 || layout.skip_bad_lines)) chunk.problem = check_fields(fields, layout);
  if (chunk.problem) return false;
  if (weight == 0) return true;
  const auto user = users_.number(fields.user, chunk.lines, chunk.problem);
  if (!user) return false;
  const auto item = items_.number(fields.item, chunk.lines, chunk.problem);
  if (!item) return false;
  chunk.users[chunk.count] = *user;
  chunk.items[chunk.count] = *item;
  float value = 1;
  if (fields.has_rating)
    chunk.problem = layout.matrix_market ? read_entry_value(fields.rating, value) : read_rating(fields.rating, layout, value);
  if (chunk.problem) return false;
  add_value(value);
  if (layout.weight != Layout::kNone) {
    chunk.times[chunk.count] = weight_bits(weight);
  } else if (chunk.has_times || layout.time_needed) {
    std::optional<std::int64_t> time;
    chunk.problem = read_time(fields, layout, time);
    if (chunk.problem) return false;
    chunk.has_times = time.has_value();
    if (time) chunk.times[chunk.count] = *time;
  }
  ++chunk.count;
  if (layout.symmetry == Symmetry::none || fields.user == fields.item) return true;
  // A line has at least four bytes, so there is room for two ratings.
  const auto mirrored_user = users_.number(fields.item, chunk.lines, chunk.problem);
  const auto mirrored_item = items_.number(fields.user, chunk.lines, chunk.problem);
  chunk.users[chunk.count] = *mirrored_user;
  chunk.items[chunk.count] = *mirrored_item;
  add_value(layout.symmetry == Symmetry::skew && value != 0 ? -value : value);
  ++chunk.count;
  ++chunk.mirrored;
  return true;
}

/// Parses a line of an adjacency file or a matrix.
bool ChunkParser::parse_row(std::string_view line) {
  ParsedChunk& chunk = *chunk_;
  // A line that is skipped adds neither ids nor ratings.
  if (context_.layout.skip_bad_lines) chunk.problem = check_row(line, context_.layout, scratch_);
  if (chunk.problem) return false;
  std::optional<std::uint32_t> user;
  chunk.problem = read_row(line, context_.layout, scratch_, [&](std::string_view user_id, std::string_view item_id, float value) {
    std::optional<std::string> problem;
    // A user without ratings does not enter the vocabulary.
    if (!user) user = users_.number(user_id, chunk.lines, problem);
    if (!user) return problem;
    const auto item = items_.number(item_id, chunk.lines, problem);
    if (!item) return problem;
    chunk.users[chunk.count] = *user;
    chunk.items[chunk.count] = *item;
    add_value(value);
    ++chunk.count;
    return problem;
  });
  return !chunk.problem;
}

void ChunkParser::add_value(float value) {
  ParsedChunk& chunk = *chunk_;
  if (chunk.coded) {
    const int code = value_cache_.code(value, context_.values);
    if (code != ValueTable::kNoCode) {
      chunk.codes[chunk.count] = static_cast<std::uint8_t>(code);
      return;
    }
    uncode();
  }
  chunk.values[chunk.count] = value;
}

/// Replaces the codes of the chunk by values, because there are more than 256 distinct ones.
void ChunkParser::uncode() {
  ParsedChunk& chunk = *chunk_;
  chunk.coded = false;
  chunk.values.reserve(chunk.room);
  for (std::size_t at = 0; at < chunk.count; ++at) chunk.values[at] = context_.values.value(chunk.codes[at]);
}

}  // namespace lowrank
