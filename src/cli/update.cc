#include "lowrank/pipeline/update.h"

#include <memory>
#include <string>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/results.h"

namespace lowrank::cli {

namespace {

struct UpdateArguments {
  UpdateRun run;
  bool json = false;
  bool quiet = false;
};

std::string text_of(const UpdateRunSummary& summary) {
  const UpdateSummary& update = summary.update;
  std::string text = "ratings     " + std::to_string(update.added) + " added, " + std::to_string(update.replaced) + " replaced, " +
                     std::to_string(update.removed) + " removed; " + std::to_string(update.ratings) + " in the model\n";
  text += "users       " + std::to_string(update.new_users) + " new, " + std::to_string(update.forgotten_users) + " forgotten, " +
          std::to_string(update.touched_users) + " touched, of " + std::to_string(update.users) + "\n";
  text += "items       " + std::to_string(update.new_items) + " new, " + std::to_string(update.forgotten_items) + " forgotten, " +
          std::to_string(update.touched_items) + " touched, of " + std::to_string(update.items) + "\n";
  if (update.incomplete_rows > 0) {
    text += "left        " + std::to_string(update.incomplete_rows) + " touched rows as they are: the model lacks ratings of theirs\n";
  }
  if (update.row_solves_left > 0) {
    text += "time limit  " + std::to_string(update.row_solves_left) + " row solves of " +
            std::to_string(update.row_solves + update.row_solves_left) + " left undone\n";
  }
  if (update.objective_before && update.objective_after) {
    text += "objective   " + rounded(*update.objective_before, 6) + " before, " + rounded(*update.objective_after, 6) +
            " after, of the touched rows\n";
  }
  if (update.average_context) text += "contexts    not read: rows are solved as of the average context\n";
  if (update.retrained) {
    text += "training    of all ratings, from the updated model\n";
  } else {
    text += "changed     " + fixed(100 * update.changed_share, 2) + " % of the ratings since the last full training";
    text += update.retrain_recommended ? ": train again, or give --retrain\n" : "\n";
  }
  text += "seconds     " + fixed(summary.seconds.total, 3) + " (load " + fixed(summary.seconds.load, 3) + ", read " +
          fixed(summary.seconds.read, 3) + ", update " + fixed(summary.seconds.update, 3) + ", write " + fixed(summary.seconds.write, 3) +
          ")\nmodel       " + summary.model + "\n";
  return text;
}

int run_update_command(UpdateArguments& arguments) {
  UpdateRun& run = arguments.run;
  check_files({{"", run.model}});
  show_layout(run.read, arguments.quiet);
  run.on_gaps = [&arguments](const std::string& path, const FeatureGaps& gaps) {
    const std::string text = gaps_text(gaps, path);
    if (!text.empty() && !arguments.quiet) print_error("warning: " + text);
  };
  const UpdateRunSummary summary = run_update(run);
  Results results;
  results.write(arguments.json ? to_json(summary) + "\n" : text_of(summary));
  results.finish();
  return kExitDone;
}

}  // namespace

Command add_update(CLI::App& program) {
  auto arguments = std::make_shared<UpdateArguments>();
  UpdateRun& run = arguments->run;
  CLI::App* app = program.add_subcommand("update", "take new ratings, users and items into a model, and forget others");
  add_positional(*app, "MODEL", run.model, "model file");
  add_text(*app, "--ratings", "FILE", run.ratings, "file of new ratings, - for standard input; new users and items get rows of their own");
  add_text(*app, "-o,--output", "MODEL2", run.output, "model file to write; may be MODEL, which it then replaces")->required();
  add_text(*app, "--remove", "FILE", run.remove, "file of pairs of user and item whose ratings are taken out; further columns are ignored");
  add_text(*app, "--forget-users", "FILE", run.forget_users, "file of users to forget, one id per line: their ids, rows and ratings");
  add_text(*app, "--forget-items", "FILE", run.forget_items, "file of items to forget, one id per line");
  add_text(*app, "--history", "FILE", run.history,
           "file of all ratings of MODEL so far; needed for a model that lacks their values (train --no-history, or an old file)");
  add_text(*app, "--user-features", "FILE", run.user_features,
           "file of features of new users, and of all users with new ratings; the model must have features of users");
  add_text(*app, "--item-features", "FILE", run.item_features,
           "file of features of new items, and of all items with new ratings; the model must have features of items");
  add_integer(*app, "--sweeps", run.options.sweeps,
              "times that the touched users and then the touched items are solved, 1 or more; more settles what many new ratings share", 1);
  add_real(*app, "--max-seconds", run.options.max_seconds, "seconds after which no further row is solved; 0 for no limit");
  app->add_flag("--retrain", run.options.retrain,
                "train on all ratings for as many epochs as MODEL had, starting from the updated model where the method starts from one");
  add_real(*app, "--retrain-share", run.options.retrain_share,
           "share of ratings changed since the last full training from which another one is recommended, above 0");
  add_threads(*app, run.options.threads);
  add_reading(*app, run.read, true);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  printf '1,10,4\\nnew,11,5\\n' >new.csv\n"
              "  lowrank update model.safetensors --ratings new.csv -o model.safetensors");
  return {app, [arguments] { return run_update_command(*arguments); }};
}

}  // namespace lowrank::cli
