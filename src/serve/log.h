#pragma once

/// \file
/// The log: lines of JSON on standard error.

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace lowrank::serve {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
/// `debug|info|warning|error`. \throws OptionError("log_level")
LogLevel parse_log_level(std::string_view name);
std::string_view name_of(LogLevel level) noexcept;

/// Writes lines such as `{"time":"2026-11-27T18:00:00.123Z","level":"info","event":"request","status":200}`. Safe from many threads. A line
/// has no id of a user or item and nothing secret unless it says why a request failed at the level of debugging.
class Log {
 public:
  explicit Log(LogLevel least = LogLevel::info, int descriptor = 2) : least_(least), descriptor_(descriptor) {}
  ~Log() { flush(); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool takes(LogLevel level) const { return level >= least_; }
  /// Adds a line. \param members  of the object, each with a comma before it. Lines above `info` are written at once, others by flush() or
  /// when there are enough of them
  void write(LogLevel level, std::string_view event, std::string_view members);
  void flush();

 private:
  void flush_locked();

  LogLevel least_;
  int descriptor_;
  std::mutex mutex_;
  std::string buffer_;
};

}  // namespace lowrank::serve
