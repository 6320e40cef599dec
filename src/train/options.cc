#include <algorithm>
#include <array>
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

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x == '-' ? '_' : x) == (y == '-' ? '_' : y); });
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
                  .value = {},
                  .least = option.range.least,
                  .most = option.range.most,
                  .least_excluded = option.range.least_excluded,
                  .choices = {}};
  std::visit(
      [&]<class Member>(const Member& member) {
        if constexpr (std::is_same_v<Member, Choice<Owner>>) {
          info.kind = OptionInfo::Kind::choice;
          info.value = member.name(member.get(owner));
          for (std::size_t index = 0; index < member.count; ++index) info.choices.push_back(member.name(index));
        } else {
          const auto value = owner.*member;
          using Value = std::remove_const_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, double>) {
            info.kind = OptionInfo::Kind::real;
            info.value = shortest_text(value);
          } else if constexpr (std::is_same_v<Value, std::optional<double>>) {
            info.kind = OptionInfo::Kind::optional_real;
            info.value = value ? shortest_text(*value) : kOpen;
          } else if constexpr (std::is_same_v<Value, bool>) {
            info.kind = OptionInfo::Kind::flag;
            info.value = value ? "true" : "false";
          } else {
            info.kind = OptionInfo::Kind::integer;
            info.value = std::to_string(value);
            if constexpr (std::is_same_v<Value, std::uint32_t>) info.most = std::min(info.most, 4294967295.0);
          }
        }
      },
      option.member);
  return info;
}

}  // namespace

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
        for (const Option<Options>& option : traits_of<Options>().options) {
          if (!same_name(option.name, name)) continue;
          std::visit([&](const auto& member) { Access<Options>{option, options}.set(member, value); }, option.member);
          return;
        }
        throw OptionError(std::string(name), "method " + std::string(Options::kName) + " does not read this option");
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

}  // namespace lowrank
