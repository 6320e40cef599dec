#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lowrank {

/// Whether `text` is well-formed UTF-8 (no overlong forms, surrogates or code points above U+10FFFF).
bool valid_utf8(std::string_view text) noexcept;

/// `text` between quotes for a message: control characters and invalid UTF-8 are escaped, and it is cut after about `limit` bytes.
std::string quoted(std::string_view text, std::size_t limit = 40);

/// `text` for a terminal: control characters but line ends and tabs are written `\u001b`, and invalid UTF-8 likewise. Names of files, ids
/// and titles must not give orders to the terminal.
std::string printable(std::string_view text);

inline bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// `text` without blanks at both ends.
inline std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether a line starts as comments do. See is_comment() in layout.h for those that are.
inline bool has_comment_mark(std::string_view line) noexcept { return !line.empty() && (line[0] == '%' || line[0] == '#'); }

/// `text` without a byte order mark at its start.
inline std::string_view without_bom(std::string_view text) noexcept {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

/// Removes the first line from `text` and returns it without its end (`\n` or `\r\n`).
inline std::string_view take_line(std::string_view& text) noexcept {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace lowrank
