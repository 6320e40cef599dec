#include "lowrank/data/titles.h"

#include <algorithm>
#include <optional>

#include "data/chunks.h"
#include "data/foreign.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Converts Latin-1, whose bytes are the first 256 code points.
std::string latin1_as_utf8(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0U | byte >> 6U);
      out += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
  return out;
}

struct IdAndTitle {
  std::string id;
  std::string title;
};

/// The end of a quoted field that starts at `open`: the place of its closing quote. Inside, `""` is a quote, and so is `\"` if `escapes`.
std::size_t closing_quote(std::string_view line, std::size_t open, bool escapes) noexcept {
  for (std::size_t at = open + 1; at < line.size(); ++at) {
    if (escapes && line[at] == '\\' && at + 1 < line.size()) {
      ++at;
    } else if (line[at] == '"') {
      if (at + 1 == line.size() || line[at + 1] != '"') return at;
      ++at;
    }
  }
  return std::string_view::npos;
}

/// Reads the field of a line from `at` to the separator, and moves `at` behind that. Nothing if its quotes are not closed, or text follows
/// them.
std::optional<std::string> quoted_field(std::string_view line, std::string_view separator, std::size_t& at, bool escapes) {
  const std::size_t close = closing_quote(line, at, escapes);
  if (close == std::string_view::npos) return std::nullopt;
  const std::size_t end = separator.empty() ? close + 1 : std::min(line.find(separator, close), line.size());
  if (!trimmed(line.substr(close + 1, end - close - 1)).empty()) return std::nullopt;
  std::string text;
  for (std::size_t from = at + 1; from < close; ++from) {
    if (line[from] == '"' || (escapes && line[from] == '\\' && (line[from + 1] == '"' || line[from + 1] == '\\'))) ++from;
    text += line[from];
  }
  at = std::min(end + separator.size(), line.size());
  return text;
}

/// The separator that comes first from `at` on; empty if there is none.
std::string_view first_separator(std::string_view line, std::size_t at) noexcept {
  std::string_view first;
  std::size_t place = std::string_view::npos;
  for (const std::string_view separator : {"::", "|", "\t", ";", ","}) {
    const std::size_t found = line.find(separator, at);
    if (found >= place) continue;
    place = found;
    first = separator;
  }
  return first;
}

/// Splits at the first separator of any kind: ids rarely contain one, titles may contain all of them. A quote in quotes is written `""` or
/// `\"`; the latter only where the line makes sense so, because a title may end with a backslash.
IdAndTitle split_title(std::string_view line, const std::string& name, std::size_t number) {
  const auto start_of = [line](std::size_t at) { return std::min(line.find_first_not_of(' ', at), line.size()); };
  IdAndTitle out;
  for (const bool escapes : {true, false}) {
    std::size_t at = start_of(0);
    const bool quoted_id = at < line.size() && line[at] == '"';
    const std::size_t close = quoted_id ? closing_quote(line, at, escapes) : at;
    if (close == std::string_view::npos) continue;
    const std::string_view separator = first_separator(line, close);
    if (separator.empty()) throw DataError(name, number, "expected an id and a title, found " + quoted(line));
    std::optional<std::string> field;
    if (quoted_id && !(field = quoted_field(line, separator, at, escapes))) continue;
    if (!field) {
      const std::size_t end = line.find(separator, at);
      field = trimmed(line.substr(at, end - at));
      at = end + separator.size();
    }
    out.id = std::move(*field);
    at = separator == "\t" && at < line.size() ? at : start_of(at);
    const std::string_view raw = line.substr(at, line.find(separator, at) - at);
    const bool quotes = separator != "::" && separator != "|";
    if (!quotes || !raw.starts_with('"')) {
      out.title = trimmed(raw);
      return out;
    }
    if (auto title = quoted_field(line, separator, at, escapes)) {
      out.title = std::move(*title);
      return out;
    }
    // Nobody's rules say how tab-separated titles are quoted.
    if (separator == "\t" && !escapes) {
      out.title = trimmed(raw);
      return out;
    }
  }
  const bool closed = std::count(line.begin(), line.end(), '"') % 2 == 0;
  throw DataError(name, number, closed ? "text after a closing quote" : "a quoted field does not end on its line");
}

}  // namespace

Titles Titles::read(const std::string& path) {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 18U;
  Titles titles;
  ChunkSource source(path, kChunkBytes, 1);
  refuse_foreign(source.head(), source.name());
  source.skip(source.head().size() - without_bom(source.head()).size());
  std::size_t number = 0;
  while (source.next_batch(1) != 0) {
    std::string_view text = source.load(0, 0);
    while (!text.empty()) {
      const std::string_view line = take_line(text);
      ++number;
      if (trimmed(line).empty()) continue;
      IdAndTitle entry =
          valid_utf8(line) ? split_title(line, source.name(), number) : split_title(latin1_as_utf8(line), source.name(), number);
      if (entry.id.empty()) throw DataError(source.name(), number, "a title without an id");
      titles.titles_.try_emplace(std::move(entry.id), std::move(entry.title));
    }
  }
  return titles;
}

std::string_view Titles::find(std::string_view id) const {
  const auto found = titles_.find(id);
  return found == titles_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace lowrank
