#pragma once

#include <cstddef>

#include "serve/log.h"
#include "serve/request.h"

namespace lowrank::serve {

/// Logs an answered request: its method, route, status, time and `bytes` sent. Failures are warnings, but for answers that say "later".
void log_request(Log& log, const Request& request, const Response& response, std::size_t bytes);

}  // namespace lowrank::serve
