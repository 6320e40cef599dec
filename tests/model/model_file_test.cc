#include "lowrank/model/model_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/file.h"
#include "lowrank/base/error.h"
#include "model/models.h"
#include "model/sealing.h"
#include "model/version_one.h"

namespace lowrank {
namespace {

namespace fs = std::filesystem;
using testing_models::random_model;
using testing_models::version_one_model;

class Folder {
 public:
  Folder() {
    std::string pattern = testing::TempDir() + "lowrank-model-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string kept_file() { return LOWRANK_SOURCE_DIR "/tests/model/data/v1.safetensors"; }

std::vector<Model> many_models() {
  std::vector<Model> models{Model(), version_one_model()};
  for (const std::size_t rank : {0U, 1U, 15U, 16U, 17U, 64U}) models.push_back(random_model(7, 5, rank, rank));
  // More than one piece of every buffer, by rows and by floats.
  models.push_back(random_model(9000, 3, 17));
  models.push_back(random_model(2, 3, 70000));
  models.push_back(random_model(1, 1, 2, 1, 1.0));
  Model without_seen = random_model(4, 4, 3);
  without_seen.seen = {};
  without_seen.record.metrics.clear();
  models.push_back(without_seen);
  Model extreme = random_model(2, 2, 1);
  extreme.users.factors.row(0)[0] = std::numeric_limits<float>::max();
  extreme.items.factors.row(0)[0] = -std::numeric_limits<float>::denorm_min();
  extreme.centre.mean = -std::numeric_limits<double>::max();
  extreme.centre.rating_mean = std::numeric_limits<double>::denorm_min();
  extreme.centre.min_rating = -std::numeric_limits<float>::max();
  extreme.centre.max_rating = 0.1F;
  extreme.users.counts = {4294967295U, 0};
  models.push_back(extreme);
  return models;
}

TEST(ModelFile, GivesBackWhatWasSaved) {
  const Folder folder;
  for (const Model& model : many_models()) {
    const std::string path = folder.file("model");
    save_model(model, path);
    EXPECT_EQ(load_model(path), model) << model.users.ids.size() << " users, rank " << model.rank();
    const std::string bytes = serialize_model(model);
    EXPECT_EQ(read_file(path), bytes);
    EXPECT_EQ(deserialize_model(bytes), model);
  }
}

TEST(ModelFile, KeepsThatAModelOnlyRanks) {
  Model model = random_model(5, 4, 3);
  model.centre.predicts_ratings = false;
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
}

TEST(ModelFile, KeepsRowProblemsOfNonNegativeFactors) {
  Model model = random_model(5, 4, 3);
  RowProblem& problem = model.row_problem;
  problem.non_negative = true;
  problem.l1_regularization = 0.25;
  problem.l1_damping = 1.0 / 3;
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
  problem.divergence = true;
  problem.solves_bias = false;
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
}

TEST(ModelFile, KeepsRowProblemsOfWeightsByPopularity) {
  Model model = random_model(5, 4, 3);
  RowProblem& problem = model.row_problem;
  problem.observed_item_exponent = -0.25;
  problem.unobserved_item_exponent = 1.0 / 3;
  problem.unobserved_user_exponent = 2;
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
}

TEST(ModelFile, PaddingOfRowsStaysZero) {
  const Model model = deserialize_model(serialize_model(random_model(5, 5, 3)));
  for (std::size_t row = 0; row < 5; ++row) {
    for (std::size_t k = 3; k < 16; ++k) EXPECT_EQ(model.users.factors.data()[row * 16 + k], 0);
  }
}

TEST(ModelFile, HasTheStatedLayout) {
  const std::string bytes = serialize_model(random_model(5, 4, 3));
  EXPECT_EQ(bytes.substr(kLengthBytes, kHeaderStart.size()), kHeaderStart);
  const sealing::Opened opened(bytes);
  EXPECT_EQ((bytes.size() - opened.data.size()) % 64, 0U);
  std::size_t next = 0;
  bool integers = false;
  std::size_t tensors = 0;
  for (const auto& [name, tensor] : opened.header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : tensor.items()) EXPECT_TRUE(value.is_string()) << key;
      continue;
    }
    ++tensors;
    EXPECT_EQ(tensor["data_offsets"][0], next);
    next = tensor["data_offsets"][1];
    EXPECT_FALSE(integers && tensor["dtype"] == "F32") << "floats come first";
    integers = tensor["dtype"] != "F32";
  }
  EXPECT_EQ(tensors, 12U);
  EXPECT_EQ(next, opened.data.size());
  EXPECT_EQ(opened.header["user_factors"]["shape"], nlohmann::json({5, 3}));
}

TEST(ModelFile, VersionOneIsLoadedForEver) { EXPECT_EQ(load_model(kept_file()), version_one_model()); }

TEST(ModelFile, VersionOneIsWrittenToTheByte) { EXPECT_EQ(serialize_model(version_one_model()), read_file(kept_file())); }

TEST(ModelFile, IsOpenedByPython) {
  const Folder folder;
  const std::vector<Model> models = many_models();
  std::string arguments = " '" + kept_file() + "'";
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string path = folder.file("model-" + std::to_string(i));
    save_model(models[i], path);
    arguments += " '" + path + "'";
  }
  const char* chosen = std::getenv("LOWRANK_PYTHON");
  const std::string own = LOWRANK_SOURCE_DIR "/build/venv/bin/python3";
  const std::string python = chosen != nullptr ? chosen : fs::exists(own) ? own : "python3";
  const std::string script = LOWRANK_SOURCE_DIR "/tests/model/open_with_safetensors.py";
  const int status = std::system(("'" + python + "' '" + script + "'" + arguments).c_str());
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << python << " has no safetensors and numpy";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ModelFile, WhatCannotBeReadBackIsNotWritten) {
  const auto refusal = [](auto&& change) -> std::string {
    Model model = random_model(3, 3, 2);
    change(model);
    try {
      serialize_model(model);
    } catch (const Error& error) {
      return error.what();
    }
    return "written";
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::string start = "cannot write the model: ";
  EXPECT_EQ(refusal([&](Model& m) { m.users.factors.row(2)[1] = nan; }), start + "a factor is not finite");
  EXPECT_EQ(refusal([&](Model& m) { m.items.factors.row(0)[0] = -infinity; }), start + "a factor is not finite");
  EXPECT_EQ(refusal([&](Model& m) { m.users.biases[1] = infinity; }), start + "a user's bias is not finite");
  EXPECT_EQ(refusal([&](Model& m) { m.items.biases[1] = nan; }), start + "an item's bias is not finite");
  EXPECT_EQ(refusal([&](Model& m) { m.centre.mean = static_cast<double>(nan); }), start + "the mean is not finite");
  EXPECT_EQ(refusal([&](Model& m) { m.centre.max_rating = nan; }), start + "the range of ratings is not finite");
  EXPECT_EQ(refusal([&](Model& m) { std::swap(m.centre.min_rating, m.centre.max_rating); }), start + "the range of ratings is empty");
  EXPECT_EQ(refusal([&](Model& m) { m.users.ids.add("one more"); }), start + "ids and factors differ in number");
  EXPECT_EQ(refusal([&](Model& m) { m.items.counts.pop_back(); }), start + "ids and numbers of ratings differ in number");
  EXPECT_EQ(refusal([&](Model& m) { m.items.factors = FactorMatrix(3, 4); }), start + "users and items have factors of different rank");
  EXPECT_EQ(refusal([&](Model& m) { m.seen = SeenItems({}, {0, 0}, 3); }), start + "seen items of a different number of users");
  EXPECT_EQ(refusal([&](Model& m) { m.record.options = "[]"; }), start + "the options are no JSON object");
  EXPECT_EQ(refusal([&](Model& m) { m.record.options = "{"; }), start + "the options are no JSON object");
  EXPECT_EQ(refusal([&](Model& m) { m.record.method = "\x1B[2J"; }), start + "the method's name is empty or no plain text");
  EXPECT_EQ(refusal([&](Model& m) { m.record.metrics[0].value = static_cast<double>(nan); }),
            start + "the metric train_rmse is not finite");
  EXPECT_EQ(refusal([&](Model& m) { m.row_problem.regularization = -1; }), start + "a number of the row problem is not finite or negative");
  EXPECT_EQ(refusal([&](Model& m) { m.row_problem.observed_item_exponent = -2.5; }),
            start + "an exponent of the row problem is not within -2 .. 2");
  const std::string signed_factors = start + "the row problem is one of factors that are not negative, and does not say so";
  EXPECT_EQ(refusal([&](Model& m) { m.row_problem.l1_damping = 1; }), signed_factors);
  EXPECT_EQ(refusal([&](Model& m) { m.row_problem.divergence = true; }), signed_factors);
  EXPECT_EQ(refusal([&](Model& m) { m.row_problem.divergence = m.row_problem.non_negative = true; }),
            start + "the row problem's divergence has a bias or binary targets");
  EXPECT_EQ(refusal([&](Model& m) { m.record.options = R"({"a":")" + std::string(1U << 20U, 'x') + "\"}"; }),
            start + "its options and metrics are too long");
}

std::string refusal_of_file(const std::string& path) {
  try {
    load_model(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "loaded";
}

TEST(ModelFile, RefusesOtherFilesByName) {
  const Folder folder;
  const std::string path = folder.file("x");
  const auto refusal = [&](std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
    return refusal_of_file(path);
  };
  EXPECT_EQ(refusal(""), path + ": not a lowrank model: it is too short");
  EXPECT_EQ(refusal("1,2,3\n1,3,4\n1,4,5\n"), path + ": not a lowrank model, or a truncated one");
  const std::string foreign = R"({"weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  EXPECT_EQ(refusal(sealing::seal(foreign, "abcd")), path + ": a file in the safetensors format, but not a lowrank model");
  EXPECT_EQ(refusal(sealing::seal(R"({"__metadata__":{"format":"pt"}})", "")),
            path + ": a file in the safetensors format, but not a lowrank model");
  sealing::Opened later(serialize_model(version_one_model()));
  later.header["__metadata__"]["format_version"] = "2";
  EXPECT_EQ(refusal(later.sealed()), path + ": a lowrank model of format version \"2\"; this version of lowrank reads version 1");

  EXPECT_THROW(load_model(folder.file("missing")), FileError);
  EXPECT_THROW(load_model(folder.file("")), FileError) << "a directory";
  EXPECT_THROW(load_model("/dev/null"), FileError);
}

TEST(ModelFile, SavingReplacesOrLeavesAlone) {
  const Folder folder;
  const std::string path = folder.file("model");
  save_model(random_model(3, 3, 2), path);
  Model broken = random_model(3, 3, 2);
  broken.centre.mean = std::numeric_limits<double>::infinity();
  EXPECT_THROW(save_model(broken, path), Error);
  EXPECT_EQ(load_model(path), random_model(3, 3, 2));
  save_model(version_one_model(), path);
  EXPECT_EQ(load_model(path), version_one_model());
  EXPECT_THROW(save_model(version_one_model(), folder.file("no/such/folder")), FileError);
}

}  // namespace
}  // namespace lowrank
