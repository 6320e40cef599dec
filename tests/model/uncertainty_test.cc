// How far ratings lie from scores, and its section of a model file.

#include "lowrank/model/uncertainty.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/models.h"
#include "model/sealing.h"

namespace lowrank::uncertainty_test {
namespace {

using sealing::Opened;
using sealing::refusal;

RowVariances variances(std::size_t rows, std::size_t rank, bool noise) {
  RowVariances result{.factors = FactorMatrix(rows + 1, rank), .biases = std::vector<float>(rows + 1), .noise = {}};
  for (std::size_t row = 0; row <= rows; ++row) {
    for (std::size_t k = 0; k < rank; ++k) result.factors.row(row)[k] = 0.01F * static_cast<float>(1 + (row * 3 + k) % 7);
    result.biases[row] = 0.02F * static_cast<float>(1 + row % 5);
    if (noise) result.noise.push_back(0.5F + static_cast<float>(row % 3));
  }
  return result;
}

Model uncertain_model(std::size_t rank = 5, bool noise = true, bool ordinal = true, bool quantiles = true) {
  Model model = testing_models::random_model(9, 7, rank);
  model.uncertainty =
      Uncertainty{.noise = 0.8, .scale = 1.1, .users = variances(9, rank, noise), .items = variances(7, rank, noise), .quantiles = {}};
  if (quantiles) {
    for (int k = 1; k <= 99; ++k) model.uncertainty->quantiles.push_back(0.03F * static_cast<float>(k));
  }
  if (ordinal) model.centre.ordinal = OrdinalScale{.levels = {1, 2, 4}, .cutpoints = {-0.5, 1.25}, .deviation = 0.9};
  return model;
}

std::string refusal_after(const std::function<void(Opened&)>& change) { return sealing::refusal_after(uncertain_model(), change); }

TEST(Uncertainty, TravelsWithTheModel) {
  for (const std::size_t rank : {0U, 1U, 5U, 16U}) {
    for (const bool flag : {false, true}) {
      const Model model = uncertain_model(rank, flag, !flag, flag);
      EXPECT_EQ(deserialize_model(serialize_model(model), "f"), model) << rank;
    }
  }
}

TEST(Uncertainty, IsAnOptionalSectionAndTheScaleARequiredOne) {
  const Opened opened(serialize_model(uncertain_model()));
  const auto sections = nlohmann::json::parse(opened.header["__metadata__"]["sections"].get<std::string>());
  EXPECT_EQ(sections["uncertainty"]["required"], false);
  EXPECT_EQ(sections["ordinal"]["required"], true);
}

TEST(Uncertainty, ThatDoesNotFitIsNotWritten) {
  const auto throws_after = [](const std::function<void(Model&)>& change) {
    Model model = uncertain_model();
    change(model);
    EXPECT_THROW(serialize_model(model), Error);
  };
  throws_after([](Model& model) { model.uncertainty->noise = 0; });
  throws_after([](Model& model) { model.uncertainty->scale = -1; });
  throws_after([](Model& model) { model.uncertainty->users.biases.pop_back(); });
  throws_after([](Model& model) { model.uncertainty->users.noise.pop_back(); });
  throws_after([](Model& model) { model.uncertainty->items.noise[2] = 0; });
  throws_after([](Model& model) { model.uncertainty->items.factors = FactorMatrix(8, 4); });
  throws_after([](Model& model) { model.uncertainty->items.factors.row(7)[4] = -1; });
  throws_after([](Model& model) { model.uncertainty->users.biases[0] = std::numeric_limits<float>::infinity(); });
  throws_after([](Model& model) { model.uncertainty->quantiles.pop_back(); });
  throws_after([](Model& model) { std::swap(model.uncertainty->quantiles[3], model.uncertainty->quantiles[4]); });
  throws_after([](Model& model) { model.centre.ordinal->levels.push_back(9); });
  throws_after([](Model& model) { model.centre.ordinal->levels = {1, 4, 4}; });
  throws_after([](Model& model) { model.centre.ordinal->cutpoints = {2, 1}; });
  throws_after([](Model& model) { model.centre.ordinal->deviation = 0; });
  throws_after([](Model& model) { *model.centre.ordinal = {.levels = {1}, .cutpoints = {}, .deviation = 1}; });
}

TEST(Uncertainty, HostileFilesAreRefused) {
  EXPECT_EQ(refusal_after([](Opened&) {}), "loaded");
  for (const char* section : {"uncertainty", "ordinal"}) {
    EXPECT_NE(refusal_after([&](Opened& opened) { opened.header["__metadata__"].erase(section); }), "loaded");
    for (const char* text : {"", "[]", "{}", R"({"noise":1})", R"({"noise":"1","scale":1})", R"({"noise":1e999,"scale":1})",
                             R"({"levels":[1,"2"],"cutpoints":[1],"deviation":1})", R"({"levels":[1,2],"cutpoints":[null],"deviation":1})",
                             R"({"levels":[[1],2],"cutpoints":[1],"deviation":1})", R"({"levels":[1,2],"cutpoints":[1],"deviation":-1})"}) {
      EXPECT_NE(refusal_after([&](Opened& opened) { opened.header["__metadata__"][section] = text; }), "loaded") << section << text;
    }
  }
  for (const char* tensor : {"uncertainty.user_factors", "uncertainty.item_factors", "uncertainty.user_biases", "uncertainty.item_biases",
                             "uncertainty.user_noise", "uncertainty.item_noise", "uncertainty.quantiles"}) {
    EXPECT_NE(refusal_after([&](Opened& opened) { opened.header.erase(tensor); }), "loaded") << tensor;
    for (const auto& shape : {R"([5,5])", R"([6])", R"([8,6])", R"([10.0])", R"([-6,6])", R"([4294967296,4294967296])", R"({})"}) {
      EXPECT_NE(refusal_after([&](Opened& opened) { opened.header[tensor]["shape"] = nlohmann::json::parse(shape); }), "loaded")
          << tensor << shape;
    }
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -1.0F}) {
      EXPECT_NE(
          refusal_after([&](Opened& opened) { std::memcpy(opened.data.data() + opened.begin(tensor) + 3 * sizeof bad, &bad, sizeof bad); }),
          "loaded")
          << tensor;
    }
  }
}

TEST(Uncertainty, ChangedAtAnyByteIsRefused) {
  const std::string file = serialize_model(uncertain_model(2));
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    EXPECT_NE(refusal(changed), "loaded") << at;
  }
}

TEST(Uncertainty, VariancesAreTheSumOfTheirParts) {
  const Model model = uncertain_model();
  std::vector<std::uint32_t> users;
  std::vector<std::uint32_t> items;
  for (std::uint32_t user = 0; user < 11; ++user) {
    for (std::uint32_t item = 0; item < 9; ++item) {
      users.push_back(user);
      items.push_back(item);
    }
  }
  std::vector<double> found(users.size());
  predict_variances(model, users, items, found, 2);
  const Uncertainty& uncertainty = *model.uncertainty;
  for (std::size_t n = 0; n < users.size(); ++n) {
    const bool knows_user = model.users.knows(users[n]);
    const bool knows_item = model.items.knows(items[n]);
    const std::size_t user = knows_user ? users[n] : 9;
    const std::size_t item = knows_item ? items[n] : 7;
    double sum = static_cast<double>(uncertainty.users.biases[user]) + static_cast<double>(uncertainty.items.biases[item]);
    for (std::size_t k = 0; k < model.rank(); ++k) {
      const double p = knows_user ? static_cast<double>(model.users.factors.row(user)[k]) : 0;
      const double q = knows_item ? static_cast<double>(model.items.factors.row(item)[k]) : 0;
      const auto v = static_cast<double>(uncertainty.users.factors.row(user)[k]);
      const auto w = static_cast<double>(uncertainty.items.factors.row(item)[k]);
      // E (p + e)^2 (q + f)^2 less p^2 q^2.
      sum += (p * p + v) * (q * q + w) - p * p * q * q;
    }
    const double noise = 0.8 * static_cast<double>(uncertainty.users.noise[user]) * static_cast<double>(uncertainty.items.noise[item]);
    EXPECT_NEAR(found[n], noise + 1.1 * sum, 1e-9) << n;
  }
}

TEST(Uncertainty, IntervalsAreNormalOnesOrTheQuantiles) {
  Model model = uncertain_model(2, false, false, false);
  model.centre.clips = false;
  const RatingInterval normal = rating_interval(model, 3, 4, 0.95);
  EXPECT_NEAR(normal.low, 3 - 2 * 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal.high, 3 + 2 * 1.959963984540054, 1e-12);
  model = uncertain_model(2, false, false, true);
  model.centre.clips = false;
  EXPECT_NEAR(rating_interval(model, 3, 4, 0.5).high, 3 + 2 * 1.5, 1e-5);
  EXPECT_NEAR(rating_interval(model, 3, 4, 0.505).high, 3 + 2 * 1.515, 1e-5);
  EXPECT_NEAR(rating_interval(model, 3, 4, 0.005).high, 3 + 2 * 0.015, 1e-5);
  EXPECT_GT(rating_interval(model, 3, 4, 0.999).high, rating_interval(model, 3, 4, 0.99).high);
  model.centre.clips = true;
  model.centre.min_rating = 1;
  model.centre.max_rating = 5;
  EXPECT_EQ(rating_interval(model, 3, 4, 0.95), (RatingInterval{1, 5}));
  for (const double level : {0.0, 1.0, -1.0, 2.0, std::nan("")}) EXPECT_THROW(rating_interval(model, 3, 4, level), OptionError);
  model.uncertainty.reset();
  EXPECT_THROW(rating_interval(model, 3, 4, 0.5), DataError);
  std::vector<double> none;
  EXPECT_THROW(predict_variances(model, {}, {}, none), DataError);
}

TEST(OrdinalScale, PredictsTheMeanOfItsLevels) {
  const OrdinalScale scale{.levels = {1, 2, 4}, .cutpoints = {-0.5, 1.25}, .deviation = 0.9};
  for (double score = -6; score < 6; score += 0.5) {
    std::vector<double> probabilities(3);
    scale.probabilities(score, 0.81, probabilities);
    EXPECT_NEAR(probabilities[0], 0.5 * std::erfc((score + 0.5) / 0.9 / std::sqrt(2)), 1e-12);
    EXPECT_NEAR(probabilities[0] + probabilities[1] + probabilities[2], 1, 1e-12);
    EXPECT_NEAR(scale.rating(score), probabilities[0] + 2 * probabilities[1] + 4 * probabilities[2], 1e-12);
  }
}

TEST(OrdinalScale, IntervalsHoldTheirProbability) {
  Model model = uncertain_model(2, false, true, false);
  for (double score = -4; score < 4; score += 0.25) {
    for (const double level : {0.5, 0.8, 0.95}) {
      const RatingInterval interval = rating_interval(model, score, 1.3, level);
      std::vector<double> probabilities(3);
      model.centre.ordinal->probabilities(score, 1.3, probabilities);
      double held = 0;
      for (std::size_t n = 0; n < 3; ++n) {
        const auto value = static_cast<double>(model.centre.ordinal->levels[n]);
        if (interval.low <= value && value <= interval.high) held += probabilities[n];
      }
      EXPECT_GE(held, level - 1e-9);
    }
  }
}

// By summation over the steps between the levels; a score far from all cutpoints has one level.
TEST(Uncertainty, VarianceOfRatingsIsThatOfTheLevels) {
  Model model = uncertain_model(2, false, true, false);
  for (double score = -4; score < 4; score += 0.25) {
    // P(rating > 1) and P(rating > 2): with the steps 1 and 2 between levels, E r = 1 + a + 2 b and E r^2 = 1 + 3 a + 12 b.
    const double above_one = 0.5 * std::erfc((-0.5 - score) / std::sqrt(2 * 1.3));
    const double above_two = 0.5 * std::erfc((1.25 - score) / std::sqrt(2 * 1.3));
    const double mean = 1 + above_one + 2 * above_two;
    EXPECT_NEAR(rating_variance(model, score, 1.3), 1 + 3 * above_one + 12 * above_two - mean * mean, 1e-12);
  }
  EXPECT_NEAR(rating_variance(model, 40, 1.3), 0, 1e-12);
  EXPECT_NEAR(rating_variance(model, -40, 1.3), 0, 1e-12);
  model.centre.ordinal.reset();
  EXPECT_EQ(rating_variance(model, 40, 1.3), 1.3);
}

}  // namespace
}  // namespace lowrank::uncertainty_test
