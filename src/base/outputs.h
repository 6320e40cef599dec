#pragma once

#include <span>
#include <string>

namespace lowrank {

/// A file that a command reads or writes.
struct NamedFile {
  std::string option;  ///< the option that names it, for messages; empty for an argument or a standard stream
  std::string path;    ///< `-` for standard input, or for standard output; empty for none
};

/// Checks that no output is an input or another output, through whatever names and links: writing would destroy it. Files that are not
/// regular, such as terminals and pipes, are none of them. \throws OptionError, FileError
void check_outputs(std::span<const NamedFile> inputs, std::span<const NamedFile> outputs);

}  // namespace lowrank
