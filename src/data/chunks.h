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

/// Memory for text; what stands there is not kept when it grows.
class TextBuffer {
 public:
  /// Bytes past the text that may be read (their value is not meant to matter): parsers load whole words.
  static constexpr std::size_t kPadding = 64;

  /// Room for `size` bytes and the padding, of which the first `keep` are kept.
  char* reserve(std::size_t size, std::size_t keep = 0);
  [[nodiscard]] char* data() noexcept { return data_.get(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
};

/// The text of an input, unpacked and cut into chunks of whole lines. Plain files are read by the threads that parse them, each chunk at
/// its place; everything else is read in order by one thread, a batch ahead of the parsers.
class ChunkSource {
 public:
  static constexpr std::size_t kHeadBytes = std::size_t{1} << 18U;
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 26U;

  /// \param chunk_bytes  about the size of a chunk  \param slots  of the threads that call load. \throws as the input
  ChunkSource(const std::string& path, std::size_t chunk_bytes, int slots);

  [[nodiscard]] const std::string& name() const noexcept { return file_.name(); }
  /// The first bytes of the text, kHeadBytes or all there is: formats are told by them.
  [[nodiscard]] std::string_view head() const noexcept { return head_; }
  [[nodiscard]] bool head_is_all() const noexcept { return head_.size() < kHeadBytes; }
  /// Leaves out the first `bytes` of the text, which end at a line's end inside head(). Before the first batch.
  void skip(std::size_t bytes);

  /// Makes the next batch the current one: up to `most` chunks. Returns how many there are, 0 at the end. \throws as the input
  std::size_t next_batch(std::size_t most);
  /// Chunk `index` of the current batch: lines that all end in `\n` (added to the last line of the text), with TextBuffer::kPadding bytes
  /// after it. Valid until the same slot loads again. Safe from many threads, each with its slot.
  std::string_view load(std::size_t index, int slot);

  /// True when reading ahead is work that a thread may do while others load and parse.
  [[nodiscard]] bool reads_ahead() const noexcept { return stream_ != nullptr; }
  /// Reads the batch after the current one, up to `most` chunks; side by side with load, but in one thread at a time. What goes wrong is
  /// thrown by next_batch, after the chunks that were read before.
  void read_ahead(std::size_t most);

 private:
  struct Block {
    TextBuffer text;
    std::size_t size = 0;
  };

  std::string_view load_range(std::uint64_t begin, std::uint64_t end, TextBuffer& buffer) const;
  bool fill(Block& block);

  InputFile file_;
  std::size_t chunk_bytes_;
  std::string head_;
  std::uint64_t begin_ = 0;  ///< where the text begins after what is skipped

  std::vector<TextBuffer> slots_;  ///< for plain files
  std::uint64_t batch_begin_ = 0;
  std::uint64_t next_begin_ = 0;

  std::unique_ptr<ByteStream> stream_;  ///< for everything else
  std::size_t head_taken_ = 0;
  std::vector<Block> current_;
  std::vector<Block> ahead_;
  std::size_t ahead_count_ = 0;
  std::string rest_;  ///< the start of a line whose end was not read yet
  bool stream_ended_ = false;
  std::exception_ptr failure_;  ///< why reading ahead ended: thrown after what was read before it
};

}  // namespace lowrank
