#include "data/chunks.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

[[noreturn]] void fail_long_line(const std::string& name) {
  throw DataError(name + ": a line of more than " + std::to_string(ChunkSource::kMaxLineBytes >> 20U) + " MiB");
}

/// Position after the first line end in [from, size), or `size`.
std::size_t after_line_end(const char* text, std::size_t from, std::size_t size) {
  if (from >= size) return size;
  const void* found = std::memchr(text + from, '\n', size - from);
  return found == nullptr ? size : static_cast<std::size_t>(static_cast<const char*>(found) - text) + 1;
}

}  // namespace

char* TextBuffer::reserve(std::size_t size, std::size_t keep) {
  if (size > capacity_ || data_ == nullptr) {
    auto grown = std::make_unique_for_overwrite<char[]>(size + kPadding);
    if (keep != 0) std::memcpy(grown.get(), data_.get(), keep);
    data_ = std::move(grown);
    capacity_ = size;
  }
  return data_.get();
}

ChunkSource::ChunkSource(const std::string& path, std::size_t chunk_bytes, int slots, const std::string& encoding)
    : file_(path), chunk_bytes_(std::max<std::size_t>(chunk_bytes, 1)), slots_(static_cast<std::size_t>(slots)) {
  constexpr std::size_t kMagicBytes = 10;
  std::string start(kMagicBytes, '\0');
  start.resize(file_.seekable() ? file_.read_at(start.data(), kMagicBytes, 0) : file_.read(start.data(), kMagicBytes));
  const Packing packing = packing_of(start, file_.name());
  const std::optional<std::string> foreign = foreign_encoding(encoding);
  if (!file_.seekable() || packing != Packing::none || foreign) {
    if (file_.seekable()) start.clear();
    stream_ = open_stream(file_, std::move(start), packing);
    if (foreign) stream_ = recoded(std::move(stream_), *foreign, file_.name());
  }
  read_head(kHeadBytes);
  // The header of a matrix has a name per item, and the line below it tells that it is one.
  while (!head_is_all() && head_limit_ < kMaxLineBytes && head_.find('\n', head_.find('\n') + 1) == std::string::npos) {
    read_head(2 * head_limit_);
  }
  if (stream_ != nullptr) stream_ended_ = head_is_all();
}

/// Reads the text up to `limit` bytes into the head.
void ChunkSource::read_head(std::size_t limit) {
  const std::size_t size = head_.size();
  head_limit_ = limit;
  head_.resize(limit);
  char* to = head_.data() + size;
  head_.resize(size + (stream_ == nullptr ? file_.read_at(to, limit - size, size) : stream_->read(to, limit - size)));
}

void ChunkSource::skip(std::size_t bytes) {
  begin_ = bytes;
  next_begin_ = bytes;
  head_taken_ = bytes;
}

std::size_t ChunkSource::next_batch(std::size_t most) {
  if (stream_ != nullptr) {
    if (ahead_count_ == 0) read_ahead(most);
    if (ahead_count_ == 0 && failure_) std::rethrow_exception(failure_);
    std::swap(current_, ahead_);
    return std::exchange(ahead_count_, 0);
  }
  batch_begin_ = next_begin_;
  const std::uint64_t size = file_.size();
  const std::uint64_t left = batch_begin_ < size ? size - batch_begin_ : 0;
  const std::size_t chunks = static_cast<std::size_t>(std::min<std::uint64_t>(most, (left + chunk_bytes_ - 1) / chunk_bytes_));
  next_begin_ = batch_begin_ + std::uint64_t{chunks} * chunk_bytes_;
  return chunks;
}

std::string_view ChunkSource::load(std::size_t index, int slot) {
  if (stream_ != nullptr) return {current_[index].text.data(), current_[index].size};
  const std::uint64_t begin = batch_begin_ + std::uint64_t{index} * chunk_bytes_;
  return load_range(begin, std::min(begin + chunk_bytes_, file_.size()), slots_[static_cast<std::size_t>(slot)]);
}

/// Loads the lines that start in [begin, end). A line belongs to the chunk in which it starts.
std::string_view ChunkSource::load_range(std::uint64_t begin, std::uint64_t end, TextBuffer& buffer) const {
  constexpr std::size_t kLineAllowance = 512;
  const std::uint64_t from = begin == begin_ ? begin : begin - 1;
  const auto inside = static_cast<std::size_t>(end - from);
  std::size_t room = inside + kLineAllowance;
  char* text = buffer.reserve(room + 1);
  std::size_t size = file_.read_at(text, room, from);
  const std::size_t first = begin == begin_ ? 0 : after_line_end(text, 0, std::min(inside, size));
  const bool starts_here = first < inside && first < size && (first == 0 || text[first - 1] == '\n');
  if (!starts_here) return {};

  std::size_t searched = inside - 1;
  for (;;) {
    const std::size_t stop = after_line_end(text, searched, size);
    if (stop <= size && stop > searched && text[stop - 1] == '\n') return {text + first, stop - first};
    if (size < room) break;
    if (room > kMaxLineBytes) fail_long_line(file_.name());
    searched = size;
    room *= 2;
    text = buffer.reserve(room + 1, size);
    size += file_.read_at(text + size, room - size, from + size);
  }
  if (text[size - 1] != '\n') text[size++] = '\n';
  return {text + first, size - first};
}

void ChunkSource::read_ahead(std::size_t most) {
  if (ahead_.size() < most) ahead_.resize(most);
  if (failure_) return;
  try {
    while (ahead_count_ < most && fill(ahead_[ahead_count_])) ++ahead_count_;
  } catch (...) {
    failure_ = std::current_exception();
  }
}

/// Fills a block with whole lines of the stream; false at its end.
bool ChunkSource::fill(Block& block) {
  std::size_t room = std::max(chunk_bytes_, rest_.size() * 2);
  char* text = block.text.reserve(room + 1);
  std::memcpy(text, rest_.data(), rest_.size());
  block.size = rest_.size();
  rest_.clear();
  for (;;) {
    const std::size_t searched = block.size;
    const std::size_t from_head = std::min(room - block.size, head_.size() - std::min(head_taken_, head_.size()));
    std::memcpy(text + block.size, head_.data() + head_taken_, from_head);
    head_taken_ += from_head;
    block.size += from_head;
    if (block.size < room && !stream_ended_) {
      block.size += stream_->read(text + block.size, room - block.size);
      stream_ended_ = block.size < room;
    }
    if (block.size < room) break;
    for (std::size_t end = block.size; end > searched; --end) {
      if (text[end - 1] != '\n') continue;
      rest_.assign(text + end, block.size - end);
      block.size = end;
      return true;
    }
    if (room > kMaxLineBytes) fail_long_line(file_.name());
    room *= 2;
    text = block.text.reserve(room + 1, block.size);
  }
  if (block.size == 0) return false;
  if (text[block.size - 1] != '\n') text[block.size++] = '\n';
  return true;
}

}  // namespace lowrank
