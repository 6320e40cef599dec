#include "lowrank/model/model.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "binding.h"
#include "lowrank/base/error.h"
#include "lowrank/model/contexts.h"
#include "lowrank/model/model_file.h"
#include "lowrank/model/vectors.h"
#include "lowrank/pipeline/update.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/fold_in_items.h"

namespace lowrank::python {

namespace {

nb::tuple update_of(const Model& model, const Pairs& ratings, const Pairs* removed, const std::vector<std::uint32_t>& forgotten_users,
                    const std::vector<std::uint32_t>& forgotten_items, const std::string& duplicates, const Pairs* history,
                    const NewFeatures* user_features, const NewFeatures* item_features, std::uint32_t sweeps, double max_seconds,
                    double retrain_share, bool retrain, int threads) {
  Updated updated;
  {
    const WithoutGil free;
    UpdateInput input{.ratings = ratings, .forgotten_users = forgotten_users, .forgotten_items = forgotten_items};
    if (removed != nullptr) input.removed = *removed;
    input.duplicates = parse_duplicates(duplicates);
    if (history != nullptr) input.history = *history;
    input.user_features = user_features;
    input.item_features = item_features;
    updated =
        update(model, input,
               {.sweeps = sweeps, .max_seconds = max_seconds, .retrain_share = retrain_share, .retrain = retrain, .threads = threads});
  }
  const std::string summary = to_json(updated.summary);
  return nb::make_tuple(std::move(updated.model), summary);
}

template <class T>
using View = nb::ndarray<nb::numpy, const T>;

/// Rows of factors where they lie; `model` is kept alive by the array.
View<float> view_of(const FactorMatrix& rows, const nb::object& model) {
  return View<float>(rows.data(), {rows.rows(), rows.rank()}, model, {static_cast<std::int64_t>(rows.stride()), 1});
}

template <class T>
View<T> view_of(const std::vector<T>& values, const nb::object& model) {
  return View<T>(values.data(), {values.size()}, model);
}

/// Adds a property that shows a member of the model without a copy.
template <class Member>
void add_view(nb::class_<Model>& type, const char* name, Side Model::*side, Member Side::*member, const char* help) {
  type.def_prop_ro(
      name, [side, member](const nb::object& self) { return view_of(nb::cast<const Model&>(self).*side.*member, self); }, help);
}

template <class Number>
void add_scalar(nb::class_<Model>& type, const char* name, Number Centre::*member) {
  type.def_prop_ro(name, [member](const Model& model) { return model.centre.*member; });
}

VectorOptions vector_options(bool users, bool with_bias) { return {.side = users ? RowsOf::users : RowsOf::items, .with_bias = with_bias}; }

NewArray<float> vectors(const Model& model, bool users, bool with_bias) {
  FactorMatrix rows;
  {
    const WithoutGil free;
    rows = vectors_of(model, vector_options(users, with_bias));
  }
  return array_of(std::move(rows));
}

void write_table(const Model& model, bool users, bool with_bias, char separator, const std::string& path) {
  AtomicFile file(path);
  write_vectors(model, vector_options(users, with_bias), separator, [&](std::string_view text) { file.write(text); });
  file.commit();
}

nb::dict record_of(const Model& model) {
  nb::dict record;
  const TrainingRecord& from = model.record;
  record["method"] = from.method;
  record["options"] = from.options;
  record["seed"] = from.seed;
  record["ratings"] = from.ratings;
  record["epochs"] = from.epochs;
  record["fingerprint"] = from.fingerprint;
  nb::dict metrics;
  for (const Metric& metric : from.metrics) metrics[metric.name.c_str()] = metric.value;
  record["metrics"] = metrics;
  if (from.lineage) {
    nb::dict lineage;
    lineage["updates"] = from.lineage->updates;
    lineage["trained_ratings"] = from.lineage->trained;
    lineage["added"] = from.lineage->added;
    lineage["replaced"] = from.lineage->replaced;
    lineage["removed"] = from.lineage->removed;
    if (!from.lineage->trained_fingerprint.empty()) lineage["trained_fingerprint"] = from.lineage->trained_fingerprint;
    record["lineage"] = lineage;
  }
  return record;
}

}  // namespace

NewArray<float> array_of(FactorMatrix rows) {
  auto owned = std::make_unique<FactorMatrix>(std::move(rows));
  float* const data = owned->data();
  const std::size_t shape[] = {owned->rows(), owned->rank()};
  const std::int64_t strides[] = {static_cast<std::int64_t>(owned->stride()), 1};
  const nb::capsule owner(owned.release(), [](void* matrix) noexcept { delete static_cast<FactorMatrix*>(matrix); });
  return {data, 2, shape, owner, strides};
}

void bind_model(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  nb::class_<Model> type(module, "Model", "A trained factorization. Does not change.");
  add_view(type, "user_factors", &Model::users, &Side::factors, "Users x rank, float32.");
  add_view(type, "item_factors", &Model::items, &Side::factors, "Items x rank, float32.");
  add_view(type, "user_biases", &Model::users, &Side::biases, "One per user, float32.");
  add_view(type, "item_biases", &Model::items, &Side::biases, "One per item, float32.");
  add_view(type, "user_ratings", &Model::users, &Side::counts, "Training ratings of each user; 0 means unknown.");
  add_view(type, "item_ratings", &Model::items, &Side::counts, "Training ratings of each item; 0 means unknown.");
  add_scalar(type, "mean", &Centre::mean);
  add_scalar(type, "rating_mean", &Centre::rating_mean);
  add_scalar(type, "min_rating", &Centre::min_rating);
  add_scalar(type, "max_rating", &Centre::max_rating);
  add_scalar(type, "clips", &Centre::clips);
  type.def_prop_ro("levels", [](const Model& model) -> std::optional<std::vector<float>> {
    if (!model.centre.ordinal) return std::nullopt;
    return model.centre.ordinal->levels;
  });
  type.def_prop_ro(
      "reads_times",
      [](const Model& model) {
        return std::ranges::any_of(model.contexts, [](const ContextVectors& context) { return context.period != Period::none; });
      },
      "Whether scores depend on the time of a rating.");
  type.def_prop_ro(
      "context_columns",
      [](const Model& model) {
        std::vector<std::string> names;
        for (const ContextVectors& context : model.contexts) {
          if (context.period == Period::none) names.push_back(context.name);
        }
        return names;
      },
      "The names of the contexts that are columns of ratings, rather than periods of their times.");
  type.def_prop_ro("has_uncertainty", [](const Model& model) { return model.uncertainty.has_value(); });
  add_scalar(type, "has_biases", &Centre::has_biases);
  add_scalar(type, "predicts_ratings", &Centre::predicts_ratings);
  type.def_prop_ro(
      "neighbours",
      [](const nb::object& self) -> std::optional<nb::tuple> {
        const auto& model = nb::cast<const Model&>(self);
        if (!model.neighbours) return std::nullopt;
        const auto view = [&]<class T>(std::span<const T> values) { return View<T>(values.data(), {values.size()}, self); };
        return nb::make_tuple(view(model.neighbours->weights()), view(model.neighbours->items()), view(model.neighbours->offsets()));
      },
      nb::sig("def neighbours(self) -> tuple[numpy.typing.NDArray[numpy.float32], numpy.typing.NDArray[numpy.uint32], "
              "numpy.typing.NDArray[numpy.uint64]] | None"),
      "Weights between items, their items, and where each item's row starts; None where there are none.");
  type.def_prop_ro("record", &record_of, "Where the model comes from.")
      .def(
          "seen", [](const Model& model, std::uint32_t user) { return array_of(model.history.items_of(user)); }, "user"_a)
      .def(
          "equals", [](const Model& model, const Model& other) { return model == other; }, "other"_a)
      .def(
          "serialize",
          [](const Model& model) {
            std::string bytes;
            {
              const WithoutGil free;
              bytes = serialize_model(model);
            }
            return nb::bytes(bytes.data(), bytes.size());
          },
          "The bytes of the model file.")
      .def_static(
          "deserialize",
          [](const nb::bytes& bytes) {
            const std::string_view view(bytes.c_str(), bytes.size());
            const WithoutGil free;
            return deserialize_model(view);
          },
          "bytes"_a)
      .def(
          "save", [](const Model& model, const std::string& path) { save_model(model, path); }, "path"_a, nb::call_guard<WithoutGil>())
      .def_static(
          "load", [](const std::string& path) { return load_model(path); }, "path"_a, nb::call_guard<WithoutGil>())
      .def("vectors", &vectors, "users"_a, "with_bias"_a, "The rows of one side as vectors for other programs.")
      .def("write_vectors", &write_table, "users"_a, "with_bias"_a, "separator"_a, "path"_a, nb::call_guard<WithoutGil>())
      .def(
          "fold_in",
          [](const Model& model, const Pairs& pairs, int threads, const NewFeatures* features) {
            return fold_in(model, pairs, threads, features);
          },
          "pairs"_a, "threads"_a, "features"_a.none(), nb::call_guard<WithoutGil>())
      .def(
          "fold_in_items",
          [](const Model& model, const Pairs& pairs, int threads, const NewFeatures* features) {
            return fold_in_items(model, pairs, threads, features);
          },
          "pairs"_a, "threads"_a, "features"_a.none(), nb::call_guard<WithoutGil>())
      .def("update", &update_of, "ratings"_a, "removed"_a.none(), "forgotten_users"_a, "forgotten_items"_a, "duplicates"_a,
           "history"_a.none(), "user_features"_a.none(), "item_features"_a.none(), "sweeps"_a, "max_seconds"_a, "retrain_share"_a,
           "retrain"_a, "threads"_a, "The updated model, and the summary as JSON.")
      .def(
          "add_items", [](const Model& model, const NewFeatures& items) { return add_items(model, items); }, "items"_a,
          nb::call_guard<WithoutGil>())
      .def(
          "bind_context", [](const Model& model, const std::vector<ContextValue>& context) { return bind_context(model, context); },
          "context"_a, nb::call_guard<WithoutGil>(), "The model once the context is given.")
      .def(
          "unknown_levels",
          [](const Model& model, const std::vector<ContextValue>& context) { return unknown_levels_text(model, context); }, "context"_a,
          "A sentence on values of contexts that the model does not know; empty for none.")
      .def(
          "add_users", [](const Model& model, const NewFeatures& users) { return add_users(model, users); }, "users"_a,
          nb::call_guard<WithoutGil>());
}

}  // namespace lowrank::python
