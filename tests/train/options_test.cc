#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/train/train.h"

namespace lowrank {
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
  EXPECT_EQ(message_of([] { method_by_name("svd"); }).substr(0, 36), "--method: there is no method \"svd\"; ");
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
  EXPECT_EQ(sgd.update_order, static_cast<std::uint8_t>(UpdateOrder::tutorial));
  EXPECT_EQ(sgd.seed, 18446744073709551615ULL);
  const auto json = nlohmann::json::parse(options_json(method));
  EXPECT_EQ(json["rank"], 7);
  EXPECT_EQ(json["biases"], false);
  EXPECT_EQ(json["update_order"], "tutorial");
  EXPECT_EQ(json["seed"].get<std::uint64_t>(), 18446744073709551615ULL);
}

TEST(Options, WhatIsWrongIsNamed) {
  Method method = Sgd{};
  EXPECT_EQ(message_of([&] { set_option(method, "rank", "-1"); }), "--rank: expected a whole number, found \"-1\"");
  EXPECT_EQ(message_of([&] { set_option(method, "rank", "5000"); }), "--rank: must be at least 0 and at most 4096, got 5000");
  EXPECT_EQ(message_of([&] { set_option(method, "learning_rate", "0"); }), "--learning-rate: must be above 0, got 0");
  EXPECT_EQ(message_of([&] { set_option(method, "learning_rate", "x"); }), "--learning-rate: expected a number, found \"x\"");
  EXPECT_NE(message_of([&] { set_option(method, "learning_rate", "nan"); }), "nothing was thrown");
  EXPECT_EQ(message_of([&] { set_option(method, "update_order", "both"); }),
            "--update-order: must be one of equations, tutorial, got \"both\"");
  EXPECT_EQ(message_of([&] { set_option(method, "biases", "yes"); }), "--biases: must be true or false, got \"yes\"");
  EXPECT_EQ(message_of([&] { set_option(method, "alpha", "1"); }), "--alpha: method sgd does not read this option");
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
  options.update_order = 9;
  EXPECT_THROW(check_options(options), OptionError);
}

}  // namespace
}  // namespace lowrank
