#include "data/text.h"

#include <cstdint>

#include "data/bytes.h"

namespace lowrank {

namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text` (not empty), or 0.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const auto follows = [&](std::size_t at) { return (byte(at) & 0xC0U) == 0x80U; };
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool valid_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    if (text.size() >= 8 && (load8(text.data()) & 0x8080808080808080ULL) == 0) {
      text.remove_prefix(8);
      continue;
    }
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quoted(std::string_view text, std::size_t limit) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  std::size_t taken = 0;
  while (taken < text.size()) {
    const std::string_view rest = text.substr(taken);
    const std::size_t length = sequence_length(rest);
    if (taken + (length == 0 ? 1 : length) > limit) return out + "\"...";
    const auto byte = static_cast<unsigned char>(rest[0]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      if (byte == '\t') {
        out += "\\t";
      } else if (byte == '\r') {
        out += "\\r";
      } else {
        out += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
      }
    } else {
      if (byte == '"' || byte == '\\') out += '\\';
      out += rest.substr(0, length);
    }
    taken += length == 0 ? 1 : length;
  }
  return out + '"';
}

std::string printable(std::string_view text) {
  const bool valid = valid_utf8(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
    const bool plain_control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
    // U+0080 to U+009F, some of which terminals take for orders as well.
    const bool wide_control = valid && byte == 0xC2 && next < 0xA0;
    if (plain_control || wide_control || (!valid && byte >= 0x80)) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const unsigned code = wide_control ? next : byte;
      (out += "\\u00").append({kDigits[code >> 4U], kDigits[code & 15U]});
      at += wide_control ? 1 : 0;
    } else {
      out += text[at];
    }
  }
  return out;
}

}  // namespace lowrank
