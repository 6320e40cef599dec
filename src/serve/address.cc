#include "serve/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>

#include "data/text.h"
#include "lowrank/base/error.h"

namespace lowrank::serve {

namespace {

[[noreturn]] void fail(std::string_view text, const char* problem) {
  throw OptionError("listen", std::string("must be ADDRESS:PORT, such as 127.0.0.1:8090 or [::1]:8090, or unix:PATH; ") + problem + " in " +
                                  lowrank::quoted(text));
}

}  // namespace

bool Address::is_local() const { return is_unix() || host == "::1" || host.starts_with("127."); }

std::string Address::text() const {
  if (is_unix()) return "unix:" + path;
  const bool six = host.find(':') != std::string::npos;
  return (six ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

Address parse_address(std::string_view text) {
  Address address;
  if (text.starts_with("unix:")) {
    address.path = text.substr(5);
    if (address.path.empty() || address.path.size() >= sizeof(sockaddr_un::sun_path)) fail(text, "there is no path, or one too long,");
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) fail(text, "there is no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  in6_addr parsed{};
  if (inet_pton(AF_INET, address.host.c_str(), &parsed) != 1 && inet_pton(AF_INET6, address.host.c_str(), &parsed) != 1) {
    fail(text, "there is no address of a machine");
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) fail(text, "there is no port from 0 to 65535");
  return address;
}

}  // namespace lowrank::serve
