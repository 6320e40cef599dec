#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lowrank {

/// The name of an input in messages.
std::string input_name(const std::string& path);

/// An open file or standard input.
class InputFile {
 public:
  /// \param path  a file, or `-` for standard input. \throws FileError when it cannot be opened or is a folder
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Whether this is a regular file, which can be read at any offset.
  [[nodiscard]] bool seekable() const noexcept { return seekable_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// Adds the bytes of later reads to `count`, or to nothing if it is null.
  void count_into(std::atomic<std::uint64_t>* count) noexcept { count_ = count; }

  /// Reads up to `size` bytes at `offset` (seekable files only; safe from several threads); fewer only at the end. \throws FileError, also
  /// for a file that is shorter now than when it was opened
  std::size_t read_at(char* to, std::size_t size, std::uint64_t offset) const;
  /// Reads the next `size` bytes after the last read; fewer only at the end. \throws FileError
  std::size_t read(char* to, std::size_t size);

 private:
  std::string name_;
  int descriptor_ = -1;
  bool owned_ = false;
  bool seekable_ = false;
  std::uint64_t size_ = 0;
  std::atomic<std::uint64_t>* count_ = nullptr;
};

/// The bytes of an input in order, unpacked if the input is compressed.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Reads up to `size` bytes; fewer only at the end. \throws FileError; DataError for compressed data that is damaged or ends early
  virtual std::size_t read(char* to, std::size_t size) = 0;
};

enum class Packing : std::uint8_t { none, gzip, zstd, xz };

/// The compression of data that starts with `head` (its first 10 bytes, unless the data is shorter).
/// \throws DataError for compressions that are recognised but not supported
Packing packing_of(std::string_view head, const std::string& name);

/// A stream of `head`, which was already read from `file`, and the rest of `file`, unpacked. `file` must outlive it.
std::unique_ptr<ByteStream> open_stream(InputFile& file, std::string head, Packing packing);

/// The name by which iconv knows an encoding; nothing for UTF-8, and for no encoding. \throws OptionError("encoding") for an unknown one
std::optional<std::string> foreign_encoding(std::string_view encoding);

/// A stream of the text of `stream` in UTF-8. \param encoding  from foreign_encoding(). \param name  name of the input in messages
std::unique_ptr<ByteStream> recoded(std::unique_ptr<ByteStream> stream, const std::string& encoding, const std::string& name);

}  // namespace lowrank
