// Any bytes on a connection of the service are answered, or the connection is closed. No answer is a fault of the service (500), and what
// the store has and what the memory has stay the same.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "serve/net.h"
#include "serve/service.h"

namespace lowrank::serve {

namespace {

/// A service with a small model, on a Unix socket, for the life of the process.
class Target {
 public:
  Target() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lowrank-fuzz-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    store_ = std::make_unique<Store>(StoreOptions{.folder = folder_ + "/state", .sync = Sync::normal, .vfs = {}, .on_log = {}});
    std::vector<Operation> ratings;
    for (unsigned n = 0; n < 200; ++n) {
      ratings.emplace_back(PutRating{.user = "u" + std::to_string(n * 7 % 20),
                                     .item = "i" + std::to_string(n * 11 % 17),
                                     .value = static_cast<float>(n % 5 + 1),
                                     .time = n});
    }
    store_->write(std::move(ratings));
    JobOptions jobs;
    jobs.request.run.method = method_by_name("als");
    set_option(jobs.request.run.method, "rank", "4");
    set_option(jobs.request.run.method, "epochs", "2");
    ServiceOptions options;
    options.threads = 1;
    options.checks_host = true;
    // Trainings and the like take longer than the rest of a run.
    service_ = std::make_unique<Service>(*store_, std::move(options), std::move(jobs));
    service_->jobs().start(service_->jobs().options().request);
    service_->jobs().wait();
    server_ = std::make_unique<Server>(
        *service_, ServerOptions{.address = {.path = folder_ + "/socket", .host = {}}, .limits = {}, .handles_signals = false}, log_);
    thread_ = std::thread([this] { server_->run(); });
  }
  ~Target() {
    server_->stop();
    thread_.join();
    service_.reset();
    server_.reset();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// Everything that the service says to these bytes.
  [[nodiscard]] std::string answer(const std::uint8_t* data, std::size_t size) const {
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path = folder_ + "/socket";
    std::memcpy(name.sun_path, path.data(), path.size());
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) std::abort();
    // A service that refuses early may close before all is sent.
    for (std::size_t sent = 0; sent < size;) {
      const ssize_t written = ::send(descriptor, data + sent, size - sent, MSG_NOSIGNAL);
      if (written <= 0) break;
      sent += static_cast<std::size_t>(written);
    }
    ::shutdown(descriptor, SHUT_WR);
    std::string text;
    char bytes[4096];
    for (ssize_t read = 0; (read = ::recv(descriptor, bytes, sizeof bytes, 0)) > 0;) text.append(bytes, static_cast<std::size_t>(read));
    ::close(descriptor);
    return text;
  }

  [[nodiscard]] bool agrees() const {
    const StoreCounts counts = store_->counts();
    const Catalogue::View view = service_->catalogue().view();
    return counts.ratings == view.rating_count() && counts.users == view.user_count() && counts.items == view.item_count();
  }

 private:
  std::string folder_;
  Log log_{LogLevel::error};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace

}  // namespace lowrank::serve

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT(readability-identifier-naming)
  static const lowrank::serve::Target target;
  const std::string text = target.answer(data, size);
  if (!text.empty() && !text.starts_with("HTTP/1.1 ")) std::abort();
  for (std::size_t at = 0; at != std::string::npos; at = text.find("\r\nHTTP/1.1 ", at + 1)) {
    if (text.compare(at == 0 ? 0 : at + 2, 12, "HTTP/1.1 500") == 0) std::abort();
  }
  if (!target.agrees()) std::abort();
  return 0;
}
