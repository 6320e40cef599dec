#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/input.h"

namespace lowrank {

/// Memory for text, which is lost when it grows unless reserve() is told to keep it.
class TextBuffer {
 public:
  /// Number of bytes past the text that may be read, because parsers load whole words. Their values do not matter.
  static constexpr std::size_t kPadding = 64;

  /// Reserves `size` bytes and the padding, and keeps the first `keep` bytes.
  char* reserve(std::size_t size, std::size_t keep = 0);
  [[nodiscard]] char* data() noexcept { return data_.get(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
};

/// The text of an input, unpacked and cut into chunks of whole lines. The chunks of a plain file are read by the threads that parse them;
/// any other input is read in order by one thread, one batch ahead of the parsers.
class ChunkSource {
 public:
  static constexpr std::size_t kHeadBytes = std::size_t{1} << 18U;
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 26U;

  /// \param chunk_bytes  approximate size of a chunk. \param slots  number of slots for load(). \param encoding  encoding of the text;
  /// empty for UTF-8. \throws as the input
  ChunkSource(const std::string& path, std::size_t chunk_bytes, int slots, const std::string& encoding = {});

  [[nodiscard]] const std::string& name() const noexcept { return file_.name(); }
  /// The first kHeadBytes bytes of the text, or more until there are two lines, or all if there are fewer. The format is detected from
  /// them.
  [[nodiscard]] std::string_view head() const noexcept { return head_; }
  [[nodiscard]] bool head_is_all() const noexcept { return head_.size() < head_limit_; }
  /// Adds the bytes that are read from now on to `count`, or to nothing if it is null.
  void count_into(std::atomic<std::uint64_t>* count) noexcept { file_.count_into(count); }
  /// Skips the first `bytes` of the text, which must end at a line end inside head(). Call it before the first batch.
  void skip(std::size_t bytes);

  /// Makes the next batch of up to `most` chunks the current one. Returns its number of chunks, 0 at the end. \throws as the input
  std::size_t next_batch(std::size_t most);
  /// Chunk `index` of the current batch: lines that all end in `\n` (added to the last line of the text), with TextBuffer::kPadding bytes
  /// after it. Valid until the same slot loads again. Safe from several threads, each with its own slot.
  std::string_view load(std::size_t index, int slot);

  /// Whether one thread should call read_ahead() while others load and parse.
  [[nodiscard]] bool reads_ahead() const noexcept { return stream_ != nullptr; }
  /// Reads the batch after the current one, up to `most` chunks. May run at the same time as load(), but in one thread only. An error is
  /// thrown later by next_batch(), after the chunks that were read before it.
  void read_ahead(std::size_t most);

 private:
  struct Block {
    TextBuffer text;
    std::size_t size = 0;
  };

  void read_head(std::size_t limit);
  std::string_view load_range(std::uint64_t begin, std::uint64_t end, TextBuffer& buffer) const;
  bool fill(Block& block);

  InputFile file_;
  std::size_t chunk_bytes_;
  std::string head_;
  std::size_t head_limit_ = 0;  ///< number of bytes that the head may have
  std::uint64_t begin_ = 0;     ///< position of the text after the skipped bytes

  std::vector<TextBuffer> slots_;  ///< used for plain files
  std::uint64_t batch_begin_ = 0;
  std::uint64_t next_begin_ = 0;

  std::unique_ptr<ByteStream> stream_;  ///< used for any other input
  std::size_t head_taken_ = 0;
  std::vector<Block> current_;
  std::vector<Block> ahead_;
  std::size_t ahead_count_ = 0;
  std::string rest_;  ///< start of a line whose end is not read yet
  bool stream_ended_ = false;
  std::exception_ptr failure_;  ///< error of read_ahead(), thrown after the chunks that were read before it
};

}  // namespace lowrank
