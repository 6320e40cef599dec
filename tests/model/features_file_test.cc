// Features in a model file: what is written comes back, and what is damaged or made to deceive is refused.

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/models.h"
#include "model/sealing.h"

namespace lowrank::features_file_test {
namespace {

using sealing::Opened;
using sealing::refusal;

Model featured_model(bool mean = true) {
  Model model = testing_models::random_model(3, 4, 2);
  RandomStream random(4, Purpose::item_factors);
  for (Side* side : {&model.users, &model.items}) {
    const bool users = side == &model.users;
    FeatureVectors features;
    features.description.fields = {
        {.name = "kind", .form = FeatureForm::words, .count = 2, .separator = '|', .edges = {}},
        {.name = "title", .form = FeatureForm::left_out, .first = 2, .edges = {}},
        {.name = "year", .form = FeatureForm::binned, .number = FeatureNumber::date, .first = 2, .count = 2, .edges = {1990.5}},
        {.name = "age", .form = FeatureForm::standardized, .first = 4, .count = 1, .mean = 1.0 / 3, .deviation = 0.1, .edges = {}}};
    if (users) features.description.fields.pop_back();
    for (const char* name : {"kind=\xC3\xA9", "kind=b", "year=[,1990.5)", "year=[1990.5,)", "age"}) {
      if (!users || features.description.size() < 4) features.description.names.add(name);
    }
    features.factors = FactorMatrix(features.description.size(), 2);
    for (std::uint32_t column = 0; column < features.description.size(); ++column) {
      for (float& x : features.factors.row(column)) x = static_cast<float>(random.normal());
      features.biases.push_back(static_cast<float>(random.normal()));
      features.counts.push_back(column + 1);
    }
    if (mean && users) features.mean = {0.5F, -1.5F};
    if (mean && users) features.mean_bias = 0.125F;
    features.rows.assign(side->size(), 1);
    features.rows[1] = 0;
    side->features = features;
  }
  return model;
}

std::string refusal_after(const std::function<void(Opened&)>& change) { return sealing::refusal_after(featured_model(), change); }

template <class T>
void put(Opened& opened, const char* tensor, std::size_t index, T value) {
  std::memcpy(opened.data.data() + opened.begin(tensor) + index * sizeof value, &value, sizeof value);
}

TEST(FeaturesFile, WhatIsWrittenComesBack) {
  for (const bool mean : {false, true}) {
    Model model = featured_model(mean);
    EXPECT_EQ(deserialize_model(serialize_model(model)), model);
    model.users.features.reset();
    EXPECT_EQ(deserialize_model(serialize_model(model)), model);
    EXPECT_TRUE(deserialize_model(serialize_model(model)).items.knows(0));
  }
}

TEST(FeaturesFile, AReaderThatDoesNotKnowThemReadsTheRest) {
  // Sections of other names, as those of a later version would be.
  Opened opened(serialize_model(featured_model()));
  std::string text = opened.text();
  for (std::size_t at = 0; (at = text.find("user_features", at)) != std::string::npos;) text.replace(at, 13, "user_otherdat");
  for (std::size_t at = 0; (at = text.find("item_features", at)) != std::string::npos;) text.replace(at, 13, "item_otherdat");
  const Model read = deserialize_model(sealing::seal(text, opened.data));
  EXPECT_FALSE(read.users.features);
  EXPECT_EQ(read.users.factors, featured_model().users.factors);
}

TEST(FeaturesFile, TruncationsAndFlippedBytesAreRefused) {
  const std::string file = serialize_model(featured_model());
  ASSERT_EQ(refusal(file), "loaded");
  for (std::size_t size = 0; size < file.size(); ++size) EXPECT_NE(refusal(file.substr(0, size)), "loaded") << size;
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << at % 8);
    EXPECT_NE(refusal(damaged), "loaded") << at;
  }
}

TEST(FeaturesFile, SealedLiesAreRefused) {
  EXPECT_EQ(refusal_after([](Opened&) {}), "loaded");
  const float infinity = std::numeric_limits<float>::infinity();
  const char* const not_finite = "a vector of features is not finite";
  EXPECT_EQ(refusal_after([&](Opened& f) { put(f, "user_features.factors", 3, infinity); }), not_finite);
  EXPECT_EQ(refusal_after([&](Opened& f) { put(f, "item_features.biases", 0, infinity); }), not_finite);
  EXPECT_EQ(refusal_after([&](Opened& f) { put(f, "user_features.mean", 2, infinity); }), not_finite);
  EXPECT_EQ(refusal_after([](Opened& f) { put(f, "item_features.rows", 0, std::uint8_t{2}); }),
            "a mark of a row with features is not 0 or 1");
  EXPECT_EQ(refusal_after([](Opened& f) { put(f, "item_features.counts", 0, std::int64_t{1} << 32U); }),
            "a number of ratings is out of range");
  EXPECT_EQ(refusal_after([](Opened& f) { put(f, "user_features.name_offsets", 1, std::int64_t{1} << 40U); }),
            "the ids of features are not in order");
  EXPECT_EQ(refusal_after([](Opened& f) { put(f, "user_features.names", 0, '\n'); }), "the ids of features: a control character in an id");
  EXPECT_EQ(refusal_after([](Opened& f) { put(f, "user_features.description", 0, '['); }),
            "the description of features is not a JSON object");
  EXPECT_EQ(refusal_after([](Opened& f) { f.header["user_features.factors"]["shape"][0] = std::uint64_t{1} << 33U; }),
            "the header claims too many features");
  EXPECT_EQ(refusal_after([](Opened& f) { f.header["user_features.mean"]["shape"][0] = 2; }), "the header claims features of another rank");
  EXPECT_EQ(refusal_after([](Opened& f) { f.header["item_features.rows"]["shape"][0] = 5; }),
            "the tensor \"item_features.rows\" has a shape that does not fit the others");
}

/// The description of the items' features with `from` replaced by `to`, of the same length.
std::string after_rewriting(const std::string& from, const std::string& to) {
  return refusal_after([&](Opened& f) {
    const std::size_t begin = f.begin("item_features.description");
    const std::size_t at = f.data.find(from, begin);
    ASSERT_NE(at, std::string::npos);
    ASSERT_EQ(from.size(), to.size());
    f.data.replace(at, from.size(), to);
  });
}

TEST(FeaturesFile, DescriptionsThatDoNotFitAreRefused) {
  EXPECT_EQ(after_rewriting("\"first\":4", "\"first\":3"), "the columns of features do not follow one another");
  EXPECT_EQ(after_rewriting("\"form\":\"words\"", "\"form\":\"wards\""), "a field of features: \"form\" is not one of those there are");
  EXPECT_EQ(after_rewriting("\"deviation\":0.1", "\"deviation\":0.0"), "a number that describes features is out of range");
  EXPECT_EQ(after_rewriting("[1990.5]", "[      ]"), "a field of features has edges that do not fit its columns");
  EXPECT_EQ(after_rewriting("\"name\":\"kind\"", "\"name\":\"\\r\\n\""), "a field of features has no sound name");
  EXPECT_EQ(after_rewriting("\"count\":1", "\"count\":2"), "a field of features has more columns than its form");
}

}  // namespace
}  // namespace lowrank::features_file_test
