#pragma once

/// \file
/// Ratings as text.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lowrank/data/lines.h"

namespace lowrank::serve {

enum class ExportFormat : std::uint8_t {
  csv,     ///< `user,item,rating,time` with a header, as `lowrank train -` reads it (default)
  ndjson,  ///< `{"user":"12","item":"50","value":4.5,"time":1700000000}` per line, as `POST /v1/ratings` takes it
};
/// `csv|ndjson`. \throws OptionError("format")
ExportFormat parse_export_format(std::string_view name);

/// Passes the ratings on as text, in pieces of about 64 KiB that end with a line. With those of Store::snapshot(), and as csv, training on
/// the text gives the same model as training in the service, byte for byte. \throws what `consume` throws
void write_ratings(const RatingLines& lines, ExportFormat format, const std::function<void(std::string_view piece)>& consume);

}  // namespace lowrank::serve
