#include "serve/log.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank::serve {

namespace {

std::string time_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(milliseconds));
  return text.data();
}

}  // namespace

LogLevel parse_log_level(std::string_view name) {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (name == name_of(level)) return level;
  }
  throw OptionError("log_level", "must be debug, info, warning or error, got " + lowrank::quoted(name));
}

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      break;
  }
  return "error";
}

void Log::write(LogLevel level, std::string_view event, std::string_view members) {
  constexpr std::size_t kEnough = std::size_t{1} << 16U;
  if (!takes(level)) return;
  const std::string time = time_now();
  const std::lock_guard<std::mutex> lock(mutex_);
  buffer_.append("{\"time\":\"").append(time).append("\",\"level\":\"").append(name_of(level)).append("\",\"event\":\"").append(event);
  buffer_.append("\"").append(members).append("}\n");
  if (level > LogLevel::info || buffer_.size() >= kEnough) flush_locked();
}

void Log::flush() {
  const std::lock_guard<std::mutex> lock(mutex_);
  flush_locked();
}

void Log::flush_locked() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    // A log that cannot be written must not stop the service.
    if (written <= 0) break;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
}

}  // namespace lowrank::serve
