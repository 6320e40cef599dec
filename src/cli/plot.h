#pragma once

#include <string>

#include "lowrank/data/ratings.h"
#include "lowrank/model/model.h"
#include "lowrank/pipeline/run.h"

namespace lowrank::cli {

/// The figures of every epoch as an SVG picture, one panel per kind of figure (errors of ratings share one), with the best epoch marked.
/// Readable in dark and light. Without epochs the picture says so.
std::string training_curve(const TrainSummary& summary);

/// How many of the ratings of `pairs` lie within intervals of 1 % to 99 %, as an SVG picture: the line of a model that knows how far
/// ratings lie from its predictions is the diagonal. \throws DataError for a model without uncertainty
std::string calibration_curve(const Model& model, const Pairs& pairs, int threads);

}  // namespace lowrank::cli
