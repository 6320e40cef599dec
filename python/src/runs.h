#pragma once

/// \file
/// What the functions that train share.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "binding.h"
#include "lowrank/pipeline/run.h"
#include "lowrank/tune/tune.h"

namespace lowrank::python {

/// The options of a method, as names and texts.
using OptionTexts = std::vector<std::pair<std::string, std::string>>;

/// \throws OptionError for an option that the method does not have, out of range, or not read
Method method_with(const std::string& name, const OptionTexts& options);

/// What a run takes besides data and method.
struct RunArguments {
  double holdout = 0;
  std::string monitor;
  bool refit = false;
  std::optional<float> min_rating;
  std::optional<float> max_rating;
  bool clip = true;
  std::optional<bool> keep_values;  ///< nothing: where the method reads them
  int threads = 0;
  bool conformal = false;
};

/// \throws as method_with()
TrainRun run_of(const std::string& method, const OptionTexts& options, const RunArguments& arguments);

/// The options of a search but for its methods, threads and files, as search_options() of python/lowrank/_tune.py gives them.
TuneOptions tune_options(const nb::dict& search);

/// Hands reports to Python, and looks for Ctrl-C after every epoch.
class PythonObserver : public TrainingObserver {
 public:
  PythonObserver(nb::object on_epoch, nb::object on_divergence, nb::object on_warning)
      : on_epoch_(std::move(on_epoch)), on_divergence_(std::move(on_divergence)), on_warning_(std::move(on_warning)) {}

  bool on_epoch(const EpochReport& report, const std::function<Model()>& model) override;
  void on_divergence(const DivergenceReport& report) override;
  void on_warning(std::string_view text) override;

 private:
  nb::object on_epoch_;
  nb::object on_divergence_;
  nb::object on_warning_;
};

}  // namespace lowrank::python
