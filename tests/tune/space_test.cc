#include "tune/space.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "lowrank/base/error.h"
#include "tune/sobol.h"

namespace lowrank::space_test {
namespace {

Space space_of(const Method& method, const std::string& text, const std::vector<std::string>& fixed = {}) {
  return {method, fixed, parse_space(text)};
}

/// The sentence by which a space is refused.
std::string refusal(const Method& method, const std::string& text, const std::vector<std::string>& fixed = {}) {
  try {
    space_of(method, text, fixed);
  } catch (const OptionError& error) {
    return error.what();
  }
  return "";
}

std::string value_of(const Method& method, const std::string& name) {
  for (const OptionInfo& info : options_of(method)) {
    if (info.name == name) return info.value;
  }
  return "";
}

const Axis& axis_of(const Space& space, const std::string& name) {
  for (const Axis& axis : space.axes()) {
    if (axis.name == name) return axis;
  }
  throw std::runtime_error(name);
}

TEST(Space, WhatIsWrongIsOneSentenceThatNamesTheOption) {
  const std::map<std::string, std::string> refusals = {
      {"rank", "space: expected entries such as rank=16..256:log or solver=exact|cg, found \"rank\""},
      {"rank=", "space: rank has no values"},
      {"=1..2", "space: expected entries such as rank=16..256:log or solver=exact|cg, found \"=1..2\""},
      {"rank=64..16", "space: rank has the range \"64..16\", which is empty"},
      {"rank=16..16", "space: rank has the range \"16..16\", which is empty"},
      {"rank=0..16:log", "space: rank has a logarithmic range that does not start above 0"},
      {"rank=1..5000", "space: rank: must be at least 0 and at most 4096, got 5000"},
      {"rank=1.5..4", "space: rank: expected a whole number, found \"1.5\""},
      {"rank=few..many", "space: rank has the end \"few\", which is not a number"},
      {"rank=64", "space: rank has the single value \"64\"; fix it instead, or write a range such as 1..10 or choices such as a|b"},
      {"rank=16|16", "space: rank has the value \"16\" twice"},
      {"rank=16..32,rank=1..2", "space: rank has values twice"},
      {"rank=1..2,", "space: expected entries such as rank=16..256:log or solver=exact|cg, found \"\""},
      {"solver=exact|fast", "space: solver: must be one of exact, cg, got \"fast\""},
      {"solver=1..2", "space: solver has a range, but its values are names: write them as in solver=exact|cg"},
      {"biases=0..1", "space: biases has a range, but its values are names: write them as in biases=true|false"},
      {"seed=1..5", "space: seed has values, but it is the same for all trials"}};
  for (const auto& [text, sentence] : refusals) EXPECT_EQ(refusal(Als{}, text), sentence) << text;
  EXPECT_EQ(refusal(Als{.rank = 5}, "rank=1..10"), "space: rank has values, but its value is stated");
  EXPECT_EQ(refusal(Als{}, "rank=1..10", {"rank"}), "space: rank has values, but its value is stated");
}

TEST(Space, AFixedOptionThatNoTrialReadsIsRefused) {
  EXPECT_EQ(refusal(Als{.cg_steps = 5}, ""), "cg_steps: is not read with solver=exact, only with solver=cg");
  EXPECT_EQ(refusal(Als{.cg_steps = 5}, "solver=exact|cg"), "");
}

TEST(Space, EveryMethodHasADefaultSpaceOfValidMethods) {
  for (const std::string_view name : method_names()) {
    const Method base = method_by_name(name);
    const Space space = space_of(base, "");
    EXPECT_EQ(options_json(space.at({})), options_json(base));
    if (space.axes().empty()) continue;
    Sobol points(space.axes().size(), 3, 0);
    for (int n = 0; n < 200; ++n) {
      const Method method = space.at(points.next());
      EXPECT_NO_THROW(check_options(method)) << options_json(method);
      EXPECT_NO_THROW(check_reads(method, {}, true, true)) << options_json(method);
    }
  }
}

/// `rank` 8..128:log, ...: the axes as docs/comparing.md has them.
std::string row_of(const std::string& method, const std::vector<Axis>& axes) {
  std::string row;
  for (const Axis& axis : axes) {
    row += (row.empty() ? "| `" + method + "` | `" : ", `") + axis.name + "` ";
    for (const std::string& choice : axis.choices) row += (choice == axis.choices.front() ? "" : "\\|") + choice;
    if (axis.choices.empty()) row += shortest_text(axis.least) + ".." + shortest_text(axis.most) + (axis.logarithmic ? ":log" : "");
  }
  return row.empty() ? row : row + " |\n";
}

TEST(Space, DefaultsAreThoseOfTheDocumentation) {
  std::ifstream file(LOWRANK_SOURCE_DIR "/docs/comparing.md");
  std::ostringstream page;
  page << file.rdbuf();
  for (const std::string_view name : method_names()) {
    // What only rating neighbours read is part of the method's row.
    const std::string row = row_of(std::string(name), space_of(method_by_name(name), "").axes());
    EXPECT_NE(page.str().find(row), std::string::npos) << row;
  }
}

TEST(Space, OptionsThatAreNotReadHaveTheirDefaults) {
  const Space space = space_of(Als{}, "solver=exact|cg,cg_steps=1..9,rank=0..3,non_negative=true|false,neighbours=0|20");
  Sobol points(space.axes().size(), 1, 0);
  std::map<std::string, int> seen;
  for (int n = 0; n < 500; ++n) {
    const Method method = space.at(points.next());
    EXPECT_NO_THROW(check_reads(method, {}, true, true)) << options_json(method);
    const bool reads = value_of(method, "solver") == "cg" && value_of(method, "rank") != "0" && value_of(method, "non_negative") == "false";
    ++seen[reads ? "read" : "not read"];
    EXPECT_TRUE(reads || value_of(method, "cg_steps") == "3") << options_json(method);
  }
  EXPECT_GT(seen["read"], 50);
  EXPECT_GT(seen["not read"], 50);
}

TEST(Space, WholeNumbersAreReachedAlike) {
  const Space space = space_of(Slim{}, "l1=.5..1,l2=1|2|3,candidates=3..6");
  std::map<std::string, int> candidates;
  std::map<std::string, int> l2;
  Sobol points(space.axes().size(), 1, 0);
  for (int n = 0; n < 512; ++n) {
    const Method method = space.at(points.next());
    ++candidates[value_of(method, "candidates")];
    ++l2[value_of(method, "l2")];
    EXPECT_GE(std::stod(value_of(method, "l1")), 0.5);
    EXPECT_LE(std::stod(value_of(method, "l1")), 1);
  }
  for (const char* value : {"3", "4", "5", "6"}) EXPECT_NEAR(candidates[value], 128, 2) << value;
  for (const char* value : {"1", "2", "3"}) EXPECT_NEAR(l2[value], 512 / 3.0, 3) << value;
}

TEST(Space, CoordinatesFollowTheScale) {
  const Space space = space_of(Sgd{}, "rank=8|16,regularization=.01..1:log");
  EXPECT_TRUE(axis_of(space, "regularization").logarithmic);
  Method method = Sgd{.rank = 16, .epochs = 20, .learning_rate = {}, .regularization = 0.1};
  const std::vector<double> place = space.coordinates(method);
  // Axes in the order of the options: rank 8, rank 16, epochs, learning rate, regularization, prior ratings, neighbours 0, neighbours 100.
  ASSERT_EQ(place.size(), 8U);
  EXPECT_EQ(place[0], 0);
  EXPECT_EQ(place[1], 1);
  EXPECT_NEAR(place[2], 0.5, 0.02);
  EXPECT_EQ(place[3], 0.5);
  EXPECT_NEAR(place[4], 0.5, 1e-12);
  EXPECT_EQ(place[5], 0.5);
  EXPECT_EQ(place[6], 1);
  EXPECT_EQ(place[7], 0);
}

TEST(Space, ValuesAtTheEndsAreNamed) {
  const Space space = space_of(Sgd{}, "rank=0..64,regularization=.01..1:log");
  EXPECT_EQ(space.at_ends(Sgd{.rank = 64, .epochs = 20, .regularization = 0.0101}), (std::vector<std::string>{"rank", "regularization"}));
  // The option itself ends at 0.
  EXPECT_TRUE(space.at_ends(Sgd{.rank = 0, .epochs = 20, .regularization = 0.1}).empty());
}

TEST(Space, ValuesAreRoundedToBeTyped) {
  const Space space = space_of(Ease{}, "regularization=1..1000:log");
  const Method method = space.at(std::vector<double>(space.axes().size(), 0.123456789));
  EXPECT_EQ(value_of(method, "regularization"), "2.346");
  EXPECT_EQ(nlohmann::json::parse(space.values(method)).at("regularization"), 2.346);
}

}  // namespace
}  // namespace lowrank::space_test
