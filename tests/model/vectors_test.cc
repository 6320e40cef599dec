#include "lowrank/model/vectors.h"

#include <gtest/gtest.h>

#include <string>

#include "lowrank/base/error.h"
#include "model/models.h"

namespace lowrank::vectors_test {
namespace {

using testing_models::random_model;

std::string text_of(const Model& model, const VectorOptions& options, char separator) {
  std::string text;
  write_vectors(model, options, separator, [&](std::string_view piece) { text += piece; });
  return text;
}

TEST(Vectors, WithBiasTheirDotProductIsTheScoreButForTheMean) {
  for (const std::size_t rank : {0U, 3U, 17U}) {
    const Model model = random_model(9, 7, rank);
    const FactorMatrix users = vectors_of(model, {.side = RowsOf::users, .with_bias = true});
    const FactorMatrix items = vectors_of(model, {.side = RowsOf::items, .with_bias = true});
    ASSERT_EQ(users.rank(), rank + 2);
    for (std::uint32_t user = 0; user < 9; ++user) {
      for (std::uint32_t item = 0; item < 7; ++item) {
        if (!model.users.knows(user) || !model.items.knows(item)) continue;
        double sum = model.centre.mean;
        for (std::size_t k = 0; k < rank + 2; ++k) sum += static_cast<double>(users.row(user)[k]) * static_cast<double>(items.row(item)[k]);
        EXPECT_NEAR(sum, score(model, user, item), 1e-5);
      }
    }
    EXPECT_EQ(vectors_of(model, {.side = RowsOf::items}), model.items.factors);
  }
}

TEST(Vectors, AsTextHaveAHeaderAndQuotedIds) {
  Model model = random_model(3, 2, 2);
  model.users.ids = Vocabulary();
  for (const char* id : {"a,b", "say \"x\"", " c"}) model.users.ids.add(id);
  for (std::uint32_t row = 0; row < 3; ++row) {
    model.users.factors.row(row)[0] = 0.5F + static_cast<float>(row);
    model.users.factors.row(row)[1] = -0.1F;
    model.users.biases[row] = 2;
    model.users.counts[row] = row;
  }
  EXPECT_EQ(text_of(model, {.side = RowsOf::users}, ','),
            "user,ratings,bias,factor_1,factor_2\n\"a,b\",0,2,0.5,-0.1\n\"say \"\"x\"\"\",1,2,1.5,-0.1\n\" c\",2,2,2.5,-0.1\n");
  EXPECT_EQ(text_of(model, {.side = RowsOf::users, .with_bias = true}, '\t'),
            "user\tratings\tvector_1\tvector_2\tvector_3\tvector_4\na,b\t0\t0.5\t-0.1\t2\t1\n\"say \"\"x\"\"\"\t1\t1.5\t-0.1\t2\t1\n"
            "\" c\"\t2\t2.5\t-0.1\t2\t1\n");
}

TEST(Vectors, SidesHaveNames) {
  EXPECT_EQ(parse_rows_of("users"), RowsOf::users);
  EXPECT_EQ(parse_rows_of("items"), RowsOf::items);
  EXPECT_THROW(parse_rows_of("both"), OptionError);
}

}  // namespace
}  // namespace lowrank::vectors_test
