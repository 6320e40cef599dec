#include <gtest/gtest.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/train/train.h"
#include "model/model_header.h"

namespace lowrank::options_test {
namespace {

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const OptionError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Options, EveryMethodIsFoundByItsName) {
  for (const std::string_view name : method_names()) {
    const Method method = method_by_name(name);
    EXPECT_EQ(name_of(method), name);
    EXPECT_FALSE(summary_of(method).empty());
    EXPECT_NO_THROW(check_options(method));
  }
  EXPECT_EQ(method_names().front(), "sgd");
  EXPECT_EQ(message_of([] { method_by_name("svd"); }).substr(0, 34), "method: there is no method \"svd\"; ");
}

TEST(Options, EveryOptionHasHelpAndTakesItsOwnValue) {
  for (const std::string_view name : method_names()) {
    Method method = method_by_name(name);
    const std::string before = options_json(method);
    for (const OptionInfo& option : options_of(method)) {
      EXPECT_FALSE(option.help.empty()) << option.name;
      set_option(method, option.name, option.value);
    }
    EXPECT_EQ(options_json(method), before);
  }
}

TEST(Options, ModelsOfTheGreatestRankCanBeLoaded) {
  for (const std::string_view name : method_names()) {
    for (const OptionInfo& option : options_of(method_by_name(name))) {
      if (option.name == "rank") {
        EXPECT_LE(option.most, static_cast<double>(kMaxRank)) << name;
      }
    }
  }
}

/// "0 to 4096", "above 0" or "at least 0".
std::string range_text(const OptionInfo& option) {
  std::ostringstream text;
  if (option.most < 1e9) {
    text << option.least << " to " << option.most;
  } else {
    text << (option.least_excluded ? "above " : "at least ") << option.least;
  }
  return text.str();
}

TEST(Options, HelpStatesTheRangeAndEveryChoice) {
  for (const std::string_view name : method_names()) {
    for (const OptionInfo& option : options_of(method_by_name(name))) {
      const std::string place = std::string(name) + " " + std::string(option.name);
      for (const std::string_view choice : option.choices) EXPECT_NE(option.help.find(choice), std::string::npos) << place << ' ' << choice;
      const bool number = option.kind != OptionInfo::Kind::choice && option.kind != OptionInfo::Kind::flag && option.name != "seed";
      if (number) {
        EXPECT_NE(option.help.find(range_text(option)), std::string::npos) << place << ": " << range_text(option);
      }
      EXPECT_FALSE(option.help.ends_with('.')) << place;
    }
  }
}

TEST(Options, WhatIsLeftOpenIsSettledByTheMethod) {
  Method method = Nmf{};
  EXPECT_TRUE(nlohmann::json::parse(options_json(method))["regularization"].is_null());
  set_option(method, "regularization", "0.5");
  EXPECT_EQ(std::get<Nmf>(method).regularization, 0.5);
  set_option(method, "regularization", "auto");
  EXPECT_EQ(std::get<Nmf>(method).regularization, std::nullopt);
  set_option(method, "regularization", "0.5");
  // How files of format 1 say it.
  set_option(method, "regularization", "-1.0");
  EXPECT_EQ(std::get<Nmf>(method).regularization, std::nullopt);
  EXPECT_EQ(message_of([&] { set_option(method, "regularization", "-2"); }), "regularization: must be at least 0, got -2");
  EXPECT_THROW(check_options(Nmf{.prior_ratings = -1}), OptionError);
}

TEST(Options, EveryMethodIsAClassWithALiterature) {
  for (const std::string_view name : method_names()) {
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(class_name_of(method_by_name(name)).front())));
    EXPECT_TRUE(reference_of(method_by_name(name)).ends_with('.'));
  }
}

TEST(Options, TheFirstAndLastChoiceAreRead) {
  for (const std::string_view name : method_names()) {
    Method method = method_by_name(name);
    const std::string before = options_json(method);
    for (const OptionInfo& option : options_of(method)) {
      if (option.choices.empty()) continue;
      set_option(method, option.name, option.choices.back());
      EXPECT_EQ(nlohmann::json::parse(options_json(method))[std::string(option.name)], option.choices.back());
      set_option(method, option.name, option.value);
    }
    EXPECT_EQ(options_json(method), before);
  }
}

TEST(Options, SetReadsEveryKind) {
  Method method = Sgd{};
  set_option(method, "rank", "7");
  set_option(method, "learning-rate", "0.25");
  set_option(method, "biases", "false");
  set_option(method, "update_order", "tutorial");
  set_option(method, "seed", "18446744073709551615");
  const Sgd& sgd = std::get<Sgd>(method);
  EXPECT_EQ(sgd.rank, 7U);
  EXPECT_EQ(sgd.learning_rate, 0.25);
  EXPECT_FALSE(sgd.biases);
  EXPECT_EQ(sgd.update_order, UpdateOrder::tutorial);
  EXPECT_EQ(sgd.seed, 18446744073709551615ULL);
  const auto json = nlohmann::json::parse(options_json(method));
  EXPECT_EQ(json["rank"], 7);
  EXPECT_EQ(json["biases"], false);
  EXPECT_EQ(json["update_order"], "tutorial");
  EXPECT_EQ(json["seed"].get<std::uint64_t>(), 18446744073709551615ULL);
}

TEST(Options, WhatIsWrongIsNamed) {
  Method method = Sgd{};
  EXPECT_EQ(message_of([&] { set_option(method, "rank", "-1"); }), "rank: expected a whole number, found \"-1\"");
  EXPECT_EQ(message_of([&] { set_option(method, "rank", "5000"); }), "rank: must be at least 0 and at most 4096, got 5000");
  EXPECT_EQ(message_of([&] { set_option(method, "learning_rate", "0"); }), "learning_rate: must be above 0, got 0");
  EXPECT_EQ(message_of([&] { set_option(method, "learning_rate", "x"); }), "learning_rate: expected auto or a number, found \"x\"");
  EXPECT_NE(message_of([&] { set_option(method, "learning_rate", "nan"); }), "nothing was thrown");
  EXPECT_EQ(message_of([&] { set_option(method, "update_order", "both"); }),
            "update_order: must be one of equations, tutorial, got \"both\"");
  EXPECT_EQ(message_of([&] { set_option(method, "biases", "yes"); }), "biases: must be true or false, got \"yes\"");
  EXPECT_EQ(message_of([&] { set_option(method, "alpha", "1"); }), "alpha: method sgd does not read this option");
  EXPECT_EQ(std::get<Sgd>(method).rank, Sgd{}.rank);
}

TEST(Options, CheckFindsWhatWasSetByHand) {
  Sgd options;
  options.epochs = 0;
  EXPECT_THROW(check_options(options), OptionError);
  options = {};
  options.regularization = -1;
  EXPECT_THROW(check_options(options), OptionError);
  options = {};
  options.update_order = static_cast<UpdateOrder>(9);
  EXPECT_THROW(check_options(options), OptionError);
}

}  // namespace
}  // namespace lowrank::options_test
