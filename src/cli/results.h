#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"

namespace lowrank::cli {

/// Thrown when whoever read our standard output has gone: the program ends quietly.
struct ClosedPipe {};

/// Thrown when Ctrl-C ended a command that was writing a file: nothing of it stays.
struct Interrupted {};

/// Where results go: standard output, or a file that stands complete in its place after finish().
class Results {
 public:
  /// \param path  a file, or empty for standard output. \throws FileError
  explicit Results(const std::string& path = {});
  ~Results();
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;

  /// Appends, buffered. \throws FileError, ClosedPipe, Interrupted
  void write(std::string_view text);
  /// Shows what was written to standard output so far. \throws as write()
  void flush();
  /// Makes the results final. Not called when an error ends the command. \throws as write()
  void finish();

 private:
  std::optional<AtomicFile> file_;
  std::string buffer_;
};

/// Appends a number in shortest round-trip digits (of a float: those of a float).
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
