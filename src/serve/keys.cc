#include "serve/keys.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <sstream>

#include "data/text.h"
#include "lowrank/base/error.h"
#include "serve/http.h"

namespace lowrank::serve {

namespace {

constexpr std::size_t kLeastKey = 16;

/// The host of `host:port` or `[address]:port`.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(0, end + 1);
  }
  const std::size_t colon = host.find(':');
  return host.substr(0, colon);
}

bool is_address(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') return true;
  // A last label of digits makes a name an IPv4 address (URL standard, "ends in a number").
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? std::string_view() : host.substr(dot + 1);
  return !last.empty() && std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Scope parse_scope(std::string_view name) {
  for (const Scope scope : {Scope::read, Scope::write, Scope::admin}) {
    if (name == name_of(scope)) return scope;
  }
  throw DataError("expected read, write or admin, found " + lowrank::quoted(name));
}

std::string_view name_of(Scope scope) noexcept {
  switch (scope) {
    case Scope::open:
      break;
    case Scope::read:
      return "read";
    case Scope::write:
      return "write";
    case Scope::admin:
      return "admin";
  }
  return "open";
}

Keys Keys::read(const std::string& path) {
  std::ifstream file(path);
  struct stat status {};
  if (!file || ::stat(path.c_str(), &status) != 0) throw FileError(path + ": cannot read the keys");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    throw FileError(path + ": others than its owner may read the keys; type: chmod 600 " + path);
  }
  Keys keys;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
    if (fields.empty()) continue;
    // What stands in the file is secret, and is not shown.
    if (fields.size() != 3) throw DataError(path, number, "expected a name, a scope and a key, with blanks in between");
    if (fields[2].size() < kLeastKey) throw DataError(path, number, "the key is shorter than 16 characters");
    Scope scope{};
    try {
      scope = parse_scope(fields[1]);
    } catch (const DataError&) {
      throw DataError(path, number, "the scope is not read, write or admin");
    }
    keys.keys_.push_back({.scope = scope, .digest = sha256(fields[2])});
  }
  if (keys.keys_.empty()) throw DataError(path + ": there is no key in the file");
  return keys;
}

std::optional<Keys::Holder> Keys::holder_of(const Request& request) const {
  std::string_view given;
  if (const auto bearer = request.field("authorization")) {
    constexpr std::string_view kScheme = "bearer ";
    if (bearer->size() <= kScheme.size() || lowered(bearer->substr(0, kScheme.size())) != kScheme) return {};
    given = trimmed(bearer->substr(kScheme.size()));
  } else if (const auto key = request.field("x-api-key")) {
    given = trimmed(*key);
  } else {
    return {};
  }
  const Digest digest = sha256(given);
  std::optional<Holder> holder;
  for (std::size_t n = 0; n < keys_.size(); ++n) {
    if (equal_digests(keys_[n].digest, digest)) holder = Holder{.number = n, .scope = keys_[n].scope};
  }
  return holder;
}

bool RateLimit::allows(std::size_t number) {
  if (per_second_ <= 0) return true;
  const std::lock_guard<std::mutex> lock(mutex_);
  Bucket& bucket = buckets_.at(number);
  const Clock::time_point now = Clock::now();
  const double most = std::max(1.0, per_second_);
  bucket.tokens = std::min(most, bucket.tokens + per_second_ * std::chrono::duration<double>(now - bucket.since).count());
  bucket.since = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

bool allows_host(std::string_view host, const std::vector<std::string>& allowed) {
  const std::string name = lowered(without_port(host));
  if (name.empty()) return false;
  return name == "localhost" || is_address(name) ||
         std::ranges::any_of(allowed, [&](const std::string& own) { return lowered(own) == name; });
}

bool allows_origin(const Request& request, const std::vector<std::string>& trusted) {
  const auto origin = request.field("origin");
  if (origin && std::ranges::find(trusted, *origin) != trusted.end()) return true;
  if (const auto site = request.field("sec-fetch-site")) return *site == "same-origin" || *site == "none";
  if (!origin) return true;
  const std::size_t scheme = origin->find("://");
  return scheme != std::string_view::npos && origin->substr(scheme + 3) == request.field("host").value_or("");
}

}  // namespace lowrank::serve
