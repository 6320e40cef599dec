/// \file
/// Cross-validation.

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>

#include "binding.h"
#include "given_contexts.h"
#include "given_features.h"
#include "lowrank/base/error.h"
#include "lowrank/data/lines.h"
#include "lowrank/pipeline/stream.h"
#include "lowrank/tune/cross_validate.h"
#include "runs.h"

namespace lowrank::python {

namespace {

/// \param contexts, periods, missing, moments  as of situated()
RatingLines lines_from(const Ids& users, const Ids& items, const Column<float>& values, const Times& times, const GivenContexts& contexts,
                       const std::vector<std::string>& periods, const std::vector<std::string>& missing, const Times& moments) {
  RatingLines lines;
  lines.value = copy_of(values);
  if (times) lines.time = copy_of(*times);
  if (users.size() != items.size() || users.size() != lines.value.size() || (times && lines.time.size() != lines.value.size())) {
    throw DataError("users, items, values and times must have equal lengths");
  }
  const WithoutGil free;
  Ids::Numbered numbered_users = users.number();
  Ids::Numbered numbered_items = items.number();
  lines.users = std::move(numbered_users.ids);
  lines.items = std::move(numbered_items.ids);
  lines.user = std::move(numbered_users.numbers);
  lines.item = std::move(numbered_items.numbers);
  lines.all_have_times = times.has_value();
  Situated own = situated(contexts, periods, missing, moments, lines.size());
  lines.situations = std::move(own.situations);
  lines.situation = std::move(own.numbers);
  return lines;
}

/// The lines of a file, what it was taken for, and what was skipped.
std::tuple<RatingLines, std::string, std::string> lines_read(const std::string& path, const nb::dict& reading) {
  ReadOptions options = read_options(reading, 1);
  options.keep_weights = true;
  FileReport report;
  report.fill_from(options);
  const WithoutGil free;
  RatingLines lines = read_lines(path, options);
  return {std::move(lines), std::move(report.layout), std::move(report.skipped)};
}

/// Hands reports to Python.
class FoldObserver : public CrossValidationObserver {
 public:
  FoldObserver(nb::object on_fold, nb::object on_epoch, nb::object on_divergence, nb::object on_warning)
      : on_fold_(std::move(on_fold)), trainings_(std::move(on_epoch), std::move(on_divergence), std::move(on_warning)) {}

  void on_fold(std::uint32_t fold, std::uint32_t folds) override {
    const WithGil gil;
    on_fold_(fold, folds);
  }
  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override { return trainings_.on_epoch(report, model); }
  void on_divergence(const DivergenceReport& report) override { trainings_.on_divergence(report); }
  void on_warning(std::string_view text) override { trainings_.on_warning(with_arguments(std::string(text))); }

 private:
  nb::object on_fold_;
  PythonObserver trainings_;
};

}  // namespace

void bind_tuning(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  nb::class_<RatingLines>(module, "RatingLines", "Ratings in the order of their rows, repeats and all.")
      .def_static("from_columns", &lines_from, "users"_a, "items"_a, "values"_a, "times"_a.none(), "contexts"_a, "periods"_a, "missing"_a,
                  "moments"_a.none())
      .def_static("read", &lines_read, "path"_a, "reading"_a)
      .def("__len__", &RatingLines::size);
  module.def(
      "cross_validate",
      [](const RatingLines& lines, const std::string& method, const OptionTexts& options, const std::string& duplicates, double holdout,
         const std::string& monitor, bool refit, std::optional<float> min_rating, std::optional<float> max_rating, bool clip,
         std::uint32_t folds, const std::string& by, std::uint64_t fold_seed, std::vector<std::size_t> tops,
         std::optional<float> relevant_from, double interval, const std::optional<nb::dict>& search, const GivenFeatures* user_features,
         const GivenFeatures* item_features, int threads, nb::object on_fold, nb::object on_epoch, nb::object on_divergence,
         nb::object on_warning) {
        CrossValidation validation;
        validation.run = run_of(method, options, {holdout, monitor, refit, min_rating, max_rating, clip, false, threads});
        validation.run.read.duplicates = parse_duplicates(duplicates);
        validation.folds = {.folds = folds, .by = parse_split_by(by), .seed = fold_seed};
        validation.tops = std::move(tops);
        validation.relevant_from = relevant_from;
        validation.intervals.level = interval;
        if (search) validation.tune = tune_options(*search);
        FoldObserver observer(std::move(on_fold), std::move(on_epoch), std::move(on_divergence), std::move(on_warning));
        const WithoutGil free;
        std::optional<FeatureSource> users;
        std::optional<FeatureSource> items;
        if (user_features != nullptr) validation.user_features = &user_features->take(lines.users, users);
        if (item_features != nullptr) validation.item_features = &item_features->take(lines.items, items);
        return to_json(cross_validate(lines, validation, observer));
      },
      "lines"_a, "method"_a, "options"_a, "duplicates"_a, "holdout"_a, "monitor"_a, "refit"_a, "min_rating"_a.none(), "max_rating"_a.none(),
      "clip"_a, "folds"_a, "by"_a, "fold_seed"_a, "tops"_a, "relevant_from"_a.none(), "interval"_a, "search"_a.none(),
      "user_features"_a.none(), "item_features"_a.none(), "threads"_a, "on_fold"_a, "on_epoch"_a, "on_divergence"_a, "on_warning"_a,
      "Cross-validates a method. Returns the results as JSON.");
  module.def(
      "evaluate_stream",
      [](const RatingLines& lines, const std::string& method, const OptionTexts& options, const Model* model, double warm,
         std::optional<std::uint32_t> rank, std::vector<std::size_t> tops, std::size_t window, std::uint64_t seed, int threads) {
        StreamOptions stream;
        stream.method = method_with(method, options);
        stream.model = model;
        stream.warm = warm;
        stream.rank = rank;
        stream.tops = std::move(tops);
        stream.window = window;
        stream.seed = seed;
        stream.threads = threads;
        const WithoutGil free;
        return to_json(prequential(lines, stream));
      },
      "lines"_a, "method"_a, "options"_a, "model"_a.none(), "warm"_a, "rank"_a.none(), "tops"_a, "window"_a, "seed"_a, "threads"_a,
      "Predicts and learns every event of a stream. Returns the results as JSON.");
}

}  // namespace lowrank::python
