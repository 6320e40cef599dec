#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/id_numbers.h"
#include "data/id_table.h"
#include "data/layout.h"
#include "data/value_table.h"

namespace lowrank {

/// An array that is written from its start. All room is reserved in advance, so adding needs no check.
template <class T>
class Lane {
 public:
  void reserve(std::size_t size) {
    if (size <= capacity_) return;
    data_ = std::make_unique_for_overwrite<T[]>(size);
    capacity_ = size;
  }
  [[nodiscard]] T* data() noexcept { return data_.get(); }
  [[nodiscard]] const T* data() const noexcept { return data_.get(); }
  T& operator[](std::size_t index) noexcept { return data_[index]; }

 private:
  std::unique_ptr<T[]> data_;
  std::size_t capacity_ = 0;
};

/// A malformed line that was skipped.
struct SkippedLine {
  std::size_t line;     ///< counted from 0 in the chunk
  std::string problem;  ///< its fault, and the line itself
};

/// The content of a chunk of text. Users and items below the size that the table had when the chunk was parsed are numbers of that table;
/// a number n above is the new id n - size of the chunk.
struct ParsedChunk {
  std::size_t room = 0;   ///< number of ratings that the columns in use have room for
  std::size_t count = 0;  ///< number of ratings, up to the first fault if there is one
  Lane<std::uint32_t> users;
  Lane<std::uint32_t> items;
  bool coded = true;
  Lane<std::uint8_t> codes;  ///< codes of the ratings, if coded
  Lane<float> values;        ///< values of the ratings, if not coded
  bool has_times = false;    ///< whether every rating has a time, or a weight in its place
  Lane<std::int64_t> times;
  NewIds new_users;
  NewIds new_items;
  std::size_t lines = 0;     ///< number of lines, up to the first fault if there is one
  std::size_t mirrored = 0;  ///< number of ratings that a symmetric matrix has besides those of its lines
  std::optional<std::string> problem;
  std::string problem_line;                ///< the line that has the problem
  std::uint64_t skipped = 0;               ///< number of malformed lines that were skipped
  std::vector<SkippedLine> first_skipped;  ///< the first SkippedLines::kNamed of them
};

/// The state that all parsers of one file share.
struct ParseContext {
  Layout layout;
  const IdTable& users;
  const IdTable& items;
  ValueTable& values;
};

/// Parses chunks in one thread.
class ChunkParser {
 public:
  explicit ChunkParser(ParseContext& context);

  /// Parses lines that all end in `\n`, followed by TextBuffer::kPadding readable bytes. A fault is reported in `chunk`.
  void parse(std::string_view text, ParsedChunk& chunk);

 private:
  /// Parses lines with the general parser only.
  void parse_lines(std::string_view text);
  /// Parses lines. Plain lines (user, item and rating in this order, without quotes or blanks around them) take a fast path; the general
  /// parser reads the others.
  template <Separator kSeparator>
  void parse_plain(std::string_view text);
  /// Parses one line with the general parser; false if it has a fault. \param at  start of the line, moved to the start of the next
  bool parse_next(const char*& at, const char* end);
  void drop_plain_value(std::size_t count, std::size_t after);
  bool plain_value(std::uint64_t key, std::string_view text, std::size_t count);
  bool parse_line(std::string_view line);
  bool parse_row(std::string_view line);
  bool skips(std::string_view line);
  bool skip_malformed(std::string_view line);
  void add_value(float value);
  void uncode();

  ParseContext& context_;
  ParsedChunk* chunk_ = nullptr;
  IdNumbers users_;
  IdNumbers items_;
  ValueCache value_cache_;
  TextValueCache text_values_;
  Scratch scratch_;
};

}  // namespace lowrank
