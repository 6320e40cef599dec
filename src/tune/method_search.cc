#include "tune/method_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "pipeline/refit.h"
#include "tune/proposals.h"
#include "tune/sobol.h"

namespace lowrank {

namespace {

/// Candidates of the screening, of which 9 and 3 go on.
constexpr std::size_t kScreened = 27;
/// Candidates of a round after the screening. Part of the path of a search, which must not depend on the number of threads.
constexpr std::size_t kRound = 8;
/// Shares of the epochs that the rungs of successive halving train.
constexpr std::array<std::size_t, 3> kDivisors = {9, 3, 1};
/// The shortest schedule: a single epoch tells nothing of one that falls.
constexpr std::size_t kFewestEpochs = 2;
/// Points of the sequence that are tried for a new candidate before the space counts as exhausted.
constexpr std::size_t kMostRepeats = 512;

}  // namespace

MethodSearch::MethodSearch(Space space, std::size_t trials, std::uint64_t seed, std::size_t stream)
    : space_(std::move(space)),
      trials_(trials),
      seed_(seed),
      stream_(stream),
      rungs_(epochs_of(space_.base()) == 0 ? 1 : kDivisors.size()),
      screened_(std::min(kScreened, (trials + 1) / 2)) {}

double MethodSearch::planned_work() const {
  double work = 0;
  std::size_t count = screened_;
  for (std::size_t rung = 0; rung < rungs_; ++rung) {
    work += static_cast<double>(count) / static_cast<double>(kDivisors[kDivisors.size() - rungs_ + rung]);
    count = kept_of(count);
  }
  return work + static_cast<double>(trials_ - screened_);
}

Job MethodSearch::job(const Candidate& candidate, std::size_t rung, std::size_t split) const {
  Job job{.trial = candidate.trial,
          .method = candidate.method,
          .options = space_.values(candidate.method),
          .full = rung + 1 == rungs_,
          .split = split};
  if (!job.full) {
    const std::size_t epochs = epochs_of(candidate.method);
    const std::size_t divisor = kDivisors[rung];
    const std::size_t fewer = std::max((epochs + divisor - 1) / divisor, kFewestEpochs);
    set_option(job.method, "epochs", std::to_string(std::min(epochs, fewer)));
  }
  return job;
}

void MethodSearch::add(const Method& method, std::size_t& trials) {
  asked_.push_back(candidates_.size());
  tried_.insert(options_json(method));
  candidates_.push_back({.trial = ++trials, .method = method, .place = space_.coordinates(method)});
}

/// The method's own values, and scrambled Sobol points.
std::vector<Job> MethodSearch::screen(std::size_t& trials) {
  add(space_.at({}), trials);
  if (!space_.axes().empty()) {
    Sobol points(space_.axes().size(), seed_, stream_);
    for (std::size_t repeats = 0; candidates_.size() < screened_ && repeats < kMostRepeats; ++repeats) {
      const Method method = space_.at(points.next());
      if (!tried_.contains(options_json(method))) add(method, trials);
    }
  }
  std::vector<Job> jobs;
  jobs.reserve(asked_.size());
  for (const std::size_t at : asked_) jobs.push_back(job(candidates_[at], 0, 0));
  return jobs;
}

/// The best of the rung below, with a longer schedule. The method's own values go on in any case.
std::vector<Job> MethodSearch::climb() {
  const std::size_t kept = kept_of(asked_.size());
  std::ranges::stable_sort(asked_, {}, [&](std::size_t at) { return candidates_[at].losses[rung_]; });
  const bool keeps_first = std::find(asked_.begin(), asked_.begin() + static_cast<std::ptrdiff_t>(kept), 0) !=
                           asked_.begin() + static_cast<std::ptrdiff_t>(kept);
  asked_.resize(kept);
  if (!keeps_first) asked_.push_back(0);
  std::ranges::sort(asked_);
  ++rung_;
  std::vector<Job> jobs;
  jobs.reserve(asked_.size());
  for (const std::size_t at : asked_) jobs.push_back(job(candidates_[at], rung_, 0));
  return jobs;
}

std::vector<Job> MethodSearch::next(std::size_t& trials) {
  if (candidates_.empty()) return screen(trials);
  if (rung_ + 1 < rungs_) return climb();
  asked_.clear();
  const std::size_t count = std::min(kRound, trials_ - std::min(trials_, candidates_.size()));
  if (count == 0) return {};
  ++round_;
  const std::vector<Method> proposed =
      space_.axes().empty() ? std::vector<Method>() : propose(space_, candidates_, rungs_, count, {seed_, stream_, round_}, tried_);
  exhausted_ = proposed.empty();
  std::vector<Job> jobs;
  for (const Method& method : proposed) {
    add(method, trials);
    jobs.push_back(job(candidates_.back(), rungs_ - 1, 0));
  }
  return jobs;
}

void MethodSearch::absorb(std::span<const double> losses) {
  for (std::size_t at = 0; at < losses.size(); ++at) {
    Candidate& candidate = candidates_[asked_[at]];
    // Candidates after the screening have the last rung alone.
    candidate.losses.resize(rung_, std::nan(""));
    candidate.losses.push_back(losses[at]);
  }
}

}  // namespace lowrank
