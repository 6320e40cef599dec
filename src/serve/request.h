#pragma once

/// \file
/// A question to the service and its answer, apart from sockets.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lowrank::serve {

using Clock = std::chrono::steady_clock;

/// A field of a header.
struct Field {
  std::string name;  ///< lower case
  std::string value;
};

/// A request as it came. Framing is checked already; nothing else is.
struct Request {
  std::string method;  ///< `GET`
  std::string target;  ///< path and query, percent-encoded
  std::vector<Field> fields;
  std::string body;
  Clock::time_point arrived = Clock::now();
  std::uint64_t id = 0;  ///< for the log

  /// The value of the first field of that name, or nothing. \param name  lower case
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const {
    for (const Field& own : fields) {
      if (own.name == name) return own.value;
    }
    return {};
  }
};

/// A body that is too long to be held at once.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Appends the next piece to `text`. \return false after the last one
  virtual bool next(std::string& text) = 0;
};

/// An answer.
struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> fields =
      {};  ///< further fields of the header; names and values are ours, never a request's
  std::string body = {};
  std::shared_ptr<const std::string> shared_body = {};  ///< takes the place of `body` where given
  std::shared_ptr<BodySource> source = {};              ///< takes the place of both where given
  const char* route = "";                               ///< template of the route, for metrics and log
  bool closes = false;                                  ///< the connection ends after this answer

  [[nodiscard]] const std::string& text() const { return shared_body ? *shared_body : body; }
  Response& with(std::string name, std::string value) {
    fields.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const {
    for (const auto& [own, value] : fields) {
      if (own == name) return value;
    }
    return {};
  }
};

/// Takes the answer, once, in any thread.
using Reply = std::function<void(Response)>;

/// What is wrong with a request, as RFC 9457 has it. Thrown by whoever finds it, and answered in one place.
struct Problem {
  unsigned status = 400;
  std::string detail;
  std::optional<std::uint64_t> line = {};      ///< of a bulk body, from 1
  std::optional<std::uint64_t> accepted = {};  ///< entries of a bulk body that are stored
  std::vector<std::pair<std::string, std::string>> fields = {};
};

/// The reason phrase of a status.
const char* reason_of(unsigned status) noexcept;
/// The answer to a request that has a problem.
Response answer_of(const Problem& problem);
/// What the exception in flight says, for the log.
std::string fault_in_flight();

}  // namespace lowrank::serve
