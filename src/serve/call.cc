#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "data/text.h"
#include "serve/routes.h"
#include "serve/store.h"

namespace lowrank::serve {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty() && path.front() == '/') {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

bool fits(const std::vector<std::string_view>& path, std::string_view pattern) {
  for (const std::string_view segment : path) {
    if (!pattern.starts_with('/')) return false;
    pattern.remove_prefix(1);
    const std::string_view own = pattern.substr(0, std::min(pattern.find('/'), pattern.size()));
    if (!is_parameter(own) && own != segment) return false;
    pattern.remove_prefix(own.size());
  }
  return pattern.empty();
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

[[noreturn]] void fail(const Parameter& parameter, const std::string& problem) {
  throw Problem{.status = 400, .detail = std::string(parameter.name) + ": " + problem};
}

void check_value(const Parameter& parameter, const std::string& value) {
  switch (parameter.kind) {
    case ParameterKind::id:
      if (const auto problem = stored_id_problem(value)) fail(parameter, std::string(*problem));
      return;
    case ParameterKind::boolean:
      if (value != "true" && value != "false") fail(parameter, "expected true or false, found " + lowrank::quoted(value));
      return;
    case ParameterKind::integer: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc() || end != value.data() + value.size() || number < parameter.least || number > parameter.most) {
        fail(parameter, "expected an integer from " + std::to_string(parameter.least) + " to " + std::to_string(parameter.most) +
                            ", found " + lowrank::quoted(value));
      }
      return;
    }
    case ParameterKind::text:
      if (!valid_utf8(value) || has_control(value)) fail(parameter, "a control character, or text that is not valid UTF-8");
      if (value.size() > kMostIdBytes) fail(parameter, "is longer than " + std::to_string(kMostIdBytes) + " bytes");
      if (*parameter.names == '\0') return;
      std::string_view names = parameter.names;
      while (true) {
        const std::size_t end = std::min(names.find('|'), names.size());
        if (names.substr(0, end) == value) return;
        if (end == names.size()) break;
        names.remove_prefix(end + 1);
      }
      fail(parameter, "expected one of " + std::string(parameter.names) + ", found " + lowrank::quoted(value));
  }
}

const Parameter* find(const Route& route, std::string_view name) {
  const auto found = std::ranges::find_if(route.parameters, [&](const Parameter& own) { return name == own.name; });
  const bool in_query =
      found != route.parameters.end() && std::string_view(route.path).find('{' + std::string(name) + '}') == std::string_view::npos;
  return in_query ? &*found : nullptr;
}

void read_query(std::string_view query, Call& call) {
  constexpr std::size_t kMostValues = 1000;
  std::size_t values = 0;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decoded(pair.substr(0, equals), true);
    const auto value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) throw Problem{.status = 400, .detail = "the query is not percent-encoded"};
    const Parameter* parameter = find(call.route, *name);
    if (parameter == nullptr) throw Problem{.status = 400, .detail = "unknown parameter " + lowrank::quoted(*name)};
    check_value(*parameter, *value);
    std::vector<std::string>& given = call.query[parameter->name];
    if (!given.empty() && !parameter->repeats) fail(*parameter, "is given twice");
    if (++values > kMostValues) throw Problem{.status = 400, .detail = "more than " + std::to_string(kMostValues) + " parameters"};
    given.push_back(*value);
  }
}

void read_path(std::string_view path, Call& call) {
  std::string_view pattern = call.route.path;
  std::size_t next = 0;
  for (const std::string_view segment : segments_of(path)) {
    pattern.remove_prefix(1);
    const std::string_view own = pattern.substr(0, std::min(pattern.find('/'), pattern.size()));
    pattern.remove_prefix(own.size());
    if (!is_parameter(own)) continue;
    const Parameter& parameter = call.route.parameters[next++];
    const auto value = percent_decoded(segment, false);
    if (!value) fail(parameter, "is not percent-encoded");
    check_value(parameter, *value);
    call.path.push_back(*value);
  }
}

}  // namespace

std::int64_t Call::integer(const std::string& name) const {
  const std::string& value = text(name);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::vector<std::string> Call::all(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::vector<std::string>{} : found->second;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      if (at + 2 >= text.size()) return {};
      const int high = hex_value(text[at + 1]);
      const int low = hex_value(text[at + 2]);
      if (high < 0 || low < 0) return {};
      decoded += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      decoded += plus && text[at] == '+' ? ' ' : text[at];
    }
  }
  return decoded;
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::strchr("-._~", c) != nullptr;
    if (plain && c != '\0') {
      encoded += c;
    } else {
      encoded.append(1, '%').append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
    }
  }
  return encoded;
}

std::string_view path_of(std::string_view target) { return target.substr(0, std::min(target.find('?'), target.size())); }

const Route& match(const Request& request) {
  const std::vector<std::string_view> path = segments_of(path_of(request.target));
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  std::string allowed;
  for (const Route& route : routes()) {
    if (!fits(path, route.path)) continue;
    if (method == route.method) return route;
    // The page's files fit whatever has one segment.
    if (allowed.find(route.method) == std::string::npos) allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  if (allowed.empty()) throw Problem{.status = 404, .detail = "there is no such path; see /openapi.json"};
  throw Problem{.status = 405, .detail = "the path is asked by " + allowed, .fields = {{"Allow", allowed}}};
}

Call check_call(const Request& request, const Route& route) {
  Call call{.request = request, .route = route, .path = {}, .query = {}, .body = {}};
  const std::string_view target = request.target;
  const std::string_view path = path_of(target);
  read_path(path, call);
  if (path.size() < target.size()) read_query(target.substr(path.size() + 1), call);
  for (const Parameter& parameter : route.parameters) {
    if (*parameter.otherwise != '\0' && !call.query.contains(parameter.name)) call.query[parameter.name] = {parameter.otherwise};
  }
  if (route.body == BodyKind::json) {
    call.body = request.body.empty() ? Json::object() : parse_json(request.body);
    check_schema(call.body, schema_of(route.schema), "body");
  }
  return call;
}

}  // namespace lowrank::serve
