// The inner loops, by SIMD level and rank, on rows that stay in the nearest cache.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/panel.h"
#include "kernels/simd_level.h"
#include "lowrank/model/factor_matrix.h"
#include "peak.h"

namespace {

using lowrank::FactorMatrix;
using lowrank::SimdLevel;

/// The most that one thread of this machine can multiply and add, to hold the others against.
void peak(benchmark::State& state, SimdLevel level) {
  constexpr std::size_t kRounds = 10000;
  for (auto _ : state) benchmark::DoNotOptimize(::multiply_add(level, kRounds));
  state.counters["flop/s"] =
      benchmark::Counter(static_cast<double>(kRounds * ::flop_of_round(level)), benchmark::Counter::kIsIterationInvariantRate);
}

/// A panel of rows against 120 queries that none of its rows satisfies, as most of a scan for the best ones is.
void score_panel(benchmark::State& state, SimdLevel level, std::size_t rank) {
  constexpr std::size_t kQueryCount = 120;
  lowrank::set_simd_level(level);
  const FactorMatrix queries(kQueryCount, rank);
  const FactorMatrix rows(lowrank::kPanelRows, rank);
  const FactorMatrix offsets(1, lowrank::kPanelRows);
  FactorMatrix panel(rank, lowrank::kPanelRows);
  std::vector<std::uint32_t> indices(lowrank::kPanelRows);
  std::iota(indices.begin(), indices.end(), 0U);
  lowrank::pack_panel({rows.data(), rows.stride()}, indices.data(), nullptr, lowrank::kPanelRows, rank, panel.data());
  std::vector<const float*> vectors;
  for (std::size_t query = 0; query < kQueryCount; ++query) vectors.push_back(queries.row(query).data());
  const std::vector<float> thresholds(kQueryCount, std::numeric_limits<float>::max());
  std::vector<std::uint64_t> passed(kQueryCount);
  std::vector<float> scores(kQueryCount * lowrank::kPanelRows);
  for (auto _ : state) {
    lowrank::score_panel({panel.data(), offsets.data(), rank}, vectors.data(), kQueryCount, thresholds.data(), passed.data(),
                         scores.data());
    benchmark::DoNotOptimize(passed.data());
    benchmark::ClobberMemory();
  }
  state.counters["flop/s"] = benchmark::Counter(2.0 * static_cast<double>(kQueryCount * lowrank::kPanelRows * rank),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int count, char** arguments) {
  for (const SimdLevel level : lowrank::available_simd_levels()) {
    const std::string level_name(lowrank::name_of(level));
    benchmark::RegisterBenchmark(("peak/" + level_name).c_str(), peak, level);
    for (const std::size_t rank : {16U, 32U, 64U, 128U, 256U}) {
      benchmark::RegisterBenchmark(("score_panel/" + level_name + "/" + std::to_string(rank)).c_str(), score_panel, level, rank);
    }
  }
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
