#include "base/outputs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/file.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// The file behind a path. A file that does not exist yet is known by its folder and its name there.
struct Identity {
  dev_t device = 0;
  ino_t number = 0;
  std::string name;  ///< of a file that does not exist
  friend bool operator==(const Identity&, const Identity&) = default;
};

std::optional<Identity> identity_of(const std::string& path, int standard) {
  if (path.empty()) return std::nullopt;
  struct stat status {};
  const int found = path == "-" ? ::fstat(standard, &status) : ::stat(path.c_str(), &status);
  if (found == 0) return S_ISREG(status.st_mode) ? std::optional(Identity{status.st_dev, status.st_ino, ""}) : std::nullopt;
  if (path == "-") return std::nullopt;
  const std::string target = follow_links(path);
  if (::stat(folder_of(target).c_str(), &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino, target.substr(target.rfind('/') + 1)};
}

std::string name_of(const NamedFile& file, const char* standard) { return file.path == "-" ? standard : file.path; }

}  // namespace

void check_outputs(std::span<const NamedFile> inputs, std::span<const NamedFile> outputs) {
  for (std::size_t n = 0; n < outputs.size(); ++n) {
    const NamedFile& output = outputs[n];
    const auto written = identity_of(output.path, STDOUT_FILENO);
    if (!written) continue;
    const std::string name = name_of(output, "standard output");
    for (const NamedFile& input : inputs) {
      if (identity_of(input.path, STDIN_FILENO) != written) continue;
      const std::string read = name_of(input, "standard input");
      std::string problem = name;
      if (name == read) {
        problem += " is an input of this command";
      } else {
        (problem += " is the same file as the input ") += read;
      }
      throw OptionError(output.option, problem + "; writing would destroy it");
    }
    for (const NamedFile& other : outputs.first(n)) {
      if (identity_of(other.path, STDOUT_FILENO) != written) continue;
      throw OptionError(output.option, name + " is the same file as " + name_of(other, "standard output") + ", which is also written");
    }
  }
}

}  // namespace lowrank
