// The section of a model file that has the history factors.

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/models.h"
#include "model/sealing.h"

namespace lowrank::history_factors_test {
namespace {

using sealing::Opened;
using sealing::refusal;

Model sums_model(std::size_t rank = 5) {
  Model model = testing_models::random_model(9, 7, rank);
  model.fold_in = HistorySum{.users = {.l2 = 0.04, .l2_constant = 3, .bias = 0, .bias_constant = 2},
                             .items = {.l2 = 0.05, .l2_constant = 4, .bias = 0, .bias_constant = 1},
                             .exponent = 0.25,
                             .solves_bias = true,
                             .solves_factors = true};
  model.history_factors = model.items.factors;
  for (std::size_t item = 0; item < 7; ++item) {
    for (float& x : model.history_factors.row(item)) x = 1 - 2 * x;
  }
  return model;
}

std::string refusal_after(const std::function<void(Opened&)>& change) { return sealing::refusal_after(sums_model(), change); }

TEST(HistoryFactors, TravelWithTheModel) {
  for (const std::size_t rank : {0U, 1U, 5U, 16U}) {
    const Model model = sums_model(rank);
    EXPECT_EQ(deserialize_model(serialize_model(model), "f"), model) << rank;
  }
}

TEST(HistoryFactors, ModelsWithoutThemHaveNoSection) {
  const Model model = testing_models::random_model(9, 7, 5);
  EXPECT_EQ(serialize_model(model).find("history_factors"), std::string::npos);
  const std::string file = serialize_model(sums_model());
  const auto sections = nlohmann::json::parse(Opened(file).header["__metadata__"]["sections"].get<std::string>());
  EXPECT_TRUE(sections["history_factors"]["required"].get<bool>());
  EXPECT_EQ(sections["history_factors"]["version"], 1);
}

TEST(HistoryFactors, ThatDoNotFitAreNotWritten) {
  Model model = sums_model();
  model.history_factors = FactorMatrix(6, 5);
  EXPECT_THROW(serialize_model(model), Error);
  model.history_factors = FactorMatrix(7, 4);
  EXPECT_THROW(serialize_model(model), Error);
  model.history_factors = FactorMatrix();
  EXPECT_THROW(serialize_model(model), Error);
  model = sums_model();
  model.fold_in = LeastSquares{};
  EXPECT_THROW(serialize_model(model), Error);
}

TEST(HistoryFactors, HostileFilesAreRefused) {
  EXPECT_EQ(refusal_after([](Opened&) {}), "loaded");
  const auto sections_without = [](Opened& opened) {
    auto sections = nlohmann::json::parse(opened.header["__metadata__"]["sections"].get<std::string>());
    sections.erase("history_factors");
    opened.header["__metadata__"]["sections"] = sections.dump();
  };
  // A tensor without its section, a section without its tensor, a fold-in without either.
  EXPECT_NE(refusal_after(sections_without), "loaded");
  EXPECT_NE(refusal_after([](Opened& opened) { opened.header.erase("history_factors.items"); }), "loaded");
  EXPECT_NE(refusal_after([&](Opened& opened) {
              sections_without(opened);
              opened.header.erase("history_factors.items");
            }),
            "loaded");
  // A section that the fold-in has no use for.
  EXPECT_NE(refusal_after([](Opened& opened) { opened.header["__metadata__"]["fold_in"] = R"({"kind":"none"})"; }), "loaded");
  for (const auto& shape :
       {R"([7,4])", R"([6,5])", R"([5,7])", R"([7])", R"([7,5.0])", R"([-7,5])", R"([4294967296,4294967296])", R"({})"}) {
    EXPECT_NE(refusal_after([&](Opened& opened) { opened.header["history_factors.items"]["shape"] = nlohmann::json::parse(shape); }),
              "loaded")
        << shape;
  }
  EXPECT_NE(refusal_after([](Opened& opened) { opened.header["history_factors.items"]["dtype"] = "F16"; }), "loaded");
  EXPECT_NE(refusal_after([](Opened& opened) { opened.header["history_factors.items"]["data_offsets"] = {0, 140}; }), "loaded");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_NE(refusal_after([&](Opened& opened) {
                std::memcpy(opened.data.data() + opened.begin("history_factors.items") + 17 * sizeof bad, &bad, sizeof bad);
              }),
              "loaded");
  }
  for (const double exponent : {-0.5, 2.5, 1e300}) {
    EXPECT_NE(refusal_after([&](Opened& opened) { opened.set_metadata("fold_in", "exponent", exponent); }), "loaded") << exponent;
  }
  EXPECT_NE(refusal_after([](Opened& opened) { opened.set_metadata("fold_in", "solves_bias", 1); }), "loaded");
  EXPECT_NE(refusal_after([](Opened& opened) { opened.set_metadata("fold_in", "users", nullptr); }), "loaded");
}

TEST(HistoryFactors, EveryDamagedByteIsFound) {
  const std::string file = serialize_model(sums_model());
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(static_cast<unsigned char>(file[at]) ^ 4U);
    EXPECT_NE(refusal(damaged), "loaded") << at;
  }
  for (std::size_t size = 0; size < file.size(); size += 7) EXPECT_NE(refusal(file.substr(0, size)), "loaded") << size;
}

}  // namespace
}  // namespace lowrank::history_factors_test
