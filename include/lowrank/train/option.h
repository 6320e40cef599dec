#pragma once

/// \file
/// How a method describes its options: once, for the checks, the command line, the bindings, the model file and the documentation.

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <variant>

namespace lowrank {

/// One option of the options struct `Owner`. Exactly one kind of member; the default is what `Owner{}` holds.
template <class Owner>
struct Option {
  /// Spelled as the C++ member: `learning_rate`. The command line writes it `--learning-rate`, and a `bool` that is true by default
  /// `--no-NAME`.
  std::string_view name;
  /// Enumerations are std::uint8_t members whose values index `choices`.
  std::variant<std::uint32_t Owner::*, std::uint64_t Owner::*, double Owner::*, bool Owner::*, std::uint8_t Owner::*> member;
  /// What it means, its unit, its range and where it comes from: one or two sentences.
  std::string_view help;
  /// Valid range of numbers, both ends included (with `least_excluded`, all but the lower end).
  double least = 0;
  double most = std::numeric_limits<double>::infinity();
  bool least_excluded = false;
  std::span<const std::string_view> choices = {};
};

}  // namespace lowrank
