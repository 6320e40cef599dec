#include "serve/net.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "serve/service_fixture.h"

namespace lowrank::serve::net_test {
namespace {

using testing_service::Json;
using testing_service::Served;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

/// A client that sends bytes as they are.
class Client {
 public:
  explicit Client(const Address& address) {
    if (address.is_unix()) {
      descriptor_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un name{};
      name.sun_family = AF_UNIX;
      std::memcpy(name.sun_path, address.path.data(), address.path.size());
      connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
      return;
    }
    descriptor_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(address.port);
    ::inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
    connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  }
  ~Client() { ::close(descriptor_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t size = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return false;
      sent += static_cast<std::size_t>(size);
    }
    return true;
  }
  /// Everything until the server closes, or until `seconds` pass without a byte.
  std::string read_all(int seconds = 5) {
    const timeval most{.tv_sec = seconds, .tv_usec = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    std::string text;
    char bytes[4096];
    for (;;) {
      const ssize_t size = ::recv(descriptor_, bytes, sizeof bytes, 0);
      // A server that closes while bytes are on their way resets the connection.
      closed_ = size == 0 || (size < 0 && errno == ECONNRESET);
      if (size <= 0) return text;
      text.append(bytes, static_cast<std::size_t>(size));
    }
  }
  /// One answer with a Content-Length.
  std::string read_one() {
    std::string text;
    char byte = 0;
    while (!text.ends_with("\r\n\r\n") && ::recv(descriptor_, &byte, 1, 0) == 1) text += byte;
    const std::size_t at = text.find("Content-Length: ");
    std::size_t left = at == std::string::npos ? 0 : std::stoul(text.substr(at + 16));
    while (left-- > 0 && ::recv(descriptor_, &byte, 1, 0) == 1) text += byte;
    return text;
  }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  int descriptor_ = -1;
  bool connected_ = false;
  bool closed_ = false;
};

/// A server in a thread.
class Listening {
 public:
  explicit Listening(const Limits& limits = {}, const std::string& listen = "127.0.0.1:0", bool trains = false)
      : served(options_with(limits), "als", trains),
        log(LogLevel::error),
        server(*served.service, {.address = parse_address(listen), .limits = limits, .handles_signals = false}, log),
        thread_([this] { server.run(); }) {}
  ~Listening() {
    server.stop();
    thread_.join();
    served.service.reset();
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  /// The status of the first answer to these bytes, and whether the server then closes; 0 for no answer.
  struct Result {
    unsigned status = 0;
    bool closed = false;
    std::string text;
  };
  Result send(const std::string& bytes, int seconds = 5) {
    Client client(server.address());
    client.send(bytes);
    Result result{.text = client.read_all(seconds)};
    result.closed = client.closed();
    if (result.text.size() > 12) result.status = static_cast<unsigned>(std::stoul(result.text.substr(9, 3)));
    return result;
  }

  static ServiceOptions options_with(const Limits& limits) {
    ServiceOptions options;
    options.limits = limits;
    return options;
  }

  Served served;
  Log log;
  Server server;

 private:
  std::thread thread_;
};

std::size_t answers_in(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("\r\nDate: "); at != std::string::npos; at = text.find("\r\nDate: ", at + 1)) ++count;
  return count;
}

TEST(Net, AnswersOverASocket) {
  Listening listening({}, "127.0.0.1:0", true);
  Client client(listening.server.address());
  client.send(
      "PUT /v1/users/u1/ratings/i2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "11\r\n\r\n{\"value\":5}");
  EXPECT_TRUE(client.read_one().starts_with("HTTP/1.1 200 OK\r\n"));
  client.send("GET /v1/users/u1/recommendations?limit=3 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answer = client.read_one();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  const Json list = Json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
  EXPECT_EQ(list["items"].size(), 3U);
  EXPECT_NE(answer.find("X-Content-Type-Options: nosniff"), std::string::npos);
  EXPECT_NE(answer.find("Lowrank-Model: 1\r\n"), std::string::npos);
}

TEST(Net, RefusesWhatOthersReadDifferently) {
  Listening listening;
  const std::string host = "Host: localhost\r\n";
  const std::string get = "GET /livez HTTP/1.1\r\n";
  const std::string post = "POST /v1/predict HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n";
  const std::string smuggled = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"length and chunks", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"chunks and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
      {"two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "},
      {"two equal lengths", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
      {"a length with a sign", post + "Content-Length: +2\r\n\r\n{}"},
      {"a negative length", post + "Content-Length: -2\r\n\r\n{}"},
      {"a list of lengths", post + "Content-Length: 2, 2\r\n\r\n{}"},
      {"a blank before the colon", get + "Host : localhost\r\n\r\n"},
      {"a bare line feed", "GET /livez HTTP/1.1\nHost: localhost\n\n"},
      {"a negative chunk", post + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n"},
      {"a chunk of no number", post + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n"},
      {"a huge chunk", post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff2\r\n{}\r\n0\r\n\r\n"},
      {"another coding", post + "Transfer-Encoding: gzip\r\n\r\n" + smuggled},
      {"chunks in another coding", post + "Transfer-Encoding: chunked, gzip\r\n\r\n" + smuggled},
      {"another coding and chunks", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"chunks twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"chunks in HTTP/1.0",
       "POST /v1/predict HTTP/1.0\r\n" + host + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"no host", get + "\r\n"},
      {"two hosts", get + host + host + "\r\n"},
      {"a zero byte", get + host + "X: a" + std::string(1, '\0') + "b\r\n\r\n"},
      {"a control character in the target",
       "GET /liv\x01"
       "ez HTTP/1.1\r\n" +
           host + "\r\n"},
      {"no version", "GET /livez\r\n" + host + "\r\n"},
      {"another version", "GET /livez HTTP/2.0\r\n" + host + "\r\n"},
      {"no HTTP", "\x16\x03\x01\x02\x03 hello\r\n\r\n"},
      {"a target of another host", "GET http://evil.example/livez HTTP/1.1\r\n" + host + "\r\n"},
      {"two types", "POST /v1/predict HTTP/1.1\r\n" + host +
                        "Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"},
      {"too long a header", get + host + "X: " + std::string(9000, 'a') + "\r\n\r\n"},
      {"too long a target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n"},
      {"an expectation", post + "Content-Length: 2\r\nExpect: wonders\r\n\r\n{}"},
  };
  for (const auto& [name, bytes] : cases) {
    const auto result = listening.send(bytes, 2);
    EXPECT_GE(result.status, 400U) << name << ": " << result.text;
    EXPECT_LT(result.status, 506U) << name;
    EXPECT_EQ(answers_in(result.text), 1U) << name << ": what follows must not be read as a request";
    EXPECT_TRUE(result.closed || name == "a target of another host") << name << ": after a fault of framing nothing can be believed";
  }
  std::string flood = get + host;
  for (int n = 0; n < 65; ++n) flood += "A" + std::to_string(n) + ": b\r\n";
  EXPECT_EQ(listening.send(flood + "\r\n").status, 431U);
  // All that did no harm.
  EXPECT_EQ(listening.send(get + host + "Connection: close\r\n\r\n").status, 200U);
}

TEST(Net, ReadsChunksPipelinesAndHead) {
  Listening listening({}, "127.0.0.1:0", true);
  const auto chunked = listening.send(
      "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: "
      "chunked\r\n\r\n"
      "1b\r\n{\"pairs\":[{\"user\":\"u1\",\"ite\r\n10\r\nm\":\"i1\"}]}      \r\n0\r\n\r\n");
  EXPECT_EQ(chunked.status, 200U) << chunked.text;
  const std::string one = "GET /livez HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_EQ(answers_in(listening.send(one + "\r\n" + one + "\r\n" + one + "Connection: close\r\n\r\n").text), 3U);
  const auto head = listening.send("HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(head.status, 200U);
  EXPECT_TRUE(head.text.ends_with("\r\n\r\n"));
  EXPECT_NE(head.text.find("Content-Length: 18\r\n"), std::string::npos);
  const auto old = listening.send("GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(old.closed && old.status == 200U);
  const auto exported = listening.send("GET /v1/export/ratings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_NE(exported.text.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_NE(exported.text.find("user,item,rating,time\n"), std::string::npos);
  EXPECT_TRUE(exported.text.ends_with("\r\n0\r\n\r\n"));
  const auto continued = listening.send(
      "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: "
      "100-continue\r\nConnection: "
      "close\r\n\r\n{}");
  EXPECT_TRUE(continued.text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 "));
}

TEST(Net, RepeatsNothingOfARequest) {
  Listening listening;
  const std::string get = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  const std::string good = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
  EXPECT_NE(listening.send(get + "traceparent: " + good + "\r\n\r\n").text.find(good), std::string::npos);
  for (const std::string& bad : {good + "x", std::string("evil"), good.substr(1) + "0"}) {
    EXPECT_EQ(listening.send(get + "traceparent: " + bad + "\r\n\r\n").text.find("traceparent"), std::string::npos);
  }
  const auto result = listening.send("GET /%0d%0aEvil:%20yes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(result.text.find("\r\nEvil"), std::string::npos);
}

TEST(Net, EndsSlowRequests) {
  Limits limits;
  limits.header_time = 1s;
  limits.body_time = 1s;
  limits.idle_time = 1s;
  Listening listening(limits);
  const auto start = std::chrono::steady_clock::now();
  for (const char* slow :
       {"GET /livez HTTP/1.1\r\nHost: loc", "",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"}) {
    const auto result = listening.send(slow);
    EXPECT_TRUE(result.closed && result.text.empty()) << slow;
  }
  // A byte now and then does not help.
  Client client(listening.server.address());
  client.send("GET /livez HTTP/1.1\r\nX: ");
  for (int n = 0; n < 25 && client.send("a"); ++n) std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(client.read_all().empty() && client.closed());
  // Two half headers; the half body has a route of its own.
  EXPECT_NE(listening.served.get("/metrics").text().find("status=\"408\"} 2"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 12s);
}

TEST(Net, BoundsBodiesAndConnections) {
  Limits limits;
  limits.body_bytes = 100;
  limits.connections = 5;
  limits.connections_per_address = 3;
  Listening listening(limits);
  const std::string post = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  EXPECT_EQ(listening.send(post + "Content-Length: 101\r\n\r\n").status, 413U);
  EXPECT_EQ(listening.send(post + "Transfer-Encoding: chunked\r\n\r\nff\r\n" + std::string(255, ' ') + "\r\n0\r\n\r\n").status, 413U);
  EXPECT_EQ(listening.send(post + "Content-Length: 99999999999999999999\r\n\r\n").status, 400U);
  // The connections so far are counted until the server has seen their end.
  while (listening.served.service->metrics().connections != 0) std::this_thread::sleep_for(10ms);
  std::vector<std::unique_ptr<Client>> clients;
  for (int n = 0; n < 3; ++n) clients.push_back(std::make_unique<Client>(listening.server.address()));
  for (auto& client : clients) {
    client->send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(client->read_one().starts_with("HTTP/1.1 200"));
  }
  Client fourth(listening.server.address());
  fourth.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(fourth.read_all().empty());
  EXPECT_EQ(listening.served.service->metrics().refused_connections, 1U);
}

TEST(Net, RefusesForeignHostsAndPages) {
  Listening listening;
  const auto status = [&](const std::string& header) {
    return listening
        .send("PUT /v1/users/a/ratings/b HTTP/1.1\r\n" + header +
              "Content-Type: application/json\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{\"value\":5}")
        .status;
  };
  EXPECT_EQ(status("Host: evil.example\r\n"), 421U);
  EXPECT_EQ(status("Host: localhost:1\r\nOrigin: http://evil.example\r\n"), 403U);
  EXPECT_EQ(status("Host: localhost:1\r\nSec-Fetch-Site: cross-site\r\n"), 403U);
  EXPECT_EQ(status("Host: localhost:1\r\nOrigin: http://localhost:1\r\n"), 200U);
  EXPECT_EQ(status("Host: localhost:1\r\n"), 200U);
}

TEST(Net, FinishesOpenRequestsWhenItEnds) {
  auto listening = std::make_unique<Listening>(Limits{}, "127.0.0.1:0", true);
  Client idle(listening->server.address());
  Client half(listening->server.address());
  half.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n");
  std::this_thread::sleep_for(100ms);
  const Address address = listening->server.address();
  listening->server.stop();
  std::this_thread::sleep_for(100ms);
  half.send("\r\n");
  const std::string answer = half.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(idle.read_all().empty());
  listening.reset();
  EXPECT_FALSE(Client(address).connected());
}

TEST(Net, ListensOnAUnixSocket) {
  const testing_store::Folder folder;
  const std::string path = folder.path("socket");
  {
    Listening listening({}, "unix:" + path);
    const auto result = listening.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(result.status, 200U);
    EXPECT_THROW(Server(*listening.served.service, {.address = parse_address("unix:" + path), .limits = {}, .handles_signals = false},
                        listening.log),
                 FileError);
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(Net, ReadsAddresses) {
  EXPECT_EQ(parse_address("localhost:80").text(), "127.0.0.1:80");
  EXPECT_EQ(parse_address("[::1]:8090").text(), "[::1]:8090");
  EXPECT_TRUE(parse_address("127.8.1.1:1").is_local());
  EXPECT_FALSE(parse_address("0.0.0.0:1").is_local());
  EXPECT_FALSE(parse_address("[::]:1").is_local());
  for (const char* wrong : {"8090", ":8090", "localhost", "example.org:80", "127.0.0.1:99999", "127.0.0.1:", "unix:"}) {
    EXPECT_THROW(parse_address(wrong), OptionError) << wrong;
  }
}

}  // namespace
}  // namespace lowrank::serve::net_test
