#include "lowrank/evaluate/compare.h"

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/figures.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"

namespace lowrank::cli {

namespace {

struct CompareArguments {
  std::string test;
  std::vector<std::string> models;
  CompareOptions options;
  ReadOptions read;
  int threads = 0;
  bool json = false;
  bool quiet = false;
};

/// A difference with its sign, or a figure.
std::string number(double value, bool is_signed, const std::optional<Interval>& interval) {
  constexpr int kDigits = 4;
  return (is_signed && value >= 0 ? "+" : "") + fixed(value, kDigits) + (interval ? interval_text(*interval) : "");
}

std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

std::string text_of(const std::vector<ComparedMetric>& metrics, const CompareArguments& arguments) {
  TextTable table;
  table.add({"metric", "model", "figure", "difference", "p", "p (Holm)", "better", "worse"});
  constexpr int kDigits = 4;
  for (const ComparedMetric& metric : metrics) {
    for (std::size_t model = 0; model < metric.models.size(); ++model) {
      std::vector<std::string> row{model == 0 ? metric.name : "", arguments.models[model],
                                   number(metric.models[model].value, false, metric.models[model].interval)};
      if (model > 0) {
        const Difference& difference = metric.differences[model - 1];
        for (std::string cell : {number(difference.value, true, difference.interval), fixed(difference.p, kDigits),
                                 fixed(difference.p_holm, kDigits), percent(difference.better), percent(difference.worse)}) {
          row.push_back(std::move(cell));
        }
      }
      table.add(std::move(row));
    }
  }
  return table.text();
}

/// Appends `,"NAME":value`. A figure that is not finite is left out, because JSON cannot express it.
void append_number(std::string& text, std::string_view name, double value) {
  if (!std::isfinite(value)) return;
  append_json(text += ',', name);
  append(text += ':', value);
}

void append_interval(std::string& text, const std::optional<Interval>& interval) {
  if (!interval || !std::isfinite(interval->low) || !std::isfinite(interval->high)) return;
  append_json(text += ",\"interval\":", *interval);
}

/// \param warnings  further members of the document, each after a comma
std::string json_of(const std::vector<ComparedMetric>& metrics, const CompareArguments& arguments, const std::string& warnings) {
  std::string text = "{\"level\":";
  append(text, arguments.options.intervals.level);
  text += ",\"metrics\":[";
  for (std::size_t n = 0; n < metrics.size(); ++n) {
    const ComparedMetric& metric = metrics[n];
    append_json(text += n == 0 ? "{\"metric\":" : ",{\"metric\":", metric.name);
    text += std::string(",\"better\":\"") + (metric.higher_is_better ? "higher" : "lower") + "\",\"users\":" + std::to_string(metric.users);
    text += ",\"models\":[";
    for (std::size_t model = 0; model < metric.models.size(); ++model) {
      append_json(text += model == 0 ? "{\"model\":" : ",{\"model\":", arguments.models[model]);
      append_number(text, "value", metric.models[model].value);
      append_interval(text, metric.models[model].interval);
      text += '}';
    }
    text += "],\"differences\":[";
    for (std::size_t model = 1; model < metric.models.size(); ++model) {
      const Difference& difference = metric.differences[model - 1];
      append_json(text += model == 1 ? "{\"model\":" : ",{\"model\":", arguments.models[model]);
      append_json(text += ",\"to\":", arguments.models.front());
      append_number(text, "value", difference.value);
      append_interval(text, difference.interval);
      append_number(text, "p", difference.p);
      append_number(text, "p_holm", difference.p_holm);
      append_number(text, "users_better", difference.better);
      append_number(text, "users_worse", difference.worse);
      text += '}';
    }
    text += "]}";
  }
  return text + "]" + warnings + "}\n";
}

int run_compare(CompareArguments& arguments) {
  arguments.read.threads = arguments.threads;
  arguments.options.intervals.threads = arguments.threads;
  check_comparison(arguments.options);
  std::vector<NamedFile> inputs{{"", arguments.test}};
  for (const std::string& model : arguments.models) inputs.push_back({"", model});
  const NamedFile standard_output{"", "-"};
  check_outputs(inputs, {&standard_output, 1});
  if (arguments.models.size() < 2) throw OptionError("", "compare needs at least two models");
  std::vector<Model> models;
  models.reserve(arguments.models.size());
  for (const std::string& path : arguments.models) models.push_back(load_model(path));
  read_contexts_of(models, arguments.read);
  const Pairs pairs = [&] {
    const FileReading reading(arguments.test, arguments.read, arguments.quiet);
    return read_pairs(arguments.test, models.front().users.ids, models.front().items.ids, arguments.read);
  }();
  std::vector<std::string> warnings;
  for (std::size_t n = 0; n < models.size(); ++n) {
    const std::string unknown = description(unknown_levels(models[n], pairs), pairs.size(), "lines");
    warnings.push_back(unknown.empty() ? unknown : "for " + arguments.models[n] + " " + unknown);
  }
  const std::string told = warn_of(arguments.test, std::move(warnings));
  std::vector<const Model*> compared;
  compared.reserve(models.size());
  for (const Model& model : models) compared.push_back(&model);
  const std::vector<ComparedMetric> metrics = compare(compared, pairs, arguments.options);
  Results results;
  results.write(arguments.json ? json_of(metrics, arguments, told) : text_of(metrics, arguments));
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_compare(CLI::App& program) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* app = program.add_subcommand("compare", "compare models on ratings that none was trained on");
  add_positional(*app, "TEST", arguments->test, "file of ratings, - for standard input; a pair rated twice counts twice");
  add_positionals(*app, "MODEL", arguments->models, "model files; each is compared with the first");
  add_tops(*app, arguments->options.tops, "also compare the top-K lists of every user in TEST; separate several lengths by commas");
  add_relevant_from(*app, arguments->options.relevant_from);
  add_real(*app, "--interval", arguments->options.intervals.level, "share of the intervals that hold the true figure");
  add_threads(*app, arguments->threads);
  add_reading(*app, arguments->read, false);
  add_contexts(*app, arguments->read, true);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 \\\n"
              "    -o ratings.csv --test test.csv\n"
              "  lowrank train ratings.csv --output factors.model\n"
              "  lowrank train ratings.csv --method baseline --output biases.model\n"
              "  lowrank compare test.csv biases.model factors.model");
  return {app, [arguments] { return run_compare(*arguments); }};
}

}  // namespace lowrank::cli
