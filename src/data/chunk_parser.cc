#include "data/chunk_parser.h"

#include <algorithm>
#include <cstring>

#include "data/line_check.h"
#include "data/number.h"
#include "data/text.h"

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
  chunk.has_times = context_.layout.time_wanted && context_.layout.time != Layout::kNone;
  if (chunk.has_times) chunk.times.reserve(room);
  chunk.count = 0;
  chunk.lines = 0;
  chunk.problem.reset();
  users_.begin(chunk.new_users);
  items_.begin(chunk.new_items);
  const Layout& layout = context_.layout;
  const bool plain = layout.user == 0 && layout.item == 1 && layout.rating == 2 && layout.time == Layout::kNone;
  if (!plain) {
    parse_lines(text);
  } else if (layout.separator == Separator::comma) {
    parse_plain<Separator::comma>(text);
  } else if (layout.separator == Separator::semicolon) {
    parse_plain<Separator::semicolon>(text);
  } else if (layout.separator == Separator::tab) {
    parse_plain<Separator::tab>(text);
  } else if (layout.separator == Separator::double_colon) {
    parse_plain<Separator::double_colon>(text);
  } else {
    parse_plain<Separator::blanks>(text);
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
  const std::string_view line = take_line(rest);
  at = rest.data();
  return trimmed(line).empty() || (context_.layout.adjacency ? parse_adjacency(line) : parse_line(line));
}

bool ChunkParser::parse_line(std::string_view line) {
  ParsedChunk& chunk = *chunk_;
  LineFields fields;
  chunk.problem = split_line(line, context_.layout, scratch_, fields);
  if (chunk.problem) return false;
  const Layout& layout = context_.layout;
  if (layout.matrix_market) {
    chunk.problem = check_index(fields.user, layout.rows, "row");
    if (!chunk.problem) chunk.problem = check_index(fields.item, layout.columns, "column");
    if (chunk.problem) return false;
  }
  const auto user = users_.number(fields.user, chunk.lines, chunk.problem);
  if (!user) return false;
  const auto item = items_.number(fields.item, chunk.lines, chunk.problem);
  if (!item) return false;
  chunk.users[chunk.count] = *user;
  chunk.items[chunk.count] = *item;
  float value = 1;
  if (fields.has_rating) chunk.problem = read_value(fields.rating, value);
  if (chunk.problem) return false;
  add_value(value);
  if (chunk.has_times || layout.time_needed) {
    std::optional<std::int64_t> time;
    chunk.problem = read_time(fields, layout, time);
    if (chunk.problem) return false;
    chunk.has_times = time.has_value();
    if (time) chunk.times[chunk.count] = *time;
  }
  ++chunk.count;
  return true;
}

bool ChunkParser::parse_adjacency(std::string_view line) {
  ParsedChunk& chunk = *chunk_;
  FieldReader reader(line, Separator::blanks);
  std::string_view field;
  reader.next(field, scratch_[0]);
  std::optional<std::uint32_t> user;
  const std::string_view user_id = field;
  while (reader.next(field, scratch_[1])) {
    // A user without items does not enter the vocabulary.
    if (!user) user = users_.number(user_id, chunk.lines, chunk.problem);
    if (!user) return false;
    const auto item = items_.number(field, chunk.lines, chunk.problem);
    if (!item) return false;
    chunk.users[chunk.count] = *user;
    chunk.items[chunk.count] = *item;
    add_value(1);
    ++chunk.count;
  }
  if (!user) chunk.problem = check_id(user_id);
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
