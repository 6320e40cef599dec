#include "tune/proposals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "base/random.h"
#include "tune/gaussian_process.h"
#include "tune/method_search.h"
#include "tune/parzen.h"
#include "tune/sobol.h"

namespace lowrank {

namespace {

/// Observations that a Gaussian process takes at most: the best ones.
constexpr std::size_t kMostObservations = 200;
/// Trainings in full, besides one per coordinate, that suffice for a process without those of shorter schedules.
constexpr std::size_t kEnough = 6;
/// Points of the cube at which the expected improvement is computed, and steps from the best of them.
constexpr std::size_t kPoints = 1000;
constexpr std::size_t kStarts = 5;
constexpr std::size_t kSteps = 16;
constexpr double kFirstWidth = 0.15;
/// Points that the Parzen estimator draws for each proposal, and times that it draws again where all were tried before.
constexpr std::size_t kDrawn = 24;
constexpr std::size_t kMostDraws = 16;

/// A point, and the method that it is.
struct Proposal {
  std::vector<double> point;
  Method method;
  std::string options;
  std::vector<double> place;
};

Proposal proposal_at(const Space& space, std::vector<double> point) {
  Proposal proposal{.point = std::move(point), .method = {}, .options = {}, .place = {}};
  proposal.method = space.at(proposal.point);
  proposal.options = options_json(proposal.method);
  proposal.place = space.coordinates(proposal.method);
  return proposal;
}

/// What trainings have shown, as a regression takes it: a place per training, the length of the schedule its last coordinate.
struct Observations {
  std::vector<std::vector<double>> places;
  std::vector<double> values;
  double best = std::numeric_limits<double>::infinity();  ///< among trainings in full
};

/// `place` with the length of the schedule as a coordinate, 1 in full; a method without epochs has no such coordinate.
std::vector<double> with_rung(std::vector<double> place, std::size_t rung, std::size_t rungs) {
  if (rungs > 1) place.push_back(static_cast<double>(rung) / static_cast<double>(rungs - 1));
  return place;
}

/// Standardised losses. Those far behind are cut, so that failures do not flatten the differences of the others.
Observations observe(std::span<const Candidate> candidates, std::size_t rungs) {
  struct Seen {
    std::vector<double> place;
    double loss = 0;
    bool full = false;
  };
  std::vector<Seen> all;
  for (const Candidate& candidate : candidates) {
    for (std::size_t rung = 0; rung < candidate.losses.size(); ++rung) {
      if (std::isnan(candidate.losses[rung])) continue;
      all.push_back({with_rung(candidate.place, rung, rungs), candidate.losses[rung], rung + 1 == rungs});
    }
  }
  // Shorter schedules differ by much more than those in full, and hide their differences: they serve only until there are enough of the
  // latter.
  const auto in_full = std::ranges::count_if(all, &Seen::full);
  if (!all.empty() && static_cast<std::size_t>(in_full) >= kEnough + all.front().place.size()) {
    std::erase_if(all, [](const Seen& seen) { return !seen.full; });
  }
  std::ranges::stable_sort(all, {}, &Seen::loss);
  if (all.size() > kMostObservations) all.resize(kMostObservations);
  Observations observations;
  const auto finite = std::ranges::count_if(all, [](const Seen& seen) { return std::isfinite(seen.loss); });
  if (finite < 2) return observations;
  const double least = all.front().loss;
  const double middle = all[static_cast<std::size_t>(finite) / 2].loss;
  const double limit = middle + 2 * (middle - least);
  double sum = 0;
  double squares = 0;
  for (Seen& seen : all) {
    seen.loss = std::min(seen.loss, limit);
    sum += seen.loss;
  }
  const double mean = sum / static_cast<double>(all.size());
  for (const Seen& seen : all) squares += (seen.loss - mean) * (seen.loss - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(all.size()));
  if (!(deviation > 0)) return observations;
  for (Seen& seen : all) {
    const double value = (seen.loss - mean) / deviation;
    observations.places.push_back(std::move(seen.place));
    observations.values.push_back(value);
    if (seen.full) observations.best = std::min(observations.best, value);
  }
  if (!std::isfinite(observations.best)) observations.best = observations.values.front();
  return observations;
}

/// The candidates with the longest schedules first, of these the best first.
std::vector<const Candidate*> by_merit(std::span<const Candidate> candidates) {
  std::vector<const Candidate*> ordered;
  for (const Candidate& candidate : candidates) ordered.push_back(&candidate);
  std::ranges::stable_sort(ordered, {}, [](const Candidate* one) {
    return std::tuple(-static_cast<std::ptrdiff_t>(one->losses.size()), one->losses.empty() ? 0.0 : one->losses.back());
  });
  return ordered;
}

/// Proposals of one round, which collects what is new.
class Round {
 public:
  Round(const Space& space, const RoundKey& key, const std::set<std::string>& tried, std::size_t count)
      : space_(space), key_(key), known_(tried), count_(count) {}

  [[nodiscard]] bool full() const { return methods_.size() >= count_; }
  [[nodiscard]] bool is_new(const Proposal& proposal) const { return !known_.contains(proposal.options); }
  void take(const Proposal& proposal) {
    known_.insert(proposal.options);
    methods_.push_back(proposal.method);
  }

  /// By the expected improvement under a Gaussian process. After each proposal the process believes what it predicts there (kriging
  /// believer: Ginsbourger, Le Riche and Carraro 2010).
  void take_by_improvement(std::span<const Candidate> candidates, std::size_t rungs) {
    Observations seen = observe(candidates, rungs);
    if (seen.places.empty()) return;
    Smoothness smoothness = fit_smoothness(seen.places, seen.values);
    GaussianProcess process(std::move(seen.places), std::move(seen.values), std::move(smoothness));
    const std::vector<const Candidate*> ordered = by_merit(candidates);
    std::vector<Proposal> pool;
    Sobol points(space_.axes().size(), key_.seed, key_.major());
    for (std::size_t n = 0; n < kPoints; ++n) pool.push_back(proposal_at(space_, points.next()));
    while (!full()) {
      const auto worth = [&](const Proposal& proposal) {
        return expected_improvement(process.predict(with_rung(proposal.place, rungs - 1, rungs)), seen.best);
      };
      const std::optional<Proposal> best = most_worth(pool, ordered, worth);
      if (!best) return;
      const std::vector<double> place = with_rung(best->place, rungs - 1, rungs);
      const double believed = process.predict(place).mean;
      process.add(place, believed);
      // Otherwise all that is near a place that promises much would promise as much again.
      seen.best = std::min(seen.best, believed);
      take(*best);
    }
  }

  /// By the ratio of two densities: that of the good ones to that of the others.
  void take_by_densities(std::span<const Candidate> candidates) {
    const std::vector<const Candidate*> ordered = by_merit(candidates);
    std::vector<std::size_t> choices;
    for (const Axis& axis : space_.axes()) choices.push_back(axis.choices.size());
    std::vector<std::vector<double>> good;
    std::vector<std::vector<double>> others;
    for (const Candidate* candidate : ordered) {
      (good.size() < good_of(ordered.size()) ? good : others).push_back(space_.point(candidate->method));
    }
    const ParzenDensity below(std::move(good), choices);
    const ParzenDensity above(std::move(others), choices);
    for (std::size_t draw = 0; draw < kMostDraws * count_ && !full(); ++draw) {
      RandomStream random(key_.seed, Purpose::search, key_.major(), draw);
      std::optional<Proposal> best;
      double most = 0;
      for (std::size_t n = 0; n < kDrawn; ++n) {
        Proposal proposal = proposal_at(space_, below.draw(random));
        const double ratio = below.logarithm(proposal.point) - above.logarithm(proposal.point);
        if (!is_new(proposal) || (best && ratio <= most)) continue;
        best = std::move(proposal);
        most = ratio;
      }
      if (best) take(*best);
    }
  }

  /// Whatever is new among the points of the sequence.
  void take_points() {
    Sobol points(space_.axes().size(), key_.seed, key_.major());
    for (std::size_t n = 0; n < kPoints && !full(); ++n) {
      const Proposal proposal = proposal_at(space_, points.next());
      if (is_new(proposal)) take(proposal);
    }
  }

  [[nodiscard]] std::vector<Method> methods() && { return std::move(methods_); }

 private:
  /// The new proposal that is worth most: of the pool, and of steps from the best of the pool and from the best candidate.
  template <class Worth>
  std::optional<Proposal> most_worth(const std::vector<Proposal>& pool, const std::vector<const Candidate*>& ordered, const Worth& worth) {
    std::vector<std::pair<double, const Proposal*>> ranked;
    for (const Proposal& proposal : pool) {
      if (is_new(proposal)) ranked.emplace_back(worth(proposal), &proposal);
    }
    std::ranges::stable_sort(ranked, [](const auto& a, const auto& b) { return a.first > b.first; });
    if (ranked.size() > kStarts) ranked.resize(kStarts);
    std::vector<std::pair<double, std::vector<double>>> starts;
    starts.reserve(ranked.size() + 1);
    for (const auto& [value, proposal] : ranked) starts.emplace_back(value, proposal->point);
    starts.emplace_back(-1, space_.point(ordered.front()->method));

    std::optional<Proposal> best;
    double most = -1;
    if (!ranked.empty()) {
      best = *ranked.front().second;
      most = ranked.front().first;
    }
    for (std::size_t start = 0; start < starts.size(); ++start) {
      RandomStream random(key_.seed, Purpose::search, key_.major(), (methods_.size() + 1) * 1000 + start);
      auto& [value, point] = starts[start];
      for (std::size_t step = 0; step < kSteps; ++step) {
        const double width = kFirstWidth * (1 - static_cast<double>(step) / kSteps);
        std::vector<double> moved = point;
        for (double& x : moved) x = std::clamp(x + width * random.normal(), 0.0, 1 - 0x1p-32);
        Proposal proposal = proposal_at(space_, std::move(moved));
        if (!is_new(proposal)) continue;
        const double there = worth(proposal);
        if (!(there > value)) continue;
        value = there;
        point = proposal.point;
        if (there <= most) continue;
        most = there;
        best = std::move(proposal);
      }
    }
    return best;
  }

  const Space& space_;
  RoundKey key_;
  std::set<std::string> known_;
  std::size_t count_;
  std::vector<Method> methods_;
};

}  // namespace

std::vector<Method> propose(const Space& space, std::span<const Candidate> candidates, std::size_t rungs, std::size_t count,
                            const RoundKey& key, const std::set<std::string>& tried) {
  Round round(space, key, tried, count);
  if (space.mostly_choices()) {
    round.take_by_densities(candidates);
  } else {
    round.take_by_improvement(candidates, rungs);
  }
  if (!round.full()) round.take_points();
  return std::move(round).methods();
}

}  // namespace lowrank
