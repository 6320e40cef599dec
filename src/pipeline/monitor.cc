#include "pipeline/monitor.h"

#include "lowrank/base/error.h"
#include "lowrank/evaluate/validation.h"

namespace lowrank {

std::string default_monitor(bool predicts_ratings) { return predicts_ratings ? "rmse" : "ndcg@20"; }

void check_monitor(const Method& method, const std::string& monitor) {
  if (parse_monitor(monitor).top == 0 && !predicts_ratings(method)) {
    throw OptionError("monitor", "method " + std::string(name_of(method)) + " does not predict ratings and has no " + monitor +
                                     "; take a metric of lists, such as ndcg@20");
  }
}

}  // namespace lowrank
