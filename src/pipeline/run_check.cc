#include "pipeline/run_check.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "base/outputs.h"
#include "lowrank/base/error.h"
#include "pipeline/feature_files.h"
#include "pipeline/monitor.h"
#include "train/train_ratings.h"

namespace lowrank {

void check_run(const TrainRun& run, bool validation, bool starts) {
  check_options(run.method);
  const bool validates = validation || run.holdout != 0;
  if (!(run.holdout >= 0 && run.holdout < 1)) throw OptionError("holdout", "must be at least 0 and below 1");
  if (run.holdout != 0 && validation) throw OptionError("holdout", "cannot be given together with " + mention("validation"));
  const std::string needs_validation = "needs " + mention("validation or holdout");
  if (run.refit && !validates) throw OptionError("refit", needs_validation);
  if (run.conformal) {
    if (!has_uncertainty(run.method)) {
      throw OptionError("conformal", "is not an option of method " + std::string(name_of(run.method)) +
                                         ", whose models do not know how far ratings lie from predictions");
    }
    if (!validates) throw OptionError("conformal", needs_validation);
    const auto* bayes = std::get_if<Bayes>(&run.method);
    if (bayes != nullptr && bayes->likelihood == Likelihood::ordinal)
      throw OptionError("conformal", "cannot be given together with " + mention("likelihood=ordinal"));
    if (run.refit)
      throw OptionError("conformal", "cannot be given together with " + mention("refit") + ", after which nothing is held out");
  }
  if (!run.monitor.empty() && !validates) throw OptionError("monitor", needs_validation);
  if (!run.monitor.empty()) check_monitor(run.method, run.monitor);
  check_reads(run.method, run.stated, validates, run.holdout != 0);
  check_feature_files({run.user_features, run.item_features, run.feature_columns}, run.method);
  check_settings(run.method, {run.threads, run.min_rating, run.max_rating, run.clips}, starts);
  if (run.read.columns.weight_stated) check_weights(run.method, "columns");
}

void check_run_files(const TrainRun& run) {
  if (run.ratings.empty()) throw OptionError("ratings", "no file is given");
  const std::string* inputs[] = {&run.ratings, &run.validation, &run.test, &run.user_features, &run.item_features};
  if (std::count_if(std::begin(inputs), std::end(inputs), [](const std::string* input) { return *input == "-"; }) > 1) {
    throw OptionError("", "standard input can be read only once");
  }
  // The model to start from is no such input: it may be brought up to date in place.
  const NamedFile read[] = {{"", run.ratings},
                            {"validation", run.validation},
                            {"test", run.test},
                            {"user_features", run.user_features},
                            {"item_features", run.item_features}};
  const NamedFile written[] = {{"output", run.output}};
  check_outputs(read, written);
}

}  // namespace lowrank
