#include "cli/results.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/interrupt.h"
#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

constexpr std::size_t kBufferSize = std::size_t{1} << 16U;

}  // namespace

Results::Results(const std::string& path) {
  if (!path.empty()) {
    // From here on Ctrl-C must remove the unfinished file.
    catch_interrupts();
    file_.emplace(path);
  } else {
    terminal_ = isatty(STDOUT_FILENO) == 1;
  }
}

Results::~Results() = default;

void Results::write(std::string_view text) {
  if (file_) {
    if (interrupted()) throw Interrupted{};
    file_->write(text);
    return;
  }
  buffer_.append(text);
  if (buffer_.size() >= kBufferSize) flush();
}

void Results::flush() {
  if (terminal_) buffer_ = printable(buffer_);
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written >= 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      throw ClosedPipe{};
    } else if (errno != EINTR) {
      throw_system_error("<stdout>", "cannot write", errno);
    }
  }
  buffer_.clear();
}

void Results::finish() {
  Results* const alone = this;
  finish_all({&alone, 1});
}

void Results::finish_all(std::span<Results* const> results) {
  std::vector<AtomicFile*> files;
  for (Results* const one : results) {
    if (one->file_) {
      files.push_back(&*one->file_);
    } else {
      one->flush();
    }
  }
  if (files.empty()) return;
  if (interrupted()) throw Interrupted{};
  AtomicFile::commit_all(files);
}

void append(std::string& text, float value) { text += shortest_text(value); }
void append(std::string& text, double value) { text += shortest_text(value); }
void append(std::string& text, std::uint64_t value) { text += shortest_text(value); }
void append(std::string& text, std::int64_t value) { text += shortest_text(value); }

void append_json(std::string& text, std::string_view value) {
  text += nlohmann::json(std::string(value)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string fixed(double value, int digits) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::abs(value) < 1e9 ? std::chars_format::fixed : std::chars_format::scientific, digits)
                       .ptr;
  return {text.data(), end};
}

std::string rounded(double value, int digits) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits).ptr;
  return {text.data(), end};
}

}  // namespace lowrank::cli
