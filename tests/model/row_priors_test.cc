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

Model prior_model(std::size_t rank = 5, bool history = true) {
  Model model = testing_models::random_model(9, 7, rank);
  model.fold_in = PosteriorMean{0.75};
  model.users.prior = RowPrior{.precision = symmetric(rank + 1), .history = history ? counted(7, rank + 1) : FactorMatrix()};
  model.items.prior = RowPrior{.precision = symmetric(rank + 1), .history = history ? counted(9, rank + 1) : FactorMatrix()};
  return model;
}

std::string refusal_after(const std::function<void(Opened&)>& change) { return sealing::refusal_after(prior_model(), change); }

TEST(RowPriors, TravelWithTheModel) {
  for (const std::size_t rank : {0U, 1U, 5U, 16U}) {
    for (const bool history : {false, true}) {
      const Model model = prior_model(rank, history);
      EXPECT_EQ(deserialize_model(serialize_model(model), "f"), model) << rank;
    }
  }
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
  for (const char* tensor :
       {"row_priors.user_precision", "row_priors.item_precision", "row_priors.user_history", "row_priors.item_history"}) {
    EXPECT_NE(refusal_after([&](Opened& opened) { opened.header.erase(tensor); }), "loaded") << tensor;
    for (const auto& shape : {R"([5,5])", R"([6])", R"([8,6])", R"([6,6.0])", R"([-6,6])", R"([4294967296,4294967296])", R"({})"}) {
      EXPECT_NE(refusal_after([&](Opened& opened) { opened.header[tensor]["shape"] = nlohmann::json::parse(shape); }), "loaded")
          << tensor << shape;
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
