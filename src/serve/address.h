#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lowrank::serve {

/// Where a service listens.
struct Address {
  std::string path;  ///< of a Unix socket; empty for TCP
  std::string host;  ///< an IPv4 or IPv6 address
  std::uint16_t port = 0;

  [[nodiscard]] bool is_unix() const { return !path.empty(); }
  /// Whether only this machine can reach it.
  [[nodiscard]] bool is_local() const;
  /// As parse_address() reads it.
  [[nodiscard]] std::string text() const;
};

/// `127.0.0.1:8090`, `[::1]:8090`, `localhost:8090` or `unix:PATH`. Port 0 is any that is free. \throws OptionError("listen")
Address parse_address(std::string_view text);

}  // namespace lowrank::serve
