#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lowrank/train/method.h"

namespace lowrank {

/// A searched option.
struct Axis {
  std::string name;
  bool whole = false;  ///< whether values of the range are whole numbers
  double least = 0;    ///< range of values; not read where there are choices
  double most = 0;
  bool logarithmic = false;
  std::vector<std::string> choices = {};
};

/// What a search space's text says of one option: `rank=16..256:log`, `solver=exact|cg`.
struct SpaceEntry {
  std::string option;
  std::string values;
};
/// The entries of `rank=16..256:log,solver=exact|cg`. \throws OptionError("space")
std::vector<SpaceEntry> parse_space(std::string_view text);

/// The options of one method that are searched, and how a point of the unit cube is a method.
class Space {
 public:
  /// \param base     the method with the values of what is not searched
  /// \param fixed    names of options that keep their value; those whose value is not the default do too
  /// \param entries  what replaces or extends the method's own ranges; those of options that it has not are passed over
  /// \throws OptionError("space") that names the option
  Space(const Method& base, std::span<const std::string> fixed, std::span<const SpaceEntry> entries);

  [[nodiscard]] const std::vector<Axis>& axes() const noexcept { return axes_; }
  [[nodiscard]] const Method& base() const noexcept { return base_; }

  /// The method at a point with a coordinate in [0, 1) per axis, or the base itself where `point` is empty. Options that training does not
  /// read under the values of the others have their defaults, so that every point is valid. Real values are rounded to 4 significant
  /// digits, to be typed.
  [[nodiscard]] Method at(std::span<const double> point) const;
  /// The place of a method for a model of its figures: a coordinate per range, the middle where training does not read it or the method
  /// settles it; one per choice, 1 for that which is taken.
  [[nodiscard]] std::vector<double> coordinates(const Method& method) const;
  /// A point that leads to `method`: as coordinates(), but with one coordinate for an axis of choices.
  [[nodiscard]] std::vector<double> point(const Method& method) const;
  /// The searched options with their values, as a JSON object.
  [[nodiscard]] std::string values(const Method& method) const;
  /// The searched options whose value is at an end of its range, where the option itself could go further.
  [[nodiscard]] std::vector<std::string> at_ends(const Method& method) const;
  /// Whether most axes are choices.
  [[nodiscard]] bool mostly_choices() const;

 private:
  void check_fixed(std::span<const std::string> fixed) const;

  Method base_;
  std::vector<Axis> axes_;
};

}  // namespace lowrank
