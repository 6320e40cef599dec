#pragma once

#include <string>

#include "lowrank/pipeline/run.h"

namespace lowrank::cli {

/// The figures of every epoch as an SVG picture, one panel per kind of figure (errors of ratings share one), with the best epoch marked.
/// Readable in dark and light. Without epochs the picture says so.
std::string training_curve(const TrainSummary& summary);

}  // namespace lowrank::cli
