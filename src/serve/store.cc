#include "serve/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "serve/store_schema.h"
#include "serve/store_state.h"

namespace lowrank::serve {

Sync parse_sync(std::string_view name) {
  if (name == "full") return Sync::full;
  if (name == "normal") return Sync::normal;
  throw OptionError("sync", "must be full or normal, got \"" + std::string(name) + "\"");
}

namespace {

void make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) {
    sync_folder(folder_of(folder));
  } else if (errno != EEXIST) {
    throw_system_error(folder, "cannot be made", errno);
  }
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) throw_system_error(folder, "cannot be read", errno);
  if (!S_ISDIR(status.st_mode)) throw FileError(folder + ": is not a folder");
}

/// Makes an empty file for its owner alone, which SQLite takes for an empty database and whose mode its log takes on. \return whether there
/// was none
bool make_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0 && errno != EEXIST) throw_system_error(path, "cannot be made", errno);
  if (descriptor >= 0) ::close(descriptor);
  return descriptor >= 0;
}

std::uint64_t size_of(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace

Store::State::State(StoreOptions given) : options(std::move(given)), path(options.folder + "/store.sqlite") { open(); }

void Store::State::open() {
  make_folder(options.folder);
  folder_lock = std::make_unique<FolderLock>(options.folder);
  make_folder(options.folder + "/models");
  const bool made = make_file(path);
  database = std::make_unique<Database>(path, options.vfs);
  set_up_connection(*database, options.sync);
  if (options.read_only && !made && database->number_of("PRAGMA user_version") != static_cast<std::int64_t>(schema_steps().size()))
    throw StoreError(StoreProblem::read_only, path + ": a store of another version; open it once without reading only");
  migrate(*database, schema_steps());
  if (made) sync_folder(options.folder);
  if (!made && database->text_of("SELECT value FROM settings WHERE key='clean_end'") != "1") {
    log("the last end was not clean; checking " + path);
    const std::string found = database->text_of("PRAGMA quick_check(1)");
    if (found != "ok") throw StoreError(StoreProblem::failed, path + ": the store is damaged: " + found + "; restore a backup");
  }
  changes = std::make_unique<Changes>(*database);
  try {
    if (!options.read_only) changes->set("clean_end", "0");
  } catch (const StoreError& error) {
    // Reading goes on without space.
    if (error.problem() != StoreProblem::full) throw;
    database->roll_back();
    note_problem(StoreProblem::full, error.what());
  }
  publish();
}

void Store::State::publish() {
  const std::lock_guard<std::mutex> lock(mutex);
  counts.users = changes->users().size();
  counts.items = changes->items().size();
  counts.ratings = changes->ratings();
  counts.written = changes->written();
}

Store::Store(StoreOptions options) : state_(std::make_unique<State>(std::move(options))) {
  state_->thread = std::thread([state = state_.get()] { state->serve(); });
}

Store::~Store() { close(); }

void Store::close() noexcept {
  State& state = *state_;
  const std::lock_guard<std::mutex> closing(state.closing_mutex);
  {
    const std::lock_guard<std::mutex> lock(state.mutex);
    state.closing = true;
  }
  state.changed.notify_all();
  if (!state.thread.joinable()) return;
  state.thread.join();
  state.end();
}

void Store::State::end() noexcept {
  try {
    if (!options.read_only && problem != StoreProblem::failed) {
      changes->set("clean_end", "1");
      database->execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
  } catch (const std::exception& error) {
    // The next start then checks the file.
    log(error.what());
  }
  changes.reset();
  database.reset();
  folder_lock.reset();
}

void Store::submit(std::vector<Operation> operations, Done done) {
  State& state = *state_;
  const auto refuse = [&done](StoreProblem problem, std::string message) {
    done({.problem = problem, .message = std::move(message), .changes = {}});
  };
  if (state.options.read_only) return refuse(StoreProblem::read_only, "the store is open for reading only");
  for (const Operation& operation : operations) {
    if (auto problem = problem_of(operation)) return refuse(StoreProblem::invalid, std::move(*problem));
  }
  bool closed = false;
  {
    const std::lock_guard<std::mutex> lock(state.mutex);
    closed = state.closing;
    // A submission that is larger than the queue may wait alone.
    if (!closed && (state.queue.empty() || state.waiting + operations.size() <= state.options.most_waiting)) {
      state.waiting += operations.size();
      state.queue.push_back({std::move(operations), std::move(done)});
      state.changed.notify_one();
      return;
    }
  }
  if (closed) return refuse(StoreProblem::closed, "the store is closed");
  refuse(StoreProblem::busy, "too many writes are waiting; try again later");
}

std::future<Outcome> Store::submit(std::vector<Operation> operations) {
  auto promise = std::make_shared<std::promise<Outcome>>();
  std::future<Outcome> future = promise->get_future();
  submit(std::move(operations), [promise](const Outcome& outcome) { promise->set_value(outcome); });
  return future;
}

std::vector<Change> Store::write(std::vector<Operation> operations) {
  Outcome outcome = submit(std::move(operations)).get();
  if (!outcome) throw StoreError(outcome.problem, outcome.message);
  return std::move(outcome.changes);
}

StoreCounts Store::counts() const {
  StoreCounts counts;
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    counts = state_->counts;
    counts.waiting = state_->waiting;
  }
  counts.bytes = size_of(state_->path) + size_of(state_->path + "-wal");
  return counts;
}

void Store::on_commit(std::function<void(double seconds, std::size_t operations)> observer) {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  state_->commit_observer = std::move(observer);
}

const std::string& Store::folder() const noexcept { return state_->options.folder; }

bool Store::read_only() const noexcept { return state_->options.read_only; }

std::string Store::models_folder() const { return state_->options.folder + "/models"; }

}  // namespace lowrank::serve
