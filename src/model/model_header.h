#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/model/model.h"
#include "model/context_section.h"
#include "model/feature_section.h"
#include "model/uncertainty_section.h"

namespace lowrank {

/// The sizes of the priors of rows.
struct RowPriorExtent {
  std::uint64_t user_history = 0;  ///< items, or 0
  std::uint64_t item_history = 0;  ///< users, or 0
  std::uint64_t user_average = 0;  ///< rank + 1, or 0
  std::uint64_t item_average = 0;  ///< likewise
  bool averages = true;            ///< whether there are any tensors of averages: not in the first version of the section
};

/// The sizes that a model's tensors follow from.
struct ModelExtent {
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  std::uint64_t rank = 0;
  std::uint64_t user_id_bytes = 0;
  std::uint64_t item_id_bytes = 0;
  std::uint64_t history_offsets = 0;  ///< users + 1, or 0 for a model without a history
  std::uint64_t history_bytes = 0;
  std::uint64_t history_codes = 0;
  std::uint64_t history_values = 0;
  std::uint64_t neighbour_offsets = 0;  ///< items + 1, or 0 for a model without neighbours
  std::uint64_t neighbour_bytes = 0;
  std::uint64_t neighbour_weights = 0;
  bool history_factors = false;  ///< a factor per item and rank beside the items'
  std::optional<RowPriorExtent> row_priors = {};
  std::optional<FeatureExtent> user_features = {};
  std::optional<FeatureExtent> item_features = {};
  std::optional<UncertaintyExtent> uncertainty = {};
  ContextExtent contexts = {};
};

/// The greatest rank of a model: no method trains a greater one.
inline constexpr std::uint64_t kMaxRank = 4096;

/// Why no model has this rank, or nothing. Work on a model grows with the square of its rank and more: none may claim a rank without the
/// rows that prove it.
std::optional<std::string> rank_problem(std::uint64_t rank, std::uint64_t users, std::uint64_t items);

/// One tensor of a model file.
struct TensorPlace {
  std::string_view name;
  std::string_view dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0;  ///< within the data
  std::uint64_t end = 0;
};

/// The versions of the file format that can be read; files are written in the last.
enum class FormatVersion : std::uint8_t { one = 1, two = 2 };

/// The tensors of a model file in the order of their places, one after another from 0. \throws ModelFileError when a size overflows
std::vector<TensorPlace> tensor_places(const ModelExtent& extent, FormatVersion version = FormatVersion::two);

/// The size of a number of type `dtype` of the safetensors format; 0 for an unknown type.
std::uint64_t bytes_of(std::string_view dtype);
/// The bytes of a tensor. \throws ModelFileError when they overflow
std::uint64_t size_of(std::string_view dtype, const std::vector<std::uint64_t>& shape);

/// A file starts with the header's length, 8 bytes.
inline constexpr std::size_t kLengthBytes = 8;
/// The first characters of the header; the 16 digits of the checksum follow.
inline constexpr std::string_view kHeaderStart = R"({"__metadata__":{"checksum":")";
/// Position of the checksum's digits in the file.
inline constexpr std::size_t kDigitsPosition = kLengthBytes + kHeaderStart.size();
inline constexpr std::size_t kDigits = 16;
/// No header is longer: what lowrank writes has a few thousand bytes.
inline constexpr std::uint64_t kMaxHeaderBytes = 1U << 20U;
/// The data start at a multiple of this.
inline constexpr std::size_t kDataAlignment = 64;

/// The sizes of `model`, whose parts fit together (see model_problem()), without the bytes of its neighbours' rows and of the descriptions
/// of its features.
ModelExtent extent_of(const Model& model);

/// The start of a file up to its data: length, JSON and padding, with zeros for the checksum's digits. \throws Error when it gets too long
std::string make_header(const Model& model, const ModelExtent& extent);

/// What a header says: a model with nothing but its scalars and records, and the sizes of its tensors.
struct ParsedHeader {
  FormatVersion version = FormatVersion::two;
  Model model;
  ModelExtent extent;
  NeighbourRule neighbour_rule;
  std::uint64_t data_bytes = 0;  ///< of all tensors, those of unknown sections included, which come last
  std::string checksum;          ///< its digits
  /// Completes a model of format 1 once its tensors are there; empty for other formats.
  std::function<void(Model&)> complete = {};
};
/// \param json the header without its length. \throws ModelFileError, without the file's name
ParsedHeader parse_header(std::string_view json);

/// Reads the members of format 1 that format 2 has no more: how a new row is solved. \return what completes the model
std::function<void(Model&)> read_row_problem(const std::string& json);

/// Why `model` cannot be written, or not be used once read: parts that do not fit together, numbers that are not finite; nothing when it
/// is sound. O(size of the model)
std::optional<std::string> model_problem(const Model& model);

}  // namespace lowrank
