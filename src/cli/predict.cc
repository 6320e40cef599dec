#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/list_writer.h"
#include "cli/progress.h"
#include "lowrank/model/model_file.h"

namespace lowrank::cli {

namespace {

struct PredictArguments {
  std::string model;
  std::string pairs;
  std::string output;
  ReadOptions read;
  bool json = false;
  bool quiet = false;
};

int run_predict(PredictArguments& arguments) {
  check_files({{"", arguments.model}, {"", arguments.pairs}}, {{"output", arguments.output}});
  if (!arguments.output.empty()) check_writable(arguments.output);
  const Model model = load_model(arguments.model);
  arguments.read.pairs_only = true;
  show_layout(arguments.read, arguments.quiet);
  Results results(arguments.output);
  ListWriter lists(
      results, {.json = arguments.json, .ranks = false, .outer_list = "users", .outer = "user", .inner_list = "items", .inner = "item"});
  std::optional<std::string> current;
  for_each_rating(arguments.pairs, arguments.read, [&](const RatingLine& line) {
    if (current != line.user) {
      current = line.user;
      lists.begin(line.user);
    }
    lists.add(line.item, static_cast<float>(predict(model, model.users.ids.find(line.user), model.items.ids.find(line.item))));
  });
  lists.finish();
  return kExitDone;
}

}  // namespace

Command add_predict(CLI::App& program) {
  auto arguments = std::make_shared<PredictArguments>();
  CLI::App* app = program.add_subcommand("predict", "predict the ratings of given pairs");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_positional(*app, "PAIRS", arguments->pairs,
                 "file of pairs, - for standard input; one per line: user, item; further columns are ignored");
  add_reading(*app, arguments->read, false);
  add_output(*app, arguments->output);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  printf '1,10\\n1,11\\n' | lowrank predict model.safetensors -");
  return {app, [arguments] { return run_predict(*arguments); }};
}

}  // namespace lowrank::cli
