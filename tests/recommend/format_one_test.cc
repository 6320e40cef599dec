#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "lowrank/data/read.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank::format_one_test {
namespace {

std::string kept(const std::string& name) { return LOWRANK_SOURCE_DIR "/tests/model/data/v1/" + name; }

class FormatOne : public testing::TestWithParam<const char*> {};

/// The lists that the program that wrote the file gave: of users of the model, and of users folded in from new.csv.
TEST_P(FormatOne, FilesOfEveryMethodGiveTheSameAnswers) {
  const std::string method = GetParam();
  const Model model = load_model(kept(method + ".safetensors"));
  ASSERT_EQ(load_model(kept(method + ".safetensors")), deserialize_model(serialize_model(model))) << "written again in format 2";
  const Model folded = fold_in(model, read_pairs(kept("new.csv"), model.users.ids, model.items.ids));
  std::ifstream lines(kept(method + ".txt"));
  std::string line;
  std::size_t count = 0;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string kind;
    std::string user;
    std::string item;
    std::size_t place = 0;
    double expected = 0;
    ASSERT_TRUE(fields >> kind >> user >> place >> item >> expected) << line;
    const Model& asked = kind == "fold_in" ? folded : model;
    const std::uint32_t number = asked.users.ids.find(user);
    ASSERT_NE(number, Vocabulary::kUnknown) << line;
    const double found = score(asked, number, asked.items.ids.find(item));
    EXPECT_NEAR(found, expected, 1e-4 * std::max(1.0, std::abs(expected))) << line;
    ++count;
  }
  EXPECT_EQ(count, 20U);
}

INSTANTIATE_TEST_SUITE_P(Methods, FormatOne,
                         testing::Values("sgd", "als", "implicit", "nmf", "nmf_zero", "nmf_divergence", "baseline", "popular"),
                         [](const auto& method) { return std::string(method.param); });

}  // namespace
}  // namespace lowrank::format_one_test
