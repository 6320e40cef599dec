#include "pipeline/refit.h"

#include <string>

#include "base/text.h"

namespace lowrank {

std::size_t epochs_of(const Method& method) {
  for (const OptionInfo& option : options_of(method)) {
    if (option.name == "epochs") return std::stoul(option.value);
  }
  return 0;
}

Method refit_method(const Method& method, std::size_t epochs, std::optional<double> neighbour_weight) {
  Method again = method;
  for (const OptionInfo& option : options_of(method)) {
    if (option.name == "epochs") {
      set_option(again, "epochs", std::to_string(epochs));
      // The tolerance of a method without epochs is another one.
      set_option(again, "tolerance", "0");
    }
    if (option.name == "neighbour_weight" && neighbour_weight) set_option(again, "neighbour_weight", shortest_text(*neighbour_weight));
  }
  return again;
}

}  // namespace lowrank
