// The dense kernels of training and of lists, by SIMD level and rank, in FLOP/s, next to what fused multiplications in registers reach on
// one thread (`peak`).
#include <benchmark/benchmark.h>

#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/block_sweep.h"
#include "kernels/cholesky.h"
#include "kernels/gram.h"
#include "kernels/panel.h"
#include "kernels/rows.h"
#include "kernels/simd_level.h"
#include "lowrank/model/factor_matrix.h"
#include "peak.h"

namespace {

using lowrank::FactorMatrix;
using lowrank::SimdLevel;

FactorMatrix normals(std::size_t rows, std::size_t rank) {
  FactorMatrix matrix(rows, rank);
  lowrank::RandomStream random(1, lowrank::Purpose::user_factors);
  for (std::size_t row = 0; row < rows; ++row) {
    for (float& x : matrix.row(row)) x = static_cast<float>(random.normal());
  }
  return matrix;
}

void count_flops(benchmark::State& state, double flops) {
  state.counters["flop/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

/// The most that one thread of this machine can multiply and add.
void peak(benchmark::State& state, SimdLevel level, std::size_t /*rank*/) {
  constexpr std::size_t kRounds = 10000;
  for (auto _ : state) benchmark::DoNotOptimize(::multiply_add(level, kRounds));
  count_flops(state, static_cast<double>(kRounds * ::flop_of_round(level)));
}

/// A panel of rows against 120 queries that none of its rows satisfies, as in most of a scan for the best ones.
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
  count_flops(state, 2.0 * static_cast<double>(kQueryCount * lowrank::kPanelRows * rank));
}

/// Adds a row of 256 ratings to its normal equations. Counted operations: those of the upper triangle.
void add_gram(benchmark::State& state, SimdLevel level, std::size_t rank) {
  lowrank::set_simd_level(level);
  const FactorMatrix rows = normals(256, rank + 16);
  FactorMatrix a(rank, rank + 16);
  for (auto _ : state) {
    lowrank::add_gram(rows.data(), rows.data(), rows.stride(), 256, rank, a.data(), a.stride());
    benchmark::ClobberMemory();
  }
  const auto k = static_cast<double>(rank);
  count_flops(state, 256 * k * (k + 1));
}

/// Products of all pairs of `count` rows.
void row_gram(benchmark::State& state, SimdLevel level, std::size_t rank, std::size_t count) {
  lowrank::set_simd_level(level);
  const FactorMatrix rows = normals(count + 4, rank + 16);
  FactorMatrix a(count + 4, count + 16);
  for (auto _ : state) {
    lowrank::row_gram(rows.data(), rows.stride(), count, rank, a.data(), a.stride());
    benchmark::ClobberMemory();
  }
  const auto n = static_cast<double>(count);
  count_flops(state, static_cast<double>(rank) * n * (n + 1));
}

void gather(benchmark::State& state, SimdLevel level, std::size_t rank) {
  lowrank::set_simd_level(level);
  const FactorMatrix table = normals(40'000, rank);
  FactorMatrix tile(256, rank + 16);
  std::vector<std::uint32_t> rows(256);
  lowrank::RandomStream random(1, lowrank::Purpose::split);
  for (auto _ : state) {
    for (std::uint32_t& row : rows) row = static_cast<std::uint32_t>(random.below(40'000));
    lowrank::gather_rows({table.data(), table.stride()}, rows.data(), rows.size(), rank, nullptr, nullptr, tile.data(), tile.stride());
    benchmark::ClobberMemory();
  }
  state.counters["B/s"] = benchmark::Counter(256.0 * 4 * static_cast<double>(rank), benchmark::Counter::kIsIterationInvariantRate);
}

/// Factorizes and solves a system of `rank` unknowns.
void cholesky(benchmark::State& state, SimdLevel level, std::size_t rank) {
  lowrank::set_simd_level(level);
  const FactorMatrix rows = normals(2 * rank, rank);
  FactorMatrix gram(rank, rank + 1);
  lowrank::add_gram(rows.data(), rows.data(), rows.stride(), 2 * rank, rows.stride(), gram.data(), gram.stride());
  FactorMatrix a;
  std::vector<float> x(rank);
  for (auto _ : state) {
    state.PauseTiming();
    a = gram;
    state.ResumeTiming();
    benchmark::DoNotOptimize(lowrank::factor_cholesky(a.data(), a.stride(), rank, 1));
    lowrank::solve_upper(a.data(), a.stride(), rank, rank, x.data());
    benchmark::ClobberMemory();
  }
  const auto n = static_cast<double>(rank);
  count_flops(state, n * n * n / 3 + 2 * n * n);
}

void rotate(benchmark::State& state, SimdLevel level, std::size_t rank) {
  lowrank::set_simd_level(level);
  const FactorMatrix rows = normals(128, rank);
  const FactorMatrix basis = normals(lowrank::panels_size(rank, rank) / rank, rank);
  FactorMatrix products(128, rank);
  for (auto _ : state) {
    lowrank::multiply_rows(rows.data(), rows.stride(), 128, rank, basis.data(), rank, products.data(), products.stride());
    benchmark::ClobberMemory();
  }
  const auto k = static_cast<double>(rank);
  count_flops(state, 2 * 128 * k * k);
}

/// One step of conjugate gradients on a row of 256 ratings.
void normal_product(benchmark::State& state, SimdLevel level, std::size_t rank) {
  lowrank::set_simd_level(level);
  const FactorMatrix table = normals(256, rank);
  std::vector<std::uint32_t> rows(256);
  std::iota(rows.begin(), rows.end(), 0U);
  const FactorMatrix x = normals(1, rank);
  FactorMatrix out(1, rank);
  for (auto _ : state) {
    lowrank::add_normal_product({table.data(), table.stride()}, rows.data(), rows.size(), rank, nullptr, x.data(), 0, out.data());
    benchmark::ClobberMemory();
  }
  count_flops(state, 4 * 256 * static_cast<double>(rank));
}

/// Two sweeps over blocks of 16 of a row of `count` ratings. Counted operations: the upper triangles of the blocks' matrices and of their
/// inverses, the residual of the start, and the sweeps.
void block_sweep(benchmark::State& state, SimdLevel level, std::size_t rank, std::size_t count) {
  lowrank::set_simd_level(level);
  const FactorMatrix table = normals(count, rank);
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0U);
  const FactorMatrix diagonal(1, rank);
  const lowrank::NormalEquations row{.table = {table.data(), table.stride()}, .rows = rows, .diagonal = diagonal.data(), .ridge = 1};
  lowrank::BlockSweep blocks(rank);
  FactorMatrix x(1, rank);
  for (auto _ : state) {
    benchmark::DoNotOptimize(blocks.solve(row, 2, x.data()));
    benchmark::ClobberMemory();
  }
  const auto k = static_cast<double>(rank);
  const auto n = static_cast<double>(count);
  count_flops(state, k * (17 * n + 272 + 2 * n + 2 * (4 * n + 32)));
}

}  // namespace

int main(int count, char** arguments) {
  const auto add = [](const char* kernel, SimdLevel level, std::size_t rank, auto function, auto... more) {
    std::string name = std::string(kernel) + "/" + std::string(lowrank::name_of(level)) + "/" + std::to_string(rank);
    ((name += "/" + std::to_string(more)), ...);
    benchmark::RegisterBenchmark(name.c_str(), function, level, rank, more...);
  };
  for (const SimdLevel level : lowrank::available_simd_levels()) {
    add("peak", level, 0, peak);
    for (const std::size_t rank : {16U, 32U, 64U, 128U, 256U}) add("score_panel", level, rank, score_panel);
    for (const std::size_t rank : {64U, 128U, 256U, 1024U}) {
      add("add_gram", level, rank, add_gram);
      for (const std::size_t rows : {13U, 48U}) add("row_gram", level, rank, row_gram, rows);
      for (const std::size_t rows : {20U, 60U, 240U}) add("block_sweep", level, rank, block_sweep, rows);
      add("gather", level, rank, gather);
      add("rotate", level, rank, rotate);
      add("normal_product", level, rank, normal_product);
    }
    for (const std::size_t rank : {13U, 32U, 64U, 128U, 256U, 1024U}) add("cholesky", level, rank, cholesky);
  }
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
