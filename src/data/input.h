#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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
  /// True for a regular file that can be read at any place; its size when it was opened.
  [[nodiscard]] bool seekable() const noexcept { return seekable_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// Reads up to `size` bytes at `offset` (seekable files; safe from many threads); fewer only at the end. \throws FileError
  std::size_t read_at(char* to, std::size_t size, std::uint64_t offset) const;
  /// Reads on from where the last read ended, up to `size` bytes; fewer only at the end. \throws FileError
  std::size_t read(char* to, std::size_t size);

 private:
  std::string name_;
  int descriptor_ = -1;
  bool owned_ = false;
  bool seekable_ = false;
  std::uint64_t size_ = 0;
};

/// Bytes in order, unpacked where the input is packed.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Reads up to `size` bytes; fewer only at the end. \throws FileError; DataError for packed data that is damaged or ends early
  virtual std::size_t read(char* to, std::size_t size) = 0;
};

enum class Packing : std::uint8_t { none, gzip, zstd, xz };

/// How data that starts with `head` (at least 6 bytes where there are so many) is packed.
/// \throws DataError for packings that are known and not read
Packing packing_of(std::string_view head, const std::string& name);

/// The bytes `head`, read from `file` already, then the rest of `file`, unpacked. `file` must live as long.
std::unique_ptr<ByteStream> open_stream(InputFile& file, std::string head, Packing packing);

}  // namespace lowrank
