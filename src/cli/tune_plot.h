#pragma once

#include <string>

#include "lowrank/tune/tune.h"

namespace lowrank::cli {

/// A search as an SVG picture: the best figure so far over the trials of full length, and for every searched option a panel of its values
/// and their figures. Readable in dark and light.
std::string trials_picture(const TuneResult& result);

}  // namespace lowrank::cli
