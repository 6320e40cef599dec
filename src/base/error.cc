#include "lowrank/base/error.h"

#include <utility>

namespace lowrank {

namespace {

/// Stands on both sides of an option's name in a message: no text of a user holds it, for control characters are quoted.
constexpr char kMark = '\x1f';

/// The message with what `spell` makes of each option.
template <class Spell>
std::string spelled(std::string_view message, const Spell& spell) {
  std::string text;
  while (true) {
    const std::size_t begin = message.find(kMark);
    const std::size_t end = begin == std::string_view::npos ? begin : message.find(kMark, begin + 1);
    if (end == std::string_view::npos) return text.append(message);
    text.append(message.substr(0, begin)).append(spell(message.substr(begin + 1, end - begin - 1)));
    message.remove_prefix(end + 1);
  }
}

}  // namespace

std::string_view name_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::other:
      break;
    case ErrorKind::data:
      return "DataError";
    case ErrorKind::file:
      return "FileError";
    case ErrorKind::option:
      return "OptionError";
    case ErrorKind::unknown_id:
      return "UnknownIdError";
    case ErrorKind::model_file:
      return "ModelFileError";
    case ErrorKind::memory:
      return "MemoryError";
    case ErrorKind::training:
      return "TrainingError";
  }
  return "Error";
}

std::string mention(std::string_view option) { return kMark + std::string(option) + kMark; }

Error::Error(ErrorKind kind, const std::string& message)
    : std::runtime_error(spelled(message, [](std::string_view option) { return option; })),
      kind_(kind),
      message_(std::make_shared<const std::string>(message)) {}

std::string Error::message(const std::function<std::string(std::string_view option)>& spell) const { return spelled(*message_, spell); }

DataError::DataError(const std::string& source, std::size_t line, const std::string& problem)
    : DataError(source + ":" + std::to_string(line) + ": " + problem) {}

OptionError::OptionError(std::string option, const std::string& problem)
    : Error(ErrorKind::option, option.empty() ? problem : mention(option) + ": " + problem), option_(option.substr(0, option.find('='))) {}

}  // namespace lowrank
