#include "model/checked_json.h"

#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank {

using nlohmann::json;

void refuse(const std::string& problem) { throw ModelFileError(problem); }

std::string in_quotes(std::string_view text) { return std::string(1, '"').append(text).append(1, '"'); }

json parse_json(std::string_view text, const std::string& what) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kDeepestJson) refuse(what + " is nested too deeply");
    if (event == json::parse_event_t::object_start) keys.resize(static_cast<std::size_t>(depth) + 1);
    if (event == json::parse_event_t::object_start) keys.back().clear();
    if (event == json::parse_event_t::key && !keys[static_cast<std::size_t>(depth) - 1].insert(value.get<std::string>()).second) {
      refuse(what + " has the key " + value.dump() + " twice");
    }
    return true;
  };
  json result = json::parse(text, watch, false);
  if (!result.is_object()) refuse(what + " is not a JSON object");
  return result;
}

Fields::Fields(const json& object, std::string what) : object_(object), what_(std::move(what)) {
  if (!object.is_object()) refuse(what_ + " is not a JSON object");
}

double Fields::number(const char* name) {
  const json& value = take(name);
  if (!value.is_number()) wrong(name, "a number");
  return value.get<double>();
}

float Fields::single(const char* name) {
  const double value = number(name);
  if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()))) wrong(name, "a float32 number");
  return static_cast<float>(value);
}

std::uint64_t Fields::count(const char* name) {
  const json& value = take(name);
  if (!value.is_number_unsigned()) wrong(name, "a count");
  return value.get<std::uint64_t>();
}

bool Fields::flag(const char* name) {
  const json& value = take(name);
  if (!value.is_boolean()) wrong(name, "true or false");
  return value.get<bool>();
}

const std::string& Fields::text(const char* name) {
  const json& value = take(name);
  if (!value.is_string()) wrong(name, "a string");
  return value.get_ref<const std::string&>();
}

const json& Fields::list(const char* name) {
  const json& value = take(name);
  if (!value.is_array()) wrong(name, "a list");
  return value;
}

const json& Fields::take(const char* name) {
  const auto found = object_.find(name);
  if (found == object_.end()) refuse(what_ + " lacks " + in_quotes(name));
  ++taken_;
  return *found;
}

void Fields::end() const {
  if (taken_ != object_.size()) refuse(what_ + " has members that do not belong there");
}

void Fields::wrong(const char* name, const char* expected) const { refuse(what_ + ": " + in_quotes(name) + " is not " + expected); }

}  // namespace lowrank
