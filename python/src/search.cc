/// \file
/// Search over options.

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "binding.h"
#include "lowrank/tune/tune.h"
#include "runs.h"

namespace lowrank::python {

namespace {

nb::dict run_of(const TuneRun& run) {
  nb::dict dict;
  dict["trial"] = run.trial;
  dict["method"] = run.method;
  dict["options"] = run.options;
  dict["epochs"] = run.epochs;
  dict["full"] = run.full;
  dict["split"] = run.split;
  dict["figure"] = run.figure ? nb::object(nb::float_(*run.figure)) : nb::none();
  dict["best_epoch"] = run.best_epoch;
  dict["problem"] = run.problem;
  return dict;
}

/// Hands reports to Python.
class SearchObserver : public TuneObserver {
 public:
  SearchObserver(nb::object on_run, nb::object on_warning) : on_run_(std::move(on_run)), on_warning_(std::move(on_warning)) {}

  void on_run(const TuneRun& run, const TuneRun* best, double done) override {
    const WithGil gil;
    on_run_(run_of(run), best == nullptr ? nb::object(nb::none()) : nb::object(nb::float_(*best->figure)), done);
  }
  void on_warning(std::string_view text) override {
    const WithGil gil;
    on_warning_(with_arguments(std::string(text)));
  }

 private:
  nb::object on_run_;
  nb::object on_warning_;
};

/// Methods by name, with the options that they start from.
using MethodTexts = std::vector<std::pair<std::string, OptionTexts>>;

void take_methods(const MethodTexts& methods, TuneOptions& options) {
  for (const auto& [name, texts] : methods) {
    Method method = method_by_name(name);
    for (const auto& [option, text] : texts) set_option(method, option, text);
    options.methods.push_back(method);
  }
}

/// \param features  of users and of items, or null
nb::tuple tuned(Dataset& data, const MethodTexts& methods, TuneOptions options, const std::optional<Pairs>& validation,
                std::pair<const Features*, const Features*> features, nb::object on_run, nb::object on_warning) {
  take_methods(methods, options);
  SearchObserver observer(std::move(on_run), std::move(on_warning));
  TrainData given;
  given.data = std::move(data);
  given.validation = validation;
  if (features.first != nullptr) given.user_features = *features.first;
  if (features.second != nullptr) given.item_features = *features.second;
  data = Dataset();
  Model model;
  TuneSummary summary;
  {
    const WithoutGil free;
    // Ctrl-C is the exception that Python makes of it: nothing is trained with the best so far.
    summary = tune(
        std::move(given), options, "", observer,
        [] {
          check_signals();
          return false;
        },
        &model);
  }
  nb::list runs;
  for (const TuneRun& run : summary.result.history) runs.append(run_of(run));
  return nb::make_tuple(std::move(model), to_json(summary), runs);
}

}  // namespace

TuneOptions tune_options(const nb::dict& search) {
  TuneOptions options;
  options.methods.clear();
  options.fixed = nb::cast<std::vector<std::string>>(search["fixed"]);
  options.space = nb::cast<std::string>(search["space"]);
  options.trials = nb::cast<std::uint64_t>(search["trials"]);
  options.seconds = nb::cast<double>(search["seconds"]);
  options.holdout = nb::cast<double>(search["holdout"]);
  options.folds = nb::cast<std::uint32_t>(search["folds"]);
  options.monitor = nb::cast<std::string>(search["monitor"]);
  options.seed = nb::cast<std::uint64_t>(search["seed"]);
  return options;
}

void bind_search(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  module.def(
      "may_read_times",
      [](const MethodTexts& methods, const nb::dict& search) {
        TuneOptions options = tune_options(search);
        take_methods(methods, options);
        return may_read_times(options);
      },
      "methods"_a, "search"_a, "Whether a training of the search may read the timestamps of ratings.");
  module.def(
      "tune",
      [](Dataset& data, const MethodTexts& methods, const nb::dict& search, const std::optional<Pairs>& validation,
         const Features* user_features, const Features* item_features, int threads, const std::string& trials_file, nb::object on_run,
         nb::object on_warning) {
        TuneOptions options = tune_options(search);
        options.threads = threads;
        options.trials_file = trials_file;
        return tuned(data, methods, std::move(options), validation, {user_features, item_features}, std::move(on_run),
                     std::move(on_warning));
      },
      "data"_a, "methods"_a, "search"_a, "validation"_a.none(), "user_features"_a.none(), "item_features"_a.none(), "threads"_a,
      "trials_file"_a, "on_run"_a, "on_warning"_a,
      "Searches the options of methods and trains the best on all data, which is empty afterwards. Returns the model, the summary as JSON, "
      "and the trainings of the search.");
}

}  // namespace lowrank::python
