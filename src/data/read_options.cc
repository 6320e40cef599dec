#include <charconv>
#include <utility>

#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"

namespace lowrank {

namespace {

Column parse_column(std::string_view text) {
  Column column;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, column.number);
  if (error == std::errc{} && stop == end) {
    constexpr std::size_t kMostColumns = 1000000;
    if (column.number == 0 || column.number > kMostColumns) {
      throw OptionError("columns", "columns are numbered from 1 to 1000000, got " + quoted(text));
    }
    return column;
  }
  return {0, std::string(text)};
}

}  // namespace

std::string description(const SkippedLines& skipped, const std::string& file) {
  std::string text =
      file + ": " + std::to_string(skipped.count) + (skipped.count == 1 ? " malformed line" : " malformed lines") + " skipped";
  if (skipped.count > skipped.first.size()) text += ", of which the first " + std::to_string(skipped.first.size()) + " are";
  text += ":";
  for (const std::string& line : skipped.first) text += "\n  " + line;
  return text;
}

Columns Columns::parse(std::string_view text) {
  Columns columns;
  columns.stated = true;
  columns.time = {};
  bool named[5] = {};
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const std::size_t sign = part.find('=');
    const std::string_view role = trimmed(part.substr(0, sign));
    const std::string_view value = sign == std::string_view::npos ? std::string_view() : trimmed(part.substr(sign + 1));
    if (value.empty())
      throw OptionError("columns", "expected user=1,item=2,rating=3,time=4 or names instead of numbers, got " + quoted(part));
    const auto further = context_name(role);
    const std::size_t which = role == "user"     ? 0
                              : role == "item"   ? 1
                              : role == "rating" ? 2
                              : role == "time"   ? 3
                              : role == "weight" ? 4
                                                 : 5;
    if (which == 5) {
      if (!further) throw OptionError("columns", "expected user, item, rating, time, weight or the name of a context, got " + quoted(role));
      for (const auto& [name, column] : columns.further) {
        if (name == *further) throw OptionError("columns", quoted(role) + " is given twice");
      }
      columns.further.emplace_back(*further, parse_column(value));
      if (comma == std::string_view::npos) break;
      text.remove_prefix(comma + 1);
      continue;
    }
    if (named[which]) throw OptionError("columns", quoted(role) + " is given twice");
    named[which] = true;
    Column* targets[] = {&columns.user, &columns.item, &columns.rating, &columns.time, &columns.weight};
    *targets[which] = parse_column(value);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  columns.user_stated = named[0];
  columns.item_stated = named[1];
  columns.rating_stated = named[2];
  columns.time_stated = named[3];
  columns.weight_stated = named[4];
  return columns;
}

Format parse_format(std::string_view name) {
  if (name == "auto") return Format::automatic;
  if (name == "csv") return Format::csv;
  if (name == "tsv") return Format::tsv;
  if (name == "movielens") return Format::movielens;
  if (name == "matrix-market") return Format::matrix_market;
  if (name == "adjacency") return Format::adjacency;
  if (name == "matrix") return Format::matrix;
  if (name == "tns") return Format::tns;
  throw OptionError("format", "must be auto, csv, tsv, movielens, matrix-market, adjacency, matrix or tns, got " + quoted(name));
}

std::string parse_separator(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"tab", "\t"},   {"\\t", "\t"},      {"blank", " "},
                                                                      {"blanks", " "}, {"space", " "},     {"comma", ","},
                                                                      {"pipe", "|"},   {"semicolon", ";"}, {"::", "::"}};
  for (const auto& [name, characters] : kNames) {
    if (text == name) return std::string(characters);
  }
  const auto part_of_number = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+';
  };
  const bool one = text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x7F && text[0] != '\0' && text[0] != '\n' && text[0] != '\r';
  if (!one || part_of_number(text[0]) || text[0] == '"') {
    throw OptionError("separator", "must be one ASCII character that is part of no number, or tab, blank or ::, got " + quoted(text));
  }
  return std::string(text);
}

char parse_decimal(std::string_view text) {
  if (text == "auto") return 0;
  if (text == "." || text == ",") return text[0];
  throw OptionError("decimal", "must be . or , or auto, got " + quoted(text));
}

Duplicates parse_duplicates(std::string_view name) {
  if (name == "last") return Duplicates::last;
  if (name == "first") return Duplicates::first;
  if (name == "mean") return Duplicates::mean;
  if (name == "sum") return Duplicates::sum;
  if (name == "count") return Duplicates::count;
  if (name == "error") return Duplicates::error;
  throw OptionError("duplicates", "must be last, first, mean, sum, count or error, got " + quoted(name));
}

}  // namespace lowrank
