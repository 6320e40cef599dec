#pragma once

/// \file
/// The store of the service: users, items, ratings, models and settings in one SQLite file, `STATE/store.sqlite`.
///
/// One connection per process, used by one thread, the writer. Writes are handed over and answered after the commit; many waiting writes
/// share one commit. Everything that lists need is loaded into memory at the start (load()); afterwards the caller keeps its memory up to
/// date in the callbacks of its writes, which come in the order of the commits.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/data/lines.h"
#include "lowrank/data/vocabulary.h"

namespace lowrank::serve {

/// Why the store refused a write.
enum class StoreProblem : std::uint8_t {
  none,
  invalid,    ///< an id, a value or a text that cannot be stored; nothing of the submission was written (400)
  full,       ///< no space on the disk; writes are tried again as soon as there is space (507)
  busy,       ///< too many operations wait already (503)
  read_only,  ///< the store was opened for reading only (403)
  failed,     ///< the disk failed, or the file is damaged; all later writes are refused until the service is started again (503)
  closed,     ///< the store is being closed (503)
};

/// An error of the store. The message is one sentence that names the file.
class StoreError : public Error {
 public:
  StoreError(StoreProblem problem, const std::string& message) : Error(message), problem_(problem) {}
  [[nodiscard]] StoreProblem problem() const noexcept { return problem_; }

 private:
  StoreProblem problem_;
};

/// The most bytes of an id of a user or item.
inline constexpr std::size_t kMostIdBytes = 512;
/// The most bytes of a title, a category, and the metadata of an item.
inline constexpr std::size_t kMostTitleBytes = 4096;
inline constexpr std::size_t kMostCategoryBytes = 256;
inline constexpr std::size_t kMostMetadataBytes = std::size_t{64} << 10U;
/// The most categories of an item.
inline constexpr std::size_t kMostCategories = 256;

/// Why `id` cannot be stored (`an empty id`, `an id of more than 512 bytes`, `a control character in an id`, `an id that is not valid
/// UTF-8`), or nothing if it can.
std::optional<std::string_view> stored_id_problem(std::string_view id) noexcept;
/// Why `text` cannot be a title or a category (`a control character`, `not valid UTF-8`, `more than 4096 bytes`), or nothing if it can.
std::optional<std::string> stored_text_problem(std::string_view text, std::size_t most_bytes);

/// \name Operations
/// \{

/// Sets the rating of a pair. A user or item that is not known is created.
struct PutRating {
  std::string user;
  std::string item;
  float value = 0;        ///< finite; -0 becomes 0
  std::int64_t time = 0;  ///< seconds since 1970
};
struct RemoveRating {
  std::string user;
  std::string item;
};
/// Removes a user with all their ratings. The bytes of the rows are overwritten in the file, and the log is emptied before the answer.
struct EraseUser {
  std::string user;
};
/// Sets an item: what is not given is as for a new item (no title, no categories, available, no metadata). Creates an item that is not
/// known.
struct PutItem {
  std::string item;
  std::optional<std::string> title;
  std::vector<std::string> categories;  ///< a set; order and repeats do not count
  bool available = true;
  std::optional<std::string> metadata;  ///< a JSON object as text
  std::int64_t time = 0;                ///< seconds since 1970, for `created` and `updated`
};
/// Changes what is given of an item; an item that is not known stays unknown (`found` of the change is false).
struct PatchItem {
  std::string item;
  std::optional<std::optional<std::string>> title;  ///< nothing inside: the title is removed
  std::optional<std::vector<std::string>> categories;
  std::optional<bool> available;
  std::optional<std::optional<std::string>> metadata;  ///< nothing inside: the metadata are removed
  std::int64_t time = 0;
};
/// Removes an item with all its ratings. Reads every rating of the store: about a second per 10 million.
struct RemoveItem {
  std::string item;
};
struct PutSetting {
  std::string key;
  std::optional<std::string> value;  ///< nothing: the setting is removed
};

/// A row of the table of models.
struct ModelRow {
  std::int64_t id = 0;
  std::string file;            ///< name within the folder `models`: `000042.safetensors`
  std::string state;           ///< `served`, `ready` (may be activated) or `rejected` (worse than the served one; may be activated too)
  std::string method;          ///< `als`
  std::string options = "{}";  ///< JSON object: the training run, see TrainRequest
  std::uint64_t rank = 0;      ///< number of factors
  std::uint64_t users = 0;     ///< users with a training rating
  std::uint64_t items = 0;     ///< items with a training rating
  std::uint64_t ratings = 0;   ///< number of ratings trained on
  std::string fingerprint;     ///< of the training data
  std::string metrics = "{}";  ///< JSON object of figures: `{"validation_rmse":0.91,...}`
  std::string history = "[]";  ///< JSON array of epochs
  std::int64_t created = 0;    ///< seconds since 1970
  std::uint64_t written = 0;   ///< StoreCounts::written when the ratings of its training were read
};
/// Adds a model, or replaces the row with its id.
struct PutModel {
  ModelRow model;
};
/// Makes a model the served one; the one before becomes `ready`.
struct ServeModel {
  std::int64_t id = 0;
};
struct RemoveModel {
  std::int64_t id = 0;
};
/// \}

using Operation =
    std::variant<PutRating, RemoveRating, EraseUser, PutItem, PatchItem, RemoveItem, PutSetting, PutModel, ServeModel, RemoveModel>;

/// Why an operation cannot be stored, or nothing if it can.
std::optional<std::string> problem_of(const Operation& operation);

/// What an operation met.
struct Change {
  bool found = false;         ///< whether the rating, user, item, setting or model was there before
  bool created_user = false;  ///< PutRating: whether it created the user
  bool created_item = false;  ///< PutRating, PutItem: whether it created the item
};

/// The answer to a submission.
struct Outcome {
  StoreProblem problem = StoreProblem::none;
  std::string message;          ///< one sentence, where there is a problem
  std::vector<Change> changes;  ///< one per operation, where there is none

  explicit operator bool() const noexcept { return problem == StoreProblem::none; }
};

/// Called once, in the thread of the writer, after the commit or the failure. Callbacks of successful submissions come in the order of
/// their commits, so that memory that is changed in them agrees with the store. It must not throw and must not wait for the store.
using Done = std::function<void(const Outcome& outcome)>;

/// When a commit counts as written.
enum class Sync : std::uint8_t {
  full,    ///< after the disk has it: survives power loss (default)
  normal,  ///< after the operating system has it: survives the end of the process; power loss may undo the last commits
};
/// `full|normal`. \throws OptionError("sync")
Sync parse_sync(std::string_view name);

struct StoreOptions {
  std::string folder;  ///< STATE; made, with mode 0700, where it does not exist
  Sync sync = Sync::full;
  bool read_only = false;                                ///< refuse writes. The folder is locked all the same
  std::size_t most_operations = 1000;                    ///< operations after which a commit takes no further submission
  std::chrono::microseconds most_gathering{2000};        ///< time after which a commit takes no further submission
  std::size_t most_waiting = 200'000;                    ///< operations that may wait; beyond, submissions are refused as busy
  std::string vfs;                                       ///< SQLite's VFS by name, for tests; empty for the default one
  std::function<void(std::string_view message)> on_log;  ///< receives sentences for the log: a check after an unclean end, a full disk
};

/// Details of an item.
struct StoredItem {
  std::optional<std::string> title;
  std::vector<std::string> categories;  ///< ascending by bytes, distinct
  bool available = true;
  std::optional<std::string> metadata;  ///< a JSON object as text
  std::int64_t created = 0;
  std::int64_t updated = 0;
};

/// Everything that lists need, as read at the start. Users and items are numbered in the order of their creation.
struct StoreContents {
  Vocabulary users;
  std::vector<std::int64_t> user_created;  ///< one per user
  Vocabulary items;
  std::vector<StoredItem> item_details;    ///< one per item
  std::vector<std::string> removed_items;  ///< ids of items that were removed and are not there again
  std::vector<std::size_t> row_offsets;    ///< users + 1 positions: the ratings of user u are at [row_offsets[u], row_offsets[u + 1])
  std::vector<std::uint32_t> rated_items;  ///< the item of every rating, ascending within a user
  std::vector<float> values;
  std::vector<std::int64_t> times;
};

/// What is known of an item besides its ratings.
struct ItemFacts {
  std::string id;
  std::vector<std::string> categories;  ///< distinct, in any order
  std::string metadata;                 ///< a JSON object as text; empty for none
};

/// Numbers for metrics; cheap, from any thread.
struct StoreCounts {
  std::uint64_t users = 0;
  std::uint64_t items = 0;
  std::uint64_t ratings = 0;
  std::uint64_t written = 0;  ///< ratings put and removed since the store was made; kept across restarts
  std::uint64_t commits = 0;  ///< since the start
  std::uint64_t bytes = 0;    ///< of the file and its log
  std::size_t waiting = 0;    ///< operations in the queue
  bool writable = true;       ///< false on a full or failed disk: not ready
  std::string problem;        ///< the sentence why not
};

/// A rating of a user, by ids.
struct StoredRating {
  std::string item;
  float value = 0;
  std::int64_t time = 0;
};

/// Safe from many threads. Constructing locks the folder; another process, or another Store of this one, that opens it is refused.
class Store {
 public:
  /// Opens or makes the store, migrates an older schema, and checks the file where the last end was not clean.
  /// \throws StoreError: in use by another process, not a store, made by a later version, damaged; FileError for the folder
  explicit Store(StoreOptions options);
  /// As close().
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Finishes what waits, empties the log into the file, notes the clean end, gives the lock back. Later submissions are refused.
  void close() noexcept;

  /// Hands writes over: all of them are committed together, or none. Returns at once. `done` is called with an invalid, busy, read_only or
  /// closed outcome before submit() returns, in the calling thread, and otherwise by the writer.
  void submit(std::vector<Operation> operations, Done done);
  /// The same with a future.
  std::future<Outcome> submit(std::vector<Operation> operations);
  /// Waits for the outcome. \throws StoreError if there is a problem
  std::vector<Change> write(std::vector<Operation> operations);

  /// Reads everything. Takes about a second per million ratings; writes wait.
  StoreContents load();

  /// All ratings in canonical order: by the bytes of the user's id, then of the item's. Users are numbered in that order, items in order of
  /// first appearance: exactly what reading the exported file gives. The state is that of one moment, and writes go on while it is taken.
  /// \param[out] written  if given, receives StoreCounts::written of that moment
  RatingLines snapshot(std::uint64_t* written = nullptr);

  /// What is known of all items, by the bytes of their ids. Each item is as it was at one moment, and writes go on while they are read.
  std::vector<ItemFacts> item_facts();

  /// \name Single reads, which wait for the commit that is under way
  /// \{
  std::optional<StoredItem> item(std::string_view id);
  /// The ratings of a user by the bytes of the item's id, from behind `after`; nothing for an unknown user.
  std::optional<std::vector<StoredRating>> ratings_of(std::string_view user, std::string_view after = {}, std::size_t limit = SIZE_MAX);
  /// Ids of users, or items, by their bytes, from behind `after`.
  std::vector<std::string> users_after(std::string_view after, std::size_t limit);
  std::vector<std::string> items_after(std::string_view after, std::size_t limit);
  std::optional<std::string> setting(std::string_view key);
  /// All models, by id.
  std::vector<ModelRow> models();
  /// \}

  [[nodiscard]] StoreCounts counts() const;
  /// Called after every commit with its time in seconds and its number of operations, in the thread of the writer. Set it before writing.
  void on_commit(std::function<void(double seconds, std::size_t operations)> observer);

  /// Makes a copy that can itself be served: `FOLDER/store.sqlite` and the served model. The copy is of one moment, and writes go on.
  /// \param folder  must not exist \throws StoreError, FileError; then nothing is left behind
  void backup(const std::string& folder);

  /// Looks through the whole file. \return faults, none if it is sound
  std::vector<std::string> check();

  /// The folder as given, and that of the models.
  [[nodiscard]] const std::string& folder() const noexcept;
  [[nodiscard]] std::string models_folder() const;
  [[nodiscard]] bool read_only() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lowrank::serve
