#include "lowrank/data/features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace lowrank::features_test {
namespace {

/// Two rows: a film of two genres, and one of which nothing but its length is known.
Features films() {
  Features features;
  features.description.fields = {{.name = "genre", .form = FeatureForm::words, .first = 0, .count = 2, .separator = '|', .edges = {}},
                                 {.name = "length", .form = FeatureForm::binned, .first = 2, .count = 2, .edges = {90}}};
  for (const char* name : {"genre=Comedy", "genre=War", "length=[,90)", "length=[90,)"}) features.description.names.add(name);
  features.offsets = {0, 2, 3};
  features.columns = {0, 1, 3};
  features.values = {1, 1, 1};
  return features;
}

TEST(Features, RowsAreSpansOfTheirEntries) {
  Features features = films();
  EXPECT_EQ(features_problem(features), std::nullopt);
  EXPECT_EQ(features.rows(), 2U);
  EXPECT_EQ(features.columns_of(0).size(), 2U);
  EXPECT_EQ(features.columns_of(1)[0], 3U);
  features.extend(4);
  EXPECT_EQ(features.rows(), 4U);
  EXPECT_EQ(features.entries(3), 0U);
  EXPECT_EQ(features_problem(features), std::nullopt);
}

TEST(Features, WhatDoesNotFitTogetherIsAProblem) {
  const std::function<void(Features&)> faults[] = {
      [](Features& f) { f.values[0] = 0; },
      [](Features& f) { f.values[0] = INFINITY; },
      [](Features& f) { f.values.pop_back(); },
      [](Features& f) {
        f.columns = {1, 0, 3};
      },
      [](Features& f) {
        f.columns = {0, 0, 3};
      },
      [](Features& f) {
        f.columns = {0, 1, 4};
      },
      [](Features& f) {
        f.offsets = {0, 3, 2};
      },
      [](Features& f) {
        f.offsets = {1, 2, 3};
      },
      [](Features& f) { f.offsets.clear(); },
      [](Features& f) { f.description.fields.pop_back(); },
      [](Features& f) { f.description.fields[1].first = 1; },
      [](Features& f) {
        f.description.fields[1].edges = {90, 100};
      },
      [](Features& f) { f.description.fields[1].edges = {NAN}; },
      [](Features& f) { f.description.fields[0].edges = {1}; },
      [](Features& f) { f.description.fields[1].deviation = 0; },
      [](Features& f) { f.description.names.add("more"); },
  };
  int number = 0;
  for (const auto& fault : faults) {
    Features features = films();
    fault(features);
    EXPECT_NE(features_problem(features), std::nullopt) << "fault " << number;
    ++number;
  }
}

}  // namespace
}  // namespace lowrank::features_test
