#include "serve/net.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "lowrank/base/error.h"
#include "serve/access_log.h"
#include "serve/http.h"
#include "serve/json.h"
#include "serve/notify.h"

namespace lowrank::serve {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

constexpr auto kTuple = asio::experimental::as_tuple(asio::use_awaitable);
constexpr std::size_t kPiece = std::size_t{1} << 16U;

Problem problem_of(const error_code& error, const Limits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {.status = 431, .detail = "the header is longer than " + std::to_string(limits.header_bytes) + " bytes"};
  }
  if (error == http::error::body_limit) return {.status = 413, .detail = "the body is too long"};
  if (error == http::error::bad_version) return {.status = 505, .detail = "the version is not HTTP/1.1 or HTTP/1.0"};
  return {.status = 400, .detail = "the request is not well-formed HTTP"};
}

/// Whether an error is one of what was read, and not of the connection.
bool is_of_request(const error_code& error) {
  return error.category() == make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream &&
         error != http::error::partial_message;
}

/// The address of a socket that is known to be one of TCP.
asio::ip::tcp::endpoint tcp_of(const asio::generic::stream_protocol::endpoint& general) {
  asio::ip::tcp::endpoint endpoint;
  endpoint.resize(general.size());
  std::copy_n(static_cast<const char*>(static_cast<const void*>(general.data())), general.size(),
              static_cast<char*>(static_cast<void*>(endpoint.data())));
  return endpoint;
}

}  // namespace

struct Server::State {
  class Session;

  State(Service& given, ServerOptions stated, Log& lines)
      : service(given),
        options(std::move(stated)),
        log(lines),
        acceptor(io),
        signals(io),
        drain_timer(io),
        flush_timer(io),
        watchdog_timer(io) {}

  Service& service;
  ServerOptions options;
  Log& log;
  asio::io_context io{1};
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor;
  asio::signal_set signals;
  asio::steady_timer drain_timer;
  asio::steady_timer flush_timer;
  asio::steady_timer watchdog_timer;
  std::set<Session*> sessions;
  std::map<std::string, std::size_t> addresses;  ///< connections by address
  std::size_t held_bytes = 0;                    ///< of bodies
  std::uint64_t next_request = 1;
  bool draining = false;

  void listen();
  asio::awaitable<void> accept();
  asio::awaitable<void> wait_for_signals();
  asio::awaitable<void> flush();
  asio::awaitable<void> watch(std::chrono::microseconds interval);
  void close_door();
  void drain();
  void leave(Session* session, const std::string& address);
};

/// One connection.
class Server::State::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(State& state, asio::generic::stream_protocol::socket socket, std::string address)
      : state_(state), stream_(std::move(socket)), address_(std::move(address)), buffer_(state.options.limits.header_bytes + kPiece) {}

  asio::awaitable<void> run() {
    const auto self = shared_from_this();
    state_.sessions.insert(this);
    try {
      while (co_await answer_one()) {
      }
      co_await close();
    } catch (...) {
      std::string members = ",\"detail\":";
      append_string(members, fault_in_flight());
      state_.log.write(LogLevel::error, "connection", members);
    }
    release();
    state_.leave(this, address_);
  }

  /// Ends a connection that waits for a request.
  void end_if_idle() {
    if (!busy_) beast::get_lowest_layer(stream_).cancel();
  }

 private:
  [[nodiscard]] const Limits& limits() const { return state_.options.limits; }

  /// \return whether the connection goes on
  asio::awaitable<bool> answer_one() {
    busy_ = false;
    if (buffer_.size() == 0) {
      if (state_.draining) co_return false;
      stream_.expires_after(limits().idle_time);
      const auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(4096), kTuple);
      if (error) co_return false;
      buffer_.commit(size);
    }
    busy_ = true;
    Request request;
    request.id = state_.next_request++;
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits().header_bytes));
    parser.body_limit(limits().bulk_bytes);
    stream_.expires_after(limits().header_time);
    if (const auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, kTuple); error) {
      if (error == beast::error::timeout) count_slow(request, nullptr);
      if (is_of_request(error)) co_await refuse(request, problem_of(error, limits()));
      co_return false;
    }
    take_header(parser, request);
    version_ = parser.get().version();
    keeps_ = parser.keep_alive();
    if (auto problem = framing_problem(request, {.version = version_, .chunked = parser.chunked()}, limits())) {
      co_await refuse(request, *std::move(problem));
      co_return false;
    }
    Admission admission = state_.service.admit(request);
    if (!admission.refusal && !parser.is_done()) {
      if (auto problem = co_await read_body(parser, admission.body_limit)) {
        if (problem->status == 408) {
          count_slow(request, admission.route);
        } else if (problem->status != 0) {
          co_await refuse(request, *std::move(problem), admission.route);
        }
        release();
        co_return false;
      }
    }
    Response response;
    if (admission.refusal) {
      response = *std::move(admission.refusal);
      // A body that is not wanted is not read: the connection ends in its place.
      if (!parser.is_done()) response.closes = true;
    } else {
      request.body = std::move(parser.get().body());
      const Field trace{"traceparent", std::string(request.field("traceparent").value_or(""))};
      Request answered{.method = request.method, .target = {}, .fields = {trace}, .body = {}, .arrived = request.arrived, .id = request.id};
      response = co_await answer(std::move(request), *admission.route);
      request = std::move(answered);
    }
    if (!keeps_) response.closes = true;
    const bool closes = response.closes;
    const bool written = co_await write(request, std::move(response));
    release();
    co_return written && !closes;
  }

  static void take_header(const http::request_parser<http::string_body>& parser, Request& request) {
    const auto& header = parser.get();
    request.method.assign(header.method_string().data(), header.method_string().size());
    request.target.assign(header.target().data(), header.target().size());
    for (const auto& field : header) {
      request.fields.push_back(
          {lowered({field.name_string().data(), field.name_string().size()}), std::string(field.value().data(), field.value().size())});
    }
  }

  /// A deadline has closed the connection: nothing can be answered any more.
  void count_slow(const Request& request, const Route* route) {
    const Response response{.status = 408, .route = route == nullptr ? "" : route->path};
    state_.service.metrics().count(route, request.method, response, std::chrono::duration<double>(Clock::now() - request.arrived).count());
    log_request(state_.log, request, response, 0);
  }

  /// \return a problem; its status is 0 where the client has gone, and 408 where it was too slow
  asio::awaitable<std::optional<Problem>> read_body(http::request_parser<http::string_body>& parser, std::size_t limit) {
    const auto length = parser.content_length();
    if (length && *length > limit) {
      co_return Problem{.status = 413, .detail = "the body is longer than " + std::to_string(limit) + " bytes"};
    }
    parser.body_limit(limit);
    const std::size_t held = length ? static_cast<std::size_t>(*length) : limit;
    if (state_.held_bytes + held > limits().bulk_bytes_held) {
      co_return Problem{.status = 503, .detail = "too many bodies are being read", .fields = {{"Retry-After", "1"}}};
    }
    held_ = held;
    state_.held_bytes += held;
    if (const auto expected = parser.get()[http::field::expect]; !expected.empty()) {
      if (lowered({expected.data(), expected.size()}) != "100-continue")
        co_return Problem{.status = 417, .detail = "Expect: only 100-continue is known"};
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      stream_.expires_after(limits().write_time);
      const auto [error, size] = co_await asio::async_write(stream_, asio::buffer(kContinue), kTuple);
      if (error) co_return Problem{.status = 0, .detail = {}};
    }
    const Clock::time_point start = Clock::now();
    std::size_t received = 0;
    while (!parser.is_done()) {
      stream_.expires_at(start + limits().body_time + std::chrono::seconds(received / 1024));
      const auto [error, size] = co_await http::async_read_some(stream_, buffer_, parser, kTuple);
      received += size;
      if (!error) continue;
      if (error == beast::error::timeout) co_return Problem{.status = 408, .detail = {}};
      if (!is_of_request(error)) co_return Problem{.status = 0, .detail = {}};
      co_return problem_of(error, limits());
    }
    co_return std::nullopt;
  }

  void release() { state_.held_bytes -= std::exchange(held_, 0); }

  /// Hands a request over and comes back with the answer, in the thread of the sockets.
  asio::awaitable<Response> answer(Request request, const Route& route) {
    stream_.expires_never();
    auto initiate = [this, &request, &route](auto handler) {
      auto kept = std::make_shared<decltype(handler)>(std::move(handler));
      state_.service.answer(std::move(request), route, [kept, executor = stream_.get_executor()](Response response) {
        auto held = std::make_shared<Response>(std::move(response));
        asio::post(executor, [kept, held]() mutable { (*kept)(std::move(*held)); });
      });
    };
    co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(Response)>(initiate, asio::use_awaitable);
  }

  /// The next piece of a long answer, made in another thread. \throws what the source throws
  asio::awaitable<bool> next_piece(BodySource& source, std::string& piece) {
    auto initiate = [this, &source, &piece](auto handler) {
      auto kept = std::make_shared<decltype(handler)>(std::move(handler));
      state_.service.post([kept, &source, &piece, executor = stream_.get_executor()]() {
        // The connection waits for an answer, whatever comes.
        std::exception_ptr fault;
        bool more = false;
        try {
          more = source.next(piece);
        } catch (...) {
          fault = std::current_exception();
        }
        asio::post(executor, [kept, fault, more]() mutable { (*kept)(fault, more); });
      });
    };
    co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(std::exception_ptr, bool)>(initiate, asio::use_awaitable);
  }

  asio::awaitable<void> refuse(const Request& request, Problem problem, const Route* route = nullptr) {
    Response response = answer_of(problem);
    response.closes = true;
    response.with("X-Content-Type-Options", "nosniff");
    response.route = route == nullptr ? "" : route->path;
    state_.service.metrics().count(route, request.method, response, std::chrono::duration<double>(Clock::now() - request.arrived).count());
    co_await write(request, std::move(response));
  }

  /// Writes within the time for that. \param[in,out] sent  bytes \return whether all of it was written
  template <std::size_t kBuffers>
  asio::awaitable<bool> send(const std::array<asio::const_buffer, kBuffers>& buffers, std::size_t& sent) {
    stream_.expires_after(limits().write_time);
    const auto [error, size] = co_await asio::async_write(stream_, buffers, kTuple);
    sent += size;
    co_return !error;
  }

  /// \return whether all of it was written
  asio::awaitable<bool> write(const Request& request, Response response) {
    const bool bare = request.method == "HEAD" || response.status == 304 || response.status == 204;
    const bool chunked = response.source && version_ != 10;
    if (response.source && !chunked) response.closes = true;
    const std::string header = header_of(request, response, {.version = version_, .chunked = chunked});
    const std::string_view body = bare || response.source ? std::string_view() : std::string_view(response.text());
    std::size_t sent = 0;
    const std::array<asio::const_buffer, 2> first{asio::buffer(header), asio::buffer(body.substr(0, kPiece))};
    bool written = co_await send(first, sent);
    for (std::size_t at = kPiece; written && at < body.size(); at += kPiece) {
      const std::array<asio::const_buffer, 1> piece{asio::buffer(body.substr(at, kPiece))};
      written = co_await send(piece, sent);
    }
    for (bool more = response.source && !bare; written && more;) {
      std::string piece;
      more = co_await next_piece(*response.source, piece);
      std::array<char, 24> length{};
      const int digits = std::snprintf(length.data(), length.size(), "%zx\r\n", piece.size());
      const std::string_view end = more ? "\r\n" : (piece.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n");
      const std::size_t head = piece.empty() ? 0 : static_cast<std::size_t>(digits);
      const std::array<asio::const_buffer, 3> parts{asio::buffer(length.data(), chunked ? head : 0), asio::buffer(piece),
                                                    asio::buffer(end.data(), chunked && (!more || !piece.empty()) ? end.size() : 0)};
      written = co_await send(parts, sent);
    }
    log_request(state_.log, request, response, sent);
    co_return written;
  }

  /// Tells the client that nothing more comes, and waits a moment for it to have read that: a socket that is closed with unread bytes takes
  /// the answer away.
  asio::awaitable<void> close() {
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    constexpr std::size_t kMost = std::size_t{256} << 10U;
    std::array<char, 4096> bytes{};
    stream_.expires_after(std::chrono::seconds(1));
    for (std::size_t read = 0; read < kMost;) {
      const auto [error, size] = co_await stream_.async_read_some(asio::buffer(bytes), kTuple);
      if (error) break;
      read += size;
    }
    stream_.socket().close(ignored);
  }

  State& state_;
  Stream stream_;
  std::string address_;
  beast::flat_buffer buffer_;
  bool busy_ = false;
  bool keeps_ = true;
  unsigned version_ = 11;
  std::size_t held_ = 0;
};

void Server::State::listen() {
  Address& address = options.address;
  error_code error;
  const auto fail = [&](const char* what) { throw FileError(address.text() + ": cannot " + what + ": " + error.message()); };
  if (address.is_unix()) {
    const asio::local::stream_protocol::endpoint endpoint(address.path);
    asio::local::stream_protocol::socket probe(io);
    probe.connect(endpoint, error);
    if (!error) throw FileError(address.text() + ": another process listens there");
    struct stat status {};
    // Left by a process that did not end cleanly.
    if (error == asio::error::connection_refused && ::lstat(address.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode))
      ::unlink(address.path.c_str());
    acceptor.open(asio::generic::stream_protocol(AF_UNIX, 0));
    const mode_t before = ::umask(0117);
    acceptor.bind(endpoint, error);
    ::umask(before);
    if (error) fail("listen");
  } else {
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.host), address.port);
    acceptor.open(asio::generic::stream_protocol(endpoint.protocol().family(), IPPROTO_TCP));
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint, error);
    if (error) fail("listen");
    address.port = tcp_of(acceptor.local_endpoint()).port();
  }
  acceptor.listen(1024, error);
  if (error) fail("listen");
}

asio::awaitable<void> Server::State::accept() {
  for (;;) {
    asio::generic::stream_protocol::endpoint peer;
    asio::generic::stream_protocol::socket socket(io);
    const auto [error] = co_await acceptor.async_accept(socket, peer, kTuple);
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      // No file descriptors, or no memory: it passes.
      log.write(LogLevel::error, "accept", ",\"detail\":\"no connection can be taken\"");
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      static_cast<void>(co_await pause.async_wait(kTuple));
      continue;
    }
    std::string address;
    if (!options.address.is_unix()) {
      address = tcp_of(peer).address().to_string();
      error_code ignored;
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    std::size_t& own = addresses[address];
    if (sessions.size() >= options.limits.connections || (!address.empty() && own >= options.limits.connections_per_address)) {
      service.metrics().refused_connections.fetch_add(1);
      if (own == 0) addresses.erase(address);
      continue;
    }
    ++own;
    service.metrics().connections.fetch_add(1);
    asio::co_spawn(
        io, [session = std::make_shared<Session>(*this, std::move(socket), address)] { return session->run(); }, asio::detached);
  }
}

void Server::State::leave(Session* session, const std::string& address) {
  sessions.erase(session);
  service.metrics().connections.fetch_sub(1);
  if (--addresses[address] == 0) addresses.erase(address);
  if (draining && sessions.empty()) io.stop();
}

void Server::State::close_door() {
  error_code ignored;
  acceptor.close(ignored);
  // At once: the next process may listen there before this one has ended.
  if (options.address.is_unix()) ::unlink(options.address.path.c_str());
}

void Server::State::drain() {
  if (draining) return;
  draining = true;
  service.drain();
  notify_manager("STOPPING=1");
  log.write(LogLevel::info, "draining", ",\"connections\":" + std::to_string(sessions.size()));
  close_door();
  if (sessions.empty()) io.stop();
  for (Session* const session : sessions) session->end_if_idle();
  drain_timer.expires_after(options.limits.drain_time);
  drain_timer.async_wait([this](const error_code& error) {
    if (!error) io.stop();
  });
}

asio::awaitable<void> Server::State::wait_for_signals() {
  for (;;) {
    const auto [error, signal] = co_await signals.async_wait(kTuple);
    if (error) co_return;
    if (signal != SIGHUP) {
      drain();
    } else if (options.reload) {
      service.post(options.reload);
    }
  }
}

asio::awaitable<void> Server::State::flush() {
  for (;;) {
    flush_timer.expires_after(std::chrono::milliseconds(200));
    if (const auto [error] = co_await flush_timer.async_wait(kTuple); error) co_return;
    log.flush();
  }
}

asio::awaitable<void> Server::State::watch(std::chrono::microseconds interval) {
  for (;;) {
    watchdog_timer.expires_after(interval / 2);
    if (const auto [error] = co_await watchdog_timer.async_wait(kTuple); error) co_return;
    notify_manager("WATCHDOG=1");
  }
}

Server::Server(Service& service, ServerOptions options, Log& log) : state_(std::make_unique<State>(service, std::move(options), log)) {
  state_->listen();
}

Server::~Server() {
  if (state_->acceptor.is_open()) state_->close_door();
}

const Address& Server::address() const { return state_->options.address; }

void Server::run() {
  State& state = *state_;
  if (state.options.handles_signals) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) state.signals.add(signal);
    asio::co_spawn(state.io, state.wait_for_signals(), asio::detached);
  }
  asio::co_spawn(state.io, state.accept(), asio::detached);
  asio::co_spawn(state.io, state.flush(), asio::detached);
  if (const auto interval = watchdog_interval()) asio::co_spawn(state.io, state.watch(*interval), asio::detached);
  notify_manager("READY=1");
  const auto guard = asio::make_work_guard(state.io);
  state.io.run();
  state.log.write(LogLevel::info, "ended", ",\"connections\":" + std::to_string(state.sessions.size()));
  state.log.flush();
}

void Server::stop() {
  asio::post(state_->io, [state = state_.get()] { state->drain(); });
}

}  // namespace lowrank::serve
