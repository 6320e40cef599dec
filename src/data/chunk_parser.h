#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/id_table.h"
#include "data/layout.h"
#include "data/value_table.h"
#include "lowrank/data/page_array.h"

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

/// Ids that a chunk holds and the table did not when the chunk was parsed.
struct NewIds {
  Vocabulary ids;
  std::vector<std::uint32_t> lines;    ///< where each stands first, from 0 in the chunk
  std::vector<std::uint32_t> numbers;  ///< given when the chunks are merged
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
  /// Numbers of one side's ids.
  struct Side {
    const IdTable* table;
    std::uint32_t known = 0;          ///< size of the table
    PageArray<std::uint32_t> small_;  ///< number in the chunk's new ids + 1, by small id
    NewIds* fresh = nullptr;

    void begin(NewIds& ids);
    void end();
    /// The number of an id, or nothing: then `problem` says what is wrong with it.
    std::optional<std::uint32_t> number(std::string_view id, std::size_t line, std::optional<std::string>& problem);
  };

  bool parse_line(std::string_view line);
  bool parse_adjacency(std::string_view line);
  void add_value(float value);
  void uncode();

  ParseContext& context_;
  ParsedChunk* chunk_ = nullptr;
  Side users_;
  Side items_;
  ValueCache value_cache_;
  Scratch scratch_;
};

}  // namespace lowrank
