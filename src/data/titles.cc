#include "lowrank/data/titles.h"

#include "data/chunks.h"
#include "data/layout.h"
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

/// Splits at the first separator of any kind: ids rarely contain one, titles may contain all of them.
IdAndTitle split_title(std::string_view line, const std::string& name, std::size_t number) {
  const std::size_t colons = line.find("::");
  const std::size_t bar = line.find('|');
  const std::size_t comma = line.starts_with('"') ? 0 : line.find(',');
  IdAndTitle out;
  if (comma < colons && comma < bar) {
    FieldReader reader(line, Separator::comma);
    std::string scratch;
    std::string* fields[] = {&out.id, &out.title};
    for (std::string* to : fields) {
      std::string_view field;
      if (!reader.next(field, scratch)) throw DataError(name, number, "expected an id and a title, found " + quoted(line));
      if (reader.problem() != nullptr) throw DataError(name, number, reader.problem());
      *to = field;
    }
    return out;
  }
  const std::size_t end = std::min(colons, bar);
  if (end == std::string_view::npos) throw DataError(name, number, "expected an id and a title, found " + quoted(line));
  const std::string_view rest = line.substr(end + (colons < bar ? 2 : 1));
  out.id = trimmed(line.substr(0, end));
  out.title = trimmed(rest.substr(0, colons < bar ? rest.find("::") : rest.find('|')));
  return out;
}

}  // namespace

Titles Titles::read(const std::string& path) {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 18U;
  Titles titles;
  ChunkSource source(path, kChunkBytes, 1);
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
