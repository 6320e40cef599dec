#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tune/space.h"
#include "tune/trial_runner.h"

namespace lowrank {

/// Options that a search has tried, and how far that went.
struct Candidate {
  std::size_t trial = 0;
  Method method;
  std::vector<double> place = {};  ///< Space::coordinates()
  /// What is to be small: the validation figure, negated where higher is better; infinite for a failed training. By rung: with ever longer
  /// schedules, the last one the method's own.
  std::vector<double> losses = {};
};

/// The search over the options of one method: rounds of trainings, each a function of the results of those before.
class MethodSearch {
 public:
  /// \param trials  the most candidates. \param stream  number of the method in the search
  MethodSearch(Space space, std::size_t trials, std::uint64_t seed, std::size_t stream);

  /// The jobs of the next round; none when the search is over. \param[in,out] trials  number of the last trial of all methods
  std::vector<Job> next(std::size_t& trials);
  /// Takes the results of the jobs of next(), in their order.
  void absorb(std::span<const double> losses);

  [[nodiscard]] const Space& space() const noexcept { return space_; }
  [[nodiscard]] const std::vector<Candidate>& candidates() const noexcept { return candidates_; }
  /// Number of rungs: 1 for a method without epochs.
  [[nodiscard]] std::size_t rungs() const noexcept { return rungs_; }
  /// Whether it ended because nothing new is left in the space.
  [[nodiscard]] bool exhausted() const noexcept { return exhausted_; }
  /// The training of a candidate on `split` with the schedule of `rung`.
  [[nodiscard]] Job job(const Candidate& candidate, std::size_t rung, std::size_t split) const;
  /// Trainings of full length that all rounds are worth, if none is saved.
  [[nodiscard]] double planned_work() const;

 private:
  std::vector<Job> screen(std::size_t& trials);
  std::vector<Job> climb();
  void add(const Method& method, std::size_t& trials);

  Space space_;
  std::size_t trials_;
  std::uint64_t seed_;
  std::size_t stream_;
  std::size_t rungs_;
  std::size_t screened_;   ///< candidates that the screening starts with
  std::size_t rung_ = 0;   ///< of the round in progress
  std::size_t round_ = 0;  ///< rounds after the screening
  bool exhausted_ = false;
  std::vector<Candidate> candidates_;
  std::set<std::string> tried_;     ///< options of the candidates
  std::vector<std::size_t> asked_;  ///< candidates of the jobs of the round in progress
};

/// Candidates that successive halving keeps of `count`: a third, rounded up.
constexpr std::size_t kept_of(std::size_t count) { return (count + 2) / 3; }

}  // namespace lowrank
