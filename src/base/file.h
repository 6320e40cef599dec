#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lowrank {

/// Writes a file beside its target and puts it in the target's place when complete: until commit() the old file stands, and a run that
/// ends before leaves it untouched. What is written has no name until then where the file system allows that, so that even a killed run
/// leaves nothing behind. Elsewhere, and within the moment of replacing an existing file, it is called `.lowrank-16 hex digits.tmp`, and
/// the next AtomicFile in the folder removes what a killed run left so. A symbolic link is followed to its target. An existing target
/// hands its permissions on.
class AtomicFile {
 public:
  /// Where the bytes wait until commit(): `automatic` in a file without a name, or a named one where the file system has no other.
  enum class Temporary : std::uint8_t { automatic, named };

  /// \throws FileError when the folder cannot be written, or when `path` exists and is no regular file or may not be written
  explicit AtomicFile(const std::string& path, Temporary temporary = Temporary::automatic);
  /// Removes what was written unless committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends, buffered. \throws FileError, e.g. when there is no space
  void write(std::string_view bytes);
  /// Flushes, syncs, renames. Nothing may be written afterwards. \throws FileError
  void commit();
  /// Commits files that belong together: all are complete before the first target changes. Then the old files are removed but for the
  /// first, and all are put in place in their order. So a process that is killed leaves old files or new ones, some of them perhaps
  /// missing, but never new ones beside old ones. \throws as commit()
  static void commit_all(std::span<AtomicFile* const> files);

 private:
  void open_temporary(Temporary temporary);
  void write_through(std::string_view bytes);
  void prepare();
  [[nodiscard]] bool link_to(const std::string& name) const;
  void replace();
  void discard() noexcept;

  std::string path_;       ///< as given, for messages
  std::string target_;     ///< with links followed
  std::string folder_;     ///< of the target
  std::string temporary_;  ///< the name of the waiting file; empty while it has none
  std::string buffer_;
  int descriptor_ = -1;
};

/// Removes the temporary files that have a name now. For signal handlers of programs: nothing else than system calls.
void remove_temporaries() noexcept;

/// Where `path` leads: itself, or the end of a chain of symbolic links, which need not exist. \throws FileError
std::string follow_links(const std::string& path);

/// Whether something has the name `path`, be it a link that leads nowhere.
bool exists(const std::string& path);

/// Checks in advance that AtomicFile could write `path` (folder there and writable, target absent or a regular file), so that a
/// long run does not end in vain. \throws FileError
void check_writable(const std::string& path);

/// A regular file that is read from its beginning.
class RegularFile {
 public:
  /// \throws FileError when `path` cannot be opened or is no regular file
  explicit RegularFile(const std::string& path);
  ~RegularFile();
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  /// The size in bytes when it was opened.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Reads the next `size` bytes, fewer only at the end of the file. \return bytes read \throws FileError
  std::size_t read(char* bytes, std::size_t size);

 private:
  std::string path_;
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
};

/// The whole content of a regular file. \throws FileError
std::string read_file(const std::string& path);

/// `path: what failed: reason of errno`.
std::string system_message(const std::string& path, const char* what, int error_number);
/// \throws FileError with that message
[[noreturn]] void throw_system_error(const std::string& path, const char* what, int error_number);

/// The folder that `path` is in, `.` for a name alone.
std::string folder_of(const std::string& path);
/// Makes the names in a folder outlive a power failure, on file systems that can.
void sync_folder(const std::string& folder) noexcept;

/// Bytes that are gathered before a file is written, or read at once where its size is not known.
inline constexpr std::size_t kFileBuffer = std::size_t{1} << 20U;
/// The most bytes of a single read or write: Linux cuts at 2 GiB.
inline constexpr std::size_t kMostTransferred = std::size_t{1} << 30U;

}  // namespace lowrank
