#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/recommend/fold_in.h"
#include "train/correction.h"
#include "train/fixtures.h"
#include "train/methods.h"

namespace lowrank::option_reads_test {
namespace {

/// A value for an option that is not its default.
struct Change {
  std::string option;
  std::string value;
};

std::string text_of(const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) text += change.option + "=" + change.value + " ";
  return text;
}

/// Values of an option that switch something off, or choose otherwise.
std::vector<Change> switches_of(const OptionInfo& option) {
  std::vector<Change> changes;
  const std::string name(option.name);
  for (const std::string_view choice : option.choices) {
    if (choice != option.value) changes.push_back({name, std::string(choice)});
  }
  if (option.kind == OptionInfo::Kind::flag) changes.push_back({name, option.value == "true" ? "false" : "true"});
  const bool counts = name == "rank" || name == "negatives";
  const bool real = option.kind == OptionInfo::Kind::real || option.kind == OptionInfo::Kind::optional_real;
  if ((counts || real) && !option.least_excluded && option.value != "0" && name != "tolerance") {
    changes.push_back({name, name == "negatives" ? "1" : "0"});
  }
  if (name == "neighbours" && option.value == "0") changes.push_back({name, "7"});
  return changes;
}

/// Whether an option is a number of passes over the ratings, which take their time.
bool counts_passes(std::string_view name) { return name == "epochs" || name == "samples" || name == "burn_in"; }

/// Values that show whether an option is read at all.
std::vector<Change> trials_of(const OptionInfo& option) {
  const std::string name(option.name);
  if (name == "tolerance") return {{name, "1"}};
  std::vector<Change> changes = switches_of(option);
  if (option.kind == OptionInfo::Kind::integer) {
    const std::string other = name == "block_size" ? "48" : name == "rank" ? "2" : "2000001";
    changes.push_back({name, option.most < 2000001 && other == "2000001" ? (option.value == "7" ? "3" : "7")
                             : counts_passes(name)                       ? "1"
                                                                         : other});
  }
  if (option.kind == OptionInfo::Kind::real || option.kind == OptionInfo::Kind::optional_real) changes.push_back({name, "0.7"});
  return changes;
}

Method changed(Method method, const std::vector<Change>& changes) {
  for (const Change& change : changes) set_option(method, change.option, change.value);
  return method;
}

bool accepts(const Method& method) {
  try {
    check_options(method);
    check_reads(method, {}, true);
  } catch (const OptionError&) {
    return false;
  }
  return true;
}

/// Few users, enough factors for a solver to have something to iterate.
std::optional<Method> start_of(std::string_view name, const std::vector<Change>& changes) {
  Method method = method_by_name(name);
  for (const OptionInfo& option : options_of(method)) {
    if (option.name == "rank") set_option(method, "rank", "17");
    if (counts_passes(option.name)) set_option(method, option.name, "3");
  }
  method = changed(method, changes);
  if (!accepts(method)) return std::nullopt;
  // Priors that are left open are found by trials, which take time.
  const bool has_prior = std::ranges::any_of(options_of(method), [](const OptionInfo& option) { return option.name == "prior_ratings"; });
  if (has_prior && std::ranges::none_of(changes, [](const Change& change) { return change.option == "prior_ratings"; })) {
    const Method stated = changed(method, {{"prior_ratings", "20"}});
    if (accepts(stated)) return stated;
  }
  return method;
}

const std::vector<Triple>& triples() {
  static const std::vector<Triple> all = synthetic(40, 30, 900, 3);
  return all;
}

/// All that a training gives, its record left out. The checks of options are passed by, for the options may be unread.
struct Outcome {
  std::vector<float> numbers;
  std::optional<Neighbours> neighbours;
  std::size_t epochs = 0;
};

/// Whether two trainings came to the same: to the bit, or up to `rounding`.
bool same(const Outcome& one, const Outcome& other, float rounding) {
  if (one.epochs != other.epochs || one.neighbours != other.neighbours || one.numbers.size() != other.numbers.size()) return false;
  for (std::size_t at = 0; at < one.numbers.size(); ++at) {
    if (std::abs(one.numbers[at] - other.numbers[at]) > rounding * (1 + std::abs(one.numbers[at]))) return false;
  }
  return true;
}

std::optional<Outcome> outcome_of(const Method& method) {
  constexpr std::uint32_t kUsers = 40;
  constexpr std::uint32_t kItems = 30;
  // Ten days, three weeks, two months; four levels of one context.
  constexpr std::uint16_t kLevels = 4;
  Situations situations;
  if (reads_contexts(method)) {
    situations.columns.push_back({.name = "company", .levels = {}});
    for (std::uint16_t level = 0; level < kLevels; ++level) {
      situations.columns[0].levels.add(std::to_string(level));
      situations.number({&level, 1});
    }
  }
  RatingsBuilder builder;
  std::uint32_t number = 0;
  for (const Triple& triple : triples()) {
    const std::int64_t time = 978307200 + std::int64_t{4} * 86400 * (number % 10);
    if (situations.size() != 0) {
      builder.add_in_situation(triple.user, triple.item, triple.value, (triple.item + number) % kLevels, time);
    } else {
      builder.add(triple.user, triple.item, triple.value, time);
    }
    ++number;
  }
  Ratings ratings = builder.build(kUsers, kItems);
  Model frame;
  frame.users.counts.assign(kUsers, 0);
  frame.items.counts.assign(kItems, 0);
  for (const Triple& triple : triples()) ++frame.users.counts[triple.user], ++frame.items.counts[triple.item];
  frame.record.ratings = ratings.size();
  frame.centre.predicts_ratings = predicts_ratings(method);
  Outcome outcome;
  try {
    const Trained trained = std::visit(
        [&](const auto& options) {
          TrainingObserver observer;
          TrainContext context;
          context.threads = 1;
          if (situations.size() != 0) context.situations = &situations;
          return train_and_correct(std::move(ratings), options, std::move(frame), {}, observer, context);
        },
        method);
    const Model& model = trained.model;
    outcome.epochs = trained.epochs;
    outcome.neighbours = model.neighbours;
    const auto add = [&outcome](const FactorMatrix& factors, const std::vector<float>& biases) {
      for (std::size_t row = 0; row < factors.rows(); ++row)
        outcome.numbers.insert(outcome.numbers.end(), factors.row(row).begin(), factors.row(row).end());
      outcome.numbers.insert(outcome.numbers.end(), biases.begin(), biases.end());
    };
    add(model.users.factors, model.users.biases);
    add(model.items.factors, model.items.biases);
    for (const ContextVectors& levels : model.contexts) {
      add(levels.user_factors, levels.biases);
      add(levels.scales, levels.user_biases.values);
      add(levels.item_factors, levels.item_biases.values);
    }
    outcome.numbers.push_back(static_cast<float>(model.centre.mean));
    if (!std::holds_alternative<NoFoldIn>(model.fold_in)) {
      const FoldedRow row = fold_in_user(model, std::array<std::uint32_t, 3>{0, 1, 2}, std::array{4.0F, 2.0F, 3.0F});
      outcome.numbers.insert(outcome.numbers.end(), row.factors.begin(), row.factors.end());
      outcome.numbers.push_back(row.bias);
    }
  } catch (const Error&) {
    // Some extremes train nothing.
    return std::nullopt;
  }
  return outcome;
}

bool is_read(const Method& method, const std::string& option) {
  try {
    check_reads(method, std::array{option}, true);
  } catch (const OptionError& error) {
    EXPECT_EQ(error.option(), option);
    return false;
  }
  return true;
}

/// Every start: the defaults, one switch, or two.
std::vector<std::vector<Change>> starts_of(std::string_view name) {
  std::vector<Change> switches;
  for (const OptionInfo& option : options_of(method_by_name(name))) {
    for (const Change& change : switches_of(option)) switches.push_back(change);
  }
  std::vector<std::vector<Change>> starts = {{}};
  for (std::size_t one = 0; one < switches.size(); ++one) {
    starts.push_back({switches[one]});
    for (std::size_t other = 0; other < one; ++other) {
      if (switches[one].option != switches[other].option) starts.push_back({switches[other], switches[one]});
    }
  }
  return starts;
}

class OptionReads : public testing::TestWithParam<std::string> {};

/// Whether a start leaves something to learn, and pins it down: not where the factors start as zeros or all weights are 0, nor at rank 0
/// without biases, nor by steps that end before the solution, nor where all scores of factors are about 1 and their deviation scales
/// others.
bool learns(std::string_view method, const std::vector<Change>& start) {
  const auto is_zero = [&start](std::string_view option) {
    return std::ranges::any_of(start, [option](const Change& change) { return change.option == option && change.value == "0"; });
  };
  const bool cg = std::ranges::any_of(start, [](const Change& change) { return change.value == "cg"; });
  const bool adds = std::ranges::any_of(start, [](const Change& change) { return change.option == "neighbours"; });
  if (is_zero("initial_scale") || is_zero("observed_weight")) return false;
  return !method.starts_with("implicit") ||
         !(is_zero("rank") || (is_zero("unobserved_weight") && (is_zero("regularization") || cg || adds)));
}

/// The two directions: what is refused changes nothing, and what changes nothing is refused. The second one is asked of starts with one
/// switch at most: of two, some leave nothing to learn.
TEST_P(OptionReads, AreRefusedWhereNoValueCounts) {
  std::set<std::string> unread_somewhere;
  for (const std::vector<Change>& start : starts_of(GetParam())) {
    const std::optional<Method> method = start_of(GetParam(), start);
    if (!method) continue;
    for (const OptionInfo& option : options_of(*method)) {
      if (!is_read(*method, std::string(option.name))) unread_somewhere.insert(std::string(option.name));
    }
    if (!learns(GetParam(), start)) continue;
    const std::optional<Outcome> usual = outcome_of(*method);
    if (!usual) continue;
    for (const OptionInfo& option : options_of(*method)) {
      const std::string name(option.name);
      // Read by what this test leaves out: validation.
      if (name == "patience") continue;
      // --no-biases may be said where there are none anyway.
      if (GetParam() == "nmf" && name == "biases") continue;
      const bool read = is_read(*method, name);
      if (read && start.size() > 1) continue;
      bool counts = false;
      for (const Change& trial : trials_of(option)) {
        // An error shows as well that a value is read.
        const std::optional<Outcome> outcome = outcome_of(changed(*method, {trial}));
        // What is not read may change the order of the arithmetic.
        counts = counts || (outcome ? !same(*outcome, *usual, read ? 0.0F : 1e-3F) : read);
      }
      EXPECT_EQ(read, counts) << GetParam() << " " << text_of(start) << ": " << name;
    }
  }
  for (const OptionInfo& option : options_of(method_by_name(GetParam()))) {
    if (option.condition.empty()) continue;
    EXPECT_TRUE(unread_somewhere.contains(std::string(option.name))) << option.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, OptionReads, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const std::string_view name : method_names()) names.emplace_back(name);
                           return names;
                         }()),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

std::string message_of(const Method& method, const std::vector<std::string>& stated, bool validates = true) {
  try {
    check_reads(method, stated, validates);
  } catch (const OptionError& error) {
    return error.what();
  }
  return "";
}

TEST(OptionReads, OnlyWhatIsStatedOrChangedIsRefused) {
  EXPECT_EQ(message_of(Als{}, {}, false), "");
  EXPECT_EQ(message_of(Als{}, {"cg_steps"}), "cg_steps: is not read with solver=exact, only with solver=cg");
  EXPECT_EQ(message_of(Als{}, {"cg-steps"}), "cg_steps: is not read with solver=exact, only with solver=cg");
  EXPECT_EQ(message_of(Als{.cg_steps = 5}, {}), "cg_steps: is not read with solver=exact, only with solver=cg");
  EXPECT_EQ(message_of(Als{.solver = Solver::cg}, {"cg_steps"}), "");
  EXPECT_EQ(message_of(Als{.non_negative = true}, {"solver"}), "solver: is not read with non_negative=true");
  EXPECT_EQ(message_of(Sgd{.rank = 0}, {"initial_scale"}), "initial_scale: is not read with rank=0");
  EXPECT_EQ(message_of(Bpr{.rank = 0, .biases = false}, {"learning_rate"}), "learning_rate: is not read with rank=0 and biases=false");
}

TEST(OptionReads, AHoldoutReadsTheSeed) {
  for (const std::string_view name : method_names()) {
    const Method method = method_by_name(name);
    EXPECT_NO_THROW(check_reads(method, std::array<std::string, 1>{"seed"}, true, true)) << name;
  }
  const std::string problem = "seed: is not read by method baseline, which draws nothing, except for holdout";
  EXPECT_EQ(message_of(Baseline{}, {"seed"}), problem);
  EXPECT_EQ(message_of(Baseline{.seed = 2}, {}), problem);
  EXPECT_EQ(message_of(Baseline{}, {}), "");
  EXPECT_EQ(message_of(Als{.rank = 0, .seed = 2}, {}), "seed: is not read with rank=0");
  EXPECT_EQ(message_of(Als{.seed = 2}, {}), "");
}

TEST(OptionReads, PatienceNeedsValidation) {
  for (const std::string_view name : method_names()) {
    Method method = method_by_name(name);
    const std::vector<OptionInfo> options = options_of(method);
    for (const OptionInfo& option : options) EXPECT_EQ(option.validates, option.name == "patience");
    if (std::ranges::none_of(options, [](const OptionInfo& option) { return option.name == "patience"; })) continue;
    EXPECT_EQ(message_of(method, {"patience"}, true), "");
    EXPECT_EQ(message_of(method, {"patience"}, false), "patience: needs validation or holdout");
    EXPECT_EQ(message_of(changed(method, {{"patience", "6"}}), {}, false), "patience: needs validation or holdout");
  }
}

}  // namespace
}  // namespace lowrank::option_reads_test
