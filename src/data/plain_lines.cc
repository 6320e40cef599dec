#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "data/bytes.h"
#include "data/chunk_parser.h"
#include "data/number.h"
#include "data/swar.h"

namespace lowrank {

namespace {

constexpr char byte_of(Separator separator) { return separator == Separator::double_colon ? ':' : static_cast<char>(separator); }

/// An id that the plain parser has read.
struct PlainId {
  std::uint32_t number;  ///< Vocabulary::kUnknown for an id that must be looked up as text
  const char* end;       ///< start of the separator; null if the general parser must read this line
};

/// Lines whose ids are looked up together, which hides the latency of memory. A line has its numbers already, or waits for a query.
class Waiting {
 public:
  static constexpr std::size_t kMost = 32;

  /// The ids of one side (users or items).
  struct Side {
    std::array<Vocabulary::Query, kMost> queries;
    std::size_t query_count = 0;
    std::array<std::uint8_t, kMost> query_of{};
    std::array<std::uint32_t, kMost> number_of{};

    void add(std::size_t line, std::uint32_t number, std::string_view id) {
      number_of[line] = number;
      if (number != Vocabulary::kUnknown) return;
      // Files are often sorted: consecutive lines with the same id share a query.
      const bool again = query_count != 0 && queries[query_count - 1].id.size() == id.size() &&
                         equal_bytes(queries[query_count - 1].id.data(), id.data(), id.size());
      if (!again) queries[query_count++] = {id, hash_bytes(id), Vocabulary::kUnknown};
      query_of[line] = static_cast<std::uint8_t>(query_count - 1);
    }
    /// The number of the id on a line, or Vocabulary::kUnknown.
    std::uint32_t number(std::size_t line, const IdNumbers& ids) {
      if (number_of[line] != Vocabulary::kUnknown) return number_of[line];
      Vocabulary::Query& query = queries[query_of[line]];
      if (query.number == Vocabulary::kUnknown) query.number = ids.find_fresh(query);
      return query.number;
    }
    void look_up(const IdNumbers& ids) {
      if (query_count != 0) ids.find(std::span(queries).first(query_count));
      query_count = 0;
    }
  };

  Side users;
  Side items;
  std::array<const char*, kMost> starts{};
  std::size_t count = 0;
};

template <Separator kSeparator>
bool separates(const char* at) noexcept {
  if constexpr (kSeparator == Separator::double_colon) return at[0] == ':' && at[1] == ':';
  return *at == byte_of(kSeparator);
}

/// Finds the end of an id that is not a small number; null if the general parser must read it.
template <Separator kSeparator>
const char* end_of_text(const char* at) noexcept {
  // The general parser trims blanks, removes quotes and byte order marks, skips comments (`#` or `%`) and refuses control characters.
  if (static_cast<unsigned char>(*at) <= '%' || static_cast<unsigned char>(*at) == 0xEF) return nullptr;
  for (const char* from = at;; from += 8) {
    const std::uint64_t word = swar::load(from);
    const std::uint64_t found = swar::find(word, byte_of(kSeparator)) | swar::find(word, '\n') |
                                (kSeparator == Separator::blanks ? swar::find(word, '\t') : std::uint64_t{0});
    if (found == 0) continue;
    const char* end = from + swar::length(found);
    if (!separates<kSeparator>(end) || end == at || static_cast<unsigned char>(end[-1]) <= ' ') return nullptr;
    return end;
  }
}

/// Reads an id, and looks it up if it is a small number (see small_id).
template <Separator kSeparator>
inline PlainId plain_id(const char* at, const IdNumbers& ids, std::uint64_t size) {
  const std::uint64_t word = swar::load(at);
  const std::size_t length = swar::length(swar::find_non_digit(word));
  // 1 to 7 digits, because 0 - 1 wraps around; no leading zero.
  if (length - 1 < 7 && separates<kSeparator>(at + length) && (*at != '0' || length == 1)) {
    const std::uint32_t small = swar::decimal(word, length);
    if (small < kSmallIds) {
      const std::uint32_t number = small <= size ? ids.find_small(small) : Vocabulary::kUnknown;
      return {number, number == Vocabulary::kUnknown ? nullptr : at + length};
    }
  }
  // The general parser checks the indices of a matrix.
  if (size != ~std::uint64_t{0}) return {Vocabulary::kUnknown, nullptr};
  return {Vocabulary::kUnknown, end_of_text<kSeparator>(at)};
}

/// The start of the next line, if only ignored columns follow the rating that ends at `at`; otherwise null.
template <Separator kSeparator>
inline const char* plain_rest(const char* at, const char* end) {
  if (*at == '\n') return at + 1;
  if (*at == '\r') return at[1] == '\n' ? at + 2 : nullptr;
  if (!separates<kSeparator>(at)) return nullptr;
  const auto* stop = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
  if constexpr (kSeparator == Separator::comma || kSeparator == Separator::semicolon) {
    if (std::memchr(at, '"', static_cast<std::size_t>(stop - at)) != nullptr) return nullptr;
  }
  return stop + 1;
}

}  // namespace

template <Separator kSeparator>
void ChunkParser::parse_plain(std::string_view text) {
  constexpr std::size_t kWidth = kSeparator == Separator::double_colon ? 2 : 1;
  ParsedChunk& chunk = *chunk_;
  const std::uint64_t rows = context_.layout.matrix_market ? context_.layout.rows : ~std::uint64_t{0};
  const std::uint64_t columns = context_.layout.matrix_market ? context_.layout.columns : ~std::uint64_t{0};
  std::uint32_t* users = chunk.users.data();
  std::uint32_t* items = chunk.items.data();
  std::size_t count = 0;
  std::size_t lines = 0;
  Waiting waiting;
  const char* at = text.data();
  const char* end = at + text.size();

  // A plain line has one rating, so the places and values of the waiting lines are fixed already; only their ids are missing.
  const auto look_up = [&] {
    waiting.users.look_up(users_);
    waiting.items.look_up(items_);
    for (std::size_t line = 0; line < waiting.count; ++line) {
      users[count] = waiting.users.number(line, users_);
      items[count] = waiting.items.number(line, items_);
      if (users[count] == Vocabulary::kUnknown || items[count] == Vocabulary::kUnknown) {
        // A new id: the general parser reads the line again, adds the id, and writes the same value at the same place.
        chunk.count = count;
        chunk.lines = lines;
        const char* start = waiting.starts[line];
        if (!parse_next(start, end)) return false;
        if (chunk.count == count) {
          drop_plain_value(count, waiting.count - line - 1);
          ++lines;
          continue;
        }
      }
      ++count;
      ++lines;
    }
    waiting.count = 0;
    return true;
  };

  while (at != end) {
    const PlainId user = plain_id<kSeparator>(at, users_, rows);
    if (user.end != nullptr) {
      const char* item_at = user.end + kWidth;
      const PlainId item = plain_id<kSeparator>(item_at, items_, columns);
      if (item.end != nullptr) {
        const char* rating = item.end + kWidth;
        const std::uint64_t word = swar::load(rating);
        std::uint64_t found = swar::find_below(word, '-');
        if constexpr (byte_of(kSeparator) > '-') found |= swar::find(word, byte_of(kSeparator));
        const std::size_t length = swar::length(found);
        const char* next = length - 1 < 7 ? plain_rest<kSeparator>(rating + length, end) : nullptr;
        if (next != nullptr && plain_value(swar::head(word, length), {rating, length}, count + waiting.count)) {
          if (waiting.count == 0 && user.number != Vocabulary::kUnknown && item.number != Vocabulary::kUnknown) {
            users[count] = user.number;
            items[count] = item.number;
            ++count;
            ++lines;
          } else {
            waiting.starts[waiting.count] = at;
            waiting.users.add(waiting.count, user.number, {at, static_cast<std::size_t>(user.end - at)});
            waiting.items.add(waiting.count, item.number, {item_at, static_cast<std::size_t>(item.end - item_at)});
            if (++waiting.count == Waiting::kMost && !look_up()) return;
          }
          at = next;
          continue;
        }
      }
    }
    if (!look_up()) return;
    chunk.count = count;
    chunk.lines = lines;
    if (!parse_next(at, end)) return;
    count = chunk.count;
    ++lines;
  }
  if (!look_up()) return;
  chunk.count = count;
  chunk.lines = lines;
}

/// Closes the gap that the skipped rating `count` leaves before the `after` values that are there already.
void ChunkParser::drop_plain_value(std::size_t count, std::size_t after) {
  ParsedChunk& chunk = *chunk_;
  if (chunk.coded) {
    std::copy_n(chunk.codes.data() + count + 1, after, chunk.codes.data() + count);
  } else {
    std::copy_n(chunk.values.data() + count + 1, after, chunk.values.data() + count);
  }
}

/// Stores the value of `text`, whose bytes are `key`, as that of rating `count`. False if it is not a finite number.
bool ChunkParser::plain_value(std::uint64_t key, std::string_view text, std::size_t count) {
  TextValueCache::Entry& entry = text_values_.entry(key);
  if (entry.text != key) {
    float value = 0;
    if (parse_rating(text, value) != NumberResult::ok) return false;
    entry = {key, value, ValueTable::kNoCode};
  }
  if (chunk_->coded && entry.code != ValueTable::kNoCode) {
    chunk_->codes[count] = static_cast<std::uint8_t>(entry.code);
    return true;
  }
  chunk_->count = count;
  add_value(entry.value);
  if (chunk_->coded) entry.code = chunk_->codes[count];
  return true;
}

template void ChunkParser::parse_plain<Separator::comma>(std::string_view text);
template void ChunkParser::parse_plain<Separator::semicolon>(std::string_view text);
template void ChunkParser::parse_plain<Separator::tab>(std::string_view text);
template void ChunkParser::parse_plain<Separator::pipe>(std::string_view text);
template void ChunkParser::parse_plain<Separator::double_colon>(std::string_view text);
template void ChunkParser::parse_plain<Separator::blanks>(std::string_view text);

}  // namespace lowrank
