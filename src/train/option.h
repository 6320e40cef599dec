#pragma once

/// \file
/// How a method describes its options: once, for the checks, the command line, the bindings, the model file and the documentation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

namespace lowrank {

/// A value of an enumeration and how every door spells it.
template <class Enumeration>
using Named = std::pair<std::string_view, Enumeration>;

/// An option with a few named values: access to its member of the options struct by the position of the value in the list of names.
template <class Owner>
struct Choice {
  std::size_t count = 0;  ///< number of values
  std::string_view (*name)(std::size_t) = nullptr;
  std::size_t (*get)(const Owner&) = nullptr;  ///< `count` where the member holds none of the values
  void (*set)(Owner&, std::size_t) = nullptr;
};

/// The choice between `kNames` (an array of Named) for the member `kMember` of `Owner`.
template <class Owner, auto kMember, const auto& kNames>
constexpr Choice<Owner> choice() {
  return {.count = kNames.size(),
          .name = [](std::size_t index) { return kNames[index].first; },
          .get =
              [](const Owner& owner) {
                std::size_t index = 0;
                while (index < kNames.size() && kNames[index].second != owner.*kMember) ++index;
                return index;
              },
          .set = [](Owner& owner, std::size_t index) { owner.*kMember = kNames[index].second; }};
}

/// The valid range of a number.
struct Range {
  double least = 0;
  double most = std::numeric_limits<double>::infinity();
  bool least_excluded = false;
};

/// A setting that an option may depend on: whether another option of the method has one of two values, as its text.
struct Setting {
  std::string_view option;
  std::array<std::string_view, 2> values = {};  ///< one value, or two
  bool excluded = false;                        ///< whether the option must have none of them
};
/// `option` is `value`, or `other`.
constexpr Setting with(std::string_view option, std::string_view value, std::string_view other = {}) {
  return {.option = option, .values = {value, other.empty() ? value : other}};
}
/// `option` is anything but `value`.
constexpr Setting without(std::string_view option, std::string_view value) {
  return {.option = option, .values = {value, value}, .excluded = true};
}

/// At least one of two settings.
struct Need {
  constexpr Need() = default;
  constexpr Need(const Setting& one) : any{one, one} {}  // NOLINT(google-explicit-constructor): a setting is a need
  constexpr Need(const Setting& one, const Setting& other) : any{one, other} {}

  std::array<Setting, 2> any;
};
/// The most needs that an option has.
inline constexpr std::size_t kMostNeeds = 4;
/// The most values of an option that a search tries by name.
inline constexpr std::size_t kMostTuneChoices = 8;

/// One option of the options struct `Owner`. The default is what `Owner{}` holds; the help text is the comment above the member in the
/// public header (see option_help), or `help`.
template <class Owner>
struct Option {
  /// The name of the C++ member: `learning_rate`. The command line writes it `--learning-rate`, and a `bool` that is true by default
  /// `--no-NAME`.
  std::string_view name;
  /// A number without a value (`std::optional`) is settled by the method.
  std::variant<std::uint32_t Owner::*, std::uint64_t Owner::*, double Owner::*, std::optional<double> Owner::*, bool Owner::*,
               Choice<Owner>>
      member;
  Range range = {};
  std::string_view help = {};
  /// What the other options must be for training to read this one: all of them. Beyond the last, needs have no option.
  std::array<Need, kMostNeeds> needs = {};
  bool validates = false;  ///< whether it is read only with validation data
  bool holds_out = false;  ///< whether a holdout reads it too, whatever the needs of training
  bool trains = true;      ///< whether training reads it at all
  /// \name The values that a search over options tries: a range, or names. An option without either is searched only on request.
  /// A value that the method settles (auto) counts as the middle of the range, which is therefore about what it is settled to.
  /// \{
  double tune_least = 0;
  double tune_most = 0;
  bool tune_logarithmic = false;
  std::array<std::string_view, kMostTuneChoices> tune_choices = {};
  /// \}

  /// The same option, read only with `more` needs.
  template <class... More>
  [[nodiscard]] constexpr Option only(const More&... more) const {
    Option option = *this;
    std::size_t place = 0;
    while (place < kMostNeeds && !option.needs[place].any[0].option.empty()) ++place;
    ((option.needs.at(place++) = Need(more)), ...);
    return option;
  }
  /// The same option, searched from `least` to `most` on a linear scale.
  [[nodiscard]] constexpr Option tuned(double least, double most) const {
    Option option = *this;
    option.tune_least = least;
    option.tune_most = most;
    return option;
  }
  /// The same option, searched from `least`, above 0, to `most` on a logarithmic scale.
  [[nodiscard]] constexpr Option tuned_by_factors(double least, double most) const {
    Option option = tuned(least, most);
    option.tune_logarithmic = true;
    return option;
  }
  /// The same option, searched over values by their names.
  template <class... Names>
  [[nodiscard]] constexpr Option tuned_over(const Names&... names) const {
    Option option = *this;
    option.tune_choices = {names...};
    return option;
  }
};

/// Whether two texts are the same name of an option, `_` and `-` being the same.
bool same_option(std::string_view one, std::string_view other) noexcept;

/// The comment above a member of a method's options struct, as help text: without a capital letter in front and a full stop behind.
struct OptionHelp {
  std::string_view method;
  std::string_view option;
  std::string_view text;
};
/// All of them; the build collects them from the public headers.
std::span<const OptionHelp> option_help();

}  // namespace lowrank
