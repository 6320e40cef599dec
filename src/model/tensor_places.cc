#include <algorithm>
#include <map>

#include "model/checked_json.h"
#include "model/model_header.h"

namespace lowrank {

namespace {

/// The tensors of a side's features. Their section is optional, so that they come after all that a reader who does not know them reads.
void add_feature_places(bool users, const FeatureExtent& extent, std::uint64_t rows, std::uint64_t rank, std::vector<TensorPlace>& places) {
  const auto name = [users](const char* of_users, const char* of_items) { return std::string_view(users ? of_users : of_items); };
  places.insert(places.end(), {{name("user_features.factors", "item_features.factors"), "F32", {extent.columns, rank}},
                               {name("user_features.biases", "item_features.biases"), "F32", {extent.columns}},
                               {name("user_features.mean", "item_features.mean"), "F32", {extent.mean}},
                               {name("user_features.name_offsets", "item_features.name_offsets"), "I64", {extent.columns + 1}},
                               {name("user_features.counts", "item_features.counts"), "I64", {extent.columns}},
                               {name("user_features.names", "item_features.names"), "U8", {extent.name_bytes}},
                               {name("user_features.rows", "item_features.rows"), "U8", {rows}},
                               {name("user_features.description", "item_features.description"), "U8", {extent.description_bytes}}});
}

}  // namespace

std::uint64_t bytes_of(std::string_view dtype) {
  static const std::map<std::string_view, std::uint64_t> sizes{{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                                                               {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                                                               {"U32", 4},  {"F32", 4}, {"I64", 8}, {"U64", 8},     {"F64", 8}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

std::uint64_t size_of(std::string_view dtype, const std::vector<std::uint64_t>& shape) {
  std::uint64_t size = bytes_of(dtype);
  for (const std::uint64_t dimension : shape) {
    if (__builtin_mul_overflow(size, dimension, &size)) refuse("the header claims sizes that no file can have");
  }
  return size;
}

std::vector<TensorPlace> tensor_places(const ModelExtent& extent, FormatVersion version) {
  const std::uint64_t users = extent.users;
  const std::uint64_t items = extent.items;
  std::vector<TensorPlace> places{{"user_factors", "F32", {users, extent.rank}},
                                  {"item_factors", "F32", {items, extent.rank}},
                                  {"user_biases", "F32", {users}},
                                  {"item_biases", "F32", {items}},
                                  {"user_id_offsets", "I64", {users + 1}},
                                  {"item_id_offsets", "I64", {items + 1}},
                                  {"user_ratings", "I64", {users}},
                                  {"item_ratings", "I64", {items}}};
  const TensorPlace user_ids{"user_ids", "U8", {extent.user_id_bytes}};
  const TensorPlace item_ids{"item_ids", "U8", {extent.item_id_bytes}};
  if (version == FormatVersion::one) {
    places.insert(places.end(),
                  {{"seen_offsets", "I64", {extent.history_offsets}}, user_ids, item_ids, {"seen_items", "U8", {extent.history_bytes}}});
  } else {
    // Floats come first, then integers, then bytes.
    places.insert(places.begin() + 4, {"history.values", "F32", {extent.history_values}});
    places.insert(places.end(), {{"history.offsets", "I64", {extent.history_offsets}},
                                 user_ids,
                                 item_ids,
                                 {"history.items", "U8", {extent.history_bytes}},
                                 {"history.codes", "U8", {extent.history_codes}}});
    const auto before = [&](std::string_view name) { return std::ranges::find(places, name, &TensorPlace::name); };
    if (extent.history_factors) places.insert(before("user_biases"), {"history_factors.items", "F32", {items, extent.rank}});
    if (extent.row_priors) {
      const std::uint64_t size = extent.rank + 1;
      places.insert(before("user_biases"), {{"row_priors.user_precision", "F32", {size, size}},
                                            {"row_priors.item_precision", "F32", {size, size}},
                                            {"row_priors.user_history", "F32", {extent.row_priors->user_history, size}},
                                            {"row_priors.item_history", "F32", {extent.row_priors->item_history, size}}});
      if (extent.row_priors->averages) {
        places.insert(before("user_biases"), {{"row_priors.user_average", "F32", {extent.row_priors->user_average}},
                                              {"row_priors.item_average", "F32", {extent.row_priors->item_average}}});
      }
    }
    if (extent.neighbour_offsets != 0) {
      places.insert(before("user_id_offsets"), {"neighbours.weights", "F32", {extent.neighbour_weights}});
      places.insert(before("user_ids"), {"neighbours.offsets", "I64", {extent.neighbour_offsets}});
      places.push_back({"neighbours.items", "U8", {extent.neighbour_bytes}});
    }
  }
  if (extent.user_features) add_feature_places(true, *extent.user_features, users, extent.rank, places);
  if (extent.item_features) add_feature_places(false, *extent.item_features, items, extent.rank, places);
  if (extent.uncertainty) {
    places.insert(places.end(), {{"uncertainty.user_factors", "F32", {users + 1, extent.rank}},
                                 {"uncertainty.item_factors", "F32", {items + 1, extent.rank}},
                                 {"uncertainty.user_biases", "F32", {users + 1}},
                                 {"uncertainty.item_biases", "F32", {items + 1}},
                                 {"uncertainty.user_noise", "F32", {extent.uncertainty->user_noise}},
                                 {"uncertainty.item_noise", "F32", {extent.uncertainty->item_noise}},
                                 {"uncertainty.quantiles", "F32", {extent.uncertainty->quantiles}}});
  }
  if (extent.contexts.count != 0) {
    const std::uint64_t levels = extent.contexts.levels;
    places.insert(places.end(), {{"contexts.user_factors", "F32", {levels, extent.rank}},
                                 {"contexts.item_factors", "F32", {levels, extent.rank}},
                                 {"contexts.biases", "F32", {levels}},
                                 {"contexts.first_levels", "I64", {extent.contexts.count + 1}},
                                 {"contexts.level_offsets", "I64", {levels + 1}},
                                 {"contexts.counts", "I64", {levels}},
                                 {"contexts.levels", "U8", {extent.contexts.level_bytes}}});
  }
  if (extent.contexts.has_parts()) {
    const ContextExtent& contexts = extent.contexts;
    const auto before = std::ranges::find(places, "contexts.first_levels", &TensorPlace::name);
    places.insert(before, {{"contexts.scales", "F32", {contexts.scales, extent.rank}},
                           {"contexts.user_bias_values", "F32", {contexts.user_biases}},
                           {"contexts.item_bias_values", "F32", {contexts.item_biases}}});
    places.insert(std::ranges::find(places, "contexts.levels", &TensorPlace::name),
                  {{"contexts.user_bias_offsets", "I64", {contexts.with(&ContextParts::user_biases), users + 1}},
                   {"contexts.item_bias_offsets", "I64", {contexts.with(&ContextParts::item_biases), items + 1}},
                   {"contexts.user_bias_levels", "I64", {contexts.user_biases}},
                   {"contexts.item_bias_levels", "I64", {contexts.item_biases}}});
  }
  std::uint64_t next = 0;
  for (TensorPlace& place : places) {
    place.begin = next;
    if (__builtin_add_overflow(next, size_of(place.dtype, place.shape), &next)) refuse("the header claims sizes that no file can have");
    place.end = next;
  }
  return places;
}

}  // namespace lowrank
