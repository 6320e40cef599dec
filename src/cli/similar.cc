#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/ids.h"
#include "cli/list_writer.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank::cli {

namespace {

struct SimilarArguments {
  std::string model;
  std::vector<std::string> items;
  std::vector<std::string> users;
  bool all_items = false;
  Similarity by = Similarity::cosine;
  std::uint64_t top = 10;
  std::string titles;
  std::string output;
  int threads = 0;
  bool json = false;
};

int run_similar(const SimilarArguments& arguments) {
  const int sources = int{!arguments.items.empty()} + int{!arguments.users.empty()} + int{arguments.all_items};
  if (sources != 1) throw OptionError("", "one of --item, --user and --all-items is needed, and only one");
  const bool of_users = !arguments.users.empty();
  if (of_users && !arguments.titles.empty()) throw OptionError("titles", "names items and is not read with --user");
  if (!arguments.output.empty()) check_writable(arguments.output);
  const Model model = load_model(arguments.model);
  std::optional<Titles> titles;
  if (!arguments.titles.empty()) titles = Titles::read(arguments.titles);

  const auto knows_user = [&model](std::uint32_t user) { return model.knows_user(user); };
  const auto knows_item = [&model](std::uint32_t item) { return model.knows_item(item); };
  const std::vector<std::uint32_t> queries = of_users              ? known_numbers(model.users, arguments.users, "user", knows_user)
                                             : arguments.all_items ? all_numbers(model.items.size(), knows_item)
                                                                   : known_numbers(model.items, arguments.items, "item", knows_item);
  const Vocabulary& ids = of_users ? model.users : model.items;
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
    similar_users(model, queries, arguments.top, arguments.by, arguments.threads, consume);
  } else {
    similar_items(model, queries, arguments.top, arguments.by, arguments.threads, consume);
  }
  lists.finish();
  return kExitDone;
}

}  // namespace

Command add_similar(CLI::App& program) {
  auto arguments = std::make_shared<SimilarArguments>();
  CLI::App* app = program.add_subcommand("similar", "list the items or users most like given ones");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_list(*app, "--item", "ID...", arguments->items, "items to compare with");
  add_list(*app, "--user", "ID...", arguments->users, "users to compare with");
  app->add_flag("--all-items", arguments->all_items, "every item that the model knows");
  app->add_option_function<std::string>(
         "--by", [by = &arguments->by](const std::string& text) { *by = parse_similarity(text); },
         "likeness of two rows of factors: cosine or dot")
      ->type_name("NAME")
      ->default_str("cosine");
  add_integer(*app, "--top", arguments->top, "length of a list", 1);
  add_threads(*app, arguments->threads);
  add_titles(*app, arguments->titles);
  add_output(*app, arguments->output);
  add_json(*app, arguments->json);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 --output ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank similar model.safetensors --item 7 --top 5");
  return {app, [arguments] { return run_similar(*arguments); }};
}

}  // namespace lowrank::cli
