#include "cli/training.h"

#include <algorithm>

#include "cli/arguments.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

/// A flag changes its default, so an option that is on by default gets a flag `--no-NAME`.
bool is_negated(const OptionInfo& info) { return info.kind == OptionInfo::Kind::flag && info.value == "true"; }

/// The help text of an option, with the settings of others that it depends on.
std::string help_of(const OptionInfo& info) {
  std::string help = is_negated(info) ? "do not " + std::string(info.help) : std::string(info.help);
  if (!info.condition.empty()) help += "; " + with_flags(info.condition);
  if (info.validates) help += "; " + with_flags("only with " + mention("validation or holdout"));
  return help;
}

/// `sgd, als, nmf`: the methods for which `chosen` holds.
template <class Chosen>
std::string list_methods(const Chosen& chosen) {
  std::string methods;
  for (const std::string_view name : method_names()) {
    if (chosen(method_by_name(name))) methods += (methods.empty() ? "" : ", ") + std::string(name);
  }
  return methods;
}

/// Adds the options of all other methods, hidden from the help. Giving one is an error that says why.
void refuse_other_options(CLI::App& app, const Method& method) {
  for (const std::string_view other : method_names()) {
    for (const OptionInfo& info : options_of(method_by_name(other))) {
      const std::string flag = flag_of((is_negated(info) ? "no_" : "") + std::string(info.name));
      if (app.get_option_no_throw(flag) != nullptr) continue;
      const std::string owners = list_methods([&info](const Method& owner) {
        return std::ranges::any_of(options_of(owner), [&info](const OptionInfo& own) { return own.name == info.name; });
      });
      const std::string problem = "is not an option of method " + std::string(name_of(method)) + ", but of " + owners;
      app.add_option_function<std::string>(flag, [name = flag.substr(2), problem](const std::string&) { throw OptionError(name, problem); })
          ->expected(0, 1)
          ->group("");
    }
  }
}

}  // namespace

Method method_to_describe(const std::string& name) {
  const auto names = method_names();
  const bool known = std::ranges::find(names, name) != names.end();
  return method_by_name(known ? name : std::string(names.front()));
}

void add_method(CLI::App& app, const std::string& command) {
  const std::string methods = list_methods([](const Method&) { return true; });
  app.add_option_function<std::string>(
         "--method", [](const std::string& text) { static_cast<void>(method_by_name(text)); },
         "method of training: " + methods + "; its options are shown by lowrank " + command + " --method NAME --help")
      ->type_name("NAME")
      ->default_str(std::string(method_names().front()));
}

void add_holdout(CLI::App& app, TrainRun& run, const std::string& help) {
  add_real(app, "--holdout", run.holdout, help);
  add_text(app, "--monitor", "METRIC", run.monitor,
           "validation figure that picks the best epoch: rmse or mae, where the model predicts ratings, or recall@K, precision@K, "
           "ndcg@K, map@K, mrr@K, hit_rate@K of top-K lists, of which ndcg@20 is the default where it does not")
      ->default_str(predicts_ratings(run.method) ? "rmse" : "ndcg@20");
  app.add_flag("--refit", run.refit, "with validation: train once more on all RATINGS, for the best number of epochs");
}

void add_features(CLI::App& app, const FeatureTexts& texts, bool shown) {
  const auto add = [&](const char* name, const char* label, std::string& target, const char* help) {
    CLI::Option* option = add_text(app, name, label, target, help);
    if (!shown) option->group("");
  };
  add("--user-features", "FILE", texts.users, "file of features of users: a row per user, or lines of user,feature[,value]");
  add("--item-features", "FILE", texts.items, "file of features of items: a row per item, or lines of item,feature[,value]");
  add("--feature-columns", "COLUMNS", texts.columns,
      "columns of a table of features to read, by name or number, as age,gender or id=1,3; with both files user:age,item:genres; "
      "default: all");
}

void add_limits(CLI::App& app, TrainRun& run) {
  add_real(app, "--min-rating", run.min_rating, "lower limit of predicted ratings (default: the lowest rating in RATINGS)");
  add_real(app, "--max-rating", run.max_rating, "upper limit of predicted ratings (default: the highest rating in RATINGS)");
  app.add_flag_callback(
      "--no-clip", [&run] { run.clips = false; }, "do not limit predicted ratings to a range");
  if (predicts_ratings(run.method)) return;
  for (const char* option : {"--min-rating", "--max-rating", "--no-clip"}) app.get_option(option)->group("");
}

void add_method_options(CLI::App& app, TrainRun& run) {
  const std::string group = "Method " + std::string(name_of(run.method)) + ", " + std::string(summary_of(run.method));
  for (const OptionInfo& info : options_of(run.method)) {
    const std::string name(info.name);
    const auto set = [&run, name](const std::string& text) {
      set_option(run.method, name, text);
      run.stated.push_back(name);
    };
    CLI::Option* option = nullptr;
    if (info.kind == OptionInfo::Kind::flag) {
      const bool on = is_negated(info);
      option = app.add_flag_callback(
          flag_of((on ? "no_" : "") + name), [set, on] { set(on ? "false" : "true"); }, help_of(info));
    } else {
      std::string label = info.kind == OptionInfo::Kind::integer ? "N" : "X";
      if (info.kind == OptionInfo::Kind::choice) label = "NAME";
      option = app.add_option_function<std::string>(flag_of(name), set, help_of(info))->type_name(label)->default_str(info.value);
    }
    option->group(group);
  }
  refuse_other_options(app, run.method);
}

}  // namespace lowrank::cli
