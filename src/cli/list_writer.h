#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/results.h"
#include "lowrank/data/titles.h"

namespace lowrank::cli {

/// Layout of written lists of scored ids.
struct ListStyle {
  bool json = false;
  bool ranks = true;            ///< whether text has a column of ranks 1, 2, ...
  std::string_view outer_list;  ///< JSON keys: {"users":[{"user":ID,"items":[{"item":ID,"score":S}, ...]}, ...]}
  std::string_view outer;
  std::string_view inner_list;
  std::string_view inner;
  const Titles* titles = nullptr;  ///< titles of the inner ids, or null
};

/// Streams one list of scored ids per outer id: as text with one line per entry, or as one JSON document.
class ListWriter {
 public:
  ListWriter(Results& results, const ListStyle& style);
  /// Starts the list of the outer id `id`.
  void begin(std::string_view id);
  /// \param more  text: lines to follow that of the entry; JSON: further members of its object, each after a comma
  /// \param columns  text: further columns of the entry's line, each after a tab
  void add(std::string_view id, float score, std::string_view more = {}, std::string_view columns = {});
  /// Ends the last list and the results. \param more  JSON: further members of the document, each after a comma
  void finish(std::string_view more = {});

 private:
  void open_key(std::string_view key);
  void end_list();

  Results& results_;
  ListStyle style_;
  std::string id_;
  std::string line_;
  std::size_t lists_ = 0;
  std::uint64_t entries_ = 0;
};

}  // namespace lowrank::cli
