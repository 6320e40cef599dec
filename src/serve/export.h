#pragma once

/// \file
/// Ratings and features of items as text.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "lowrank/data/lines.h"
#include "serve/item_features.h"

namespace lowrank::serve {

enum class ExportFormat : std::uint8_t {
  csv,     ///< `user,item,rating,time` with a header, as `lowrank train -` reads it (default)
  ndjson,  ///< `{"user":"12","item":"50","value":4.5,"time":1700000000}` per line, as `POST /v1/ratings` takes it
};
/// `csv|ndjson`. \throws OptionError("format")
ExportFormat parse_export_format(std::string_view name);

/// Ratings as text, piece by piece. With those of Store::snapshot(), and as csv, training on the text gives the same model as training in
/// the service, byte for byte.
class RatingText {
 public:
  RatingText(RatingLines lines, ExportFormat format) : lines_(std::move(lines)), format_(format) {}

  /// Appends the next 64 KiB or so, which end with a line. \return false if there was nothing left
  bool next(std::string& text);

 private:
  RatingLines lines_;
  ExportFormat format_;
  bool begun_ = false;
  std::size_t at_ = 0;
};

/// A table of features of items as CSV with a header, piece by piece, as `lowrank train --item-features` reads it with
/// `--feature-columns` kFeatureColumns: the model is then that of training on the table, byte for byte.
class ItemText {
 public:
  explicit ItemText(ItemTable table) : table_(std::move(table)) {}

  /// Appends the next 64 KiB or so, which end with a line. \return false if there was nothing left
  bool next(std::string& text);

 private:
  ItemTable table_;
  bool begun_ = false;
  std::size_t at_ = 0;
};

/// Passes all pieces of RatingText to `consume`. \throws what `consume` throws
void write_ratings(RatingLines lines, ExportFormat format, const std::function<void(std::string_view piece)>& consume);

}  // namespace lowrank::serve
