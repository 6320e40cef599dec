#include "tune/finish.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "lowrank/base/error.h"
#include "pipeline/refit.h"
#include "tune/inner_split.h"

namespace lowrank {

namespace {

constexpr std::size_t kFinalists = 3;

/// A finalist with the runs on all splits.
struct Tried {
  Finishing who;
  std::vector<TuneRun> runs = {};
  std::vector<double> losses = {};  ///< infinite where training failed
  Finalist report = {};
};

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The .975 quantile of Student's t distribution, to two digits beyond the table.
double student_quantile(std::size_t degrees) {
  constexpr std::array kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  if (degrees == 0) return 0;
  return degrees <= kTable.size() ? kTable[degrees - 1] : 1.96 + 2.66 / static_cast<double>(degrees);
}

/// How far `other` is behind `best`, split by split.
void compare(const Tried& best, Tried& other) {
  std::vector<double> differences;
  for (std::size_t split = 0; split < best.losses.size(); ++split) differences.push_back(other.losses[split] - best.losses[split]);
  other.report.behind = mean_of(differences);
  double squares = 0;
  for (const double difference : differences) squares += (difference - other.report.behind) * (difference - other.report.behind);
  const auto count = static_cast<double>(differences.size());
  other.report.standard_error = count > 1 ? std::sqrt(squares / (count - 1) / count) : 0;
  other.report.margin = other.report.standard_error * student_quantile(differences.size() - 1);
}

std::size_t mean_epoch(const Tried& tried) {
  double sum = 0;
  for (const TuneRun& run : tried.runs) sum += static_cast<double>(run.best_epoch);
  return static_cast<std::size_t>(std::lround(sum / static_cast<double>(tried.runs.size())));
}

std::optional<double> mean_weight(const Tried& tried) {
  double sum = 0;
  for (const TuneRun& run : tried.runs) {
    if (!run.neighbour_weight) return {};
    sum += *run.neighbour_weight;
  }
  return sum / static_cast<double>(tried.runs.size());
}

}  // namespace

std::vector<Finishing> best_of(std::span<const MethodSearch> searches, std::size_t count) {
  std::vector<Finishing> all;
  for (const MethodSearch& search : searches) {
    for (const Candidate& candidate : search.candidates()) {
      if (!candidate.losses.empty() && std::isfinite(candidate.losses.back())) all.push_back({&search, &candidate});
    }
  }
  const auto rank = [](const Finishing& one) {
    const std::size_t missing = one.search->rungs() - one.candidate->losses.size();
    return std::tuple(missing, one.candidate->losses.back(), one.candidate->trial);
  };
  std::ranges::sort(all, {}, rank);
  if (all.size() > count) all.resize(count);
  return all;
}

Method final_method(const Method& method, std::size_t epochs, std::optional<double> neighbour_weight, std::uint64_t seed) {
  Method chosen = refit_method(method, std::max<std::size_t>(epochs, 1), neighbour_weight);
  for (const OptionInfo& info : options_of(method_by_name(name_of(method)))) {
    if (info.name == "patience") set_option(chosen, "patience", info.value);
    if (info.name == "seed") set_option(chosen, "seed", is_read(method, "seed") ? std::to_string(seed) : info.value);
  }
  return chosen;
}

bool choose(std::span<const MethodSearch> searches, const TuneOptions& options, TrialRunner& runner,
            const std::function<void(const TuneRun&)>& record, TuneResult& result) {
  std::vector<Tried> finalists;
  for (const Finishing& who : best_of(searches, kFinalists)) finalists.push_back({.who = who});
  for (std::size_t split = 0; split < inner_splits(options); ++split) {
    std::vector<Job> jobs;
    jobs.reserve(finalists.size());
    for (const Tried& tried : finalists) jobs.push_back(tried.who.search->job(*tried.who.candidate, tried.who.search->rungs() - 1, split));
    std::vector<TuneRun> runs = runner.run(jobs, record);
    if (runs.size() < jobs.size()) return false;
    for (std::size_t at = 0; at < finalists.size(); ++at) {
      Tried& tried = finalists[at];
      const double sign = runner.higher_is_better() ? -1 : 1;
      tried.losses.push_back(runs[at].figure ? sign * *runs[at].figure : std::numeric_limits<double>::infinity());
      if (runs[at].figure) tried.report.figures.push_back(*runs[at].figure);
      tried.runs.push_back(std::move(runs[at]));
    }
  }
  // One that cannot be trained on every split is not to be relied on.
  std::erase_if(finalists,
                [](const Tried& tried) { return !std::ranges::all_of(tried.losses, [](double x) { return std::isfinite(x); }); });
  if (finalists.empty()) {
    for (const TuneRun& run : result.history) {
      if (!run.problem.empty()) throw TrainingError("no trial could be trained: " + run.problem);
    }
    throw TrainingError("no trial could be trained");
  }
  std::ranges::stable_sort(finalists, {}, [](const Tried& tried) { return mean_of(tried.losses); });
  const Tried* chosen = nullptr;
  const auto cost = [&](const Tried& tried) {
    return std::tuple(runner.memory_of(tried.who.candidate->method), mean_epoch(tried), tried.who.candidate->trial);
  };
  for (Tried& tried : finalists) {
    compare(finalists.front(), tried);
    tried.report.trial = tried.who.candidate->trial;
    tried.report.method = name_of(tried.who.candidate->method);
    tried.report.options = tried.who.search->space().values(tried.who.candidate->method);
    tried.report.mean = mean_of(tried.report.figures);
    result.finalists.push_back(tried.report);
    if (tried.report.behind > tried.report.standard_error) continue;
    if (chosen == nullptr || cost(tried) < cost(*chosen)) chosen = &tried;
  }
  const Candidate& candidate = *chosen->who.candidate;
  result.method = final_method(candidate.method, mean_epoch(*chosen), mean_weight(*chosen), options.seed);
  result.trial = candidate.trial;
  result.options = chosen->report.options;
  result.figure = chosen->report.mean;
  return true;
}

void choose_now(std::span<const MethodSearch> searches, const TuneOptions& options, TuneResult& result) {
  const std::vector<Finishing> best = best_of(searches, 1);
  if (best.empty()) return;
  const auto& [search, candidate] = best.front();
  const TuneRun* last = nullptr;
  for (const TuneRun& run : result.history) {
    if (run.trial == candidate->trial && run.split == 0 && run.figure) last = &run;
  }
  std::size_t epochs = epochs_of(candidate->method);
  if (last != nullptr && last->full) epochs = last->best_epoch;
  result.method = final_method(candidate->method, epochs, last != nullptr ? last->neighbour_weight : std::nullopt, options.seed);
  result.trial = candidate->trial;
  result.options = search->space().values(candidate->method);
  result.figure = result.higher_is_better ? -candidate->losses.back() : candidate->losses.back();
}

}  // namespace lowrank
