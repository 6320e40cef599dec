#include "model/model_write.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"
#include "model/checksum.h"
#include "model/model_header.h"
#include "model/neighbours_code.h"

namespace lowrank {

namespace {

using Sink = ModelSink;

template <class T>
std::string_view as_bytes(const T* values, std::size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(T)};
}

template <class T>
std::string_view as_bytes(std::span<const T> values) {
  return as_bytes(values.data(), values.size());
}

void emit(const FactorMatrix& matrix, const Sink& sink) {
  if (matrix.rank() == matrix.stride()) {
    sink(as_bytes(matrix.data(), matrix.rows() * matrix.rank()));
    return;
  }
  std::string packed;
  packed.reserve(kModelPiece + matrix.rank() * sizeof(float));
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    packed += as_bytes(matrix.row(row));
    if (packed.size() >= kModelPiece) {
      sink(packed);
      packed.clear();
    }
  }
  sink(packed);
}

void emit(const std::vector<std::uint32_t>& counts, const Sink& sink) {
  std::array<std::int64_t, 4096> wide{};
  for (std::size_t begin = 0; begin < counts.size(); begin += wide.size()) {
    const std::size_t size = std::min(wide.size(), counts.size() - begin);
    std::copy_n(counts.begin() + static_cast<std::ptrdiff_t>(begin), size, wide.begin());
    sink(as_bytes(wide.data(), size));
  }
}

/// Parts of a model in their encoded form, which must exist before the first byte is written.
struct Encoded {
  CodedRows neighbours;  ///< the rows of the model's neighbours
  std::string user_features;
  std::string item_features;  ///< descriptions
};

void emit(const FeatureVectors& features, std::string_view description, const Sink& sink) {
  emit(features.factors, sink);
  sink(as_bytes(std::span<const float>(features.biases)));
  if (!features.mean.empty() || features.mean_bias != 0) {
    std::vector<float> mean = features.mean;
    mean.resize(features.factors.rank());
    mean.push_back(features.mean_bias);
    sink(as_bytes(std::span<const float>(mean)));
  }
  sink(as_bytes(features.description.names.offsets()));
  emit(features.counts, sink);
  sink(features.description.names.characters());
  sink(as_bytes(std::span<const std::uint8_t>(features.rows)));
  sink(description);
}

void emit(const Uncertainty& uncertainty, const Sink& sink) {
  const std::array<const RowVariances*, 2> sides{&uncertainty.users, &uncertainty.items};
  for (const RowVariances* side : sides) emit(side->factors, sink);
  for (const RowVariances* side : sides) sink(as_bytes(std::span<const float>(side->biases)));
  for (const RowVariances* side : sides) sink(as_bytes(std::span<const float>(side->noise)));
  sink(as_bytes(std::span<const float>(uncertainty.quantiles)));
}

void emit(const std::vector<ContextVectors>& contexts, const Sink& sink) {
  for (const ContextVectors& context : contexts) emit(context.user_factors, sink);
  for (const ContextVectors& context : contexts) emit(context.item_factors, sink);
  for (const ContextVectors& context : contexts) sink(as_bytes(std::span<const float>(context.biases)));
  const bool has_parts = context_extent(contexts).has_parts();
  if (has_parts) {
    for (const ContextVectors& context : contexts) emit(context.scales, sink);
    for (const ContextVectors& context : contexts) sink(as_bytes(std::span<const float>(context.user_biases.values)));
    for (const ContextVectors& context : contexts) sink(as_bytes(std::span<const float>(context.item_biases.values)));
  }
  // The levels of all contexts are numbered, and their characters placed, one after another.
  std::vector<std::uint64_t> first_levels{0};
  std::vector<std::uint64_t> offsets{0};
  for (const ContextVectors& context : contexts) {
    first_levels.push_back(first_levels.back() + context.levels.size());
    const std::uint64_t before = offsets.back();
    for (const std::uint64_t offset : context.levels.offsets().subspan(1)) offsets.push_back(before + offset);
  }
  sink(as_bytes(std::span<const std::uint64_t>(first_levels)));
  sink(as_bytes(std::span<const std::uint64_t>(offsets)));
  for (const ContextVectors& context : contexts) emit(context.counts, sink);
  if (has_parts) {
    for (const ContextVectors& context : contexts) sink(as_bytes(std::span<const std::uint64_t>(context.user_biases.offsets)));
    for (const ContextVectors& context : contexts) sink(as_bytes(std::span<const std::uint64_t>(context.item_biases.offsets)));
    for (const ContextVectors& context : contexts) emit(context.user_biases.levels, sink);
    for (const ContextVectors& context : contexts) emit(context.item_biases.levels, sink);
  }
  for (const ContextVectors& context : contexts) sink(context.levels.characters());
}

/// Hands over the bytes of all tensors in the order of tensor_places().
void emit_tensors(const Model& model, const Encoded& encoded, const Sink& sink) {
  const CodedRows& neighbours = encoded.neighbours;
  emit(model.users.factors, sink);
  emit(model.items.factors, sink);
  emit(model.history_factors, sink);
  if (std::holds_alternative<PosteriorMean>(model.fold_in)) {
    for (const Side* side : {&model.users, &model.items}) emit(side->prior->precision, sink);
    for (const Side* side : {&model.users, &model.items}) emit(side->prior->history, sink);
    for (const Side* side : {&model.users, &model.items}) sink(as_bytes(std::span<const float>(side->prior->average)));
  }
  sink(as_bytes(std::span<const float>(model.users.biases)));
  sink(as_bytes(std::span<const float>(model.items.biases)));
  sink(as_bytes(model.history.values()));
  if (model.neighbours) sink(as_bytes(model.neighbours->weights()));
  sink(as_bytes(model.users.ids.offsets()));
  sink(as_bytes(model.items.ids.offsets()));
  emit(model.users.counts, sink);
  emit(model.items.counts, sink);
  sink(as_bytes(model.history.offsets()));
  sink(as_bytes(std::span<const std::uint64_t>(neighbours.offsets)));
  sink(model.users.ids.characters());
  sink(model.items.ids.characters());
  sink(as_bytes(model.history.bytes()));
  sink(as_bytes(model.history.codes()));
  sink(as_bytes(std::span<const std::uint8_t>(neighbours.bytes)));
  if (model.users.features) emit(*model.users.features, encoded.user_features, sink);
  if (model.items.features) emit(*model.items.features, encoded.item_features, sink);
  if (model.uncertainty) emit(*model.uncertainty, sink);
  if (!model.contexts.empty()) emit(model.contexts, sink);
}

}  // namespace

void write_model(const Model& model, const ModelBegin& begin, const ModelSink& sink) {
  if (const auto problem = model_problem(model)) throw Error("cannot write the model: " + *problem);
  Encoded encoded;
  if (model.neighbours) encoded.neighbours = encode_rows(*model.neighbours);
  if (model.users.features) encoded.user_features = description_text(model.users.features->description);
  if (model.items.features) encoded.item_features = description_text(model.items.features->description);
  ModelExtent extent = extent_of(model);
  extent.neighbour_bytes = encoded.neighbours.bytes.size();
  if (extent.user_features) extent.user_features->description_bytes = encoded.user_features.size();
  if (extent.item_features) extent.item_features->description_bytes = encoded.item_features.size();
  std::string header = make_header(model, extent);
  Checksum checksum;
  checksum.update(header);
  emit_tensors(model, encoded, [&](std::string_view bytes) { checksum.update(bytes); });
  header.replace(kDigitsPosition, kDigits, hex_digits(checksum.value()));
  begin(header.size() + tensor_places(extent).back().end);
  sink(header);
  emit_tensors(model, encoded, sink);
}

}  // namespace lowrank
