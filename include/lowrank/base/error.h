#pragma once

/// \file
/// The errors that lowrank throws. Every error that input, options, files or lack of memory can cause has one of these types, and a message
/// of one plain sentence that names the place: `ratings.csv:17: expected a number, found "abc"`. A door (the command line, the bindings,
/// the service) catches `lowrank::Error` once and translates it; the library never prints or exits.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// The types below: a door switches over them without a default, so that the compiler names the door that a new type was not told to.
enum class ErrorKind : std::uint8_t { other, data, file, option, unknown_id, model_file, memory, training };
/// Number of kinds.
inline constexpr std::size_t kErrorKinds = 8;
/// The name of the type: `DataError`; `Error` for `other`.
std::string_view name_of(ErrorKind kind) noexcept;

/// The option called `option` (the name of its C++ member, `learning_rate`) as part of a message; each door spells it its own way.
std::string mention(std::string_view option);

/// Base of every error that the library throws on purpose.
class Error : public std::runtime_error {
 public:
  /// \param message  one sentence, with options by mention(). what() is that sentence with options as C++ and Python spell them
  explicit Error(const std::string& message) : Error(ErrorKind::other, message) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  /// The sentence with every option as `spell` writes it.
  [[nodiscard]] std::string message(const std::function<std::string(std::string_view option)>& spell) const;

 protected:
  Error(ErrorKind kind, const std::string& message);

 private:
  ErrorKind kind_;
  std::shared_ptr<const std::string> message_;
};

/// The content of some input is wrong: a malformed line, a value out of range, a file without ratings.
/// The message starts with `file:line: ` if both are known.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(ErrorKind::data, message) {}
  /// \param source  name of the file, or `<stdin>`
  /// \param line    1-based line number
  /// \param problem the fault, e.g. `expected a number, found "abc"`
  DataError(const std::string& source, std::size_t line, const std::string& problem);
};

/// The operating system refused a file: it cannot be opened, read, written, synced or renamed.
class FileError : public Error {
 public:
  explicit FileError(const std::string& message) : Error(ErrorKind::file, message) {}
};

/// An option is unknown, out of range, or not an option of the chosen method.
class OptionError : public Error {
 public:
  /// \param option   the option's name as the C++ member and Python spell it, e.g. `learning_rate`; may be empty
  /// \param problem  the rest of the sentence, e.g. `must be at least 0, got -1`
  OptionError(std::string option, const std::string& problem);
  /// The option's name, without dashes in front.
  [[nodiscard]] const std::string& option() const noexcept { return option_; }

 private:
  std::string option_;
};

/// A requested id is not in the model or vocabulary.
class UnknownIdError : public Error {
 public:
  explicit UnknownIdError(const std::string& message) : Error(ErrorKind::unknown_id, message) {}
};

/// A model file is truncated, altered or hostile, or not a model file. The message starts with the name of the file.
class ModelFileError : public Error {
 public:
  explicit ModelFileError(const std::string& message) : Error(ErrorKind::model_file, message) {}
};

/// A run would need more memory than is available. The message says how much, and what would fit.
class MemoryError : public Error {
 public:
  explicit MemoryError(const std::string& message) : Error(ErrorKind::memory, message) {}
};

/// Training cannot produce a finite model from this data with these options; the message suggests what to change.
class TrainingError : public Error {
 public:
  explicit TrainingError(const std::string& message) : Error(ErrorKind::training, message) {}
};

}  // namespace lowrank
