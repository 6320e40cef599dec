#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "data/id_numbers.h"
#include "data/id_table.h"
#include "data/layout.h"
#include "data/value_table.h"

namespace lowrank {

/// An array to be written from its start; room is made for all of it before, so that adding checks nothing.
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

/// What a chunk of text holds. Users and items below the sizes of the tables when it was parsed are numbers there; number n above is the
/// new id n - size of the chunk.
struct ParsedChunk {
  std::size_t room = 0;   ///< for ratings, in the columns in use
  std::size_t count = 0;  ///< ratings before the end of the chunk or its first fault
  Lane<std::uint32_t> users;
  Lane<std::uint32_t> items;
  bool coded = true;
  Lane<std::uint8_t> codes;  ///< where coded
  Lane<float> values;        ///< where not
  bool has_times = false;    ///< every rating has one
  Lane<std::int64_t> times;
  NewIds new_users;
  NewIds new_items;
  std::size_t lines = 0;  ///< of the chunk, or before its first fault
  std::optional<std::string> problem;
};

/// What all parsers of one file share.
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

  /// Parses lines that all end in `\n`, followed by TextBuffer::kPadding readable bytes. What is wrong is left in `chunk`.
  void parse(std::string_view text, ParsedChunk& chunk);

 private:
  /// Parses lines in the general way only.
  void parse_lines(std::string_view text);
  /// Parses lines, those of the plain kind (user, item, rating in this order, no quotes, no blanks around them) without looking back.
  template <Separator kSeparator>
  void parse_plain(std::string_view text);
  /// Parses one line in the general way; false when something is wrong with it. \param at  moved behind the line's end
  bool parse_next(const char*& at, const char* end);
  bool plain_value(std::uint64_t key, std::string_view text, std::size_t count);
  bool parse_line(std::string_view line);
  bool parse_adjacency(std::string_view line);
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
