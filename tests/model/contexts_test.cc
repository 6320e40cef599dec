// Contexts: what they add to scores, models in which they are given, and their section of a model file.

#include "lowrank/model/contexts.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/context_models.h"
#include "model/models.h"
#include "model/sealing.h"

namespace lowrank::contexts_test {
namespace {

using sealing::Opened;
using testing_models::days;
using testing_models::kFirstDay;
using testing_models::model_with_all;
using testing_models::model_with_days;

constexpr std::int64_t kSecond = 1'000'000;

/// What a day adds, term by term.
double added(const Model& model, std::uint32_t user, std::uint32_t item, std::size_t level) {
  const ContextVectors& context = model.contexts.front();
  const bool knows_user = model.users.knows(user);
  const bool knows_item = model.items.knows(item);
  if (!knows_user && !knows_item) return 0;
  auto sum = static_cast<double>(context.biases[level]);
  for (std::size_t k = 0; k < model.rank(); ++k) {
    if (knows_user) sum += static_cast<double>(model.users.factors.row(user)[k]) * static_cast<double>(context.user_factors.row(level)[k]);
    if (knows_item) sum += static_cast<double>(model.items.factors.row(item)[k]) * static_cast<double>(context.item_factors.row(level)[k]);
  }
  return sum;
}

TEST(Contexts, ScoresAreTheSumOfTheirTerms) {
  for (const std::size_t rank : {0U, 5U, 17U}) {
    const Model model = model_with_days(rank);
    std::vector<std::uint32_t> users;
    std::vector<std::uint32_t> items;
    std::vector<std::int64_t> times;
    // Unknown users and items, and a day that is not known.
    for (std::uint32_t user = 0; user < 11; ++user) {
      for (std::uint32_t item = 0; item < 9; ++item) {
        users.push_back(user);
        items.push_back(item);
        times.push_back(kFirstDay + 86400 * ((user + item) % 4) + 3600 * user);
      }
    }
    std::vector<double> scores(users.size());
    score_pairs(model, users, items, scores);
    const std::vector<double> plain = scores;
    add_contexts(model, users, items, times, scores, 2);
    for (std::size_t n = 0; n < users.size(); ++n) {
      const std::size_t level = (users[n] + items[n]) % 4;
      EXPECT_NEAR(scores[n] - plain[n], level == 3 ? 0 : added(model, users[n], items[n], level), 1e-5);
    }
    scores = plain;
    add_contexts(model, users, items, {}, scores);
    EXPECT_EQ(scores, plain);
    Pairs pairs;
    pairs.users = users;
    pairs.items = items;
    pairs.values.assign(users.size(), 3);
    pairs.times = times;
    std::vector<double> predictions(users.size());
    predict_pairs(model, pairs, predictions, 3);
    add_contexts(model, users, items, times, scores);
    for (std::size_t n = 0; n < users.size(); ++n) EXPECT_DOUBLE_EQ(predictions[n], model.centre.rating(scores[n]));
  }
}

/// One by one, pairs have the scores that they have together, whatever comes before a time that tells the unit.
TEST(Contexts, PairsMayComeOneByOne) {
  const Model model = model_with_days();
  for (const std::int64_t unit : std::vector<std::int64_t>{1, 1000, kSecond, 1000 * kSecond}) {
    ContextStream stream(model);
    EXPECT_EQ(stream.score(0, 0, 0, 2.5), 2.5);
    for (const std::int64_t day : {1, 0, 2, 3, 1}) {
      double together = 2.5;
      const std::uint32_t user = 3;
      const std::uint32_t item = 2;
      const std::int64_t time = (kFirstDay + 86400 * day + 7) * unit;
      add_contexts(model, {&user, 1}, {&item, 1}, {&time, 1}, {&together, 1});
      EXPECT_EQ(stream.score(user, item, time, 2.5), together);
      EXPECT_EQ(together == 2.5, day == 3);
    }
    EXPECT_EQ(stream.score(1, 1, -5, 2.5), 2.5);
    EXPECT_NO_THROW(stream.finish());
  }
  ContextStream untold(model);
  EXPECT_NO_THROW(untold.finish());
  untold.score(0, 0, 99, 2.5);
  EXPECT_THROW(untold.finish(), DataError);
  const Model plain;
  ContextStream unread(plain);
  EXPECT_EQ(unread.score(0, 0, 99, 2.5), 2.5);
  EXPECT_NO_THROW(unread.finish());
}

TEST(Contexts, AModelInAContextIsAnOrdinaryOne) {
  const Model model = model_with_days();
  for (const char* day : {"2001-01-02", "2001-01-02T15:30:00Z", "2001-01-02 23:59"}) {
    const std::vector<ContextValue> given = {{"day", day}};
    const Model bound = bind_context(model, given);
    EXPECT_TRUE(bound.contexts.empty());
    for (std::uint32_t user = 0; user < 9; ++user) {
      for (std::uint32_t item = 0; item < 7; ++item) {
        EXPECT_NEAR(score(bound, user, item), score(model, user, item) + added(model, user, item, 1), 1e-5);
      }
    }
    EXPECT_EQ(deserialize_model(serialize_model(bound)), bound);
  }
  const std::vector<ContextValue> future = {{"day", "2031-01-02"}};
  Model bound = bind_context(model, future);
  bound.contexts = model.contexts;
  EXPECT_EQ(bound, model);
  EXPECT_EQ(bind_context(model, {}), model);
}

/// The score of a pair in a context by the formula, in double. \param levels  of each context; 99 for one that is not known
double formula(const Model& model, std::uint32_t user, std::uint32_t item, const std::array<std::uint32_t, 3>& levels) {
  const bool knows_user = model.users.knows(user);
  const bool knows_item = model.items.knows(item);
  if (!knows_user && !knows_item) return model.centre.rating_mean;
  double sum = model.centre.mean;
  if (knows_user) sum += static_cast<double>(model.users.biases[user]);
  if (knows_item) sum += static_cast<double>(model.items.biases[item]);
  for (std::size_t n = 0; n < levels.size(); ++n) {
    const ContextVectors& context = model.contexts[n];
    if (levels[n] >= context.levels.size()) continue;
    sum += static_cast<double>(context.biases[levels[n]]);
    if (knows_user && n == 2) sum += static_cast<double>(context.user_biases.at(user, levels[n]));
    if (knows_item && n == 2) sum += static_cast<double>(context.item_biases.at(item, levels[n]));
  }
  for (std::size_t k = 0; k < model.rank(); ++k) {
    const double p = knows_user ? static_cast<double>(model.users.factors.row(user)[k]) : 0;
    const double q = knows_item ? static_cast<double>(model.items.factors.row(item)[k]) : 0;
    double scale = 1;
    for (std::size_t n = 0; n < levels.size(); ++n) {
      const ContextVectors& context = model.contexts[n];
      if (levels[n] >= context.levels.size()) continue;
      sum +=
          p * static_cast<double>(context.user_factors.row(levels[n])[k]) + q * static_cast<double>(context.item_factors.row(levels[n])[k]);
      if (context.scales.rows() != 0) scale *= static_cast<double>(context.scales.row(levels[n])[k]);
    }
    sum += p * q * scale;
  }
  return sum;
}

const char* const kLevels[] = {"2001-01-01", "2001-01-02", "2001-01-03", "2001-01-04"};

TEST(Contexts, ScalesAndBiasesOfRowsAreBoundInAllCells) {
  for (const std::size_t rank : {0U, 5U, 17U}) {
    const Model model = model_with_all(rank);
    for (std::uint32_t companion = 0; companion < 5; ++companion) {
      for (std::uint32_t mood = 0; mood < 4; ++mood) {
        const std::uint32_t day = mood % 3;
        const std::array<std::uint32_t, 3> levels = {day, companion == 4 ? 99 : companion, mood};
        const std::vector<ContextValue> given = {
            {"mood", kLevels[mood]}, {"companion", companion == 4 ? "unheard of" : kLevels[companion]}, {"day", kLevels[day]}};
        const Model bound = bind_context(model, given);
        EXPECT_TRUE(bound.contexts.empty());
        // With the day left out: what it adds comes on top of the bound model.
        const std::vector<ContextValue> part(given.begin(), given.begin() + 2);
        const Model half = bind_context(model, part);
        ASSERT_EQ(half.contexts.size(), 1U);
        for (std::uint32_t user = 0; user < 10; ++user) {
          for (std::uint32_t item = 0; item < 8; ++item) {
            EXPECT_NEAR(score(bound, user, item), formula(model, user, item, levels), 2e-5);
            const std::int64_t time = kFirstDay + 86400 * std::int64_t{day};
            double sum = score(half, user, item);
            add_contexts(half, {&user, 1}, {&item, 1}, {&time, 1}, {&sum, 1});
            EXPECT_NEAR(sum, formula(model, user, item, levels), 2e-5);
          }
        }
        EXPECT_EQ(deserialize_model(serialize_model(half)), half);
      }
    }
  }
}

/// Pairs with situations have the scores of the models that are bound to them, whatever the order of columns and levels in the data.
TEST(Contexts, SituationsOfPairsAreAddedAsBound) {
  const Model model = model_with_all();
  Pairs pairs;
  pairs.known_users = 9;
  pairs.known_items = 7;
  for (const char* name : {"mood", "weather", "companion"}) {
    ContextColumn column;
    column.name = name;
    for (std::uint32_t level = 5; level-- > 0;) column.levels.add("2001-01-0" + std::to_string(level + 1));
    pairs.situations.columns.push_back(column);
  }
  const auto code = [](std::uint32_t level) { return static_cast<std::uint16_t>(level == 99 ? Situations::kMissing : 4 - level); };
  std::vector<std::array<std::uint32_t, 3>> levels;
  for (std::uint32_t user = 0; user < 10; ++user) {
    for (std::uint32_t item = 0; item < 8; ++item) {
      // Level 4 is in the data alone; 99 is missing.
      const std::uint32_t mood = (user + item) % 6 == 5 ? 99 : (user + item) % 6;
      const std::uint32_t companion = (user * 3 + item) % 6 == 5 ? 99 : (user * 3 + item) % 6;
      const std::array<std::uint16_t, 3> own = {code(mood), code(1), code(companion)};
      pairs.users.push_back(user);
      pairs.items.push_back(item);
      pairs.values.push_back(3);
      pairs.situation.push_back(pairs.situations.number(own));
      levels.push_back({99, companion, mood});
    }
  }
  std::vector<double> predictions(pairs.size());
  predict_pairs(model, pairs, predictions, 3);
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    EXPECT_NEAR(predictions[n], model.centre.rating(formula(model, pairs.users[n], pairs.items[n], levels[n])), 2e-5);
  }
}

/// One by one, pairs with levels have the scores of the formula, whatever the order of the columns.
TEST(Contexts, PairsMayComeOneByOneWithLevels) {
  const Model model = model_with_all();
  const std::vector<std::string> columns = {"weather", "mood", "companion"};
  ContextStream stream(model, columns);
  for (std::uint32_t user = 0; user < 10; ++user) {
    for (std::uint32_t item = 0; item < 8; ++item) {
      const std::uint32_t mood = (user + item) % 4;
      const std::uint32_t companion = (user * 3 + item) % 5 == 4 ? 99 : (user * 3 + item) % 5;
      const std::vector<std::string_view> levels = {"fine", kLevels[mood], companion == 99 ? "" : kLevels[companion]};
      const std::optional<std::int64_t> time = item % 2 == 0 ? std::optional(kFirstDay + 86400) : std::nullopt;
      const double expected = formula(model, user, item, {time ? 1U : 99U, companion, mood});
      EXPECT_NEAR(stream.score(user, item, time, levels, score(model, user, item)), expected, 2e-5);
    }
  }
}

TEST(Contexts, LevelsThatTheModelDoesNotKnowAreCounted) {
  const Model model = model_with_all();
  const std::vector<std::string> columns = {"weather", "mood", "companion"};
  ContextStream stream(model, columns);
  Pairs pairs;
  for (const std::string& column : columns) pairs.situations.columns.push_back({column, Period::none, {}});
  const std::array<std::array<std::string_view, 3>, 4> lines = {
      {{"fine", kLevels[0], ""}, {"", "sullen", kLevels[0]}, {"fine", "sullen", "a crowd"}, {"fine", "", ""}}};
  for (const auto& line : lines) {
    // A user that the model does not know has a context all the same.
    stream.score(1000, 1000, std::nullopt, line, 0);
    std::array<std::uint16_t, 3> levels{};
    for (std::size_t n = 0; n < 3; ++n) {
      const bool missing = line[n].empty();
      levels[n] = missing ? Situations::kMissing : static_cast<std::uint16_t>(pairs.situations.columns[n].levels.add(line[n]));
    }
    pairs.users.push_back(1000);
    pairs.items.push_back(1000);
    pairs.situation.push_back(pairs.situations.number(levels));
  }
  EXPECT_EQ(stream.count(), 4U);
  for (const std::vector<UnknownLevels>& found : {stream.unknown(), unknown_levels(model, pairs)}) {
    std::map<std::string, std::size_t> counts;
    for (const auto& [column, ratings] : found) counts[column] = ratings;
    EXPECT_EQ(counts, (std::map<std::string, std::size_t>{{"mood", 2}, {"companion", 1}}));
  }
  EXPECT_TRUE(unknown_levels(model, Pairs{}).empty());
}

TEST(Contexts, ScalesAndBiasesOfRowsTravelWithTheModel) {
  for (const std::size_t rank : {0U, 5U, 16U}) {
    const Model model = model_with_all(rank);
    EXPECT_EQ(deserialize_model(serialize_model(model)), model);
  }
  Model model = model_with_all();
  model.contexts[1].scales = {};
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
  model.contexts[2].scales = {};
  model.contexts[2].item_biases = {};
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
}

/// Files without the parts are as they were before there were any; those with them name their version.
TEST(Contexts, TheSectionHasVersionTwoOnlyWithItsParts) {
  const auto section = [](const Model& model) {
    const Opened opened(serialize_model(model));
    return nlohmann::json::parse(opened.header["__metadata__"]["sections"].get<std::string>())["contexts"];
  };
  EXPECT_EQ(section(model_with_days()), nlohmann::json::parse(R"({"version":1,"required":false,"needs":"0.1.0"})"));
  EXPECT_EQ(section(model_with_all()), nlohmann::json::parse(R"({"version":2,"required":true,"needs":"0.1.0"})"));
  EXPECT_FALSE(Opened(serialize_model(model_with_days())).header.contains("contexts.scales"));
}

TEST(Contexts, WhatIsNoContextIsRefused) {
  const Model model = model_with_days();
  const auto refusal = [&](const std::vector<ContextValue>& given) -> std::string {
    try {
      bind_context(model, given);
    } catch (const OptionError& error) {
      EXPECT_EQ(error.option(), "context");
      return error.what();
    }
    return "taken";
  };
  EXPECT_EQ(refusal({{"week", "2001-W01"}}), "context: \"week\" is no context of the model, which has day");
  EXPECT_EQ(refusal({{"day", "2001-01-01"}, {"day", "2001-01-02"}}), "context: day is given twice");
  EXPECT_EQ(refusal({{"day", "monday"}}), "context: \"monday\" is no day: give a date such as 1998-04-01");
  EXPECT_EQ(refusal({{"day", "2001-02-30T99"}}), "context: \"2001-02-30T99\" is no day: give a date such as 1998-04-01");
  EXPECT_EQ(refusal({{"day", "2001-12-24"}}), "taken");
  const auto takes = [](Period period, const std::string& value) {
    Model timed = model_with_days();
    timed.contexts.front().name = name_of(period);
    timed.contexts.front().period = period;
    const std::vector<ContextValue> given = {{std::string(name_of(period)), value}};
    try {
      bind_context(timed, given);
      return true;
    } catch (const OptionError&) {
      return false;
    }
  };
  // ISO 8601: years of 53 weeks begin on a Thursday, or on a Wednesday in a leap year.
  for (const char* week : {"2020-W53", "2021-W52", "2015-W53", "2001-W01", "2001-02-03"}) EXPECT_TRUE(takes(Period::week, week)) << week;
  for (const char* week : {"2021-W53", "2001-W00", "2001-W54", "2001-W1", "2001-W011", "2001-w01", "2001-01", "W01"}) {
    EXPECT_FALSE(takes(Period::week, week)) << week;
  }
  for (const char* month : {"2001-12", "0001-01", "2001-12-31T23:59"}) EXPECT_TRUE(takes(Period::month, month)) << month;
  for (const char* month : {"2001-13", "2001-00", "2001-1", "2001-02-30", "2001-W01", "2001", ""}) {
    EXPECT_FALSE(takes(Period::month, month)) << month;
  }
}

TEST(Contexts, TravelWithTheModel) {
  Model model = model_with_days();
  model.contexts.push_back(days(5, 2));
  model.contexts.back().name = "companion";
  model.contexts.back().period = Period::none;
  model.contexts.push_back(days(5, 0));
  model.contexts.back().name = "mood_2";
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
  model.contexts.erase(model.contexts.begin() + 1, model.contexts.end());
  for (const std::size_t rank : {0U, 16U}) {
    const Model other = model_with_days(rank);
    EXPECT_EQ(deserialize_model(serialize_model(other)), other);
  }
}

TEST(Contexts, UnsoundOnesAreNotWritten) {
  const auto problem_of = [](const auto& change) -> std::string {
    Model model = model_with_days();
    change(model.contexts);
    try {
      serialize_model(model);
    } catch (const Error& error) {
      return error.what();
    }
    return "written";
  };
  using Contexts = std::vector<ContextVectors>;
  const std::string start = "cannot write the model: ";
  EXPECT_EQ(problem_of([](Contexts& own) { own[0].biases.pop_back(); }), start + "levels of a context and their vectors differ in number");
  EXPECT_EQ(problem_of([](Contexts& own) { own[0].item_factors = FactorMatrix(3, 4); }),
            start + "vectors of a context of a different rank");
  EXPECT_EQ(problem_of([](Contexts& own) { own[0].user_factors.row(1)[2] = NAN; }), start + "a number of a context is not finite");
  EXPECT_EQ(problem_of([](Contexts& own) { own[0].name = "Day one"; }), start + "a context without a sound name");
  EXPECT_EQ(problem_of([](Contexts& own) { own.push_back(own[0]); }), start + "two contexts of one name");
  EXPECT_EQ(problem_of([](Contexts& own) {
              for (int n = 0; n < 8; ++n) {
                own.push_back(own[0]);
                own.back().name += std::to_string(n);
              }
            }),
            start + "too many contexts");
}

/// How a file of the model is refused once it is changed; `loaded` if it is not.
std::string refusal_of(const Model& model, const std::function<void(Opened&)>& change) {
  Opened opened(serialize_model(model));
  change(opened);
  try {
    deserialize_model(opened.sealed(), "f");
  } catch (const ModelFileError& error) {
    return error.what();
  }
  return "loaded";
}

TEST(Contexts, HostileFilesAreRefused) {
  const auto refusal_after = [](const std::function<void(Opened&)>& change) { return refusal_of(model_with_days(), change); };
  const auto set_metadata = [](Opened& opened, const std::string& text) { opened.header["__metadata__"]["contexts"] = text; };
  EXPECT_NE(refusal_after([&](Opened& opened) { set_metadata(opened, "[]"); }), "loaded");
  EXPECT_NE(refusal_after([&](Opened& opened) { set_metadata(opened, "[{}]"); }), "loaded");
  EXPECT_NE(refusal_after([&](Opened& opened) { set_metadata(opened, "[1]} {"); }), "loaded");
  EXPECT_NE(refusal_after([&](Opened& opened) { set_metadata(opened, R"([{"name":"day","period":"year"}])"); }), "loaded");
  EXPECT_NE(refusal_after([&](Opened& opened) { set_metadata(opened, R"([{"name":"d d","period":"day"}])"); }), "loaded");
  EXPECT_NE(
      refusal_after([&](Opened& opened) { set_metadata(opened, R"([{"name":"day","period":"day"},{"name":"week","period":"week"}])"); }),
      "loaded");
  const auto number_at = [](const char* tensor, std::size_t place, std::int64_t number) {
    return [=](Opened& opened) {
      const std::size_t begin = opened.header[tensor]["data_offsets"][0].get<std::size_t>();
      std::memcpy(opened.data.data() + begin + place * sizeof number, &number, sizeof number);
    };
  };
  EXPECT_EQ(refusal_after(number_at("contexts.first_levels", 1, 2)), "f: the levels of the contexts are not in order");
  EXPECT_EQ(refusal_after(number_at("contexts.first_levels", 0, 1)), "f: the levels of the contexts are not in order");
  EXPECT_EQ(refusal_after(number_at("contexts.level_offsets", 1, 1000)), "f: the levels of the contexts are not in order");
  EXPECT_EQ(refusal_after(number_at("contexts.level_offsets", 3, 29)), "f: the levels of the contexts are not in order");
  EXPECT_EQ(refusal_after(number_at("contexts.counts", 1, std::int64_t{1} << 40)), "f: a number of ratings is out of range");
}

TEST(Contexts, UnsoundScalesAndBiasesAreNotWritten) {
  const auto problem_of = [](const auto& change) -> std::string {
    Model model = model_with_all();
    change(model.contexts[2]);
    try {
      serialize_model(model);
    } catch (const Error& error) {
      return error.what();
    }
    return "written";
  };
  const std::string start = "cannot write the model: ";
  EXPECT_EQ(problem_of([](ContextVectors& own) { own.scales = FactorMatrix(3, 5); }),
            start + "scales of a context that are not those of its levels");
  EXPECT_EQ(problem_of([](ContextVectors& own) { own.scales.row(1)[1] = INFINITY; }), start + "a number of a context is not finite");
  EXPECT_EQ(problem_of([](ContextVectors& own) { own.user_biases.values[2] = NAN; }), start + "a number of a context is not finite");
  EXPECT_EQ(problem_of([](ContextVectors& own) { own.item_biases.offsets.pop_back(); }),
            start + "biases of rows in a context are not in order");
  EXPECT_EQ(problem_of([](ContextVectors& own) { own.item_biases.offsets = {}; }), start + "biases of rows in a context are not in order");
  EXPECT_EQ(problem_of([](ContextVectors& own) { own.item_biases.values.pop_back(); }),
            start + "biases of rows in a context are not in order");
  EXPECT_EQ(problem_of([](ContextVectors& own) { std::swap(own.item_biases.levels[0], own.item_biases.levels[1]); }),
            start + "levels of the biases of a row are not in order");
  EXPECT_EQ(problem_of([](ContextVectors& own) { own.user_biases.levels.back() = 4; }),
            start + "levels of the biases of a row are not in order");
}

TEST(Contexts, HostileScalesAndBiasesAreRefused) {
  const auto refusal_after = [](const std::function<void(Opened&)>& change) { return refusal_of(model_with_all(), change); };
  EXPECT_EQ(refusal_after([](Opened&) {}), "loaded");
  const auto replace = [](const std::string& from, const std::string& to) {
    return [=](Opened& opened) {
      auto text = opened.header["__metadata__"]["contexts"].get<std::string>();
      const std::size_t place = text.find(from);
      ASSERT_NE(place, std::string::npos);
      opened.header["__metadata__"]["contexts"] = text.replace(place, from.size(), to);
    };
  };
  // A part that is claimed and not there, one that is there and not claimed, one that is not said, and one that is no truth.
  EXPECT_EQ(refusal_after(replace("\"scales\":false", "\"scales\":true")), "f: scales of a context that are not those of its levels");
  EXPECT_EQ(refusal_after(replace("\"scales\":true", "\"scales\":false")), "f: scales of a context that are not those of its levels");
  EXPECT_NE(refusal_after(replace("\"user_biases\":false", "\"user_biases\":true")), "loaded");
  EXPECT_NE(refusal_after(replace("\"item_biases\":true", "\"item_biases\":false")), "loaded");
  EXPECT_NE(refusal_after(replace(",\"item_biases\":true", "")), "loaded");
  EXPECT_NE(refusal_after(replace("\"scales\":true", "\"scales\":1")), "loaded");
  const auto set_version = [](const std::string& from, const std::string& to) {
    return [=](Opened& opened) {
      auto text = opened.header["__metadata__"]["sections"].get<std::string>();
      const std::size_t place = text.find(from);
      ASSERT_NE(place, std::string::npos);
      opened.header["__metadata__"]["sections"] = text.replace(place, from.size(), to);
    };
  };
  const std::string two = R"("contexts":{"version":2,)";
  EXPECT_NE(refusal_after(set_version(two, R"("contexts":{"version":1,)")), "loaded");
  EXPECT_EQ(refusal_after(set_version(two, R"("contexts":{"version":3,)")),
            "f: a model with the section \"contexts\", which needs lowrank 0.1.0 or later");
  const auto number_at = [](const char* tensor, std::size_t place, std::int64_t number) {
    return [=](Opened& opened) {
      const std::size_t begin = opened.header[tensor]["data_offsets"][0].get<std::size_t>();
      std::memcpy(opened.data.data() + begin + place * sizeof number, &number, sizeof number);
    };
  };
  for (const char* tensor : {"contexts.user_bias_offsets", "contexts.item_bias_offsets"}) {
    EXPECT_EQ(refusal_after(number_at(tensor, 1, 1000)), "f: biases of rows in a context are not in order");
    EXPECT_EQ(refusal_after(number_at(tensor, 0, 1)), "f: biases of rows in a context are not in order");
    EXPECT_EQ(refusal_after(number_at(tensor, 1, -1)), "f: biases of rows in a context are not in order");
  }
  EXPECT_EQ(refusal_after(number_at("contexts.item_bias_offsets", 7, std::int64_t{1} << 60)),
            "f: biases of rows in a context are not in order");
  EXPECT_EQ(refusal_after(number_at("contexts.item_bias_offsets", 7, 2)), "f: biases of rows in a context are not in order");
  EXPECT_EQ(refusal_after(number_at("contexts.user_bias_levels", 1, 4)), "f: levels of the biases of a row are not in order");
  EXPECT_EQ(refusal_after(number_at("contexts.item_bias_levels", 0, std::int64_t{1} << 40)), "f: a number of ratings is out of range");
}

}  // namespace
}  // namespace lowrank::contexts_test
