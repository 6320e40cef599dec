#pragma once

/// \file
/// A model as the bytes of its file.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "lowrank/model/model.h"

namespace lowrank {

/// Bytes of a file that are handed over, or read, at once.
constexpr std::size_t kModelPiece = std::size_t{1} << 18U;

/// Told the size of the file in bytes before anything is handed over.
using ModelBegin = std::function<void(std::uint64_t size)>;
/// Gets the bytes of a file piece by piece.
using ModelSink = std::function<void(std::string_view bytes)>;

/// Hands over the bytes of a model's file. Walks the tensors twice, first for their checksum, which the file has in front of them.
/// \throws Error where the model is not sound
void write_model(const Model& model, const ModelBegin& begin, const ModelSink& sink);

}  // namespace lowrank
