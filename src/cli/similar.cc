#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/list_writer.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/recommender.h"

namespace lowrank::cli {

namespace {

struct SimilarArguments {
  std::string model;
  std::vector<std::string> items;
  std::vector<std::string> users;
  std::string items_file;
  std::string users_file;
  bool all_items = false;
  bool all_users = false;
  SimilarOptions options;
  std::string titles;
  std::string output;
  bool json = false;
};

/// The option that names the items or users to compare with. \throws OptionError unless exactly one is given
std::string_view source_of(const SimilarArguments& arguments) {
  std::string_view source;
  int sources = 0;
  for (const auto& [given, name] : {std::pair(!arguments.items.empty(), "--item"), std::pair(!arguments.items_file.empty(), "--items"),
                                    std::pair(arguments.all_items, "--all-items"), std::pair(!arguments.users.empty(), "--user"),
                                    std::pair(!arguments.users_file.empty(), "--users"), std::pair(arguments.all_users, "--all-users")}) {
    if (!given) continue;
    source = name;
    ++sources;
  }
  if (sources == 1) return source;
  throw OptionError("", "give exactly one of --item, --items, --all-items, --user, --users and --all-users");
}

/// The numbers of the items, or users, to compare with: all, or those in a file, or those given.
std::vector<std::uint32_t> choose(const SimilarArguments& arguments, const Recommender& recommender, bool of_users) {
  if (of_users) {
    if (arguments.all_users) return recommender.known_users();
    return recommender.users_of(arguments.users_file.empty() ? arguments.users : read_ids(arguments.users_file));
  }
  if (arguments.all_items) return {recommender.known_items().begin(), recommender.known_items().end()};
  return recommender.items_of(arguments.items_file.empty() ? arguments.items : read_ids(arguments.items_file));
}

int run_similar(const SimilarArguments& arguments) {
  const std::string_view source = source_of(arguments);
  const bool of_users = source == "--user" || source == "--users" || source == "--all-users";
  if (of_users && !arguments.titles.empty())
    throw OptionError("titles", "gives titles of items and cannot be used with " + std::string(source));
  check_files({{"", arguments.model}, {"items", arguments.items_file}, {"users", arguments.users_file}, {"titles", arguments.titles}},
              {{"output", arguments.output}});
  if (!arguments.output.empty()) check_writable(arguments.output);
  const Model model = load_model(arguments.model);
  std::optional<Titles> titles;
  if (!arguments.titles.empty()) titles = Titles::read(arguments.titles);

  const Recommender recommender(model);
  const std::vector<std::uint32_t> queries = choose(arguments, recommender, of_users);
  const Vocabulary& ids = of_users ? model.users.ids : model.items.ids;
  const std::string_view one = of_users ? "user" : "item";
  const std::string_view many = of_users ? "users" : "items";

  Results results(arguments.output);
  ListWriter lists(
      results,
      {.json = arguments.json, .outer_list = many, .outer = one, .inner_list = many, .inner = one, .titles = titles ? &*titles : nullptr});
  const auto consume = [&](std::size_t position, std::span<const Scored> others) {
    lists.begin(ids.id(queries[position]));
    for (const Scored& other : others) lists.add(ids.id(other.index), other.score);
  };
  if (of_users) {
    recommender.similar_users(queries, arguments.options, consume);
  } else {
    recommender.similar_items(queries, arguments.options, consume);
  }
  lists.finish();
  return kExitDone;
}

}  // namespace

Command add_similar(CLI::App& program) {
  auto arguments = std::make_shared<SimilarArguments>();
  CLI::App* app = program.add_subcommand("similar", "list the items or users most similar to given ones");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_list(*app, "--item", "ID...", arguments->items, "items to compare with");
  add_text(*app, "--items", "FILE", arguments->items_file, "file of items to compare with, one id per line");
  app->add_flag("--all-items", arguments->all_items, "compare with every item that the model knows");
  add_list(*app, "--user", "ID...", arguments->users, "users to compare with");
  add_text(*app, "--users", "FILE", arguments->users_file, "file of users to compare with, one id per line");
  app->add_flag("--all-users", arguments->all_users, "compare with every user that the model knows");
  app->add_option_function<std::string>(
         "--by", [by = &arguments->options.by](const std::string& text) { *by = parse_similarity(text); },
         "similarity of two items or users: cosine or dot (product) of their factors, or neighbours (the weights of method neighbours)")
      ->type_name("NAME")
      ->default_str("cosine");
  add_integer(*app, "--top", arguments->options.top, "number of items or users per list", 1);
  add_integer(*app, "--min-count", arguments->options.min_count, "list only items or users with at least N training ratings", 1);
  add_threads(*app, arguments->options.threads);
  add_titles(*app, arguments->titles);
  add_output(*app, arguments->output);
  add_json(*app, arguments->json);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank similar model.safetensors --item 7 --top 5");
  return {app, [arguments] { return run_similar(*arguments); }};
}

}  // namespace lowrank::cli
