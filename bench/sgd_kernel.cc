// The loop of `sgd`, by SIMD level and rank, over one block like those of large data: cycles per rating, next to the fewest that the
// processor's units allow. The length of a cycle is measured around each run, because the processor changes its clock.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/sgd.h"
#include "kernels/simd_level.h"
#include "lowrank/model/factor_matrix.h"
#include "train/sgd_order.h"

namespace {

using lowrank::FactorMatrix;
using lowrank::SimdLevel;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Seconds per cycle, from additions that wait for each other.
double cycle() {
  constexpr int kAdditions = 20000;
  const auto start = Clock::now();
  std::uint64_t sum = 0;
  for (int n = 0; n < kAdditions; ++n) {
    sum += 1;
    benchmark::DoNotOptimize(sum);
  }
  return seconds_since(start) / kAdditions;
}

/// Ratings of 4,000 users for 1,300 items; items are ordered by popularity.
struct Block {
  Block() {
    constexpr std::size_t kUsers = 4000;
    constexpr std::size_t kItems = 1300;
    lowrank::RandomStream random(1, lowrank::Purpose::rating_order);
    std::vector<double> shares;
    for (std::size_t item = 0; item < kItems; ++item) {
      shares.push_back((shares.empty() ? 0 : shares.back()) + std::pow(static_cast<double>(item) + 1, -0.9));
    }
    std::vector<lowrank::SgdOrder::User> by_user;
    for (std::size_t user = 0; user < kUsers; ++user) {
      const auto wanted = std::min<std::size_t>(200, 1 + static_cast<std::size_t>(16 * std::exp(random.normal() - 0.5)));
      std::vector<std::uint16_t> of_user;
      while (of_user.size() < wanted) {
        const auto found = std::lower_bound(shares.begin(), shares.end(), random.uniform() * shares.back()) - shares.begin();
        const auto item = static_cast<std::uint16_t>(std::min<std::ptrdiff_t>(found, kItems - 1));
        if (std::find(of_user.begin(), of_user.end(), item) == of_user.end()) of_user.push_back(item);
      }
      by_user.push_back({static_cast<std::uint16_t>(user), static_cast<std::uint32_t>(wanted)});
      for (const std::uint16_t item : of_user)
        items.push_back(static_cast<std::uint16_t>(item | random.below(10) << lowrank::kSgdPackedBits));
    }
    users.resize(items.size());
    plan = lowrank::SgdOrder().arrange({by_user, users, items, {}, {}, lowrank::kSgdPackedMask});
    for (int code = 0; code < 10; ++code) values.push_back(0.4F * static_cast<float>(code) - 1.8F);
    user_count = kUsers;
    item_count = kItems;
  }

  [[nodiscard]] lowrank::SgdBlock view() const {
    return {users.data(),
            items.data(),
            nullptr,
            nullptr,
            values.data(),
            items.size(),
            plan.user_runs.data(),
            plan.item_runs.data(),
            plan.chunks.data(),
            plan.chunks.size() - 1};
  }

  std::size_t user_count;
  std::size_t item_count;
  std::vector<std::uint16_t> users;
  std::vector<std::uint16_t> items;
  std::vector<float> values;
  lowrank::SgdPlan plan;
};

/// The fewest cycles per rating in a group of four. Per vector it takes 2.5 loads, 1.25 stores and 3 multiply-adds; per cycle a processor
/// of today does at most 2 loads, 1 store (2 of less than 64 bytes) and 2 multiply-adds.
double fewest_cycles(SimdLevel level, std::size_t rank) {
  const double lanes[] = {1, 4, 8, 16};
  const double vectors = std::ceil(static_cast<double>(rank) / lanes[static_cast<std::size_t>(level)]);
  const double stores = level == SimdLevel::avx512 ? 1.25 : 0.625;
  return vectors * std::max({2.5 / 2, stores, 3.0 / 2});
}

void sgd_block(benchmark::State& state, SimdLevel level, std::size_t rank) {
  static const Block block;
  lowrank::set_simd_level(level);
  FactorMatrix users(block.user_count, rank);
  FactorMatrix items(block.item_count, rank);
  lowrank::RandomStream random(2, lowrank::Purpose::user_factors);
  for (std::size_t row = 0; row < users.rows(); ++row) {
    for (float& x : users.row(row)) x = static_cast<float>(0.1 * random.normal());
  }
  for (std::size_t row = 0; row < items.rows(); ++row) {
    for (float& x : items.row(row)) x = static_cast<float>(0.1 * random.normal());
  }
  std::vector<float> user_biases(block.user_count);
  std::vector<float> item_biases(block.item_count);
  const std::vector<float> decays(std::max(block.user_count, block.item_count), 0.002F);
  const lowrank::SgdTables tables{users.data(),  items.data(),  user_biases.data(), item_biases.data(), decays.data(),
                                  decays.data(), decays.data(), decays.data(),      users.stride()};
  double cycles = 0;
  for (auto _ : state) {
    const double before = cycle();
    const auto start = Clock::now();
    benchmark::DoNotOptimize(lowrank::sgd_block(block.view(), 0, tables, {0.01F, 0.01F}));
    const double seconds = seconds_since(start);
    state.SetIterationTime(seconds);
    cycles += seconds / std::min(before, cycle());
  }
  const auto ratings = static_cast<double>(block.items.size());
  state.counters["updates/s"] = benchmark::Counter(ratings, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["cycles"] = cycles / static_cast<double>(state.iterations()) / ratings;
  state.counters["fewest"] = fewest_cycles(level, rank);
}

}  // namespace

int main(int count, char** arguments) {
  for (const SimdLevel level : lowrank::available_simd_levels()) {
    for (const std::size_t rank : {16U, 32U, 64U, 128U}) {
      const std::string name = "sgd_block/" + std::string(lowrank::name_of(level)) + "/" + std::to_string(rank);
      benchmark::RegisterBenchmark(name.c_str(), sgd_block, level, rank)->UseManualTime()->MinTime(0.2);
    }
  }
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
