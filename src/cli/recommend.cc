#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>

#include "cli/arguments.h"
#include "cli/candidates.h"
#include "cli/command.h"
#include "cli/explanation.h"
#include "cli/list_writer.h"
#include "cli/progress.h"
#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommender.h"

namespace lowrank::cli {

namespace {

struct RecommendArguments {
  std::string model;
  std::vector<ContextValue> context;
  std::vector<std::string> users;
  std::string users_file;
  bool all = false;
  std::string ratings;
  std::string user_features;
  std::string item_features;
  std::string items_file;
  std::string exclude_file;
  std::string unknown = "error";
  std::string unknown_items = "error";
  std::string titles;
  std::string output;
  ReadOptions read;
  std::uint64_t top = 10;
  std::uint32_t min_count = 1;
  std::uint64_t explain = 0;  ///< contributions per item; 0: none
  bool include_seen = false;
  int threads = 0;
  bool json = false;
  bool quiet = false;
};

void check(const RecommendArguments& arguments) {
  const bool folds_in = !arguments.ratings.empty() || !arguments.user_features.empty();
  const int sources = int{!arguments.users.empty()} + int{!arguments.users_file.empty()} + int{arguments.all} + int{folds_in};
  if (sources != 1) {
    throw OptionError("", "give exactly one of --user, --users, --all and --ratings; --user-features alone or together with --ratings");
  }
  parse_unknown_ids(arguments.unknown);
  skips_unknown("unknown_items", arguments.unknown_items);
  const std::string* inputs[] = {&arguments.users_file,    &arguments.ratings,    &arguments.user_features,
                                 &arguments.item_features, &arguments.items_file, &arguments.exclude_file};
  if (std::count_if(std::begin(inputs), std::end(inputs), [](const std::string* input) { return *input == "-"; }) > 1) {
    throw OptionError("", "standard input can be read only once");
  }
}

/// The users to recommend for: their ids, and their numbers in the model.
struct Users {
  std::vector<std::string> ids;  ///< ids as given; empty if they are those of `numbers`
  std::vector<std::uint32_t> numbers;
};

Users choose_users(const RecommendArguments& arguments, const Recommender& recommender) {
  Users users;
  const UnknownIds unknown = parse_unknown_ids(arguments.unknown);
  if (!arguments.ratings.empty() || !arguments.user_features.empty() || (arguments.all && unknown == UnknownIds::popular)) {
    users.numbers.resize(recommender.model().users.size());
    std::iota(users.numbers.begin(), users.numbers.end(), 0U);
  } else if (arguments.all) {
    users.numbers = recommender.known_users();
  } else {
    users.ids = arguments.users_file.empty() ? arguments.users : read_ids(arguments.users_file);
    users.numbers = recommender.users_of(users.ids, unknown);
  }
  return users;
}

RecommendOptions options_of(const RecommendArguments& arguments, const Recommender& recommender) {
  RecommendOptions options{.top = arguments.top, .include_seen = arguments.include_seen, .threads = arguments.threads};
  options.min_count = arguments.min_count;
  const bool skips = skips_unknown("unknown_items", arguments.unknown_items);
  const auto items_in = [&](const std::string& file) {
    return recommender.items_of(candidates_in(file, recommender.model().items, "items", skips));
  };
  if (!arguments.items_file.empty()) options.items = items_in(arguments.items_file);
  if (!arguments.exclude_file.empty()) options.excluded = items_in(arguments.exclude_file);
  return options;
}

/// Writes lists as they come, where there is something to explain with the explanations of their scores.
class ListsOfUsers {
 public:
  ListsOfUsers(Results& results, const RecommendArguments& arguments, const Recommender& recommender, const Users& users,
               const Titles* titles)
      : arguments_(arguments),
        recommender_(recommender),
        users_(users),
        titles_(titles),
        lists_(results,
               {.json = arguments.json, .outer_list = "users", .outer = "user", .inner_list = "items", .inner = "item", .titles = titles}) {
  }

  void add(std::size_t position, std::span<const Scored> items) {
    constexpr std::size_t kLists = 256;  // explained together
    if (arguments_.explain == 0) {
      begin(position);
      for (const Scored& item : items) lists_.add(recommender_.model().items.ids.id(item.index), item.score);
      return;
    }
    waiting_.emplace_back(items.begin(), items.end());
    if (waiting_.size() == kLists) explain();
  }

  void finish() {
    explain();
    lists_.finish();
  }

 private:
  void begin(std::size_t position) {
    lists_.begin(users_.ids.empty() ? recommender_.model().users.ids.id(users_.numbers[position]) : std::string_view(users_.ids[position]));
  }

  void explain() {
    if (waiting_.empty()) return;
    const Model& model = recommender_.model();
    std::vector<ExplainQuery> queries;
    for (std::size_t n = 0; n < waiting_.size(); ++n) {
      ExplainQuery& query = queries.emplace_back(ExplainQuery{.user = users_.numbers[first_ + n]});
      for (const Scored& item : waiting_[n]) query.items.push_back(item.index);
    }
    const ExplainOptions options{.top = arguments_.explain, .threads = arguments_.threads};
    recommender_.explain(queries, options, [&](std::size_t n, std::span<const Explanation> explanations) {
      begin(first_ + n);
      const auto show = arguments_.json ? explanation_json : explanation_text;
      for (std::size_t at = 0; at < explanations.size(); ++at) {
        const Scored& item = waiting_[n][at];
        lists_.add(model.items.ids.id(item.index), item.score, show(explanations[at], model, titles_));
      }
    });
    first_ += waiting_.size();
    waiting_.clear();
  }

  const RecommendArguments& arguments_;
  const Recommender& recommender_;
  const Users& users_;
  const Titles* titles_;
  ListWriter lists_;
  std::vector<std::vector<Scored>> waiting_;  ///< lists of the users from first_ on
  std::size_t first_ = 0;
};

/// The model that lists are made by: with new items, or of new users.
Model model_of(RecommendArguments& arguments) {
  Model model = load_model(arguments.model);
  if (!arguments.item_features.empty()) {
    const NewFeatures items = read_new_rows(arguments.item_features, FeatureSide::items, model, arguments.read, arguments.quiet);
    model = add_items(std::move(model), items);
  }
  if (arguments.ratings.empty() && arguments.user_features.empty()) return in_context(std::move(model), arguments.context);
  std::optional<NewFeatures> users;
  if (!arguments.user_features.empty()) {
    users = read_new_rows(arguments.user_features, FeatureSide::users, model, arguments.read, arguments.quiet);
  }
  Pairs pairs;
  pairs.known_users = model.users.ids.size();
  pairs.known_items = model.items.ids.size();
  if (!arguments.ratings.empty()) {
    arguments.read.threads = arguments.threads;
    const FileReading reading(arguments.ratings, arguments.read, arguments.quiet);
    pairs = read_pairs(arguments.ratings, model.users.ids, model.items.ids, arguments.read);
  }
  return in_context(fold_in(model, pairs, arguments.threads, users ? &*users : nullptr), arguments.context);
}

int run_recommend(RecommendArguments& arguments) {
  check(arguments);
  check_files({{"", arguments.model},
               {"users", arguments.users_file},
               {"ratings", arguments.ratings},
               {"user_features", arguments.user_features},
               {"item_features", arguments.item_features},
               {"items", arguments.items_file},
               {"exclude", arguments.exclude_file},
               {"titles", arguments.titles}},
              {{"output", arguments.output}});
  if (!arguments.output.empty()) check_writable(arguments.output);
  const Model model = model_of(arguments);
  std::optional<Titles> titles;
  if (!arguments.titles.empty()) titles = Titles::read(arguments.titles);
  const Recommender recommender(model);
  if (arguments.explain != 0) recommender.check_explains();
  const Users users = choose_users(arguments, recommender);
  const RecommendOptions options = options_of(arguments, recommender);

  Results results(arguments.output);
  ListsOfUsers lists(results, arguments, recommender, users, titles ? &*titles : nullptr);
  recommender.recommend(users.numbers, options, [&](std::size_t position, std::span<const Scored> items) { lists.add(position, items); });
  lists.finish();
  return kExitDone;
}

}  // namespace

Command add_recommend(CLI::App& program) {
  auto arguments = std::make_shared<RecommendArguments>();
  CLI::App* app = program.add_subcommand("recommend", "list the top-N items for users");
  add_positional(*app, "MODEL", arguments->model, "model file");
  add_list(*app, "--user", "ID...", arguments->users, "users to recommend for");
  add_text(*app, "--users", "FILE", arguments->users_file, "file of users to recommend for, one id per line");
  app->add_flag("--all", arguments->all, "recommend for every user that the model knows");
  add_text(*app, "--ratings", "FILE", arguments->ratings,
           "file of ratings of users to recommend for, who may be new to the model (fold-in)");
  add_text(*app, "--user-features", "FILE", arguments->user_features,
           "file of features of users to recommend for, who may have no ratings; the model must have features of users");
  add_text(*app, "--item-features", "FILE", arguments->item_features,
           "file of features of items without ratings, which may then be recommended; the model must have features of items");
  app->add_option_function<std::string>(
         "--item", [](const std::string&) { throw OptionError("item", "is an option of recommend-users, which lists users for items"); })
      ->group("");
  add_context(*app, arguments->context);
  add_integer(*app, "--top", arguments->top, "number of items per list; fewer if no more candidates are left", 1);
  app->add_flag("--include-seen", arguments->include_seen, "also list items that the user has rated");
  add_text(*app, "--items", "FILE", arguments->items_file, "recommend only the items in FILE, one id per line");
  add_text(*app, "--exclude", "FILE", arguments->exclude_file, "recommend none of the items in FILE, one id per line");
  add_integer(*app, "--min-count", arguments->min_count, "recommend only items with at least N training ratings", 1);
  add_integer(
      *app, "--explain", arguments->explain,
      "explain each score by the N items of the user's history that add most to it; needs a model trained without --no-history if the "
      "method fits the values of ratings, or --ratings",
      1)
      ->default_str("");
  add_text(*app, "--unknown", "RULE", arguments->unknown,
           "list of an unknown user: error (none, the command fails), or popular (the items with the most ratings)");
  add_text(*app, "--unknown-items", "RULE", arguments->unknown_items,
           "items of --items and --exclude that the model does not know: error, or skip (leave them out)");
  add_threads(*app, arguments->threads);
  add_reading(*app, arguments->read, false);
  add_titles(*app, arguments->titles);
  add_output(*app, arguments->output);
  add_json(*app, arguments->json);
  add_quiet(*app, arguments->quiet);
  set_example(*app,
              "  lowrank generate --users 500 --items 200 --ratings 10000 -o ratings.csv\n"
              "  lowrank train ratings.csv --output model.safetensors\n"
              "  lowrank recommend model.safetensors --user 1 2 --top 5");
  return {app, [app, arguments] {
            const RecommendArguments& given = *arguments;
            refuse_unread(*app, "--unknown", given.ratings.empty() && given.user_features.empty(),
                          "is not read with --ratings and --user-features, whose users are folded in");
            refuse_unread(*app, "--unknown-items", !given.items_file.empty() || !given.exclude_file.empty(), "needs --items or --exclude");
            // Files of features are of the same encoding.
            const bool features = !given.user_features.empty() || !given.item_features.empty();
            if (given.ratings.empty() && features) {
              refuse_unread_reading(*app, false, "needs --ratings", "--encoding");
            } else {
              refuse_unread_reading(*app, !given.ratings.empty(), "needs --ratings");
            }
            return run_recommend(*arguments);
          }};
}

}  // namespace lowrank::cli
