#include "serve/access_log.h"

#include <chrono>
#include <string>

#include "serve/json.h"

namespace lowrank::serve {

void log_request(Log& log, const Request& request, const Response& response, std::size_t bytes) {
  const LogLevel level = response.status >= 500 && response.status != 503 ? LogLevel::warning : LogLevel::info;
  if (!log.takes(level)) return;
  std::string members = ",\"request\":";
  append_number(members, request.id);
  members.append(",\"method\":");
  append_string(members, request.method);
  members.append(",\"route\":");
  append_string(members, response.route);
  members.append(",\"status\":").append(std::to_string(response.status)).append(",\"bytes\":").append(std::to_string(bytes));
  members.append(",\"ms\":");
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - request.arrived).count();
  append_number(members, static_cast<double>(microseconds) / 1000);
  log.write(level, "request", members);
}

}  // namespace lowrank::serve
