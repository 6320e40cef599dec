#pragma once

#include <string>

#include "lowrank/data/titles.h"
#include "lowrank/model/model.h"
#include "lowrank/recommend/explain.h"

namespace lowrank::cli {

/// An explanation as lines of text, each a tab, what it is, and a number that is part of the score; or as the member `explanation` of a
/// JSON object, with the comma before it. \param titles  of items, or null
std::string explanation_text(const Explanation& explanation, const Model& model, const Titles* titles);
std::string explanation_json(const Explanation& explanation, const Model& model, const Titles* titles);

}  // namespace lowrank::cli
