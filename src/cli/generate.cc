#include "lowrank/data/generate.h"

#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/results.h"
#include "lowrank/base/error.h"

namespace lowrank::cli {

namespace {

struct GenerateArguments {
  GenerateOptions options;
  double test_fraction = 0.1;
  std::string output;
  std::string test;
};

int run_generate(GenerateArguments& arguments) {
  if (!arguments.test.empty()) arguments.options.test_fraction = arguments.test_fraction;
  check_files({}, {{"output", arguments.output}, {"test", arguments.test}});
  Results train(arguments.output);
  const std::unique_ptr<Results> test = arguments.test.empty() ? nullptr : std::make_unique<Results>(arguments.test);
  std::string line;
  generate(arguments.options, [&](const GeneratedRating& rating) {
    line.clear();
    append(line, std::uint64_t{rating.user} + 1);
    line += ',';
    append(line, std::uint64_t{rating.item} + 1);
    line += ',';
    append(line, rating.value);
    line += '\n';
    (rating.test ? *test : train).write(line);
  });
  std::vector<Results*> complete = {&train};
  if (test) complete.push_back(test.get());
  Results::finish_all(complete);
  return kExitDone;
}

}  // namespace

Command add_generate(CLI::App& program) {
  auto arguments = std::make_shared<GenerateArguments>();
  GenerateOptions& options = arguments->options;
  constexpr const char* kValues = "Values";
  constexpr const char* kPairs = "Which pairs are rated";
  CLI::App* app = program.add_subcommand("generate", "make synthetic ratings with planted factors and realistic popularity");
  add_integer(*app, "--users", options.users, "number of users", 1);
  add_integer(*app, "--items", options.items, "number of items", 1);
  add_integer(*app, "--ratings", options.ratings, "number of ratings, each of a different pair", 1);
  add_integer(*app, "--seed", options.seed, "seed of all random choices");
  add_integer(*app, "--rank", options.rank, "number of planted factors, 0 for biases only")->group(kValues);
  add_real(*app, "--mean", options.mean, "mean rating, before clipping")->group(kValues);
  add_real(*app, "--signal", options.signal, "standard deviation of the planted dot products; not with --rank 0")->group(kValues);
  add_real(*app, "--noise", options.noise, "standard deviation of the noise")->group(kValues);
  add_real(*app, "--user-bias", options.user_bias, "standard deviation of user biases")->group(kValues);
  add_real(*app, "--item-bias", options.item_bias, "standard deviation of item biases")->group(kValues);
  add_real(*app, "--min-rating", options.min_rating, "lowest possible rating")->group(kValues);
  add_real(*app, "--max-rating", options.max_rating, "highest possible rating")->group(kValues);
  add_real(*app, "--step", options.step, "distance between possible ratings, counted from --min-rating; 0 for no rounding")->group(kValues);
  add_real(*app, "--zipf", options.zipf, "exponent of the Zipf-like popularity of items, 0 for equal popularity")->group(kPairs);
  add_real(*app, "--user-sigma", options.user_sigma, "sigma of the log-normal number of ratings per user, 0 for equal numbers")
      ->group(kPairs);
  add_output(*app, arguments->output);
  add_text(*app, "--test", "FILE", arguments->test, "write a random share of the ratings to FILE, as a test set")->group(kOutput);
  add_real(*app, "--test-fraction", arguments->test_fraction, "share of the ratings that --test sets aside")->group(kOutput);
  set_example(*app, "  lowrank generate --users 500 --ratings 10000 -o ratings.csv --test test.csv");
  return {app, [app, arguments] {
            refuse_unread(*app, "--test-fraction", !arguments->test.empty(), "needs --test");
            refuse_unread(*app, "--signal", arguments->options.rank != 0, "is not read with --rank 0");
            return run_generate(*arguments);
          }};
}

}  // namespace lowrank::cli
