#pragma once

/// \file
/// Files into the store.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "lowrank/data/read.h"
#include "serve/store.h"

namespace lowrank::serve {

/// What an import brought.
struct ImportCounts {
  std::size_t lines = 0;          ///< ratings or items that were read
  std::size_t created_users = 0;  ///< users that were not known before
  std::size_t created_items = 0;
  std::size_t refused = 0;         ///< ratings whose ids the store does not take, with ReadOptions::skip_bad_lines
  std::string first_refused = {};  ///< the first of them and why
};

/// Puts the ratings of a file into the store, of repeated pairs the last one. Times that are dates become seconds since 1970; where a line
/// has none, it is `now`. Chunks are committed one by one: where it fails in the middle, the ratings before are in the store, and
/// importing again does no harm.
/// \param progress  called after each chunk with the ratings so far, if given \throws as for_each_rating(); DataError for an id that the
/// store does not take, naming its rating; StoreError
ImportCounts import_ratings(Store& store, const std::string& path, const ReadOptions& read, std::int64_t now,
                            const std::function<void(std::size_t ratings)>& progress = {});

/// Puts items into the store from a file of titles, as `recommend --titles` reads it, whose third field may have categories separated by
/// `|`, or from a file of lines of JSON (`{"item":"50","title":"Star Wars","categories":["Action"],"available":true,"metadata":{}}`), by
/// its name `.ndjson` or `.jsonl`. What a line does not say of an item that is known stays as it is. A title or category is cut to what the
/// store takes. \throws FileError, DataError, StoreError
ImportCounts import_items(Store& store, const std::string& path, std::int64_t now);

}  // namespace lowrank::serve
