#pragma once

/// \file
/// The service on a socket. Everything about HTTP's framing, deadlines and connections is in net.cc.

#include <functional>
#include <memory>

#include "serve/address.h"
#include "serve/limits.h"
#include "serve/log.h"
#include "serve/service.h"

namespace lowrank::serve {

struct ServerOptions {
  Address address;
  Limits limits;
  bool handles_signals = true;        ///< SIGTERM and SIGINT end the server, SIGHUP calls `reload`
  std::function<void()> reload = {};  ///< called in another thread than the server's
};

/// Listens, and hands requests to a service. One thread reads and writes; it computes nothing.
class Server {
 public:
  /// Listens from here on. \throws FileError where the address cannot be had
  Server(Service& service, ServerOptions options, Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The address with the port that was given.
  [[nodiscard]] const Address& address() const;
  /// Answers until stop() or a signal, then until open requests are answered, or Limits::drain_time is over.
  void run();
  /// Ends run(), as SIGTERM does. From any thread.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lowrank::serve
