#include <exception>

#include "serve/json.h"
#include "serve/request.h"

namespace lowrank::serve {

const char* reason_of(unsigned status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

Response answer_of(const Problem& problem) {
  Response response{.status = problem.status, .content_type = "application/problem+json"};
  JsonWriter json(response.body);
  json.begin_object().member("type", "about:blank").member("status", std::uint64_t{problem.status});
  json.member("title", reason_of(problem.status)).member("detail", problem.detail);
  if (problem.line) json.member("line", *problem.line);
  if (problem.accepted) json.member("accepted", *problem.accepted);
  json.end_object();
  response.fields = problem.fields;
  return response;
}

std::string fault_in_flight() {
  try {
    throw;
  } catch (const std::exception& fault) {
    return fault.what();
  } catch (const Problem& problem) {
    return problem.detail;
  } catch (...) {
    return "a fault of an unknown kind";
  }
}

}  // namespace lowrank::serve
