#include "serve/page.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "serve/digest.h"

namespace lowrank::serve {

namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 8> kTypes{{{".html", "text/html; charset=utf-8"},
                                                                          {".css", "text/css; charset=utf-8"},
                                                                          {".js", "text/javascript; charset=utf-8"},
                                                                          {".svg", "image/svg+xml"},
                                                                          {".ico", "image/x-icon"},
                                                                          {".png", "image/png"},
                                                                          {".json", "application/json"},
                                                                          {".txt", "text/plain; charset=utf-8"}}};

/// Whether `name` can be a file of the page: no folders, nothing hidden.
bool is_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'; };
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, plain);
}

std::string tag_of(std::string_view bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  const Digest digest = sha256(bytes);
  std::string tag = "\"";
  for (std::size_t n = 0; n < 8; ++n) tag.append(1, kHex[digest[n] >> 4U]).append(1, kHex[digest[n] & 0xFU]);
  return tag + '"';
}

std::string_view text_of(std::span<const std::uint8_t> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Whether the client takes gzip.
bool takes_gzip(const Request& request) {
  const std::string_view accepted = request.field("accept-encoding").value_or("");
  const std::size_t at = accepted.find("gzip");
  if (at == std::string_view::npos) return false;
  const std::string_view rest = accepted.substr(at + 4, accepted.find(',', at) - at - 4);
  return rest.find("q=0") == std::string_view::npos || rest.find("q=0.") != std::string_view::npos;
}

}  // namespace

std::optional<Response> Page::answer(std::string_view path, const Request& request) const {
  const std::string name = path == "/" ? "index.html" : std::string(path.substr(1));
  const auto type = std::ranges::find_if(kTypes, [&](const auto& own) { return name.ends_with(own.first); });
  if (!is_name(name) || type == kTypes.end()) return {};
  std::string bytes;
  std::string_view packed;
  if (folder_.empty()) {
    const auto files = embedded_files();
    const auto file = std::ranges::find_if(files, [&](const EmbeddedFile& own) { return name == own.name; });
    if (file == files.end()) return {};
    bytes = text_of(file->bytes);
    packed = text_of(file->packed);
  } else {
    std::ifstream file(std::filesystem::path(folder_) / name, std::ios::binary);
    if (!file) return {};
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  Response response{.status = 200, .content_type = type->second};
  const std::string tag = tag_of(bytes);
  response.with("ETag", tag).with("Cache-Control", "no-cache").with("Vary", "Accept-Encoding");
  response.with("Content-Security-Policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action "
                "'none'; frame-ancestors 'none'");
  response.with("Referrer-Policy", "no-referrer").with("Cross-Origin-Opener-Policy", "same-origin");
  response.with("Cross-Origin-Resource-Policy", "same-origin");
  if (const auto known = request.field("if-none-match"); known && known->find(tag) != std::string_view::npos) {
    response.status = 304;
    response.content_type.clear();
    return response;
  }
  if (!packed.empty() && takes_gzip(request)) {
    response.with("Content-Encoding", "gzip");
    response.body = packed;
  } else {
    response.body = std::move(bytes);
  }
  return response;
}

}  // namespace lowrank::serve
