#pragma once

#include <string>

#include "data/column_names.h"
#include "data/layout.h"
#include "data/sample.h"

namespace lowrank {

/// What line 1 of a file of ratings is.
struct Heading {
  enum class Kind : std::uint8_t {
    none,      ///< a line of ratings
    named,     ///< a header, by the names in it
    unnamed,   ///< a header, for it has text where the lines below have numbers, ids included; its names say too little
    doubtful,  ///< a header or a malformed rating: it has text for a rating, and so do the ids below it
  };
  Kind kind = Kind::none;
  NamedColumns columns;    ///< of the names in it
  bool row_names = false;  ///< whether the lines below have one field more, and start with the name of the row, as R writes them
};

/// \param layout  the columns as stated or by default
Heading read_heading(const Sample& sample, const Table& table, const Layout& layout, const ReadOptions& options);

/// Puts the columns of `layout` where the header says, unless they are stated.
/// \throws DataError if its names do not say which column is what
void place_by_names(const Heading& heading, const Sample& sample, const Table& table, const std::string& name, const ReadOptions& options,
                    Layout& layout);

}  // namespace lowrank
