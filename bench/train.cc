// Training from ratings in memory to a model, by rank and number of threads, on synthetic ratings.
#include "lowrank/train/train.h"

#include <benchmark/benchmark.h>

#include "lowrank/data/generate.h"
#include "lowrank/data/ratings.h"

namespace {

const lowrank::Ratings& ratings() {
  static const lowrank::Ratings made = [] {
    constexpr lowrank::GenerateOptions kOptions{.users = 20000, .items = 5000, .ratings = 2000000};
    lowrank::RatingsBuilder builder;
    lowrank::generate(kOptions, [&](const lowrank::GeneratedRating& rating) { builder.add(rating.user, rating.item, rating.value); });
    return builder.build(kOptions.users, kOptions.items);
  }();
  return made;
}

void sgd(benchmark::State& state) {
  const lowrank::Sgd method{.rank = static_cast<std::uint32_t>(state.range(0)), .epochs = 5};
  lowrank::TrainSettings settings;
  settings.threads = static_cast<int>(state.range(1));
  for (auto _ : state) {
    const lowrank::Trained trained = lowrank::train({.data = {.users = {}, .items = {}, .ratings = ratings()}}, method, {},
                                                    lowrank::TrainingObserver::silent(), settings);
    state.SetIterationTime(trained.seconds);
  }
  const double updates = static_cast<double>(ratings().size()) * method.epochs;
  state.counters["updates/s"] = benchmark::Counter(updates, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

BENCHMARK(sgd)
    ->ArgNames({"rank", "threads"})
    ->ArgsProduct({{16, 32, 64, 128}, {1, 2}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

BENCHMARK_MAIN();
