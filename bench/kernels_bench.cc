// The inner loops, by SIMD level and rank, on rows that stay in the nearest cache.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/dot.h"
#include "kernels/simd_level.h"
#include "lowrank/model/factor_matrix.h"

namespace {

using lowrank::FactorMatrix;
using lowrank::SimdLevel;

void dot_rows(benchmark::State& state, SimdLevel level, std::size_t rank) {
  lowrank::set_simd_level(level);
  const std::size_t row_count = 16384 / rank;
  const FactorMatrix query(1, rank);
  const FactorMatrix rows(row_count, rank);
  std::vector<float> scores(row_count);
  for (auto _ : state) {
    lowrank::dot_rows(query.data(), rows.data(), row_count, rows.stride(), scores.data());
    benchmark::DoNotOptimize(scores.data());
    benchmark::ClobberMemory();
  }
  state.counters["flop/s"] = benchmark::Counter(2.0 * static_cast<double>(row_count * rank), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int count, char** arguments) {
  for (const SimdLevel level : lowrank::available_simd_levels()) {
    for (const std::size_t rank : {16U, 32U, 64U, 128U}) {
      const std::string name = "dot_rows/" + std::string(lowrank::name_of(level)) + "/" + std::to_string(rank);
      benchmark::RegisterBenchmark(name.c_str(), dot_rows, level, rank);
    }
  }
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
