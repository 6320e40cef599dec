#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <thread>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/results.h"
#include "serve/address.h"

namespace lowrank::cli {

namespace {

struct PingArguments {
  std::string address = "127.0.0.1:8090";
  std::uint64_t wait = 0;
  bool live = false;
};

/// A socket that is closed at the end.
class Socket {
 public:
  explicit Socket(int family) : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval most{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

template <class Name>
bool connect_to(const Socket& socket, const Name& name) {
  return ::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

bool connected(const serve::Address& address, Socket& socket) {
  if (address.is_unix()) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address.path.data(), address.path.size());
    return connect_to(socket, name);
  }
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(address.port);
  if (::inet_pton(AF_INET, address.host.c_str(), &four.sin_addr) == 1) return connect_to(socket, four);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(address.port);
  ::inet_pton(AF_INET6, address.host.c_str(), &six.sin6_addr);
  return connect_to(socket, six);
}

/// The answer of the service; empty where there is none.
std::string ask(const serve::Address& address, const char* path) {
  Socket socket(address.is_unix() ? AF_UNIX : (address.host.find(':') == std::string::npos ? AF_INET : AF_INET6));
  if (!connected(address, socket)) return {};
  const std::string request = std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (::send(socket.descriptor(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return {};
  std::string answer;
  char bytes[4096];
  for (ssize_t size = 0; (size = ::recv(socket.descriptor(), bytes, sizeof bytes, 0)) > 0;)
    answer.append(bytes, static_cast<std::size_t>(size));
  return answer;
}

int run_ping(const PingArguments& arguments) {
  const serve::Address address = serve::parse_address(arguments.address);
  const char* const path = arguments.live ? "/livez" : "/readyz";
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(arguments.wait);
  for (;;) {
    const std::string answer = ask(address, path);
    const bool good = answer.starts_with("HTTP/1.1 200");
    if (good || std::chrono::steady_clock::now() >= end) {
      const std::size_t body = answer.find("\r\n\r\n");
      if (!good) print_error(address.text() + (body == std::string::npos ? ": no answer" : ": " + answer.substr(body + 4)));
      if (!good) return kExitFailed;
      Results results;
      results.write(answer.substr(body + 4) + "\n");
      results.finish();
      return kExitDone;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

Command add_ping(CLI::App& program) {
  auto arguments = std::make_shared<PingArguments>();
  CLI::App* app = program.add_subcommand("ping", "ask a running service whether it is ready");
  app->add_option("ADDRESS", arguments->address, "address and port of the service, or unix:PATH")->type_name("")->capture_default_str();
  add_integer(*app, "--wait", arguments->wait, "seconds to wait until it is ready");
  app->add_flag("--live", arguments->live, "only ask whether it runs");
  set_example(*app, "  lowrank ping 127.0.0.1:8090 || echo \"no service there\"");
  return {app, [arguments] { return run_ping(*arguments); }};
}

}  // namespace lowrank::cli
