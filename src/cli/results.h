#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"

namespace lowrank::cli {

/// Thrown when the reader of standard output has gone. The program then ends quietly.
struct ClosedPipe {};

/// Thrown when Ctrl-C ends a command that is writing a file. Nothing of the file remains.
struct Interrupted {};

/// The destination of results: standard output, or a file that appears, complete, at finish().
class Results {
 public:
  /// \param path  a file, or empty for standard output. \throws FileError
  explicit Results(const std::string& path = {});
  ~Results();
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;

  /// Appends, buffered. \throws FileError, ClosedPipe, Interrupted
  void write(std::string_view text);
  /// Passes everything written so far on to standard output. \throws as write()
  void flush();
  /// Makes the results final; a command that fails must not call it. \throws as write()
  void finish();
  /// As finish(), for results that belong together: files appear together, in this order (see AtomicFile::commit_all), and none before
  /// all are complete. \throws as write()
  static void finish_all(std::span<Results* const> results);

 private:
  std::optional<AtomicFile> file_;
  bool terminal_ = false;
  std::string buffer_;
};

/// Appends a number in the fewest digits that read back as the same value of its type.
void append(std::string& text, float value);
void append(std::string& text, double value);
void append(std::string& text, std::uint64_t value);
void append(std::string& text, std::int64_t value);
/// Appends a JSON string.
void append_json(std::string& text, std::string_view value);
/// `value` with `digits` digits after the point.
std::string fixed(double value, int digits);

/// `value` with at most `digits` significant digits.
std::string rounded(double value, int digits);

}  // namespace lowrank::cli
