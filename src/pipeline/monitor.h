#pragma once

#include <string>

#include "lowrank/train/method.h"

namespace lowrank {

/// The validation metric where none is stated: rmse, or ndcg@20 where a model does not predict ratings.
std::string default_monitor(bool predicts_ratings);

/// \throws OptionError where `monitor` is no metric, or one of ratings that a model by `method` does not predict
void check_monitor(const Method& method, const std::string& monitor);

}  // namespace lowrank
