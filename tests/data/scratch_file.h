#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

namespace lowrank {

/// A file that holds `content` as long as this lives.
class ScratchFile {
 public:
  explicit ScratchFile(std::string_view content, const std::string& ending = ".csv") {
    static int number = 0;
    path_ = testing::TempDir() + "lowrank_" + std::to_string(getpid()) + "_" + std::to_string(number++) + ending;
    std::ofstream(path_, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  ~ScratchFile() { std::remove(path_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The message of the error that `action` throws, with `path` written as `F`; empty when it throws none.
template <class Error, class Action>
std::string error_of(const Action& action, const std::string& path = "") {
  try {
    action();
  } catch (const Error& error) {
    std::string message = error.what();
    for (std::size_t at; !path.empty() && (at = message.find(path)) != std::string::npos;) message.replace(at, path.size(), "F");
    return message;
  }
  return "";
}

/// The message of an error of a line without the line itself, and without what the file was taken for.
inline std::string without_context(std::string message) {
  const std::size_t begin = message.find(" in \"");
  if (begin == std::string::npos) return message;
  const std::size_t end = message.rfind(')');
  return message.erase(begin, end + 1 - begin);
}

}  // namespace lowrank
