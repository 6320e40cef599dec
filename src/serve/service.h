#pragma once

/// \file
/// The service: what is apart from sockets.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "serve/bound_models.h"
#include "serve/catalogue.h"
#include "serve/jobs.h"
#include "serve/keys.h"
#include "serve/limits.h"
#include "serve/lists.h"
#include "serve/metrics.h"
#include "serve/page.h"
#include "serve/request.h"
#include "serve/routes.h"
#include "serve/serving.h"
#include "serve/store.h"

namespace lowrank::serve {

struct ServiceOptions {
  Limits limits;
  bool read_only = false;            ///< refuse whatever changes something
  bool checks_host = true;           ///< false behind a proxy on a socket that browsers cannot reach
  std::vector<std::string> hosts;    ///< names of this service besides localhost and addresses
  std::vector<std::string> origins;  ///< foreign origins whose pages may ask
  Keys keys;                         ///< none: everyone may do everything
  int threads = 0;                   ///< threads that compute lists; 0 for all
  std::string web;                   ///< folder of the page's files; empty for those that were compiled in
  std::string retrain;               ///< when to train, as stated; empty for never
  /// Ratings by users of the model that an item which came after the training needs, to get its place in the model.
  std::uint32_t new_item_ratings = 3;
  std::chrono::milliseconds new_item_interval{5000};  ///< between searches for such items
  /// Receives events for the log: a level, a name, and members of JSON that begin with a comma, or nothing.
  std::function<void(std::string_view level, std::string_view event, std::string_view members)> on_log;
};

/// The problem that a write of the store had, as an answer.
Problem problem_of(StoreProblem problem, const std::string& message);

/// What answers have at hand.
struct Context {
  const ServiceOptions& options;
  Store& store;
  Catalogue& catalogue;
  Jobs& jobs;
  Slot& slot;
  BoundModels& bound;
  Metrics& metrics;
  const Page& page;
  std::uint64_t boot;
  Clock::time_point started;
  std::atomic<bool>& draining;
  std::function<std::size_t()> queue_length;        ///< requests that wait
  std::function<std::size_t()> longest_queue;       ///< those of the lane that has more of them
  std::function<void(std::function<void()>)> post;  ///< see Service::post()
  std::atomic<int>& pending;                        ///< writes whose commit is waited for

  /// Why the service is not ready; empty if it is.
  [[nodiscard]] std::vector<std::string> not_ready() const;
};

/// What is decided on a request by its header alone.
struct Admission {
  const Route* route = nullptr;     ///< null where it is refused
  std::size_t body_limit = 0;       ///< bytes
  std::optional<Response> refusal;  ///< the answer where it is refused
};

/// Answers requests. Safe from many threads.
class Service {
 public:
  /// Loads the store's content and the served model. \param store  must outlive the service \param model  a model file to serve; empty for
  /// the store's. \throws StoreError, ModelFileError, OptionError
  Service(Store& store, ServiceOptions options, JobOptions jobs, const std::string& model = {});
  /// Ends what runs. Requests that wait are answered first.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Checks a header: host, route, key, origin, type of the body. Cheap.
  [[nodiscard]] Admission admit(const Request& request);
  /// Answers an admitted request. `reply` is called once, maybe in another thread, maybe before this returns. Does not throw.
  void answer(Request request, const Route& route, Reply reply);
  /// Both at once, and waits for the answer.
  Response handle(Request request);
  /// Runs work that is not a request in the slow lane.
  void post(std::function<void()> work);

  /// From now on the service is not ready, and answers close their connections.
  void drain() { draining_ = true; }
  [[nodiscard]] bool draining() const { return draining_; }
  /// Reads the keys again. \throws as Keys::read(); the old keys stay then
  void renew_keys(Keys keys);
  /// Puts a model in service: prepares it aside, warms it, swaps it in.
  void serve(std::int64_t id, Model model);
  /// Gives items that came after the training their place, by their ratings where there are enough of them, else by their features where
  /// the model has learned some; items whose features changed since move. \return the number of items that came in or moved
  std::size_t add_new_items();

  [[nodiscard]] const ServiceOptions& options() const { return options_; }
  [[nodiscard]] Metrics& metrics() { return metrics_; }
  [[nodiscard]] Jobs& jobs() { return *jobs_; }
  [[nodiscard]] Catalogue& catalogue() { return catalogue_; }
  [[nodiscard]] std::shared_ptr<const Serving> serving() const { return slot_.get(); }
  void log(std::string_view level, std::string_view event, std::string_view members = {}) const;

 private:
  struct Task {
    Request request;
    const Route* route = nullptr;
    Reply reply;
    std::function<void()> work;  ///< takes the place of the request
  };
  /// Tasks that wait for a thread.
  struct Queue {
    std::deque<Task> tasks;
    std::condition_variable changed;
  };

  /// Watches the commits of the store, until it ends.
  class CommitWatch {
   public:
    CommitWatch(Store& store, Metrics& metrics);
    ~CommitWatch() { store_.on_commit({}); }
    CommitWatch(const CommitWatch&) = delete;
    CommitWatch& operator=(const CommitWatch&) = delete;

   private:
    Store& store_;
  };

  void check(const Request& request, Admission& admission);
  void check_key(const Request& request, const Route& route);
  void put(std::shared_ptr<const Serving> serving);
  /// Whether a model was trained on the features that the store has.
  [[nodiscard]] bool learned_from_store(const Serving& serving) const;
  /// A model that is not in service, for lists to compare. The last one that was asked for is kept. \throws Problem(404)
  std::shared_ptr<const Serving> other_model(std::int64_t id);
  std::vector<Response> lists_of(std::vector<ListQuery>& queries, ListRoom& room);
  /// What is answered to the exception in flight, which is logged where the fault is the service's.
  [[nodiscard]] Response failed(const Route& route) const;
  [[nodiscard]] Reply finishing(const Request& request, const Route* route, Reply reply);
  void finish(const Request& request, const Route* route, Response& response) const;
  void work_fast();
  void work_slow();
  void look_for_items();
  void answer_tasks(std::vector<Task>& tasks, ListRoom& room);

  ServiceOptions options_;
  Store& store_;
  Metrics metrics_;
  CommitWatch watch_;  // a member: also where the constructor throws, the store does not call back
  Catalogue catalogue_;
  Slot slot_;
  Page page_;
  std::uint64_t boot_;
  Clock::time_point started_ = Clock::now();
  std::atomic<bool> draining_{false};
  std::atomic<int> pending_{0};
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<Context> context_;

  std::mutex keys_mutex_;
  std::shared_ptr<const Keys> keys_;
  std::shared_ptr<RateLimit> rates_;

  std::mutex other_mutex_;
  std::shared_ptr<const Serving> other_;
  BoundModels bound_{catalogue_};
  std::mutex serving_mutex_;             ///< held while a model is made ready, so that two do not cross
  std::uint64_t placed_generation_ = 0;  ///< the Serving that was looked at for new items last; guarded by serving_mutex_
  std::uint64_t placed_facts_ = 0;       ///< the ItemRecord::facts that it has; guarded by serving_mutex_
  std::uint64_t served_facts_ = 0;       ///< the latest ItemRecord::facts when the model came into service; guarded by serving_mutex_
  std::int64_t closed_model_ = 0;        ///< a model that takes no new ratings, 0 for none; guarded by serving_mutex_
  mutable std::mutex mutex_;             ///< of the queues
  bool ends_ = false;
  Queue fast_;
  Queue slow_;
  std::condition_variable ending_;
  std::vector<std::thread> threads_;
};

}  // namespace lowrank::serve
