#pragma once

#include <functional>
#include <string>

#include "data/column_reader.h"
#include "lowrank/data/read.h"

namespace lowrank {

/// As read_ratings, with sizes that tests can make small.
Dataset read_ratings_tuned(const std::string& path, const ReadOptions& options, const ReadTuning& tuning);

/// As read_pairs, without contexts.
Pairs read_pairs_tuned(const std::string& path, const Vocabulary& users, const Vocabulary& items, const ReadOptions& options,
                       const ReadTuning& tuning);

/// As for_each_rating, with the number of each line.
void for_each_line(const std::string& path, const ReadOptions& options, const ReadTuning& tuning,
                   const std::function<void(const RatingLine&, std::size_t)>& consume);

}  // namespace lowrank
