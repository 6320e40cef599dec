/// \file
/// Copies of the store that can be served.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "serve/store_schema.h"
#include "serve/store_state.h"

namespace lowrank::serve {

namespace {

/// Pages per step, between commits: 1 MiB.
constexpr int kStepPages = 256;

/// SQLite's copy of one connection to another. Changes that the source makes between the steps go to the copy as well.
class Copy {
 public:
  Copy(Database& from, Database& to) : from_(from), to_(to), handle_(sqlite3_backup_init(to.handle(), "main", from.handle(), "main")) {
    if (handle_ == nullptr) to.fail(sqlite3_extended_errcode(to.handle()), "the copy failed");
  }
  ~Copy() { sqlite3_backup_finish(handle_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  /// \return whether there is more
  bool step() {
    const int code = sqlite3_backup_step(handle_, kStepPages);
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_OK) to_.fail(code, "the copy failed");
    return true;
  }

 private:
  Database& from_;
  Database& to_;
  sqlite3_backup* handle_;
};

/// Model files never change, so that a second name is as good as a copy; on another file system it must be one.
void copy_model(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return;
  AtomicFile file(to);
  file.write(read_file(from));
  file.commit();
}

}  // namespace

void Store::backup(const std::string& folder) {
  State& state = *state_;
  if (exists(folder)) throw FileError(folder + ": exists already");
  const std::string partial = folder + ".partial";
  std::error_code ignored;
  std::filesystem::remove_all(partial, ignored);
  if (::mkdir(partial.c_str(), 0700) != 0) throw_system_error(partial, "cannot be made", errno);
  try {
    if (::mkdir((partial + "/models").c_str(), 0700) != 0) throw_system_error(partial + "/models", "cannot be made", errno);
    const std::string path = partial + "/store.sqlite";
    std::vector<std::string> files;
    {
      Database copy(path);
      // A copy that fails is removed, so that it needs no journal.
      copy.execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF");
      std::unique_ptr<Copy> steps;
      state.run([&] { steps = std::make_unique<Copy>(*state.database, copy); });
      try {
        while (state.run([&steps] { return steps->step(); })) {
        }
        state.run([&steps] { steps.reset(); });
      } catch (...) {
        // The end of a copy touches the connection of the store, too.
        try {
          state.run([&steps] { steps.reset(); });
        } catch (const StoreError&) {
        }
        throw;
      }
      set_up_connection(copy, Sync::full);
      copy.execute("UPDATE settings SET value='1' WHERE key='clean_end'");
      Statement rows(copy, "SELECT file FROM models");
      while (rows.step()) files.emplace_back(rows.text(0));
      rows.reset();
      copy.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    ::chmod(path.c_str(), 0600);
    for (const std::string& file : files) {
      const std::string name = "/models/" + file;
      const std::string from = this->folder() + name;
      if (exists(from)) copy_model(from, partial + name);
    }
    sync_folder(partial + "/models");
    sync_folder(partial);
    if (::rename(partial.c_str(), folder.c_str()) != 0) throw_system_error(folder, "cannot be put in place", errno);
    sync_folder(folder_of(folder));
  } catch (...) {
    std::filesystem::remove_all(partial, ignored);
    throw;
  }
}

}  // namespace lowrank::serve
