#include "serve/store_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "serve/store_fixture.h"

namespace lowrank::serve::testing_store {

namespace {

/// A write that has not been synced; without bytes a change of the size.
struct Pending {
  sqlite3_int64 offset = 0;
  std::vector<char> bytes;
  bool truncates = false;
};

struct File;

struct Faults {
  std::mutex mutex;
  std::set<File*> files;
  bool dead = false;
  std::optional<std::uint64_t> space;
  bool sync_fails = false;
};

Faults& faults() {
  static Faults all;
  return all;
}

/// A file as SQLite sees it: all its content in memory. The real file has what was synced.
struct File {
  sqlite3_file base;  // must be first
  sqlite3_file* real;
  std::vector<char>* content;
  std::vector<Pending>* pending;

  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

  int apply(const Pending& change) const {
    if (change.truncates) return real->pMethods->xTruncate(real, change.offset);
    return real->pMethods->xWrite(real, change.bytes.data(), static_cast<int>(change.bytes.size()), change.offset);
  }
  int flush() const {
    for (const Pending& change : *pending) {
      if (const int code = apply(change); code != SQLITE_OK) return code;
    }
    pending->clear();
    return SQLITE_OK;
  }
};

int close_file(sqlite3_file* file) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  File& own = File::of(file);
  // The operating system writes what it has, sooner or later, unless the power fails.
  if (!faults().dead) own.flush();
  faults().files.erase(&own);
  const int code = own.real->pMethods->xClose(own.real);
  sqlite3_free(own.real);
  delete own.content;
  delete own.pending;
  return code;
}

int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 offset) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  if (faults().dead) return SQLITE_IOERR_READ;
  const std::vector<char>& content = *File::of(file).content;
  const auto begin = std::min(static_cast<std::size_t>(offset), content.size());
  const auto there = std::min(static_cast<std::size_t>(count), content.size() - begin);
  if (there > 0) std::memcpy(to, content.data() + begin, there);
  if (there == static_cast<std::size_t>(count)) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + there, 0, static_cast<std::size_t>(count) - there);
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  if (faults().dead) return SQLITE_IOERR_WRITE;
  File& own = File::of(file);
  const auto end = static_cast<std::size_t>(offset) + static_cast<std::size_t>(count);
  if (end > own.content->size()) {
    const std::uint64_t growth = end - own.content->size();
    if (faults().space) {
      if (growth > *faults().space) return SQLITE_FULL;
      *faults().space -= growth;
    }
    own.content->resize(end);
  }
  const auto* const bytes = static_cast<const char*>(from);
  std::copy(bytes, bytes + count, own.content->begin() + offset);
  own.pending->push_back({offset, {bytes, bytes + count}, false});
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  if (faults().dead) return SQLITE_IOERR_TRUNCATE;
  File& own = File::of(file);
  own.content->resize(static_cast<std::size_t>(size));
  own.pending->push_back({size, {}, true});
  return SQLITE_OK;
}

int sync_file(sqlite3_file* file, int /*flags*/) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  if (faults().dead) return SQLITE_IOERR_FSYNC;
  if (faults().sync_fails) {
    faults().sync_fails = false;
    return SQLITE_IOERR_FSYNC;
  }
  return File::of(file).flush();
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  *size = static_cast<sqlite3_int64>(File::of(file).content->size());
  return SQLITE_OK;
}

int lock_file(sqlite3_file* file, int level) {
  sqlite3_file* const real = File::of(file).real;
  return real->pMethods->xLock(real, level);
}
int unlock_file(sqlite3_file* file, int level) {
  sqlite3_file* const real = File::of(file).real;
  return real->pMethods->xUnlock(real, level);
}
int check_lock(sqlite3_file* file, int* reserved) {
  sqlite3_file* const real = File::of(file).real;
  return real->pMethods->xCheckReservedLock(real, reserved);
}
int control_file(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file* /*file*/) { return 512; }
int characteristics(sqlite3_file* /*file*/) { return 0; }

sqlite3_vfs* real_vfs() { return sqlite3_vfs_find(nullptr); }

/// Without shared memory: a log is possible only for an exclusive connection.
constexpr sqlite3_io_methods kMethods{.iVersion = 1,
                                      .xClose = close_file,
                                      .xRead = read_file,
                                      .xWrite = write_file,
                                      .xTruncate = truncate_file,
                                      .xSync = sync_file,
                                      .xFileSize = size_of_file,
                                      .xLock = lock_file,
                                      .xUnlock = unlock_file,
                                      .xCheckReservedLock = check_lock,
                                      .xFileControl = control_file,
                                      .xSectorSize = sector_size,
                                      .xDeviceCharacteristics = characteristics,
                                      .xShmMap = nullptr,
                                      .xShmLock = nullptr,
                                      .xShmBarrier = nullptr,
                                      .xShmUnmap = nullptr,
                                      .xFetch = nullptr,
                                      .xUnfetch = nullptr};

int open_file(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  File& own = File::of(file);
  own = {};
  const std::lock_guard<std::mutex> lock(faults().mutex);
  if (faults().dead) return SQLITE_CANTOPEN;
  own.real = static_cast<sqlite3_file*>(sqlite3_malloc(real_vfs()->szOsFile));
  std::memset(own.real, 0, static_cast<std::size_t>(real_vfs()->szOsFile));
  const int code = real_vfs()->xOpen(real_vfs(), name, own.real, flags, flags_out);
  if (code != SQLITE_OK) {
    sqlite3_free(own.real);
    return code;
  }
  const std::string content = name == nullptr ? "" : bytes_of(name);
  own.content = new std::vector<char>(content.begin(), content.end());
  own.pending = new std::vector<Pending>;
  own.base.pMethods = &kMethods;
  faults().files.insert(&own);
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* /*vfs*/, const char* name, int sync) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  return faults().dead ? SQLITE_IOERR_DELETE : real_vfs()->xDelete(real_vfs(), name, sync);
}

}  // namespace

void reset_faulty_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs copy = *real_vfs();
    copy.iVersion = 1;
    copy.szOsFile = sizeof(File);
    copy.zName = kFaultyVfs;
    copy.pNext = nullptr;
    copy.xOpen = open_file;
    copy.xDelete = delete_file;
    return copy;
  }();
  sqlite3_vfs_register(&vfs, 0);
  const std::lock_guard<std::mutex> lock(faults().mutex);
  faults().dead = false;
  faults().space.reset();
  faults().sync_fails = false;
}

bool cut_power(std::uint64_t seed) {
  constexpr std::size_t kSector = 512;
  const std::lock_guard<std::mutex> lock(faults().mutex);
  bool forgotten = false;
  for (const File* file : faults().files) {
    for (const Pending& change : *file->pending) {
      // Changes of the size, and sectors, each for itself: disks write in the order they like.
      for (std::size_t begin = 0; begin < std::max<std::size_t>(change.bytes.size(), 1); begin += kSector) {
        if (Sequence::mixed(++seed) % 2 == 0) {
          forgotten = true;
          continue;
        }
        Pending part = change;
        if (!change.truncates) {
          const std::size_t end = std::min(begin + kSector, change.bytes.size());
          part.offset += static_cast<sqlite3_int64>(begin);
          part.bytes.assign(change.bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                            change.bytes.begin() + static_cast<std::ptrdiff_t>(end));
        }
        file->apply(part);
      }
    }
  }
  faults().dead = true;
  return forgotten;
}

void limit_space(std::uint64_t bytes) {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  faults().space = bytes;
}

void unlimit_space() {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  faults().space.reset();
}

void fail_next_sync() {
  const std::lock_guard<std::mutex> lock(faults().mutex);
  faults().sync_fails = true;
}

}  // namespace lowrank::serve::testing_store
