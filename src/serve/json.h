#pragma once

/// \file
/// JSON as the service writes and reads it.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>

namespace lowrank::serve {

/// Appends a JSON string. Ids and titles are valid UTF-8; what is not is replaced. O(length)
void append_string(std::string& text, std::string_view value);
/// Appends a number in the fewest digits that read back as the same value; null where it is not finite.
void append_number(std::string& text, double value);
void append_number(std::string& text, float value);
void append_number(std::string& text, std::uint64_t value);
void append_number(std::string& text, std::int64_t value);
inline void append_number(std::string& text, std::uint32_t value) { append_number(text, std::uint64_t{value}); }

/// Writes one document into a string, which answers are made of without a tree in between. Commas follow from the calls.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& text) : text_(text) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  /// \param name  a name of ours, which needs no escape
  JsonWriter& key(std::string_view name) {
    separate();
    text_.append("\"").append(name).append("\":");
    fresh_ = true;
    return *this;
  }
  JsonWriter& string(std::string_view value) {
    separate();
    append_string(text_, value);
    return *this;
  }
  template <class Number>
  JsonWriter& number(Number value) {
    separate();
    append_number(text_, value);
    return *this;
  }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// A document that is written already.
  JsonWriter& raw(std::string_view json) {
    separate();
    text_.append(json);
    return *this;
  }

  /// \name Members
  /// \{
  JsonWriter& member(std::string_view name, std::string_view value) { return key(name).string(value); }
  JsonWriter& member(std::string_view name, const char* value) { return key(name).string(value); }
  JsonWriter& member(std::string_view name, bool value) { return key(name).boolean(value); }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  JsonWriter& member(std::string_view name, Number value) {
    return key(name).number(value);
  }
  /// \}

 private:
  void separate() {
    if (!fresh_) text_ += ',';
    fresh_ = false;
  }
  JsonWriter& open(char bracket) {
    separate();
    text_ += bracket;
    fresh_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_ += bracket;
    fresh_ = false;
    return *this;
  }

  std::string& text_;
  bool fresh_ = true;  ///< no comma is due
};

using Json = nlohmann::json;

/// Depth of nesting that is read.
inline constexpr std::size_t kMostDepth = 32;

/// Reads a document. \throws Problem(400) where it is none, or nests deeper than kMostDepth
Json parse_json(std::string_view text);

/// Checks a value against the part of JSON Schema that the service's bodies need: type, enum, properties, required,
/// additionalProperties false, items, minItems, maxItems, minimum, maximum, minLength, maxLength, oneOf. \param where  name of the value in
/// messages \throws Problem(400)
void check_schema(const Json& value, const Json& schema, const std::string& where);

}  // namespace lowrank::serve
