#pragma once

#include "cli/results.h"

namespace lowrank::cli {

/// The article's example of 5 users and 4 items: its full matrix, and which of its cells 13 ratings pin down.
void show_article_example(Results& results);

}  // namespace lowrank::cli
