#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lowrank/data/lines.h"
#include "lowrank/data/ratings.h"
#include "lowrank/data/read.h"

namespace lowrank {

/// As for_each_rating, with the number of each line and the names of the contexts that are read from columns.
void for_each_line_in_context(const std::string& path, const ReadOptions& options,
                              const std::function<void(const RatingLine&, std::size_t, const std::vector<std::string>&)>& consume);

/// As append_lines. \param numbers  if given, receives the number of each line in the file
void append_numbered_lines(const std::string& path, const ReadOptions& read, RatingLines& lines, std::vector<std::size_t>* numbers);

/// As read_ratings, for a file whose ratings have situations.
Dataset read_in_context(const std::string& path, const ReadOptions& options);

/// As read_pairs, for a file whose ratings have situations.
Pairs read_pairs_in_context(const std::string& path, const Vocabulary& users, const Vocabulary& items, const ReadOptions& options,
                            std::span<const ContextColumn> columns);

}  // namespace lowrank
