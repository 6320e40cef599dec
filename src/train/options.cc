#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "base/text.h"
#include "lowrank/base/error.h"
#include "lowrank/train/method.h"
#include "train/methods.h"

namespace lowrank {

namespace {

/// Calls visit(default options) for each method in the order of the list.
template <class Visit, std::size_t... kIndex>
void for_each_method(const Visit& visit, std::index_sequence<kIndex...> /*methods*/) {
  (visit(std::variant_alternative_t<kIndex, Method>{}), ...);
}

template <class Visit>
void for_each_method(const Visit& visit) {
  for_each_method(visit, std::make_index_sequence<std::variant_size_v<Method>>{});
}

std::string range_text(double least, double most, bool least_excluded) {
  std::string text = (least_excluded ? "above " : "at least ") + shortest_text(least);
  if (std::isfinite(most)) text += " and at most " + shortest_text(most);
  return text;
}

template <class Owner>
void check_range(const Option<Owner>& option, double value) {
  const auto& [least, most, least_excluded] = option.range;
  const bool low = least_excluded ? !(value > least) : !(value >= least);
  if (!low && value <= most && std::isfinite(value)) return;
  throw OptionError(std::string(option.name), "must be " + range_text(least, most, least_excluded) + ", got " + shortest_text(value));
}

template <class Number>
Number parse_number(std::string_view name, std::string_view text, const char* wanted) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw OptionError(std::string(name), std::string("expected ") + wanted + ", found \"" + std::string(text) + "\"");
  }
  return number;
}

template <class Owner>
std::size_t parse_choice(std::string_view name, std::string_view text, const Choice<Owner>& choice) {
  std::string all;
  for (std::size_t index = 0; index < choice.count; ++index) {
    if (choice.name(index) == text) return index;
    all += (index == 0 ? "" : ", ") + std::string(choice.name(index));
  }
  throw OptionError(std::string(name), "must be one of " + all + ", got \"" + std::string(text) + "\"");
}

/// The text of a number that the method settles.
constexpr std::string_view kOpen = "auto";

/// What depends on the type of an option's member.
template <class Owner>
struct Access {
  const Option<Owner>& option;
  Owner& owner;

  void set(std::uint32_t Owner::*member, std::string_view text) const {
    const auto number = parse_number<std::uint64_t>(option.name, text, "a whole number");
    check_range(option, static_cast<double>(number));
    owner.*member = static_cast<std::uint32_t>(number);
  }
  void set(std::uint64_t Owner::*member, std::string_view text) const {
    owner.*member = parse_number<std::uint64_t>(option.name, text, "a whole number");
  }
  void set(double Owner::*member, std::string_view text) const {
    const double number = parse_number<double>(option.name, text, "a number");
    check_range(option, number);
    owner.*member = number;
  }
  void set(std::optional<double> Owner::*member, std::string_view text) const {
    owner.*member = std::nullopt;
    if (text == kOpen) return;
    const auto number = parse_number<double>(option.name, text, "auto or a number");
    // Records of lowrank 0.1 say -1 for a number that was not given.
    if (number == -1 && (std::is_same_v<Owner, Nmf> || std::is_same_v<Owner, Baseline>)) return;
    check_range(option, number);
    owner.*member = number;
  }
  void set(bool Owner::*member, std::string_view text) const {
    if (text != "true" && text != "false") {
      throw OptionError(std::string(option.name), "must be true or false, got \"" + std::string(text) + "\"");
    }
    owner.*member = text == "true";
  }
  void set(const Choice<Owner>& choice, std::string_view text) const { choice.set(owner, parse_choice(option.name, text, choice)); }
};

template <class Owner>
std::string text_of(const Option<Owner>& option, const Owner& owner) {
  return std::visit(
      [&]<class Member>(const Member& member) -> std::string {
        if constexpr (std::is_same_v<Member, Choice<Owner>>) {
          return std::string(member.name(member.get(owner)));
        } else {
          const auto value = owner.*member;
          using Value = std::remove_const_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, double>) {
            return shortest_text(value);
          } else if constexpr (std::is_same_v<Value, std::optional<double>>) {
            return value ? shortest_text(*value) : std::string(kOpen);
          } else if constexpr (std::is_same_v<Value, bool>) {
            return value ? "true" : "false";
          } else {
            return std::to_string(value);
          }
        }
      },
      option.member);
}

/// The value of the option called `name`, as text.
template <class Owner>
std::string text_of(std::string_view name, const Owner& owner) {
  for (const Option<Owner>& option : traits_of<Owner>().options) {
    if (option.name == name) return text_of(option, owner);
  }
  assert(false && "a need names an option that the method has not");
  return {};
}

/// `rank=0`, for a door to spell.
std::string setting_text(std::string_view option, std::string_view value) {
  return mention(std::string(option) + "=" + std::string(value));
}

/// Whether `setting` is one of a flag.
bool of_flag(const Setting& setting) { return setting.values[0] == "true" || setting.values[0] == "false"; }

/// `only with solver=cg` or `not with rank=0`.
std::string text_of(const Need& need) {
  const Setting& one = need.any[0];
  const Setting& other = need.any[1];
  if (other.option != one.option) {
    // What neither setting allows; both are of a flag, or exclude a value.
    const auto opposite = [](const Setting& setting) {
      const std::string_view value = setting.values[0];
      return setting_text(setting.option, setting.excluded ? value : value == "true" ? "false" : "true");
    };
    if ((one.excluded || of_flag(one)) && (other.excluded || of_flag(other))) {
      return "not with " + opposite(one) + " and " + opposite(other);
    }
    return (one.excluded ? "not with " : "only with ") + setting_text(one.option, one.values[0]) + " unless with " +
           setting_text(other.option, other.values[0]);
  }
  if (one.excluded) return "not with " + setting_text(one.option, one.values[0]);
  if (of_flag(one)) return "not with " + setting_text(one.option, one.values[0] == "true" ? "false" : "true");
  const std::string text = "only with " + setting_text(one.option, one.values[0]);
  return one.values[0] == one.values[1] ? text : text + " or " + std::string(one.values[1]);
}

template <class Owner>
bool holds(const Setting& setting, const Owner& owner) {
  const std::string value = text_of(setting.option, owner);
  return (value == setting.values[0] || value == setting.values[1]) != setting.excluded;
}

template <class Owner>
bool holds(const Need& need, const Owner& owner) {
  return need.any[0].option.empty() || holds(need.any[0], owner) || holds(need.any[1], owner);
}

/// Why training does not read an option of `owner`: the settings that are in the way, and what it needs instead.
template <class Owner>
std::string obstacle(const Need& need, const Owner& owner) {
  const auto present = [&](const Setting& setting) { return setting_text(setting.option, text_of(setting.option, owner)); };
  const Setting& one = need.any[0];
  const Setting& other = need.any[1];
  if (other.option != one.option) return "is not read with " + present(one) + " and " + present(other);
  const std::string text = "is not read with " + present(one);
  return one.excluded || of_flag(one) ? text : text + ", " + text_of(need);
}

/// The option called `name`. \throws OptionError when there is none
template <class Owner>
const Option<Owner>& option_of(std::string_view name) {
  for (const Option<Owner>& option : traits_of<Owner>().options) {
    if (same_option(option.name, name)) return option;
  }
  throw OptionError(std::string(name), "method " + std::string(Owner::kName) + " does not read this option");
}

template <class Owner>
std::string condition_of(const Option<Owner>& option) {
  std::string text;
  for (const Need& need : option.needs) {
    if (!need.any[0].option.empty()) text += (text.empty() ? "" : ", ") + text_of(need);
  }
  if (!option.trains) return "only with " + mention("holdout");
  if (option.holds_out && !text.empty()) text += ", unless with " + mention("holdout");
  return text;
}

template <class Owner>
std::string_view help_of(const Option<Owner>& option) {
  for (const OptionHelp& help : option_help()) {
    if (help.method == Owner::kName && help.option == option.name) return help.text;
  }
  return option.help;
}

template <class Owner>
OptionInfo info_of(const Option<Owner>& option, const Owner& owner) {
  OptionInfo info{.name = option.name,
                  .help = help_of(option),
                  .value = text_of(option, owner),
                  .least = option.range.least,
                  .most = option.range.most,
                  .least_excluded = option.range.least_excluded,
                  .choices = {},
                  .condition = condition_of(option),
                  .validates = option.validates,
                  .tune_least = option.tune_least,
                  .tune_most = option.tune_most,
                  .tune_logarithmic = option.tune_logarithmic};
  for (const std::string_view choice : option.tune_choices) {
    if (!choice.empty()) info.tune_choices.push_back(choice);
  }
  std::visit(
      [&]<class Member>(const Member& member) {
        if constexpr (std::is_same_v<Member, Choice<Owner>>) {
          info.kind = OptionInfo::Kind::choice;
          for (std::size_t index = 0; index < member.count; ++index) info.choices.push_back(member.name(index));
        } else {
          using Value = std::remove_cvref_t<decltype(owner.*member)>;
          if constexpr (std::is_same_v<Value, double>) {
            info.kind = OptionInfo::Kind::real;
          } else if constexpr (std::is_same_v<Value, std::optional<double>>) {
            info.kind = OptionInfo::Kind::optional_real;
          } else if constexpr (std::is_same_v<Value, bool>) {
            info.kind = OptionInfo::Kind::flag;
          } else {
            info.kind = OptionInfo::Kind::integer;
            if constexpr (std::is_same_v<Value, std::uint32_t>) info.most = std::min(info.most, 4294967295.0);
          }
        }
      },
      option.member);
  return info;
}

}  // namespace

bool same_option(std::string_view one, std::string_view other) noexcept {
  return std::ranges::equal(one, other, [](char a, char b) { return (a == '-' ? '_' : a) == (b == '-' ? '_' : b); });
}

Method method_by_name(std::string_view name) {
  Method found;
  bool is_known = false;
  std::string all;
  for_each_method([&]<class Options>(const Options& defaults) {
    if (Options::kName == name) {
      found = defaults;
      is_known = true;
    }
    all += (all.empty() ? "" : ", ") + std::string(Options::kName);
  });
  if (!is_known) throw OptionError("method", "there is no method \"" + std::string(name) + "\"; methods: " + all);
  return found;
}

std::vector<std::string_view> method_names() {
  std::vector<std::string_view> names;
  for_each_method([&]<class Options>(const Options&) { names.push_back(Options::kName); });
  return names;
}

std::string_view name_of(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return Options::kName; }, method);
}

std::string_view summary_of(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return Options::kSummary; }, method);
}

std::string_view class_name_of(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return Options::kClassName; }, method);
}

std::string_view reference_of(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return Options::kReference; }, method);
}

bool predicts_ratings(const Method& method) {
  return std::visit(
      []<class Options>(const Options& options) {
        if constexpr (requires { options.predicts_ratings(); }) {
          return options.predicts_ratings();
        } else {
          return true;
        }
      },
      method);
}

bool warm_starts(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return traits_of<Options>().warm_starts; }, method);
}

bool reads_features(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return traits_of<Options>().features; }, method);
}

bool reads_contexts(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return traits_of<Options>().contexts; }, method);
}

bool reads_times(const Method& method) {
  return std::visit(
      []<class Options>(const Options& options) {
        const MethodTraits<Options> traits = traits_of<Options>();
        return traits.times != nullptr && traits.times(options);
      },
      method);
}

bool has_uncertainty(const Method& method) {
  return std::visit([]<class Options>(const Options&) { return traits_of<Options>().uncertainty; }, method);
}

std::vector<OptionInfo> options_of(const Method& method) {
  return std::visit(
      []<class Options>(const Options& options) {
        std::vector<OptionInfo> infos;
        for (const Option<Options>& option : traits_of<Options>().options) infos.push_back(info_of(option, options));
        return infos;
      },
      method);
}

void set_option(Method& method, std::string_view name, std::string_view value) {
  std::visit(
      [&]<class Options>(Options& options) {
        const Option<Options>& option = option_of<Options>(name);
        std::visit([&](const auto& member) { Access<Options>{option, options}.set(member, value); }, option.member);
      },
      method);
}

bool is_read(const Method& method, std::string_view name) {
  return std::visit(
      [name]<class Options>(const Options& options) {
        const Option<Options>& option = option_of<Options>(name);
        return option.trains && std::ranges::all_of(option.needs, [&](const Need& need) { return holds(need, options); });
      },
      method);
}

void check_reads(const Method& method, std::span<const std::string> stated, bool validates, bool holds_out) {
  const std::vector<OptionInfo> values = options_of(method);
  const std::vector<OptionInfo> defaults = options_of(method_by_name(name_of(method)));
  std::visit(
      [&]<class Options>(const Options& options) {
        const std::span<const Option<Options>> table = traits_of<Options>().options;
        for (std::size_t at = 0; at < table.size(); ++at) {
          const Option<Options>& option = table[at];
          const bool named = std::ranges::any_of(stated, [&](const std::string& name) { return same_option(option.name, name); });
          if (!named && values[at].value == defaults[at].value) continue;
          // A flag is named with its value, because a door may have a flag for one value alone.
          const bool flag = values[at].kind == OptionInfo::Kind::flag;
          const std::string name = std::string(option.name) + (flag ? "=" + values[at].value : "");
          if (option.validates && !validates) throw OptionError(name, "needs " + mention("validation or holdout"));
          if (option.holds_out && holds_out) continue;
          if (!option.trains) {
            throw OptionError(
                name, "is not read by method " + std::string(Options::kName) + ", which draws nothing, except for " + mention("holdout"));
          }
          for (const Need& need : option.needs) {
            if (!holds(need, options)) throw OptionError(name, obstacle(need, options));
          }
        }
      },
      method);
}

void check_options(const Method& method) {
  std::visit(
      []<class Options>(const Options& options) {
        for (const Option<Options>& option : traits_of<Options>().options) {
          std::visit(
              [&]<class Member>(const Member& member) {
                if constexpr (std::is_same_v<Member, Choice<Options>>) {
                  if (member.get(options) >= member.count) throw OptionError(std::string(option.name), "is not one of the choices");
                } else if constexpr (std::is_same_v<Member, std::optional<double> Options::*>) {
                  if (options.*member) check_range(option, *(options.*member));
                } else if constexpr (!std::is_same_v<Member, bool Options::*> && !std::is_same_v<Member, std::uint64_t Options::*>) {
                  check_range(option, static_cast<double>(options.*member));
                }
              },
              option.member);
        }
      },
      method);
}

std::string options_json(const Method& method) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  std::visit(
      [&]<class Options>(const Options& options) {
        for (const Option<Options>& option : traits_of<Options>().options) {
          std::visit(
              [&]<class Member>(const Member& member) {
                auto& value = json[std::string(option.name)];
                if constexpr (std::is_same_v<Member, Choice<Options>>) {
                  value = member.name(member.get(options));
                } else if constexpr (std::is_same_v<Member, std::optional<double> Options::*>) {
                  if (options.*member) value = *(options.*member);
                } else {
                  value = options.*member;
                }
              },
              option.member);
        }
      },
      method);
  return json.dump();
}

Method method_of(std::string_view name, const std::string& options_json) {
  Method method = method_by_name(name);
  const auto json = nlohmann::json::parse(options_json, nullptr, false);
  if (!json.is_object()) return method;
  for (const OptionInfo& info : options_of(method)) {
    const auto found = json.find(std::string(info.name));
    if (found == json.end() || found->is_null()) continue;
    set_option(method, info.name, found->is_string() ? found->get<std::string>() : found->dump());
  }
  return method;
}

}  // namespace lowrank
