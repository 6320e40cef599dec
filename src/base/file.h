#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace lowrank {

/// Writes a file beside its target and puts it in the target's place when complete: until commit() the old file stands, and a run that
/// ends before leaves it untouched and nothing beside it. A symbolic link is followed to its target.
class AtomicFile {
 public:
  /// \throws FileError when the folder cannot be written, or when `path` exists and is no regular file
  explicit AtomicFile(const std::string& path);
  /// Removes what was written unless committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends, buffered. \throws FileError, e.g. when there is no space
  void write(std::string_view bytes);
  /// Flushes, syncs, renames. \throws FileError
  void commit();

 private:
  void flush();

  std::string target_;
  std::string temporary_;
  std::string buffer_;
  int descriptor_ = -1;
};

/// Checks in advance that save or AtomicFile could write `path` (folder there and writable, target absent or a regular file), so that a
/// long run does not end in vain. \throws FileError
void check_writable(const std::string& path);

/// The whole content of a regular file. \throws FileError
std::string read_file(const std::string& path);

/// `path: what failed: reason of errno`.
std::string system_message(const std::string& path, const char* what, int error_number);

}  // namespace lowrank
