#pragma once

/// \file
/// The errors that lowrank throws. Every error that input, options, files or lack of memory can cause has one of these types, and a message
/// of one plain sentence that names the place: `ratings.csv:17: expected a number, found "abc"`. A door (the command line, the bindings,
/// the service) catches `lowrank::Error` once and translates it; the library never prints or exits.

#include <cstddef>
#include <stdexcept>
#include <string>

namespace lowrank {

/// Base of all errors that the library throws on purpose. `what()` is the whole message.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The content of some input is wrong: a malformed line, a value out of range, a file without ratings.
/// The message starts with `file:line: ` if both are known.
class DataError : public Error {
 public:
  using Error::Error;
  /// \param source  name of the file, or `<stdin>`
  /// \param line    1-based line number
  /// \param problem the fault, e.g. `expected a number, found "abc"`
  DataError(const std::string& source, std::size_t line, const std::string& problem);
};

/// The operating system refused a file: it cannot be opened, read, written, synced or renamed.
class FileError : public Error {
 public:
  using Error::Error;
};

/// An option is unknown, out of range, or not an option of the chosen method.
class OptionError : public Error {
 public:
  /// \param option  the option's name as the C++ member and Python spell it, e.g. `learning_rate`; may be empty
  /// \param problem the rest of the sentence, e.g. `must be at least 0, got -1`
  OptionError(std::string option, const std::string& problem);
  /// The option's name, without dashes in front.
  [[nodiscard]] const std::string& option() const noexcept { return option_; }

 private:
  std::string option_;
};

/// A requested id is not in the model or vocabulary.
class UnknownIdError : public Error {
 public:
  using Error::Error;
};

/// A model file is truncated, altered or hostile, or not a model file. The message starts with the name of the file.
class ModelFileError : public Error {
 public:
  using Error::Error;
};

/// A run would need more memory than is available. The message says how much, and what would fit.
class MemoryError : public Error {
 public:
  using Error::Error;
};

/// Training cannot produce a finite model from this data with these options; the message suggests what to change.
class TrainingError : public Error {
 public:
  using Error::Error;
};

}  // namespace lowrank
