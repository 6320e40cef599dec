#pragma once

/// \file
/// The model file: safetensors layout, described byte by byte in docs/model-file.md.

#include <string>
#include <string_view>

#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Writes `model` to `path`: beside it, synced, and renamed, so that a killed run leaves the old file or none. Any safetensors reader opens
/// the result. A symbolic link is followed; an existing target that is no regular file is refused.
/// The bytes depend on the model alone. \throws FileError; Error when parts of the model do not fit together or are not finite
void save_model(const Model& model, const std::string& path);

/// Reads a model file written by this or an earlier version. Every length, offset, shape, checksum and index is checked before anything is
/// allocated by its word. \throws FileError when it cannot be read; ModelFileError when it is not a sound model file
Model load_model(const std::string& path);

/// The bytes of a model file, and a model from such bytes; what save_model and load_model do, without a file.
/// \param name stands for the file's name in messages
std::string serialize_model(const Model& model);
Model deserialize_model(std::string_view bytes, const std::string& name = "<memory>");

}  // namespace lowrank
