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

namespace lowrank::model_file_test {
namespace {

namespace fs = std::filesystem;
using testing_models::random_model;
using testing_models::random_ratings;
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

std::string kept_file(int version) { return LOWRANK_SOURCE_DIR "/tests/model/data/v" + std::to_string(version) + ".safetensors"; }

std::vector<Model> many_models() {
  std::vector<Model> models{Model(), version_one_model()};
  for (const std::size_t rank : {0U, 1U, 15U, 16U, 17U, 64U}) models.push_back(random_model(7, 5, rank, rank));
  // More than one piece of every buffer, by rows and by floats.
  models.push_back(random_model(9000, 3, 17));
  models.push_back(random_model(2, 3, 4096));
  models.push_back(random_model(1, 1, 2, 1, 1.0));
  Model without_seen = random_model(4, 4, 3);
  without_seen.history = {};
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

TEST(ModelFile, KeepsEveryKindOfFoldIn) {
  Model model = random_model(5, 4, 3);
  const RowPenalty users{.l2 = 1, .l2_constant = 2, .l1 = 3, .l1_constant = 1.0 / 3, .bias = 5, .bias_constant = 6};
  const RowPenalty items{.l2 = 7, .l2_constant = 8, .l1 = 9, .l1_constant = 10, .bias = 11, .bias_constant = 0.1};
  const std::vector<FoldIn> kinds{
      NoFoldIn{}, LeastSquares{.users = users, .items = items, .solves_bias = false, .non_negative = true},
      WeightedLeastSquares{.users = users,
                           .items = items,
                           .observed_weight = 12,
                           .alpha = 13,
                           .unobserved_weight = 14,
                           .unobserved_includes_seen = false,
                           .binary_target = false,
                           .non_negative = true,
                           .size_exponent = 0.75,
                           .observed_item = {-0.25, 1.5},
                           .unobserved_item = {1.0 / 3, 0.1},
                           .unobserved_user = {2, 3}},
      Divergence{.users = users, .items = items, .absent_weight = 1},
      PairwiseLogistic{.users = users, .items = items, .negatives = 7, .hardest = true, .negative_exponent = 0.75, .solves_bias = false}};
  for (const FoldIn& kind : kinds) {
    model.fold_in = kind;
    EXPECT_EQ(deserialize_model(serialize_model(model)), model) << kind.index();
  }
}

TEST(ModelFile, KeepsTheKindOfIds) {
  Model model = random_model(5, 4, 3);
  for (const IdKind kind : {IdKind::text, IdKind::integer, IdKind::string}) {
    model.users.ids.set_kind(kind);
    EXPECT_EQ(deserialize_model(serialize_model(model)), model);
  }
}

TEST(ModelFile, KeepsTheValuesOfTheHistory) {
  Model model = random_model(5, 4, 3);
  const Ratings coded = random_ratings(5, 4, 0.5, 3);
  model.history = History(coded, HistoryValues::kept);
  EXPECT_EQ(deserialize_model(serialize_model(model)), model);
}

/// A model file with one more section, of two tensors and some metadata.
sealing::Opened with_section(bool required) {
  sealing::Opened file(serialize_model(version_one_model()));
  nlohmann::ordered_json& metadata = file.header["__metadata__"];
  nlohmann::json sections = nlohmann::json::parse(metadata["sections"].get<std::string>());
  sections["dreams"] = {{"version", 3}, {"required", required}, {"needs", "7.1"}};
  metadata["sections"] = sections.dump();
  metadata["dreams"] = "whatever they say";
  const std::size_t begin = file.data.size();
  file.header["dreams.vectors"] = {{"dtype", "BF16"}, {"shape", {3, 2}}, {"data_offsets", {begin, begin + 12}}};
  file.header["dreams.more"] = {{"dtype", "I32"}, {"shape", {2}}, {"data_offsets", {begin + 12, begin + 20}}};
  file.header["dreams.none"] = {{"dtype", "F64"}, {"shape", {0}}, {"data_offsets", {begin, begin}}};
  file.data += std::string(20, '\7');
  return file;
}

TEST(ModelFile, SkipsOptionalSectionsThatItDoesNotKnow) { EXPECT_EQ(deserialize_model(with_section(false).sealed()), version_one_model()); }

TEST(ModelFile, RefusesRequiredSectionsThatItDoesNotKnow) {
  const auto refusal = [](const sealing::Opened& file) {
    try {
      deserialize_model(file.sealed(), "f");
    } catch (const ModelFileError& error) {
      return std::string(error.what());
    }
    return std::string("loaded");
  };
  EXPECT_EQ(refusal(with_section(true)), "f: a model with the section \"dreams\", which needs lowrank 7.1 or later");
  sealing::Opened newer(serialize_model(version_one_model()));
  newer.header["__metadata__"]["sections"] = R"({"history":{"version":2,"required":true,"needs":"3.0"}})";
  EXPECT_EQ(refusal(newer), "f: a model with the section \"history\", which needs lowrank 3.0 or later");
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
  EXPECT_EQ(tensors, 14U);
  EXPECT_EQ(next, opened.data.size());
  EXPECT_EQ(opened.header["user_factors"]["shape"], nlohmann::json({5, 3}));
}

TEST(ModelFile, EveryVersionIsLoadedForEver) {
  EXPECT_EQ(load_model(kept_file(1)), version_one_model());
  EXPECT_EQ(load_model(kept_file(2)), version_one_model());
}

TEST(ModelFile, VersionTwoIsWrittenToTheByte) { EXPECT_EQ(serialize_model(version_one_model()), read_file(kept_file(2))); }

TEST(ModelFile, IsOpenedByPython) {
  const Folder folder;
  const std::vector<Model> models = many_models();
  std::string arguments = " '" + kept_file(2) + "'";
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
  EXPECT_EQ(refusal([&](Model& m) { m.history = History({}, {0, 0}, 3); }), start + "seen items of a different number of users");
  EXPECT_EQ(refusal([&](Model& m) { m.record.options = "[]"; }), start + "the options are no JSON object");
  EXPECT_EQ(refusal([&](Model& m) { m.record.options = "{"; }), start + "the options are no JSON object");
  EXPECT_EQ(refusal([&](Model& m) { m.record.method = "\x1B[2J"; }), start + "the method's name is empty or no plain text");
  EXPECT_EQ(refusal([&](Model& m) { m.record.metrics[0].value = static_cast<double>(nan); }),
            start + "the metric train_rmse is not finite");
  const std::string out_of_range = start + "a number of the fold-in is out of range";
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = LeastSquares{.users = {.l2 = -1}}; }), out_of_range);
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = Divergence{.items = {.l1 = static_cast<double>(nan)}}; }), out_of_range);
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = WeightedLeastSquares{.observed_item = {.exponent = -2.5}}; }), out_of_range);
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = PairwiseLogistic{.negatives = 0}; }), out_of_range);
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = PairwiseLogistic{.negatives = 1001}; }), out_of_range);
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = PairwiseLogistic{.negative_exponent = 2.5}; }), out_of_range);
  const std::string signed_factors = start + "the fold-in is one of factors that are not negative, and does not say so";
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = LeastSquares{.users = {.l1_constant = 1}}; }), signed_factors);
  EXPECT_EQ(refusal([&](Model& m) { m.fold_in = WeightedLeastSquares{.items = {.l1 = 1}}; }), signed_factors);
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
  later.header["__metadata__"]["format_version"] = "3";
  later.header["__metadata__"]["needs"] = "4.5";
  EXPECT_EQ(refusal(later.sealed()), path + ": a lowrank model of format version \"3\", which needs lowrank 4.5 or later");
  later.header["__metadata__"]["needs"] = "\u001b[31m";
  EXPECT_EQ(refusal(later.sealed()), path + ": a lowrank model of format version \"3\", which this version of lowrank cannot read");

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
}  // namespace lowrank::model_file_test
