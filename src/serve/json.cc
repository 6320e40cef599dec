#include "serve/json.h"

#include <array>
#include <charconv>
#include <cmath>

#include "data/text.h"
#include "serve/request.h"

namespace lowrank::serve {

namespace {

template <class Number>
void append_digits(std::string& text, Number value) {
  std::array<char, 40> digits{};
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

/// The depth of nesting, of text that may be no JSON at all.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t most = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      most = std::max(most, ++depth);
    } else if ((c == ']' || c == '}') && depth != 0) {
      --depth;
    }
  }
  return most;
}

std::string type_of(const Json& value) {
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  return value.type_name();
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "number") return value.is_number();
  // 3.0 is an integer of JSON Schema.
  if (type == "integer") return value.is_number_integer() || (value.is_number() && value.get<double>() == std::floor(value.get<double>()));
  return type == value.type_name();
}

/// Characters of valid UTF-8.
std::size_t characters_in(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1U : 0U;
  return count;
}

void fail(const std::string& where, const std::string& problem) { throw Problem{.status = 400, .detail = where + ": " + problem}; }

void check_type(const Json& value, const Json& types, const std::string& where) {
  std::string names;
  for (const Json& type : types.is_array() ? types : Json::array({types})) {
    if (has_type(value, type.get<std::string>())) return;
    names += (names.empty() ? "" : " or ") + type.get<std::string>();
  }
  fail(where, "expected " + names + ", found " + type_of(value));
}

void check_object(const Json& value, const Json& schema, const std::string& where) {
  if (const auto required = schema.find("required"); required != schema.end()) {
    for (const Json& name : *required) {
      if (!value.contains(name.get<std::string>())) fail(where, "the member \"" + name.get<std::string>() + "\" is missing");
    }
  }
  if (const auto most = schema.find("maxProperties"); most != schema.end() && value.size() > most->get<std::size_t>()) {
    fail(where, "expected at most " + most->dump() + " members, found " + std::to_string(value.size()));
  }
  const auto properties = schema.find("properties");
  const auto more = schema.find("additionalProperties");
  for (const auto& [name, member] : value.items()) {
    std::string inner = where;
    inner.append(1, '.').append(name);
    if (properties != schema.end() && properties->contains(name)) {
      check_schema(member, (*properties)[name], inner);
    } else if (more != schema.end() && more->is_object()) {
      check_schema(member, *more, inner);
    } else if (more != schema.end() && *more == false) {
      fail(where, "unknown member " + lowrank::quoted(name));
    }
  }
}

void check_array(const Json& value, const Json& schema, const std::string& where) {
  if (const auto least = schema.find("minItems"); least != schema.end() && value.size() < least->get<std::size_t>()) {
    fail(where, "expected at least " + least->dump() + " entries, found " + std::to_string(value.size()));
  }
  if (const auto most = schema.find("maxItems"); most != schema.end() && value.size() > most->get<std::size_t>()) {
    fail(where, "expected at most " + most->dump() + " entries, found " + std::to_string(value.size()));
  }
  const auto items = schema.find("items");
  if (items == schema.end()) return;
  for (std::size_t n = 0; n < value.size(); ++n) check_schema(value[n], *items, where + "[" + std::to_string(n) + "]");
}

void check_string(const Json& value, const Json& schema, const std::string& where) {
  const auto& text = value.get_ref<const std::string&>();
  if (const auto least = schema.find("minLength"); least != schema.end() && characters_in(text) < least->get<std::size_t>()) {
    fail(where, "must not be empty");
  }
  if (const auto most = schema.find("maxLength"); most != schema.end() && characters_in(text) > most->get<std::size_t>()) {
    fail(where, "is longer than " + most->dump() + " characters");
  }
}

void check_number(const Json& value, const Json& schema, const std::string& where) {
  const auto number = value.get<double>();
  if (const auto least = schema.find("minimum"); least != schema.end() && number < least->get<double>()) {
    fail(where, "must be at least " + least->dump());
  }
  if (const auto most = schema.find("maximum"); most != schema.end() && number > most->get<double>()) {
    fail(where, "must be at most " + most->dump());
  }
}

}  // namespace

void append_string(std::string& text, std::string_view value) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  if (!valid_utf8(value)) {
    text += Json(std::string(value)).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  text += '"';
  std::size_t begin = 0;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const auto c = static_cast<unsigned char>(value[at]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    text.append(value.substr(begin, at - begin));
    begin = at + 1;
    if (c == '"' || c == '\\') {
      text.append(1, '\\').append(1, value[at]);
    } else {
      text.append("\\u00").append(1, kHex[c >> 4U]).append(1, kHex[c & 0xFU]);
    }
  }
  text.append(value.substr(begin)) += '"';
}

void append_number(std::string& text, double value) {
  if (!std::isfinite(value)) {
    text += "null";
    return;
  }
  append_digits(text, value);
}
void append_number(std::string& text, float value) {
  if (!std::isfinite(value)) {
    text += "null";
    return;
  }
  append_digits(text, value);
}
void append_number(std::string& text, std::uint64_t value) { append_digits(text, value); }
void append_number(std::string& text, std::int64_t value) { append_digits(text, value); }

Json parse_json(std::string_view text) {
  if (depth_of(text) > kMostDepth) throw Problem{.status = 400, .detail = "the JSON nests deeper than " + std::to_string(kMostDepth)};
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) throw Problem{.status = 400, .detail = "the body is not JSON"};
  return value;
}

void check_schema(const Json& value, const Json& schema, const std::string& where) {
  if (const auto choices = schema.find("oneOf"); choices != schema.end()) {
    // The choices differ by type, so that the first of the value's type is the one that is meant.
    for (const Json& choice : *choices) {
      if (has_type(value, choice["type"].get<std::string>())) {
        check_schema(value, choice, where);
        return;
      }
    }
    fail(where, "has a type that is not expected: " + type_of(value));
  }
  if (const auto type = schema.find("type"); type != schema.end()) check_type(value, *type, where);
  if (const auto names = schema.find("enum"); names != schema.end() && std::find(names->begin(), names->end(), value) == names->end()) {
    fail(where, "expected one of " + names->dump());
  }
  if (value.is_object()) check_object(value, schema, where);
  if (value.is_array()) check_array(value, schema, where);
  if (value.is_string()) check_string(value, schema, where);
  if (value.is_number()) check_number(value, schema, where);
}

}  // namespace lowrank::serve
