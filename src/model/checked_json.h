#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lowrank {

/// Throws a ModelFileError.
[[noreturn]] void refuse(const std::string& problem);

/// `text` in double quotes.
std::string in_quotes(std::string_view text);

/// No JSON of a model file is nested deeper.
inline constexpr int kDeepestJson = 4;

/// Parses a JSON object that may come from an enemy: no key twice in an object, no deeper than kDeepestJson.
/// \param what  names the object in messages. \throws ModelFileError
nlohmann::json parse_json(std::string_view text, const std::string& what);

/// The members of a JSON object, each of which must be asked for by name and type, and no more. Every function throws a ModelFileError that
/// names the object and the member.
class Fields {
 public:
  /// \param object  must outlive the fields
  Fields(const nlohmann::json& object, std::string what);

  double number(const char* name);
  /// A number within the range of float32.
  float single(const char* name);
  std::uint64_t count(const char* name);
  bool flag(const char* name);
  const std::string& text(const char* name);
  const nlohmann::json& list(const char* name);
  [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }
  const nlohmann::json& take(const char* name);
  /// Refuses members that nobody asked for.
  void end() const;
  [[nodiscard]] const std::string& what() const { return what_; }

 private:
  [[noreturn]] void wrong(const char* name, const char* expected) const;

  const nlohmann::json& object_;
  std::string what_;
  std::size_t taken_ = 0;
};

}  // namespace lowrank
