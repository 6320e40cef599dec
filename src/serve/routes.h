#pragma once

/// \file
/// The table of routes: it dispatches, checks parameters and bodies, and is what `/openapi.json` says.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "serve/json.h"
#include "serve/keys.h"
#include "serve/request.h"

namespace lowrank::serve {

struct Context;
struct Lists;

enum class ParameterKind : std::uint8_t {
  id,       ///< a user or item: 1 to 512 bytes of UTF-8 without control characters
  text,     ///< any text without control characters
  integer,  ///< from `least` to `most`
  boolean,  ///< true or false
};

/// A parameter of a path or of a query.
struct Parameter {
  const char* name = "";
  ParameterKind kind = ParameterKind::text;
  const char* help = "";
  std::int64_t least = 0;  ///< integers
  std::int64_t most = 0;
  const char* otherwise = "";  ///< the value where it is not given; empty for none
  const char* names = "";      ///< texts: the only ones, separated by `|`; empty for any
  bool repeats = false;        ///< may be given several times
  const char* pattern = "";    ///< texts: what they look like, for the description; whoever reads them checks it
};

struct Route;

/// A request whose route, parameters and body are checked.
struct Call {
  const Request& request;
  const Route& route;
  std::vector<std::string> path;                          ///< values of the parameters of the path, in its order
  std::map<std::string, std::vector<std::string>> query;  ///< values of the others, decoded; defaults are filled in
  Json body;                                              ///< null where the route has none, or it is of lines

  [[nodiscard]] const std::string& text(const std::string& name) const { return query.at(name).front(); }
  [[nodiscard]] bool has(const std::string& name) const { return query.contains(name); }
  [[nodiscard]] std::int64_t integer(const std::string& name) const;
  [[nodiscard]] bool flag(const std::string& name) const { return text(name) == "true"; }
  /// All values of a parameter that repeats.
  [[nodiscard]] std::vector<std::string> all(const std::string& name) const;
};

/// What answers.
using Direct = Response (*)(Context&, const Call&);      ///< at once
using Waiting = void (*)(Context&, const Call&, Reply);  ///< after a commit, or another event
using Listing = Lists (*)(const Call&);                  ///< lists, which are made together with those of other requests

/// Where it runs.
enum class Lane : std::uint8_t {
  instant,  ///< in the thread that asks: answers that are ready
  fast,     ///< in the threads that compute lists
  slow,     ///< in a thread of its own: what may take longer than a list
};

enum class BodyKind : std::uint8_t {
  none,
  json,  ///< a document
  bulk,  ///< an array, or one document per line (NDJSON)
};

/// A status that the route may answer with, besides those that every route may.
struct Answer {
  unsigned status;
  const char* help;
  const char* schema;  ///< name in components/schemas; empty for no body, `text/plain` and so on for another type of content
};

struct Route {
  const char* method;
  const char* path;  ///< template: `/v1/users/{user}`
  const char* name;  ///< operationId
  const char* help;
  Scope scope;
  Lane lane;
  std::variant<Direct, Waiting, Listing> answer;
  std::vector<Parameter> parameters;  ///< those of the path first, in its order
  BodyKind body = BodyKind::none;
  const char* schema = "";  ///< of the body, or of an entry of a bulk body: name in components/schemas
  std::vector<Answer> answers;
  bool writes = false;  ///< changes the store or the model; refused by a service that only reads
};

/// All routes.
std::span<const Route> routes();

/// The route of a request. \throws Problem: 404, 405 with the methods that there are, 400 for a path that cannot be decoded
const Route& match(const Request& request);

/// Checks parameters and body of a request of that route. \throws Problem(400)
Call check_call(const Request& request, const Route& route);

/// `text` with its percent-encoded bytes decoded, or nothing where that is not possible. \param plus  whether `+` is a blank
std::optional<std::string> percent_decoded(std::string_view text, bool plus);
/// The text as one segment of a path.
std::string percent_encoded(std::string_view text);

/// The path of a target, without its query.
std::string_view path_of(std::string_view target);

/// The description of the service (OpenAPI 3.1), as JSON.
std::string openapi();

/// The schema called `name` in components/schemas. \throws std::out_of_range
const Json& schema_of(const std::string& name);
/// All of them.
const Json& schemas();

}  // namespace lowrank::serve
