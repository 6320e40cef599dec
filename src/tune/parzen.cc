#include "tune/parzen.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/normal.h"

namespace lowrank {

namespace {

constexpr double kWidest = 0.3;
/// Weight of the other choices, all together, in the kernel of a choice.
constexpr double kOtherChoices = 0.3;

std::size_t choice_of(double x, std::size_t count) { return std::min(static_cast<std::size_t>(x * static_cast<double>(count)), count - 1); }

}  // namespace

ParzenDensity::ParzenDensity(std::vector<std::vector<double>> points, std::vector<std::size_t> choices)
    : points_(std::move(points)), choices_(std::move(choices)) {
  // Scott's rule for points that are uniform: narrower with more of them, wider in more coordinates.
  const auto count = static_cast<double>(points_.size() + 1);
  width_ = kWidest * std::pow(count, -1.0 / (static_cast<double>(choices_.size()) + 4));
}

/// The kernel as a density over [0, 1): normal kernels are cut there.
double ParzenDensity::kernel(std::size_t axis, double x, double centre) const {
  if (choices_[axis] != 0) {
    const auto count = static_cast<double>(choices_[axis]);
    const bool same = choice_of(x, choices_[axis]) == choice_of(centre, choices_[axis]);
    return count * (same ? 1 - kOtherChoices + kOtherChoices / count : kOtherChoices / count);
  }
  const double z = (x - centre) / width_;
  const double inside = normal_below((1 - centre) / width_) - normal_below(-centre / width_);
  return std::exp(-0.5 * z * z) / (width_ * std::sqrt(2 * std::numbers::pi) * inside);
}

double ParzenDensity::logarithm(std::span<const double> point) const {
  double sum = 1;  // the prior, uniform
  for (const std::vector<double>& centre : points_) {
    double product = 1;
    for (std::size_t axis = 0; axis < point.size(); ++axis) product *= kernel(axis, point[axis], centre[axis]);
    sum += product;
  }
  return std::log(sum / static_cast<double>(points_.size() + 1));
}

std::vector<double> ParzenDensity::draw(RandomStream& random) const {
  std::vector<double> point(choices_.size());
  const std::size_t which = random.below(points_.size() + 1);
  for (std::size_t axis = 0; axis < point.size(); ++axis) {
    if (which == points_.size() || (choices_[axis] != 0 && random.uniform() < kOtherChoices)) {
      point[axis] = random.uniform();
    } else if (choices_[axis] != 0) {
      point[axis] = points_[which][axis];
    } else {
      do {
        point[axis] = points_[which][axis] + width_ * random.normal();
      } while (!(point[axis] >= 0 && point[axis] < 1));
    }
  }
  return point;
}

}  // namespace lowrank
