#include "tune/proposals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tune/method_search.h"
#include "tune/parzen.h"

namespace lowrank::proposals_test {
namespace {

std::string value_of(const Method& method, const std::string& name) {
  for (const OptionInfo& info : options_of(method)) {
    if (info.name == name) return info.value;
  }
  return "";
}

/// The least loss that a search finds of a function of methods, which its trainings would return.
double searched(const Space& space, std::size_t trials, std::uint64_t seed, const std::function<double(const Method&)>& loss) {
  MethodSearch search(space, trials, seed, 0);
  std::size_t number = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::vector<Job> jobs = search.next(number); !jobs.empty(); jobs = search.next(number)) {
    std::vector<double> losses;
    for (const Job& job : jobs) {
      // Shorter schedules are worse, and a little misleading.
      losses.push_back(loss(job.method) + (job.full ? 0 : 0.3));
      if (job.full) least = std::min(least, losses.back());
    }
    search.absorb(losses);
  }
  return least;
}

double random_search(const Space& space, std::size_t trials, std::uint64_t seed, const std::function<double(const Method&)>& loss) {
  RandomStream random(seed, Purpose::search, 99);
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t trial = 0; trial < trials; ++trial) {
    std::vector<double> point(space.axes().size());
    for (double& x : point) x = random.uniform();
    least = std::min(least, loss(space.at(point)));
  }
  return least;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// A smooth function of five options: the process comes much nearer to its minimum than as many random points.
TEST(Proposals, AProcessBeatsRandomPointsOnASmoothFunction) {
  const std::vector<std::string> fixed = {"neighbours"};
  const Space space(Sgd{}, fixed, {});
  const auto loss = [&space](const Method& method) {
    const std::vector<double> place = space.coordinates(method);
    const std::vector<double> best = {0.7, 0.3, 0.6, 0.2, 0.45};
    double sum = 0;
    for (std::size_t at = 0; at < place.size(); ++at)
      sum += (place[at] - best[at]) * (place[at] - best[at]) * (1 + static_cast<double>(at));
    return sum;
  };
  std::vector<double> ours;
  std::vector<double> random;
  for (std::uint64_t seed = 1; seed <= 7; ++seed) {
    ours.push_back(searched(space, 60, seed, loss));
    random.push_back(random_search(space, 60, seed, loss));
  }
  EXPECT_LT(median(ours), median(random) / 3);
}

/// A space of choices, of which one combination of 2,000 is the best.
TEST(Proposals, DensitiesBeatRandomPointsOnChoices) {
  const Space space(Slim{}, {}, parse_space("l1=.1|.2|.3|.4|.5|.6|.7|.8|.9|1,l2=1|2|3|4|5|6|7|8|9|10,candidates=1|2|3|4|5,passes=1|2|3|4"));
  ASSERT_TRUE(space.mostly_choices());
  const auto loss = [](const Method& method) {
    return (value_of(method, "l1") != "0.3" ? 1 : 0) + (value_of(method, "l2") != "7" ? 1 : 0) +
           (value_of(method, "candidates") != "2" ? 1 : 0) + (value_of(method, "passes") != "4" ? 1 : 0);
  };
  double ours = 0;
  double random = 0;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    ours += searched(space, 100, seed, loss);
    random += random_search(space, 100, seed, loss);
  }
  EXPECT_LT(ours, random - 3);
}

TEST(Proposals, AreNewAndStopWhereNothingIsLeft) {
  const Space space(Slim{}, {}, parse_space("l1=.1|.2|.3,l2=1|2,candidates=1|2"));
  MethodSearch search(space, 50, 1, 0);
  std::size_t number = 0;
  std::set<std::string> tried;
  for (std::vector<Job> jobs = search.next(number); !jobs.empty(); jobs = search.next(number)) {
    for (const Job& job : jobs) EXPECT_TRUE(tried.insert(options_json(job.method)).second);
    search.absorb(std::vector<double>(jobs.size(), 1.0));
  }
  // 3 x 2 x 2 choices, and the default, which is none of them.
  EXPECT_EQ(tried.size(), 13U);
  EXPECT_TRUE(search.exhausted());
}

/// The density is one: its mean over uniform points is 1, and its draws have its values.
TEST(ParzenDensity, IntegratesToOne) {
  const ParzenDensity density({{0.1, 0.9, 0.5}, {0.95, 0.2, 0.1}, {0.3, 0.3, 0.9}}, {0, 0, 3});
  RandomStream random(1, Purpose::search, 7);
  constexpr int kPoints = 200'000;
  double sum = 0;
  for (int n = 0; n < kPoints; ++n)
    sum += std::exp(density.logarithm(std::vector<double>{random.uniform(), random.uniform(), random.uniform()}));
  EXPECT_NEAR(sum / kPoints, 1, 0.02);
  // The mean of 1 / density over draws is the volume of the cube.
  sum = 0;
  for (int n = 0; n < kPoints; ++n) sum += std::exp(-density.logarithm(density.draw(random)));
  EXPECT_NEAR(sum / kPoints, 1, 0.02);
}

}  // namespace
}  // namespace lowrank::proposals_test
