#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "train/gibbs_sampler.h"

namespace lowrank {

/// Pairs whose scores are followed exactly: each a user and an item of two ratings drawn at random. They tell how much the variances of
/// rows, taken for independent, are to be multiplied by.
class ScoreProbes {
 public:
  /// \param ratings  at least one
  ScoreProbes(const Ratings& ratings, std::uint64_t seed);

  void add(const GibbsSampler& sampler);
  /// The mean variance of their scores, in the units of training.
  [[nodiscard]] double spread() const;
  /// What the variances of a model's rows make of it. \param model  with an uncertainty
  [[nodiscard]] double spread_of(const Model& model, Workers& workers) const;

  /// See train/state_bytes.h.
  template <class Visit>
  void visit_state(Visit& visit) {
    visit(means_);
    visit(squares_);
    visit(samples_);
  }

 private:
  std::vector<std::uint32_t> users_;
  std::vector<std::uint32_t> items_;
  std::vector<double> means_;
  std::vector<double> squares_;
  std::size_t samples_ = 0;
};

}  // namespace lowrank
