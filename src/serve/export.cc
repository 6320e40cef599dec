#include "serve/export.h"

#include <algorithm>

#include "base/text.h"
#include "lowrank/base/error.h"

namespace lowrank::serve {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16U;

/// A text as a field, in quotes unless it consists of letters, digits and a few marks that mean nothing to a reader.
void append_field(std::string& text, std::string_view field) {
  const bool plain = std::ranges::all_of(field, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
  // A byte order mark at the start of a file is not part of it.
  if (plain && !field.starts_with("\xEF\xBB\xBF")) {
    text += field;
    return;
  }
  text += '"';
  for (const char c : field) text.append(c == '"' ? 2 : 1, c);
  text += '"';
}

/// An id, which has no control characters, as a JSON text.
void append_json(std::string& text, std::string_view id) {
  text += '"';
  for (const char c : id) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  text += '"';
}

}  // namespace

ExportFormat parse_export_format(std::string_view name) {
  if (name == "csv") return ExportFormat::csv;
  if (name == "ndjson") return ExportFormat::ndjson;
  throw OptionError("format", "must be csv or ndjson, got \"" + std::string(name) + "\"");
}

bool RatingText::next(std::string& text) {
  const std::size_t begin = text.size();
  if (!begun_ && format_ == ExportFormat::csv) text += "user,item,rating,time\n";
  begun_ = true;
  for (; at_ < lines_.size() && text.size() - begin < kPiece; ++at_) {
    const std::string_view user = lines_.users.id(lines_.user[at_]);
    const std::string_view item = lines_.items.id(lines_.item[at_]);
    if (format_ == ExportFormat::csv) {
      append_field(text, user);
      append_field(text += ',', item);
      text += ',' + shortest_text(lines_.value[at_]) + ',' + std::to_string(lines_.time[at_]) + '\n';
    } else {
      append_json(text += R"({"user":)", user);
      append_json(text += R"(,"item":)", item);
      text += R"(,"value":)" + shortest_text(lines_.value[at_]) + R"(,"time":)" + std::to_string(lines_.time[at_]) + "}\n";
    }
  }
  return text.size() != begin;
}

bool ItemText::next(std::string& text) {
  const std::size_t begin = text.size();
  const auto append_row = [&](const auto& field) {
    for (std::size_t column = 0; column < table_.names.size(); ++column) {
      if (column != 0) text += ',';
      append_field(text, field(column));
    }
    text += '\n';
  };
  if (!begun_) append_row([&](std::size_t column) -> const std::string& { return table_.names[column]; });
  begun_ = true;
  for (; at_ < table_.rows() && text.size() - begin < kPiece; ++at_) {
    append_row([&](std::size_t column) -> const std::string& { return table_.columns[column][at_]; });
  }
  return text.size() != begin;
}

void write_ratings(RatingLines lines, ExportFormat format, const std::function<void(std::string_view piece)>& consume) {
  RatingText pieces(std::move(lines), format);
  for (std::string text; pieces.next(text); text.clear()) consume(text);
}

}  // namespace lowrank::serve
