#include <atomic>
#include <memory>
#include <mutex>

#include "data/text.h"
#include "serve/answers.h"

namespace lowrank::serve {

namespace {

constexpr std::size_t kChunk = 1000;         // operations of one transaction
constexpr std::size_t kMostRejected = 1000;  // lines that are named

struct Rejected {
  std::uint64_t line = 0;
  std::string detail;
};

/// A bulk write on its way: one chunk after the other, so that a body never fills the queue of the store.
class Bulk : public std::enable_shared_from_this<Bulk> {
 public:
  Bulk(Context& context, const Call& call, std::function<Operation(const Json& entry)> operation, Reply reply)
      : context_(context),
        schema_(schema_of(call.route.schema)),
        operation_(std::move(operation)),
        reply_(std::move(reply)),
        skips_(call.text("on_error") == "skip") {
    const auto type = call.request.field("content-type").value_or("");
    if (type.find("ndjson") == std::string_view::npos) {
      entries_ = parse_json(call.request.body);
      if (!entries_.is_array()) throw Problem{.status = 400, .detail = "body: expected an array"};
    } else {
      body_ = call.request.body;
      lines_ = true;
    }
    rest_ = body_;
  }

  /// Submits the next chunk, or answers.
  void go_on() {
    auto operations = std::make_shared<std::vector<Operation>>();
    std::optional<Problem> stop;
    try {
      while (operations->size() < kChunk) {
        if (!take(*operations)) break;
      }
    } catch (const Problem& problem) {
      stop = problem;
    } catch (const std::exception&) {
      stop = no_memory();
    }
    if (operations->empty()) {
      finish(stop);
      return;
    }
    const auto self = shared_from_this();
    context_.store.submit(*operations, [self, operations, stop, pending = std::make_shared<Pending>(context_)](const Outcome& outcome) {
      self->committed(outcome, *operations, stop);
    });
  }

 private:
  static Problem no_memory() { return {.status = 503, .detail = "there is not enough memory", .fields = {{"Retry-After", "10"}}}; }

  /// Adds the next entry. \return false at the end
  bool take(std::vector<Operation>& operations) {
    if (lines_) {
      if (rest_.empty()) return false;
      const std::string_view line = take_line(rest_);
      ++line_;
      if (trimmed(line).empty()) return true;
      attempt(operations, [&] { return parse_json(line); });
      return true;
    }
    if (line_ >= entries_.size()) return false;
    ++line_;
    attempt(operations, [&]() -> const Json& { return entries_[line_ - 1]; });
    return true;
  }

  template <class Entry>
  void attempt(std::vector<Operation>& operations, const Entry& entry) {
    try {
      const Json& own = entry();
      check_schema(own, schema_, "entry");
      operations.push_back(checked(operation_(own)));
    } catch (Problem& problem) {
      if (!skips_) {
        problem.line = line_;
        throw problem;
      }
      reject(problem.detail);
    }
  }

  /// What the store would refuse is found entry by entry, for it refuses whole chunks.
  static Operation checked(Operation operation) {
    if (auto problem = problem_of(operation)) throw Problem{.status = 400, .detail = *std::move(problem)};
    return operation;
  }

  void reject(const std::string& detail) {
    ++rejected_count_;
    if (rejected_.size() < kMostRejected) rejected_.push_back({line_, detail});
  }

  void committed(const Outcome& outcome, const std::vector<Operation>& operations, const std::optional<Problem>& stop) {
    if (!outcome) {
      Problem problem = problem_of(outcome.problem, outcome.message);
      problem.accepted = accepted_;
      reply_(answer_of(problem));
      return;
    }
    for (std::size_t n = 0; n < operations.size(); ++n) context_.catalogue.apply(operations[n], outcome.changes[n]);
    accepted_ += operations.size();
    if (stop) {
      finish(stop);
    } else {
      // The store's thread only applies what is committed; entries are read in the lane of long work.
      context_.post([self = shared_from_this()] { self->go_on(); });
    }
  }

  void finish(std::optional<Problem> stop) {
    Response response;
    try {
      if (!stop) response = result();
    } catch (const std::exception&) {
      stop = no_memory();
    }
    if (stop) {
      stop->accepted = accepted_;
      response = answer_of(*stop);
    }
    reply_(std::move(response));
  }

  /// What became of the entries.
  [[nodiscard]] Response result() const {
    Response response;
    JsonWriter json(response.body);
    json.begin_object().member("accepted", accepted_).key("rejected").begin_array();
    for (const Rejected& own : rejected_) json.begin_object().member("line", own.line).member("detail", own.detail).end_object();
    json.end_array();
    if (rejected_count_ > rejected_.size()) json.member("rejected_count", rejected_count_);
    json.end_object();
    return response;
  }

  Context& context_;
  const Json& schema_;
  std::function<Operation(const Json& entry)> operation_;
  Reply reply_;
  bool skips_;
  bool lines_ = false;
  Json entries_;
  std::string body_;
  std::string_view rest_;
  std::uint64_t line_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t rejected_count_ = 0;
  std::vector<Rejected> rejected_;
};

}  // namespace

void write_in_bulk(Context& context, const Call& call, const std::function<Operation(const Json& entry)>& operation, const Reply& reply) {
  std::make_shared<Bulk>(context, call, operation, reply)->go_on();
}

}  // namespace lowrank::serve
