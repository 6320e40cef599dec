#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/results.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/model/vectors.h"

namespace lowrank::cli {

namespace {

struct ExportArguments {
  std::string model;
  VectorOptions options;
  char separator = ',';
  std::string output;
};

char separator_of(const std::string& format) {
  if (format == "csv") return ',';
  if (format == "tsv") return '\t';
  throw OptionError("format", "must be csv or tsv, got \"" + format + "\"");
}

int run_export(const ExportArguments& arguments) {
  check_files({{"", arguments.model}}, {{"output", arguments.output}});
  if (!arguments.output.empty()) check_writable(arguments.output);
  const Model model = load_model(arguments.model);
  Results results(arguments.output);
  write_vectors(model, arguments.options, arguments.separator, [&](std::string_view text) { results.write(text); });
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_export(CLI::App& program) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* app = program.add_subcommand("export", "write factors and biases as a table");
  add_positional(*app, "MODEL", arguments->model, "model file");
  app->add_option_function<std::string>(
         "--side", [side = &arguments->options.side](const std::string& text) { *side = parse_rows_of(text); },
         "rows to write: items or users")
      ->type_name("NAME")
      ->default_str("items");
  app->add_flag("--with-bias", arguments->options.with_bias,
                "write vectors that hold the bias, two numbers longer than the factors: the dot product of a user's and an item's is their "
                "score but for the mean");
  app->add_option_function<std::string>(
         "--format", [separator = &arguments->separator](const std::string& text) { *separator = separator_of(text); },
         "format of the table: csv or tsv")
      ->type_name("NAME")
      ->default_str("csv");
  add_output(*app, arguments->output);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank export model.safetensors --output items.csv");
  return {app, [arguments] { return run_export(*arguments); }};
}

}  // namespace lowrank::cli
