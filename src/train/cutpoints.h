#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"

namespace lowrank {

/// The cutpoints of an ordered probit: a rating is level l where z = score + N(0, 1) lies between cutpoints l - 1 and l.
///
/// Cutpoints are drawn with z integrated out (they would hardly move given z; Cowles 1996). Their likelihood needs of the scores no more
/// than how many there are of each level at each place: these are counted in narrow bins, with their means within the bins, as integers, so
/// that the counts do not depend on the order in which threads add.
class Cutpoints {
 public:
  /// Scores and cutpoints beyond are taken for this.
  static constexpr double kFarthest = 12;

  /// \param levels  at least 2 ratings in the units of training, ascending; the cutpoints start halfway between them
  Cutpoints(std::vector<double> levels, int slots);

  [[nodiscard]] std::size_t levels() const { return levels_.size(); }

  /// \name Counting the ratings: clear(), add() for each of them, gather()
  /// \{
  void clear();
  /// Different slots may add at the same time.
  void add(int slot, std::size_t level, double score);
  void gather();
  /// \}
  /// Draws all cutpoints, one after another, given the ratings counted: a Metropolis-Hastings step whose proposals are of a Student
  /// distribution around the mode (five degrees of freedom, and the curvature there). O(levels bins)
  void draw(RandomStream& stream);

  /// A draw of z for a rating, which is a normal one within the level. \param uniform  within [0, 1)
  [[nodiscard]] double latent(std::size_t level, double score, double uniform) const;
  /// Sum of the squared differences between the levels counted and their expectations, given levels in any units.
  [[nodiscard]] double squared_errors(std::span<const float> levels) const;

  std::vector<double> cuts;

 private:
  static constexpr std::size_t kBins = 4096;
  struct Bin {
    std::int64_t count = 0;
    std::int64_t offset = 0;  ///< sum of how far the scores are from the bin's lower end, in 2^-20 of its width
  };
  /// Scores of one level that are taken for equal.
  struct Place {
    double score;
    double count;
  };
  /// Value and derivatives of a log density.
  struct Curve {
    double value = 0;
    double slope = 0;
    double curvature = 0;
  };
  [[nodiscard]] double lower(std::size_t level) const { return level == 0 ? -3 * kFarthest : cuts[level - 1]; }
  [[nodiscard]] double upper(std::size_t level) const { return level == cuts.size() ? 3 * kFarthest : cuts[level]; }
  [[nodiscard]] Curve curve(std::size_t number, double cut) const;

  std::vector<double> levels_;
  std::vector<std::vector<Bin>> bins_;      ///< of each slot, level by level
  std::vector<std::vector<Place>> places_;  ///< of each level
};

}  // namespace lowrank
