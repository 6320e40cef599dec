#include "tune/gaussian_process.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tune/oracles.h"

namespace lowrank::gaussian_process_test {
namespace {

using Places = std::vector<std::vector<double>>;

struct Oracle {
  nlohmann::json figures = oracles().at("gaussian_process");
  Places places = figures.at("places");
  std::vector<double> values = figures.at("values");
  Places asked = figures.at("asked");
  Smoothness smoothness{.lengths = figures.at("lengths"), .variance = figures.at("variance"), .noise = figures.at("noise")};

  void compare(const GaussianProcess& process) const {
    EXPECT_NEAR(process.likelihood(), figures.at("likelihood").get<double>(), 1e-6);
    for (std::size_t at = 0; at < asked.size(); ++at) {
      const GaussianProcess::Prediction prediction = process.predict(asked[at]);
      EXPECT_NEAR(prediction.mean, figures.at("mean")[at].get<double>(), 1e-7);
      EXPECT_NEAR(prediction.deviation, figures.at("deviation")[at].get<double>(), 1e-7);
      EXPECT_NEAR(expected_improvement(prediction, figures.at("best")), figures.at("improvement")[at].get<double>(), 1e-7);
    }
  }
};

TEST(GaussianProcess, IsThatOfScikitLearn) {
  const Oracle oracle;
  oracle.compare(GaussianProcess(oracle.places, oracle.values, oracle.smoothness));
}

TEST(GaussianProcess, TakesObservationsOneByOne) {
  const Oracle oracle;
  GaussianProcess process({oracle.places.begin(), oracle.places.begin() + 5}, {oracle.values.begin(), oracle.values.begin() + 5},
                          oracle.smoothness);
  for (std::size_t at = 5; at < oracle.places.size(); ++at) process.add(oracle.places[at], oracle.values[at]);
  oracle.compare(process);
}

/// The fitted smoothness explains the values at least as well as any that a grid has, priors aside.
TEST(GaussianProcess, TheFitTellsCoordinatesThatMatterFromThoseThatDoNot) {
  const Oracle oracle;
  std::vector<double> values;
  for (const std::vector<double>& place : oracle.places) values.push_back(std::sin(6 * place[0]));
  const Smoothness fitted = fit_smoothness(oracle.places, values);
  EXPECT_LT(3 * fitted.lengths[0], fitted.lengths[1]);
  EXPECT_LT(3 * fitted.lengths[0], fitted.lengths[2]);
  EXPECT_LT(fitted.noise, 0.01);
  const double likelihood = GaussianProcess(oracle.places, values, fitted).likelihood();
  for (const double length : {0.1, 0.3, 1.0, 3.0}) {
    const Smoothness other{.lengths = {length, length, length}, .variance = 1, .noise = 1e-3};
    EXPECT_GT(likelihood, GaussianProcess(oracle.places, values, other).likelihood());
  }
}

TEST(ExpectedImprovement, WithoutDeviationIsTheDifference) {
  EXPECT_EQ(expected_improvement({.mean = 1, .deviation = 0}, 3), 2);
  EXPECT_EQ(expected_improvement({.mean = 3, .deviation = 0}, 1), 0);
}

}  // namespace
}  // namespace lowrank::gaussian_process_test
