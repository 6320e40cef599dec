#include "data/foreign.h"

#include <algorithm>
#include <cstddef>

#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

struct Mark {
  std::string_view bytes;
  const char* format;
  const char* advice;
};

constexpr Mark kMarks[] = {
    {"PAR1", "a Parquet file", "write its table as CSV, or read it from Python with pyarrow"},
    {"ARROW1", "an Arrow or Feather file", "write its table as CSV, or read it from Python with pyarrow"},
    {"FEA1", "a Feather file", "write its table as CSV, or read it from Python with pyarrow"},
    {"\x93NUMPY", "an npy file of numpy", "write its rows as text, or pass the array from Python"},
    {"\x89HDF", "an HDF5 file", "write its table as CSV"},
    {"SQLite format 3", "an SQLite database", "write its table as CSV"},
    {"\x80\x04\x95", "a pickle of Python", "write its table as CSV"},
    {"\x80\x05\x95", "a pickle of Python", "write its table as CSV"},
    {"7z\xBC\xAF", "a 7z archive", "unpack it first"},
    {"Rar!", "a RAR archive", "unpack it first"},
};

/// Whether the first bytes are those of no text: `PAR1` may be a user, too.
bool is_binary(std::string_view head) noexcept {
  return std::any_of(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(head.size(), 64)), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ' ' && c != '\t' && c != '\n' && c != '\r';
  });
}

/// The name of the encoding of a text in UTF-16 or UTF-32, by its byte order mark, or by zeros at most even or odd places; or empty.
std::string_view wide_encoding(std::string_view head) noexcept {
  using namespace std::string_view_literals;
  if (head.starts_with("\xFF\xFE\0\0"sv) || head.starts_with("\0\0\xFE\xFF"sv)) return "utf-32";
  if (head.starts_with("\xFF\xFE"sv) || head.starts_with("\xFE\xFF"sv)) return "utf-16";
  std::size_t zeros[2] = {0, 0};
  const std::size_t pairs = std::min<std::size_t>(head.size() / 2, 50);
  for (std::size_t at = 0; at < 2 * pairs; ++at) zeros[at % 2] += head[at] == '\0' ? 1U : 0U;
  if (pairs >= 3 && zeros[0] == 0 && 10 * zeros[1] >= 9 * pairs) return "utf-16le";
  if (pairs >= 3 && zeros[1] == 0 && 10 * zeros[0] >= 9 * pairs) return "utf-16be";
  return "";
}

/// What kind of JSON a text is that starts as objects or lists of them do; or empty.
std::string_view json_format(std::string_view head) noexcept {
  const auto skip = [&head] { head.remove_prefix(std::min(head.find_first_not_of(" \t\r\n"), head.size())); };
  skip();
  const bool listed = head.starts_with('[');
  if (listed) {
    head.remove_prefix(1);
    skip();
  }
  const bool object = head.starts_with('{');
  if (listed && head.starts_with('[')) return "JSON";
  if (!object) return "";
  const std::string_view line = trimmed(head.substr(0, head.find('\n')));
  head.remove_prefix(1);
  skip();
  if (!head.starts_with('"')) return "";
  return !listed && line.ends_with('}') ? "JSON lines" : "JSON";
}

}  // namespace

void refuse_foreign(std::string_view head, const std::string& name, const std::string& use) {
  const auto fail = [&name](const std::string& format, const std::string& advice) {
    throw DataError(name + ": this is " + format + ", which is not read; " + advice);
  };
  if (const std::string_view encoding = wide_encoding(head); !encoding.empty()) {
    const std::string text = encoding == "utf-32" ? "UTF-32 text" : "UTF-16 text";
    fail(text, use.empty() ? "convert it to UTF-8" : use + std::string(encoding));
  }
  const bool binary = is_binary(head);
  for (const Mark& mark : kMarks) {
    if (binary && head.starts_with(mark.bytes)) fail(mark.format, mark.advice);
  }
  if (const std::string_view json = json_format(without_bom(head)); !json.empty()) {
    fail(std::string(json), "write its records as CSV, or pass them from Python as a table");
  }
}

}  // namespace lowrank
