#pragma once

/// \file
/// Who may ask: API keys, hosts and origins.

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/digest.h"
#include "serve/request.h"

namespace lowrank::serve {

/// What a request needs. Each scope contains those before it.
enum class Scope : std::uint8_t {
  open,   ///< nothing, not even a key
  read,   ///< lists and records
  write,  ///< ratings, users and items too
  admin,  ///< training, models, exports and backups too
};
/// `read|write|admin`. \throws DataError for another name
Scope parse_scope(std::string_view name);
std::string_view name_of(Scope scope) noexcept;

/// The keys of a file. Only their digests are kept. Safe from many threads.
class Keys {
 public:
  /// No keys: every request may do everything.
  Keys() = default;
  /// Reads lines of `NAME SCOPE KEY`, blanks in between; `#` starts a comment. A key has at least 16 characters.
  /// \throws FileError where the file cannot be read, or others than its owner may read it; DataError with file and line
  static Keys read(const std::string& path);

  [[nodiscard]] bool empty() const noexcept { return keys_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

  /// A key that a request has, by number.
  struct Holder {
    std::size_t number = 0;
    Scope scope = Scope::open;
  };
  /// The holder of the key in `Authorization: Bearer` or `X-API-Key`; nothing where there is none or a wrong one. Compares with all keys.
  [[nodiscard]] std::optional<Holder> holder_of(const Request& request) const;

 private:
  struct Key {
    Scope scope;
    Digest digest;
  };
  std::vector<Key> keys_;
};

/// Allows each key a number of requests per second, with bursts of one second. Safe from many threads.
class RateLimit {
 public:
  /// \param per_second  0 for no limit
  RateLimit(double per_second, std::size_t keys) : per_second_(per_second), buckets_(keys, Bucket{per_second, Clock::now()}) {}
  /// Whether the holder may ask now.
  bool allows(std::size_t number);

 private:
  struct Bucket {
    double tokens = 0;
    Clock::time_point since;
  };
  double per_second_;
  std::mutex mutex_;
  std::vector<Bucket> buckets_;
};

/// Whether the host of a Host field may be asked: any address, `localhost`, and the names of `allowed`. A page of a foreign name whose DNS
/// answer points here (DNS rebinding) is refused. \param host  with or without a port
bool allows_host(std::string_view host, const std::vector<std::string>& allowed);

/// Whether a request that changes something comes from a program or from a page of this host, and not from a foreign page in a browser:
/// `Sec-Fetch-Site` is same-origin or none; where a browser does not send it, `Origin` is that of the Host field, or absent.
/// \param trusted  origins that may, exactly as browsers send them
bool allows_origin(const Request& request, const std::vector<std::string>& trusted);

}  // namespace lowrank::serve
