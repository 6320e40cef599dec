#include "serve/http.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace lowrank::serve {

namespace {

/// Whether a header of W3C trace context parses: `00-HEX32-HEX16-HEX2`. Only then is it repeated.
bool is_trace(std::string_view text) {
  constexpr std::string_view kShape = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
  if (text.size() != kShape.size()) return false;
  for (std::size_t n = 0; n < text.size(); ++n) {
    const bool hex = (text[n] >= '0' && text[n] <= '9') || (text[n] >= 'a' && text[n] <= 'f');
    if (kShape[n] == 'h' ? !hex : text[n] != '-') return false;
  }
  return true;
}

std::string http_date() {
  thread_local std::time_t last = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now == last) return text;
  last = now;
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> digits{};
  text.assign(digits.data(), std::strftime(digits.data(), digits.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc));
  return text;
}

}  // namespace

std::string lowered(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::optional<Problem> framing_problem(const Request& request, const Framing& framing, const Limits& limits) {
  const auto count = [&](std::string_view name) {
    return std::ranges::count_if(request.fields, [&](const Field& field) { return field.name == name; });
  };
  if (request.fields.size() > limits.header_fields) {
    return Problem{.status = 431, .detail = "the header has more than " + std::to_string(limits.header_fields) + " fields"};
  }
  for (const Field& field : request.fields) {
    if (field.value.find('\0') != std::string::npos) return Problem{.status = 400, .detail = "a header has a zero byte"};
  }
  if (count("host") != 1) return Problem{.status = 400, .detail = "expected exactly one Host field"};
  for (const char* name : {"content-length", "transfer-encoding", "content-type", "authorization", "x-api-key", "origin"}) {
    if (count(name) > 1) return Problem{.status = 400, .detail = std::string(name) + ": is given twice"};
  }
  // A list of equal lengths is one length to some.
  if (const auto length = request.field("content-length"); length && length->find_first_not_of("0123456789") != std::string_view::npos) {
    return Problem{.status = 400, .detail = "Content-Length: is not a number"};
  }
  const auto coding = request.field("transfer-encoding");
  if (!coding) return {};
  // `gzip` or `chunked, gzip` would be read as no body at all.
  if (!framing.chunked || lowered(*coding) != "chunked" || framing.version != 11) {
    return Problem{.status = 400, .detail = "Transfer-Encoding: only chunked is known"};
  }
  if (count("content-length") != 0) return Problem{.status = 400, .detail = "Content-Length and Transfer-Encoding exclude each other"};
  return {};
}

std::string header_of(const Request& request, const Response& response, const Framing& framing) {
  std::string header = "HTTP/1.1 ";
  header.append(std::to_string(response.status)).append(1, ' ').append(reason_of(response.status)).append("\r\nDate: ").append(http_date());
  if (!response.content_type.empty()) header.append("\r\nContent-Type: ").append(response.content_type);
  if (framing.chunked) {
    header.append("\r\nTransfer-Encoding: chunked");
  } else if (!response.source && response.status != 304 && response.status != 204) {
    header.append("\r\nContent-Length: ").append(std::to_string(response.text().size()));
  }
  for (const auto& [name, value] : response.fields) {
    // Values are ours; a line end in one would be a fault that must not become a header.
    if (value.find_first_of("\r\n") == std::string::npos) header.append("\r\n").append(name).append(": ").append(value);
  }
  if (const auto trace = request.field("traceparent"); trace && is_trace(*trace)) header.append("\r\ntraceparent: ").append(*trace);
  header.append(response.closes ? "\r\nConnection: close" : (framing.version == 10 ? "\r\nConnection: keep-alive" : ""));
  return header.append("\r\n\r\n");
}

}  // namespace lowrank::serve
