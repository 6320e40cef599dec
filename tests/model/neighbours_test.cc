#include "lowrank/model/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/models.h"
#include "model/neighbour_sums.h"
#include "model/neighbours_code.h"
#include "model/sealing.h"

namespace lowrank::neighbours_test {
namespace {

using testing_models::random_mean_model;
using testing_models::random_model;
using testing_models::random_neighbours;

std::string refusal(std::vector<std::uint64_t> offsets, std::vector<std::uint32_t> items, std::vector<float> weights) {
  try {
    const Neighbours refused(std::move(offsets), std::move(items), std::move(weights));
  } catch (const DataError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Neighbours, HasTheWeightsItWasGiven) {
  const Neighbours neighbours({0, 2, 2, 3}, {1, 2, 0}, {0.5F, -1, 2});
  EXPECT_EQ(neighbours.rows(), 3U);
  EXPECT_EQ(neighbours.size(), 3U);
  EXPECT_EQ(neighbours.weight(0, 1), 0.5F);
  EXPECT_EQ(neighbours.weight(0, 2), -1);
  EXPECT_EQ(neighbours.weight(2, 0), 2);
  EXPECT_EQ(neighbours.weight(2, 1), 0);
  EXPECT_EQ(neighbours.weight(1, 0), 0);
  EXPECT_TRUE(neighbours.items_of(1).empty());
  EXPECT_EQ(Neighbours().rows(), 0U);
}

TEST(Neighbours, RefusesWhatIsUnsound) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(refusal({0, 1, 2}, {1, 0}, {1, 1}), "taken");
  EXPECT_EQ(refusal({0, 1, 3}, {1, 0}, {1, 1}), "neighbours: the offsets do not span the items");
  EXPECT_EQ(refusal({}, {1}, {1}), "neighbours: the offsets do not span the items");
  EXPECT_EQ(refusal({0, 2, 1, 2}, {1, 0}, {1, 1}), "neighbours: the offsets do not ascend");
  EXPECT_EQ(refusal({0, 1, 2}, {1, 0}, {1}), "neighbours: items and weights differ in number");
  EXPECT_EQ(refusal({0, 1, 2}, {2, 0}, {1, 1}), "neighbours: the items of a row do not ascend, or are out of range");
  EXPECT_EQ(refusal({0, 2, 2, 2}, {2, 1}, {1, 1}), "neighbours: the items of a row do not ascend, or are out of range");
  EXPECT_EQ(refusal({0, 2, 2, 2}, {1, 1}, {1, 1}), "neighbours: the items of a row do not ascend, or are out of range");
  EXPECT_EQ(refusal({0, 1, 2}, {0, 0}, {1, 1}), "neighbours: an item is its own neighbour");
  EXPECT_EQ(refusal({0, 1, 2}, {1, 0}, {1, infinity}), "neighbours: a weight is out of range");
}

TEST(Neighbours, CodeOfTheirRowsIsReadBack) {
  for (const std::uint32_t items : {0U, 1U, 3U, 700U}) {
    const Neighbours neighbours = random_neighbours(items, 0.3, items);
    const Neighbours same = decode_rows(encode_rows(neighbours), {neighbours.weights().begin(), neighbours.weights().end()});
    EXPECT_EQ(same, neighbours) << items;
  }
}

/// Slow: every item of the history asked for its weight.
double neighbours_of(const Model& model, std::uint32_t user, std::uint32_t item) {
  double sum = 0;
  for (const std::uint32_t from : model.history.items_of(user)) sum += double{model.neighbours->weight(from, item)};
  return sum;
}

TEST(Neighbours, JoinTheScoreOfEveryPair) {
  Model model = random_model(20, 30, 4);
  const Model without = model;
  model.neighbours = random_neighbours(30, 0.4, 1);
  model.users.counts[3] = 0;
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  for (std::uint32_t user = 0; user < 22; ++user) {
    // Runs of one pair and of many.
    for (std::uint32_t item = user % 3; item < 32; item += user % 2 == 0 ? 1 : 17) {
      users.push_back(user);
      items.push_back(item);
    }
  }
  std::vector<double> scores(users.size());
  score_pairs(model, users, items, scores);
  for (std::size_t n = 0; n < users.size(); ++n) {
    EXPECT_EQ(scores[n], score(model, users[n], items[n])) << users[n] << " " << items[n];
    if (!model.users.knows(users[n]) || !model.items.knows(items[n])) continue;
    EXPECT_NEAR(scores[n], score(without, users[n], items[n]) + neighbours_of(model, users[n], items[n]), 1e-5);
  }
}

TEST(Neighbours, SumsStartAnewForEveryHistory) {
  Model model = random_model(20, 30, 0);
  model.neighbours = random_neighbours(30, 0.4, 1);
  SparseSums sums(30);
  for (const std::uint32_t user : {0U, 5U, 0U}) {
    gather_neighbours(model, user, sums);
    for (std::uint32_t item = 0; item < 30; ++item) EXPECT_EQ(sums.of(item), neighbour_sum(model, user, item));
  }
  gather_neighbours(model, HistoryTerms{}, sums);
  EXPECT_TRUE(sums.rows().empty());
  for (std::uint32_t item = 0; item < 30; ++item) EXPECT_EQ(sums.of(item), 0);
}

TEST(NeighboursFile, IsReadBack) {
  for (const std::size_t rank : {0U, 3U}) {
    Model model = random_model(20, 30, rank);
    model.neighbours = random_neighbours(30, 0.4, 1);
    EXPECT_EQ(deserialize_model(serialize_model(model)), model);
  }
  Model model = random_model(5, 4, 2);
  model.neighbours = Neighbours({0, 0, 0, 0, 0}, {}, {});
  EXPECT_EQ(deserialize_model(serialize_model(model)), model) << "no weight at all";
}

TEST(NeighboursFile, OfOtherItemsIsNotWritten) {
  Model model = random_model(5, 4, 2);
  model.neighbours = random_neighbours(5, 0.5, 1);
  EXPECT_THROW(serialize_model(model), Error);
}

TEST(NeighboursFile, ChangedAtAnyByteIsRefusedOrSound) {
  Model model = random_model(3, 6, 1);
  model.neighbours = random_neighbours(6, 0.5, 2);
  const std::string file = serialize_model(model);
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const unsigned mask : {1U, 4U, 128U, 255U}) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ mask);
      EXPECT_THROW(deserialize_model(damaged), ModelFileError) << at;
      sealing::reseal(damaged);
      try {
        const Model loaded = deserialize_model(damaged);
        EXPECT_EQ(deserialize_model(serialize_model(loaded)), loaded);
      } catch (const ModelFileError&) {
        continue;
      }
    }
  }
}

TEST(NeighboursFile, TellsWhichPartIsWrong) {
  Model model = random_model(3, 6, 1);
  model.neighbours = random_neighbours(6, 0.5, 2);
  const auto refusal_of = [](const sealing::Opened& opened) {
    try {
      deserialize_model(opened.sealed(), "f");
    } catch (const ModelFileError& error) {
      return std::string(error.what());
    }
    return std::string("loaded");
  };
  sealing::Opened fewer(serialize_model(model));
  fewer.header["neighbours.offsets"]["shape"][0] = 6;
  EXPECT_EQ(refusal_of(fewer), "f: the header claims neighbours of other items");
  sealing::Opened gone(serialize_model(model));
  gone.header.erase("neighbours.items");
  EXPECT_EQ(refusal_of(gone), "f: the tensor \"neighbours.items\" is missing");
  sealing::Opened later(serialize_model(model));
  later.set_metadata("sections", "neighbours", {{"version", 3}, {"required", true}, {"needs", "7.0"}});
  EXPECT_EQ(refusal_of(later), "f: a model with the section \"neighbours\", which needs lowrank 7.0 or later");
}

constexpr std::array kSides = {NeighbourSide::items, NeighbourSide::users};

/// Slow: by the formula, over all items or users.
double mean_of(const Model& model, std::uint32_t user, std::uint32_t item) {
  Model without = model;
  without.neighbours.reset();
  const bool of_users = model.neighbours->of_users();
  double sum = 0;
  double weights = model.neighbours->rule().damping;
  for (std::uint32_t other = 0; other < model.neighbours->rows(); ++other) {
    const std::uint32_t rater = of_users ? other : user;
    const std::uint32_t rated = of_users ? item : other;
    const std::vector<std::uint32_t> items = model.history.items_of(rater);
    const auto found = std::ranges::find(items, rated);
    if (found == items.end()) continue;
    const double rating = double{model.history.values_of(rater)[static_cast<std::size_t>(found - items.begin())]};
    const double weight = double{of_users ? model.neighbours->weight(user, other) : model.neighbours->weight(other, item)};
    sum += weight * (rating - score(without, rater, rated));
    weights += std::abs(weight);
  }
  return model.neighbours->rule().scale * sum / weights;
}

TEST(NeighbourMeans, JoinTheScoreOfEveryPair) {
  for (const NeighbourSide side : kSides) {
    for (const std::size_t rank : {0U, 4U}) {
      const Model model = random_mean_model(20, 30, rank, side);
      Model without = model;
      without.neighbours.reset();
      std::vector<std::uint32_t> users;
      std::vector<std::uint32_t> items;
      for (std::uint32_t user = 0; user < 22; ++user) {
        for (std::uint32_t item = user % 3; item < 32; item += user % 2 == 0 ? 1 : 17) {
          users.push_back(user);
          items.push_back(item);
        }
      }
      std::vector<double> scores(users.size());
      score_pairs(model, users, items, scores);
      for (std::size_t n = 0; n < users.size(); ++n) {
        EXPECT_EQ(scores[n], score(model, users[n], items[n])) << users[n] << " " << items[n];
        if (!model.users.knows(users[n]) || !model.items.knows(items[n])) {
          EXPECT_EQ(scores[n], score(without, users[n], items[n]));
          continue;
        }
        EXPECT_NEAR(scores[n], score(without, users[n], items[n]) + mean_of(model, users[n], items[n]), 1e-5);
      }
    }
  }
}

TEST(NeighbourMeans, OfNoHistoryOneItemAndAllItems) {
  Model model = random_model(3, 5, 0);
  model.users.counts = {1, 1, 5};
  model.items.counts.assign(5, 2);
  RatingsBuilder builder;
  builder.add(1, 0, 4);
  for (std::uint32_t item = 0; item < 5; ++item) builder.add(2, item, static_cast<float>(item));
  model.history = History(builder.build(3, 5), HistoryValues::kept);
  Model without = model;
  model.neighbours = Neighbours({0, 2, 3, 3, 3, 3}, {1, 2, 2}, {1, 0.5F, -1}, {.form = NeighbourForm::mean, .damping = 0, .scale = 1});
  const auto added = [&](std::uint32_t user, std::uint32_t item) { return score(model, user, item) - score(without, user, item); };
  const auto residual = [&](std::uint32_t user, std::uint32_t item, double rating) { return rating - score(without, user, item); };
  for (std::uint32_t item = 0; item < 5; ++item) EXPECT_EQ(added(0, item), 0) << "no history";
  EXPECT_NEAR(added(1, 1), residual(1, 0, 4), 1e-6) << "without damping the only neighbour decides";
  EXPECT_NEAR(added(1, 2), residual(1, 0, 4), 1e-6);
  EXPECT_EQ(added(1, 3), 0) << "no neighbour, no divisor";
  EXPECT_NEAR(added(2, 2), (0.5 * residual(2, 0, 0) - residual(2, 1, 1)) / 1.5, 1e-6);
}

TEST(NeighbourMeans, OfExtremeNumbersAreFinite) {
  Model model = random_mean_model(6, 8, 2, NeighbourSide::items, 0.8);
  constexpr float kMost = std::numeric_limits<float>::max();
  std::ranges::fill(model.users.biases, kMost);
  std::ranges::fill(model.items.biases, kMost);
  for (const auto& [weight, damping] : {std::pair(1e20F, 0.0), std::pair(1e-44F, 0.0), std::pair(1e-44F, 1e20), std::pair(0.0F, 0.0)}) {
    const std::vector<float> weights(model.neighbours->size(), weight);
    model.neighbours = Neighbours({model.neighbours->offsets().begin(), model.neighbours->offsets().end()},
                                  {model.neighbours->items().begin(), model.neighbours->items().end()}, weights,
                                  {.form = NeighbourForm::mean, .damping = damping, .scale = 1e20});
    for (std::uint32_t user = 0; user < 6; ++user) {
      for (std::uint32_t item = 0; item < 8; ++item) EXPECT_TRUE(std::isfinite(score(model, user, item))) << weight;
    }
  }
}

TEST(NeighbourMeans, RefuseWhatIsUnsound) {
  const auto refusal_of = [](const NeighbourRule& rule) {
    try {
      const Neighbours refused({0, 0}, {}, {}, rule);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  constexpr NeighbourForm kMean = NeighbourForm::mean;
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refusal_of({.form = kMean, .damping = 0, .scale = 0}), "taken");
  for (const double number : {-1.0, 2e20, infinity, std::nan("")}) {
    EXPECT_EQ(refusal_of({.form = kMean, .damping = number}), "neighbours: a number of the rule is out of range");
    EXPECT_EQ(refusal_of({.form = kMean, .scale = number}), "neighbours: a number of the rule is out of range");
  }
  EXPECT_EQ(refusal_of({.side = NeighbourSide::users}), "neighbours: sums are of items alone");
}

TEST(NeighbourMeansFile, IsReadBack) {
  for (const NeighbourSide side : kSides) {
    for (const std::size_t rank : {0U, 3U}) {
      const Model model = random_mean_model(20, 30, rank, side);
      EXPECT_EQ(deserialize_model(serialize_model(model)), model);
    }
  }
}

TEST(NeighbourMeansFile, WithoutValuesIsNotWritten) {
  Model model = random_mean_model(20, 30, 2, NeighbourSide::items);
  model.history = random_model(20, 30, 2).history;
  EXPECT_THROW(serialize_model(model), Error);
  model.history = {};
  EXPECT_EQ(deserialize_model(serialize_model(model)), model) << "no history, nothing to read";
}

TEST(NeighbourMeansFile, ChangedAtAnyByteIsRefusedOrSound) {
  for (const NeighbourSide side : kSides) {
    const Model model = random_mean_model(4, 6, 1, side, 0.5);
    const std::string file = serialize_model(model);
    for (std::size_t at = 0; at < file.size(); ++at) {
      for (const unsigned mask : {1U, 4U, 128U, 255U}) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ mask);
        EXPECT_THROW(deserialize_model(damaged), ModelFileError) << at;
        sealing::reseal(damaged);
        try {
          const Model loaded = deserialize_model(damaged);
          EXPECT_EQ(deserialize_model(serialize_model(loaded)), loaded);
          EXPECT_TRUE(std::isfinite(score(loaded, 0, 0)));
        } catch (const ModelFileError&) {
          continue;
        }
      }
    }
  }
}

TEST(NeighbourMeansFile, TellsWhichPartIsWrong) {
  const std::string file = serialize_model(random_mean_model(4, 6, 1, NeighbourSide::users, 0.5));
  const auto refusal_of = [&](const char* member, const nlohmann::json& value) {
    sealing::Opened opened(file);
    opened.set_metadata("neighbours", member, value);
    try {
      deserialize_model(opened.sealed(), "f");
    } catch (const ModelFileError& error) {
      return std::string(error.what());
    }
    return std::string("loaded");
  };
  const std::string what = "f: the header's neighbours: ";
  EXPECT_EQ(refusal_of("form", "median"), what + "\"form\" is not a form of neighbours");
  EXPECT_EQ(refusal_of("side", "genres"), what + "\"side\" is neither items nor users");
  EXPECT_EQ(refusal_of("side", "items"), "f: the header claims neighbours of other items");
  EXPECT_EQ(refusal_of("damping", -1), "f: neighbours: a number of the rule is out of range");
  EXPECT_EQ(refusal_of("scale", 1e21), "f: neighbours: a number of the rule is out of range");
  EXPECT_NE(refusal_of("more", 1), "loaded");
  sealing::Opened plain(file);
  plain.set_metadata("sections", "neighbours", {{"version", 1}, {"required", true}, {"needs", "0.1.0"}});
  EXPECT_THROW(deserialize_model(plain.sealed()), ModelFileError);
}

}  // namespace
}  // namespace lowrank::neighbours_test
