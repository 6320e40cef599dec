#pragma once

#include "cli/results.h"

namespace lowrank::cli {

/// Shows the article's example of 5 users and 4 items: the full matrix, and how much its cells vary over random starts.
void show_article_example(Results& results);

}  // namespace lowrank::cli
