#include <algorithm>
#include <memory>

#include "cli/arguments.h"
#include "cli/candidates.h"
#include "cli/command.h"
#include "cli/list_writer.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/recommender.h"

namespace lowrank::cli {

namespace {

struct RecommendUsersArguments {
  std::vector<ContextValue> context;
  std::string model;
  std::vector<std::string> items;
  std::string items_file;
  bool all = false;
  std::string users_file;
  std::string exclude_file;
  std::string unknown_users = "error";
  std::string output;
  std::uint64_t top = 10;
  std::uint32_t min_count = 1;
  bool include_seen = false;
  int threads = 0;
  bool json = false;
};

void check(const RecommendUsersArguments& arguments) {
  const int sources = int{!arguments.items.empty()} + int{!arguments.items_file.empty()} + int{arguments.all};
  if (sources != 1) throw OptionError("", "give exactly one of --item, --items and --all-items");
  const std::string* inputs[] = {&arguments.items_file, &arguments.users_file, &arguments.exclude_file};
  if (std::ranges::count_if(inputs, [](const std::string* input) { return *input == "-"; }) > 1) {
    throw OptionError("", "standard input can be read only once");
  }
}

std::vector<std::uint32_t> choose_items(const RecommendUsersArguments& arguments, const Recommender& recommender) {
  if (arguments.all) return {recommender.known_items().begin(), recommender.known_items().end()};
  return recommender.items_of(arguments.items_file.empty() ? arguments.items : read_ids(arguments.items_file));
}

int run_recommend_users(const RecommendUsersArguments& arguments) {
  check(arguments);
  const bool skips = skips_unknown("unknown_users", arguments.unknown_users);
  check_files(
      {{"", arguments.model}, {"items", arguments.items_file}, {"users", arguments.users_file}, {"exclude", arguments.exclude_file}},
      {{"output", arguments.output}});
  if (!arguments.output.empty()) check_writable(arguments.output);
  const Model model = in_context(load_model(arguments.model), arguments.context);
  const Recommender recommender(model);
  const std::vector<std::uint32_t> items = choose_items(arguments, recommender);
  RecommendUsersOptions options{.top = arguments.top, .include_seen = arguments.include_seen, .threads = arguments.threads};
  options.min_count = arguments.min_count;
  const auto users_in = [&](const std::string& file) { return recommender.users_of(candidates_in(file, model.users, "users", skips)); };
  if (!arguments.users_file.empty()) options.users = users_in(arguments.users_file);
  if (!arguments.exclude_file.empty()) options.excluded = users_in(arguments.exclude_file);

  Results results(arguments.output);
  ListWriter lists(results, {.json = arguments.json, .outer_list = "items", .outer = "item", .inner_list = "users", .inner = "user"});
  recommender.recommend_users(items, options, [&](std::size_t position, std::span<const Scored> users) {
    lists.begin(model.items.ids.id(items[position]));
    for (const Scored& user : users) lists.add(model.users.ids.id(user.index), user.score);
  });
  lists.finish();
  return kExitDone;
}

}  // namespace

Command add_recommend_users(CLI::App& program) {
  auto arguments = std::make_shared<RecommendUsersArguments>();
  CLI::App* app = program.add_subcommand("recommend-users", "list the top-N users for items");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_list(*app, "--item", "ID...", arguments->items, "items to find users for");
  add_text(*app, "--items", "FILE", arguments->items_file, "file of items to find users for, one id per line");
  app->add_flag("--all-items", arguments->all, "find users for every item that the model knows");
  add_context(*app, arguments->context);
  add_integer(*app, "--top", arguments->top, "number of users per list; fewer if no more candidates are left", 1);
  app->add_flag("--include-seen", arguments->include_seen, "also list users that have rated the item");
  add_text(*app, "--users", "FILE", arguments->users_file, "list only the users in FILE, one id per line");
  add_text(*app, "--exclude", "FILE", arguments->exclude_file, "list none of the users in FILE, one id per line");
  add_integer(*app, "--min-count", arguments->min_count, "list only users with at least N training ratings", 1);
  add_text(*app, "--unknown-users", "RULE", arguments->unknown_users,
           "users of --users and --exclude that the model does not know: error, or skip (leave them out)");
  add_threads(*app, arguments->threads);
  add_output(*app, arguments->output);
  add_json(*app, arguments->json);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank recommend-users model.safetensors --item 7 --top 5");
  return {app, [app, arguments] {
            const bool reads = !arguments->users_file.empty() || !arguments->exclude_file.empty();
            refuse_unread(*app, "--unknown-users", reads, "needs --users or --exclude");
            return run_recommend_users(*arguments);
          }};
}

}  // namespace lowrank::cli
