#include "tune/space.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "train/option.h"

namespace lowrank {

namespace {

constexpr std::string_view kLog = ":log";
constexpr std::string_view kLinear = ":linear";

/// Share of a range that counts as its end.
constexpr double kEnd = 0.03;

/// Options that are the same for every trial: a search cannot choose them.
constexpr std::array<std::string_view, 3> kCommon = {"seed", "patience", "tolerance"};

[[noreturn]] void refuse(const std::string& option, const std::string& problem) {
  throw OptionError("space", mention(option) + " has " + problem);
}

/// Whether `method` takes `value` for `option`. \throws OptionError("space")
void check_value(const Method& method, const std::string& option, std::string_view value) {
  Method copy = method;
  try {
    set_option(copy, option, value);
  } catch (const OptionError& error) {
    throw OptionError("space", error.message(mention));
  }
}

double number(const std::string& option, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    refuse(option, "the end " + quoted(std::string_view(text)) + ", which is not a number");
  }
  return value;
}

void parse_choices(const Method& method, const std::string& text, Axis& axis) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('|', begin), text.size());
    const std::string value = text.substr(begin, end - begin);
    check_value(method, axis.name, value);
    if (std::ranges::find(axis.choices, value) != axis.choices.end())
      refuse(axis.name, "the value " + quoted(std::string_view(value)) + " twice");
    axis.choices.push_back(value);
    begin = end + 1;
  }
}

void parse_range(const Method& method, const OptionInfo& info, std::string text, Axis& axis) {
  if (text.ends_with(kLog)) {
    axis.logarithmic = true;
    text.resize(text.size() - kLog.size());
  } else if (text.ends_with(kLinear)) {
    text.resize(text.size() - kLinear.size());
  }
  const std::size_t dots = text.find("..");
  // A range such as 0...5 is from 0 to .5.
  const std::string low = text.substr(0, dots);
  const std::string high = text.substr(dots + 2);
  if (info.kind == OptionInfo::Kind::choice || info.kind == OptionInfo::Kind::flag) {
    refuse(axis.name,
           "a range, but its values are names: write them as in " + axis.name + "=" +
               (info.choices.empty() ? "true|false" : std::string(info.choices.front()) + "|" + std::string(info.choices.back())));
  }
  axis.least = number(axis.name, low);
  axis.most = number(axis.name, high);
  check_value(method, axis.name, low.starts_with('.') ? "0" + low : low);
  check_value(method, axis.name, high.starts_with('.') ? "0" + high : high);
  if (!(axis.least < axis.most)) refuse(axis.name, "the range " + quoted(std::string_view(text)) + ", which is empty");
  if (axis.logarithmic && !(axis.least > 0)) refuse(axis.name, "a logarithmic range that does not start above 0");
}

Axis parse_axis(const Method& method, const OptionInfo& info, const std::string& values) {
  Axis axis{.name = std::string(info.name), .whole = info.kind == OptionInfo::Kind::integer};
  if (std::ranges::find(kCommon, info.name) != kCommon.end()) refuse(axis.name, "values, but it is the same for all trials");
  if (values.empty()) refuse(axis.name, "no values");
  if (values.find('|') != std::string::npos) {
    parse_choices(method, values, axis);
  } else if (values.find("..") != std::string::npos) {
    parse_range(method, info, values, axis);
  } else {
    refuse(axis.name, "the single value " + quoted(std::string_view(values)) +
                          "; fix it instead, or write a range such as 1..10 or choices such as a|b");
  }
  return axis;
}

/// The axis that the method's own description has; nothing where it has none.
std::optional<Axis> default_axis(const OptionInfo& info) {
  Axis axis{.name = std::string(info.name),
            .whole = info.kind == OptionInfo::Kind::integer,
            .least = info.tune_least,
            .most = info.tune_most,
            .logarithmic = info.tune_logarithmic};
  for (const std::string_view choice : info.tune_choices) axis.choices.emplace_back(choice);
  if (axis.choices.empty() && !(axis.least < axis.most)) return {};
  return axis;
}

/// The ends of an axis as it is divided: whole numbers have half a step more on either side, so that all get their share.
std::pair<double, double> ends(const Axis& axis) {
  const double margin = axis.whole ? 0.5 : 0;
  if (axis.logarithmic) return {std::log(axis.least - margin), std::log(axis.most + margin)};
  return {axis.least - margin, axis.most + margin};
}

/// `value` with at most 4 significant digits.
double rounded(double value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, 3).ptr;
  std::from_chars(text.data(), end, value);
  return value;
}

std::string text_at(const Axis& axis, double coordinate) {
  if (!axis.choices.empty()) {
    const auto count = static_cast<double>(axis.choices.size());
    return axis.choices[static_cast<std::size_t>(std::clamp(std::floor(coordinate * count), 0.0, count - 1))];
  }
  const auto [first, last] = ends(axis);
  double value = first + coordinate * (last - first);
  if (axis.logarithmic) value = std::exp(value);
  value = std::clamp(axis.whole ? std::round(value) : rounded(value), axis.least, axis.most);
  return axis.whole ? std::to_string(static_cast<std::uint64_t>(value)) : shortest_text(value);
}

/// The coordinate of a value; that of the nearest end where the value is beyond the range, as a default may be.
double place_of(const Axis& axis, double value) {
  const auto [first, last] = ends(axis);
  value = std::clamp(value, axis.least, axis.most);
  return ((axis.logarithmic ? std::log(value) : value) - first) / (last - first);
}

/// How far along the range a value is, 0 to 1; beyond that where it is beyond the range.
double share_of(const Axis& axis, double value) {
  if (axis.logarithmic) return std::log(value / axis.least) / std::log(axis.most / axis.least);
  return (value - axis.least) / (axis.most - axis.least);
}

const OptionInfo& info_of(const std::vector<OptionInfo>& infos, const std::string& name) {
  return *std::ranges::find_if(infos, [&](const OptionInfo& info) { return info.name == name; });
}

}  // namespace

std::vector<SpaceEntry> parse_space(std::string_view text) {
  std::vector<SpaceEntry> entries;
  if (text.empty()) return entries;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      throw OptionError("space", "expected entries such as rank=16..256:log or solver=exact|cg, found " + quoted(part));
    }
    std::string option(part.substr(0, equals));
    std::ranges::replace(option, '-', '_');
    for (const SpaceEntry& entry : entries) {
      if (entry.option == option) refuse(option, "values twice");
    }
    entries.push_back({.option = std::move(option), .values = std::string(part.substr(equals + 1))});
    begin = end + 1;
  }
  return entries;
}

Space::Space(const Method& base, std::span<const std::string> fixed, std::span<const SpaceEntry> entries) : base_(base) {
  const std::vector<OptionInfo> values = options_of(base);
  const std::vector<OptionInfo> defaults = options_of(method_by_name(name_of(base)));
  for (std::size_t at = 0; at < values.size(); ++at) {
    const OptionInfo& info = values[at];
    const bool named = std::ranges::any_of(fixed, [&](const std::string& name) { return same_option(info.name, name); });
    const bool is_fixed = named || info.value != defaults[at].value;
    const auto entry = std::ranges::find_if(entries, [&](const SpaceEntry& one) { return one.option == info.name; });
    if (entry != entries.end()) {
      if (is_fixed) refuse(entry->option, "values, but its value is stated");
      axes_.push_back(parse_axis(base, info, entry->values));
    } else if (!is_fixed) {
      if (std::optional<Axis> axis = default_axis(info)) axes_.push_back(std::move(*axis));
    }
  }
  check_fixed(fixed);
}

/// A stated option must be read somewhere in the space, or else it would be ignored.
void Space::check_fixed(std::span<const std::string> fixed) const {
  const std::vector<OptionInfo> values = options_of(base_);
  const std::vector<OptionInfo> defaults = options_of(method_by_name(name_of(base_)));
  for (std::size_t at = 0; at < values.size(); ++at) {
    const std::string name(values[at].name);
    const bool named = std::ranges::any_of(fixed, [&](const std::string& one) { return same_option(name, one); });
    if ((!named && values[at].value == defaults[at].value) || name == "seed") continue;
    bool reads = is_read(base_, name);
    for (const Axis& axis : axes_) {
      std::vector<std::string> tried = axis.choices;
      if (tried.empty()) tried = {text_at(axis, 0), text_at(axis, 1)};
      for (const std::string& value : tried) {
        Method other = base_;
        set_option(other, axis.name, value);
        reads = reads || is_read(other, name);
      }
    }
    const std::array<std::string, 1> stated = {name};
    if (!reads) check_reads(base_, stated, true, true);
  }
}

Method Space::at(std::span<const double> point) const {
  Method method = base_;
  for (std::size_t at = 0; at < point.size(); ++at) set_option(method, axes_[at].name, text_at(axes_[at], point[at]));
  const std::vector<OptionInfo> defaults = options_of(method_by_name(name_of(base_)));
  // An option that goes back to its default may take others with it.
  for (bool changed = true; changed;) {
    changed = false;
    for (const OptionInfo& info : options_of(method)) {
      const std::string& value = info_of(defaults, std::string(info.name)).value;
      if (info.value == value || info.name == "seed" || is_read(method, info.name)) continue;
      set_option(method, info.name, value);
      changed = true;
    }
  }
  return method;
}

std::vector<double> Space::coordinates(const Method& method) const {
  const std::vector<OptionInfo> infos = options_of(method);
  std::vector<double> place;
  for (const Axis& axis : axes_) {
    const std::string& value = info_of(infos, axis.name).value;
    if (!axis.choices.empty()) {
      for (const std::string& choice : axis.choices) place.push_back(choice == value ? 1 : 0);
      continue;
    }
    place.push_back(value != "auto" && is_read(method, axis.name) ? place_of(axis, std::stod(value)) : 0.5);
  }
  return place;
}

std::vector<double> Space::point(const Method& method) const {
  const std::vector<double> place = coordinates(method);
  std::vector<double> point;
  auto next = place.begin();
  for (const Axis& axis : axes_) {
    if (axis.choices.empty()) {
      point.push_back(std::min(*next++, 1 - 0x1p-32));
      continue;
    }
    const auto count = static_cast<std::ptrdiff_t>(axis.choices.size());
    const auto taken = std::find(next, next + count, 1.0);
    // The base may have a value that is not among the choices.
    point.push_back(taken == next + count ? 0.5 : (static_cast<double>(taken - next) + 0.5) / static_cast<double>(count));
    next += count;
  }
  return point;
}

std::string Space::values(const Method& method) const {
  const auto all = nlohmann::ordered_json::parse(options_json(method));
  auto searched = nlohmann::ordered_json::object();
  for (const Axis& axis : axes_) searched[axis.name] = all.at(axis.name);
  return searched.dump();
}

std::vector<std::string> Space::at_ends(const Method& method) const {
  std::vector<std::string> names;
  const std::vector<OptionInfo> infos = options_of(method);
  for (const Axis& axis : axes_) {
    const OptionInfo& info = info_of(infos, axis.name);
    if (!axis.choices.empty() || info.value == "auto" || !is_read(method, axis.name)) continue;
    const double place = share_of(axis, std::stod(info.value));
    if ((place < kEnd && axis.least > info.least) || (place > 1 - kEnd && axis.most < info.most)) names.push_back(axis.name);
  }
  return names;
}

bool Space::mostly_choices() const {
  const auto choices = std::ranges::count_if(axes_, [](const Axis& axis) { return !axis.choices.empty(); });
  return 2 * static_cast<std::size_t>(choices) > axes_.size();
}

}  // namespace lowrank
