#pragma once

/// \file
/// The text of HTTP: what is wrong with a header that was read, and headers to write.

#include <optional>
#include <string>
#include <string_view>

#include "serve/limits.h"
#include "serve/request.h"

namespace lowrank::serve {

/// How a message is framed.
struct Framing {
  unsigned version = 11;  ///< 10 for HTTP/1.0
  bool chunked = false;   ///< whether the body comes in chunks, as far as the parser knows
};

/// What is wrong with the framing of a request whose header was parsed: what proxies and servers read differently, and what no honest
/// client sends. The connection must end after it.
std::optional<Problem> framing_problem(const Request& request, const Framing& framing, const Limits& limits);

/// The header of an answer, the empty line included. Of the request only its trace context is repeated, if it parses.
std::string header_of(const Request& request, const Response& response, const Framing& framing);

/// `text` with the letters of ASCII in lower case.
std::string lowered(std::string_view text);

}  // namespace lowrank::serve
