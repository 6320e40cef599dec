// The section of a model file that has the priors of rows.

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/models.h"
#include "model/sealing.h"

namespace lowrank::row_priors_test {
namespace {

using sealing::Opened;
using sealing::refusal;

FactorMatrix symmetric(std::size_t size) {
  FactorMatrix matrix(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) matrix.row(i)[j] = i == j ? 9.0F : 1.0F / static_cast<float>(1 + i + j);
  }
  return matrix;
}

FactorMatrix counted(std::size_t rows, std::size_t columns) {
  FactorMatrix matrix(rows, columns);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < columns; ++k) matrix.row(row)[k] = static_cast<float>(row) - 0.25F * static_cast<float>(k);
  }
  return matrix;
}

Model prior_model(std::size_t rank = 5, bool history = true, bool average = true) {
  Model model = testing_models::random_model(9, 7, rank);
  model.fold_in = PosteriorMean{0.75};
  model.users.prior = RowPrior{.precision = symmetric(rank + 1), .history = history ? counted(7, rank + 1) : FactorMatrix()};
  model.items.prior = RowPrior{.precision = symmetric(rank + 1), .history = history ? counted(9, rank + 1) : FactorMatrix()};
  if (!history || !average) return model;
  model.users.prior->average.assign(rank + 1, 0.5F);
  model.items.prior->average.assign(rank + 1, -2);
  return model;
}

std::string refusal_after(const std::function<void(Opened&)>& change) { return sealing::refusal_after(prior_model(), change); }

TEST(RowPriors, TravelWithTheModel) {
  for (const std::size_t rank : {0U, 1U, 5U, 16U}) {
    for (const bool history : {false, true}) {
      for (const bool average : {false, true}) {
        const Model model = prior_model(rank, history, average);
        EXPECT_EQ(deserialize_model(serialize_model(model), "f"), model) << rank;
      }
    }
  }
}

/// The model's file as the first version of the section has it, without averages.
std::string first_version(const Model& model) {
  Opened opened(serialize_model(model));
  for (const char* tensor : {"row_priors.user_average", "row_priors.item_average"}) opened.header.erase(tensor);
  auto sections = nlohmann::ordered_json::parse(opened.header["__metadata__"]["sections"].get<std::string>());
  sections["row_priors"]["version"] = 1;
  opened.header["__metadata__"]["sections"] = sections.dump();
  return opened.sealed();
}

// In that version the mean of the features is the average.
TEST(RowPriors, OfTheFirstVersionAreRead) {
  const Model plain = prior_model(5, true, false);
  EXPECT_EQ(deserialize_model(first_version(plain), "f"), plain);
  const Model no_history = prior_model(5, false);
  EXPECT_EQ(deserialize_model(first_version(no_history), "f"), no_history);

  Model model = plain;
  FeatureVectors features;
  features.description.names.add("f");
  features.description.fields.push_back({.name = "f", .first = 0, .count = 1, .edges = {}});
  features.factors = counted(1, 5);
  features.biases = {0.5F};
  features.counts = {3};
  features.rows.assign(model.users.size(), 0);
  features.mean = {1, 2, 3, 4, 5};
  features.mean_bias = 6;
  model.users.features = features;
  const Model read = deserialize_model(first_version(model), "f");
  EXPECT_EQ(read.users.prior->average, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(read.items.prior->average.empty());
  EXPECT_EQ(read.users.features, model.users.features);
}

TEST(RowPriors, ThatDoNotFitAreNotWritten) {
  const auto throws_after = [](const std::function<void(Model&)>& change) {
    Model model = prior_model();
    change(model);
    EXPECT_THROW(serialize_model(model), Error);
  };
  throws_after([](Model& model) { model.users.prior.reset(); });
  throws_after([](Model& model) { model.items.prior.reset(); });
  throws_after([](Model& model) { model.fold_in = LeastSquares{}; });
  throws_after([](Model& model) { model.fold_in = PosteriorMean{0}; });
  throws_after([](Model& model) { model.users.prior->history = counted(9, 6); });
  throws_after([](Model& model) { model.items.prior->history = counted(9, 5); });
  throws_after([](Model& model) { model.users.prior->precision = symmetric(5); });
  throws_after([](Model& model) { model.users.prior->average.pop_back(); });
  throws_after([](Model& model) { model.items.prior->average[2] = std::numeric_limits<float>::quiet_NaN(); });
  throws_after([](Model& model) { model.items.prior->history = {}; });
  throws_after([](Model& model) { model.users.prior->precision.row(2)[1] += 1; });
  throws_after([](Model& model) { model.items.prior->precision.row(3)[3] = 0; });
  throws_after([](Model& model) { model.items.prior->precision.row(3)[3] = std::numeric_limits<float>::infinity(); });
}

TEST(RowPriors, HostileFilesAreRefused) {
  EXPECT_EQ(refusal_after([](Opened&) {}), "loaded");
  const auto sections_without = [](Opened& opened) {
    auto sections = nlohmann::json::parse(opened.header["__metadata__"]["sections"].get<std::string>());
    sections.erase("row_priors");
    opened.header["__metadata__"]["sections"] = sections.dump();
  };
  EXPECT_NE(refusal_after(sections_without), "loaded");
  EXPECT_NE(refusal_after([](Opened& opened) { opened.header["__metadata__"]["fold_in"] = R"({"kind":"none"})"; }), "loaded");
  for (const char* tensor : {"row_priors.user_precision", "row_priors.item_precision", "row_priors.user_history", "row_priors.item_history",
                             "row_priors.user_average", "row_priors.item_average"}) {
    EXPECT_NE(refusal_after([&](Opened& opened) { opened.header.erase(tensor); }), "loaded") << tensor;
    for (const char* text : {R"([5,5])", R"([6])", R"([8,6])", R"([6,6.0])", R"([-6,6])", R"([4294967296,4294967296])", R"({})"}) {
      const auto shape = nlohmann::json::parse(text);
      if (Opened(serialize_model(prior_model())).header[tensor]["shape"] == shape) continue;
      EXPECT_NE(refusal_after([&](Opened& opened) { opened.header[tensor]["shape"] = shape; }), "loaded") << tensor << text;
    }
    const float bad = std::numeric_limits<float>::quiet_NaN();
    EXPECT_NE(
        refusal_after([&](Opened& opened) { std::memcpy(opened.data.data() + opened.begin(tensor) + 3 * sizeof bad, &bad, sizeof bad); }),
        "loaded")
        << tensor;
  }
}

TEST(RowPriors, ChangedAtAnyByteAreRefusedOrSound) {
  const std::string file = serialize_model(prior_model(2));
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    EXPECT_NE(refusal(changed), "loaded") << at;
  }
}

}  // namespace
}  // namespace lowrank::row_priors_test
