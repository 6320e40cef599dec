#pragma once

#include <string>

#include "lowrank/pipeline/stream.h"

namespace lowrank::cli {

/// The moving figures of a stream as an SVG picture, one panel per figure. Readable in dark and light.
std::string stream_picture(const StreamSummary& summary);

}  // namespace lowrank::cli
