#pragma once

#include <algorithm>
#include <variant>
#include <vector>

#include "lowrank/train/method.h"

namespace lowrank {

/// The default options of another method, but for those that `from` has by the same name.
template <class To, class From>
To same_options(const From& from) {
  Method to = To{};
  const std::vector<OptionInfo> own = options_of(to);
  for (const OptionInfo& option : options_of(Method(from))) {
    if (std::ranges::find(own, option.name, &OptionInfo::name) != own.end()) set_option(to, option.name, option.value);
  }
  return std::get<To>(to);
}

}  // namespace lowrank
