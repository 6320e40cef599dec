#pragma once

/// \file
/// The files of the page: compiled into the program, or read from a folder while they are written.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "serve/request.h"

namespace lowrank::serve {

/// A file that was compiled in (see cmake/embed.cmake).
struct EmbeddedFile {
  const char* name;
  std::span<const std::uint8_t> bytes;
  std::span<const std::uint8_t> packed;  ///< the same, compressed by gzip
};

/// All files that were compiled in.
std::span<const EmbeddedFile> embedded_files();

/// Answers requests for files of the page.
class Page {
 public:
  /// \param folder  files are read from there for each request; empty for those that were compiled in
  explicit Page(std::string folder = {}) : folder_(std::move(folder)) {}

  /// The answer to a GET of `path`, which is `/` or `/NAME`; nothing where there is no such file.
  [[nodiscard]] std::optional<Response> answer(std::string_view path, const Request& request) const;

 private:
  std::string folder_;
};

}  // namespace lowrank::serve
