// Features of users and items, from tables, matrices and files.

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>
#include <variant>

#include "binding.h"
#include "given_features.h"
#include "lowrank/base/error.h"
#include "lowrank/data/feature_matrix.h"
#include "lowrank/data/feature_source.h"
#include "lowrank/data/feature_table.h"
#include "lowrank/recommend/fold_in.h"

namespace lowrank::python {

namespace {

FeatureSide side_of(bool users) { return users ? FeatureSide::users : FeatureSide::items; }

GivenFeatures from_columns(bool users, const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& columns,
                           const std::string& chosen) {
  const WithoutGil free;
  GivenFeatures given;
  given.source.options = {.side = side_of(users), .columns = chosen};
  given.source.given = make_feature_table(names, columns, given.source.options);
  return given;
}

GivenFeatures from_file(bool users, const std::string& path, const std::string& chosen, const std::string& encoding) {
  GivenFeatures given;
  given.source.options = {.side = side_of(users), .columns = chosen, .encoding = encoding};
  given.path = path;
  return given;
}

/// \param ids  of the rows; empty for their numbers
GivenFeatures from_matrix(bool users, const std::vector<std::string>& ids, const std::vector<std::string>& names,
                          const Column<std::int64_t>& offsets, const Column<std::int64_t>& columns, const Column<float>& values) {
  FeatureMatrix rows;
  Features& features = rows.features;
  for (const std::string& name : names) {
    if (const auto problem = id_problem(name)) throw DataError("features: " + std::string(*problem) + " among the names of columns");
    const std::uint32_t before = features.description.size();
    if (features.description.names.add(name) != before) throw DataError("features: two columns are called \"" + name + "\"");
  }
  for (const std::string& id : ids) {
    if (const auto problem = id_problem(id)) throw DataError("features: " + std::string(*problem));
    const std::uint32_t before = rows.ids.size();
    if (rows.ids.add(id) != before) throw DataError("features: the id \"" + id + "\" has two rows");
  }
  features.offsets.assign(offsets.data(), offsets.data() + offsets.size());
  for (std::size_t n = 0; n < columns.size(); ++n) {
    if (columns.data()[n] < 0 || columns.data()[n] >= static_cast<std::int64_t>(names.size()))
      throw DataError("features: a column is out of range");
    features.columns.push_back(static_cast<std::uint32_t>(columns.data()[n]));
  }
  features.values = copy_of(values);
  if (ids.empty()) {
    for (std::uint32_t row = 0; row < features.rows(); ++row) rows.ids.add(std::to_string(row));
  }
  GivenFeatures given;
  given.source.options.side = side_of(users);
  given.source.given = std::move(rows);
  return given;
}

/// The features in the numbering of the data, whose ids they may add to, and what was taken for what.
std::tuple<Features, std::string> learn(const GivenFeatures& given, Dataset& data) {
  const WithoutGil free;
  Vocabulary& ids = given.side() == FeatureSide::users ? data.users : data.items;
  std::string summary;
  std::optional<FeatureSource> read;
  const FeatureSource& source = given.take(ids, read);
  Features features;
  if (const auto* table = std::get_if<FeatureTable>(&source.given)) {
    FeatureReadOptions options = source.options;
    options.on_summary = [&](const std::string& text) { summary = text; };
    features = learn_features(*table, ids, options);
  } else {
    features = learn_features(source, ids);
  }
  data.ratings.extend(data.users.size(), data.items.size());
  return {std::move(features), std::move(summary)};
}

/// The features in the columns of a model, and what they have that those do not.
std::tuple<NewFeatures, std::string> apply(const GivenFeatures& given, const Model& model) {
  const WithoutGil free;
  FeatureGaps gaps;
  NewFeatures rows;
  if (!given.path.empty()) {
    rows = read_new_features(given.path, given.side(), model, given.source.options.encoding, gaps);
  } else if (const auto* table = std::get_if<FeatureTable>(&given.source.given)) {
    rows = new_features(*table, given.side(), model, gaps);
  } else {
    const auto& matrix = std::get<FeatureMatrix>(given.source.given);
    rows = {.ids = matrix.ids, .features = arrange_columns(matrix.features, description_of(given.side(), model), gaps)};
  }
  return {std::move(rows), gaps_text(gaps, given.path)};
}

}  // namespace

void bind_features(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  const nb::class_<Features> features(module, "Features", "Features in the numbering of a data set.");
  const nb::class_<NewFeatures> rows(module, "NewFeatures", "Ids and their features in the columns of a model.");
  nb::class_<GivenFeatures>(module, "FeatureSource", "Features as they were given, before they have columns.")
      .def_static("from_columns", &from_columns, "users"_a, "names"_a, "columns"_a, "chosen"_a)
      .def_static("from_matrix", &from_matrix, "users"_a, "ids"_a, "names"_a, "offsets"_a, "columns"_a, "values"_a)
      .def_static("from_file", &from_file, "users"_a, "path"_a, "chosen"_a, "encoding"_a)
      .def("learn", &learn, "data"_a, "The features and a summary. Adds to the ids of the data.")
      .def("apply", &apply, "model"_a, "The features in the columns of a model, and a warning or nothing.");
}

}  // namespace lowrank::python
