#include "cli/search_options.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

/// An option of a method as it is typed: `--rank 64`, `--rank=64`, `--no-biases`.
struct Typed {
  std::string name;
  std::string value;
};

/// Whether one of the methods has a flag of that name.
bool is_flag(const std::vector<Method>& methods, const std::string& name) {
  return std::ranges::any_of(methods, [&](const Method& method) {
    return std::ranges::any_of(options_of(method),
                               [&](const OptionInfo& info) { return info.name == name && info.kind == OptionInfo::Kind::flag; });
  });
}

std::vector<Typed> parse_fixed(const std::string& text, const std::vector<Method>& methods) {
  std::vector<Typed> options;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!word.starts_with("--") || word.size() < 3) {
      throw OptionError("fixed", "expected options such as --rank 64, found \"" + word + "\"");
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    std::string name = word.substr(2, equals - 2);
    std::ranges::replace(name, '-', '_');
    if (equals < word.size()) {
      options.push_back({name, word.substr(equals + 1)});
    } else if (is_flag(methods, name)) {
      options.push_back({name, "true"});
    } else if (name.starts_with("no_") && is_flag(methods, name.substr(3))) {
      options.push_back({name.substr(3), "false"});
    } else {
      std::string value;
      if (!(words >> value)) throw OptionError("fixed", "the value of " + mention(name) + " is missing");
      options.push_back({name, value});
    }
  }
  return options;
}

}  // namespace

void add_search(CLI::App& app, SearchArguments& arguments) {
  TuneOptions& options = arguments.options;
  add_text(app, "--methods", "LIST", arguments.methods, "methods to search, separated by commas, each with the same number of trials");
  add_integer(app, "--trials", options.trials, "options to try per method; the first are the method's own values");
  add_real(app, "--seconds", options.seconds, "time after which no further round of trials starts; 0 for no limit");
  add_text(app, "--monitor", "METRIC", options.monitor,
           "validation figure to improve: rmse, mae, or recall@K, precision@K, ndcg@K, map@K, mrr@K, hit_rate@K of top-K lists")
      ->default_str("rmse, or ndcg@20 where a method does not predict ratings");
  add_text(app, "--space", "SPACE", options.space,
           "what to try instead of the methods' own ranges, such as rank=16..256:log,solver=exact|cg; :log for a logarithmic scale");
  add_text(app, "--fixed", "OPTIONS", arguments.fixed, "options of the methods that are not searched, such as \"--rank 64 --no-biases\"");
}

void add_search_data(CLI::App& app, TuneOptions& options) {
  add_real(app, "--holdout", options.holdout, "share of RATINGS to validate on, chosen at random")->default_str("0.1");
  add_integer(app, "--folds", options.folds,
              "parts of RATINGS: the search validates on the first, the best few options on each; 0 for a holdout");
  add_integer(app, "--seed", options.seed, "seed of the split, of every training and of the search");
}

TuneOptions parse_search(const std::string& text) {
  SearchArguments arguments;
  CLI::App app("", "tune");
  app.set_help_flag();
  add_search(app, arguments);
  add_search_data(app, arguments.options);
  try {
    app.parse(text);
  } catch (const CLI::ParseError& error) {
    throw OptionError("tune", describe(error, app));
  }
  const bool names = app.count("--methods") > 0;
  if (!names && app.count("--fixed") > 0)
    throw OptionError("tune", with_flags(mention("fixed") + " needs " + mention("methods") + "; state options of the method outside"));
  take_methods(arguments);
  if (!names) arguments.options.methods.clear();
  return arguments.options;
}

void take_methods(SearchArguments& arguments) {
  TuneOptions& options = arguments.options;
  options.methods.clear();
  std::istringstream names(arguments.methods);
  for (std::string name; std::getline(names, name, ',');) options.methods.push_back(method_by_name(name));
  for (const Typed& typed : parse_fixed(arguments.fixed, options.methods)) {
    options.fixed.push_back(typed.name);
    for (Method& method : options.methods) {
      const std::vector<OptionInfo> infos = options_of(method);
      if (std::ranges::any_of(infos, [&](const OptionInfo& info) { return info.name == typed.name; })) {
        set_option(method, typed.name, typed.value);
      }
    }
  }
}

}  // namespace lowrank::cli
