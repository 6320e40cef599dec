#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

#include "base/file.h"
#include "base/random.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// Where writing `path` leads, and what stands there now.
struct Target {
  std::string path;
  std::string folder;
  bool exists = false;
  mode_t permissions = 0;
};

std::string read_link(const std::string& path, const std::string& link) {
  std::string text(4096, '\0');
  const ssize_t size = ::readlink(link.c_str(), text.data(), text.size());
  if (size < 0) throw_system_error(path, "cannot follow the link", errno);
  text.resize(static_cast<std::size_t>(size));
  return text.starts_with('/') ? text : folder_of(link) + "/" + text;
}

const char* kind_of(mode_t mode) { return S_ISDIR(mode) ? "a directory" : "not a regular file"; }

/// A folder with the sticky bit, such as /tmp, in which only its owner may replace a file of another user.
bool keeps_from_replacing(const std::string& folder, uid_t file_owner) {
  struct stat status {};
  const uid_t user = ::geteuid();
  return user != 0 && user != file_owner && ::stat(folder.c_str(), &status) == 0 && (status.st_mode & S_ISVTX) != 0 &&
         user != status.st_uid;
}

Target find_target(const std::string& path) {
  if (path.empty()) throw FileError("the name of a file to write is empty");
  Target target;
  target.path = follow_links(path);
  if (target.path.ends_with('/')) throw FileError(path + ": names a directory, not a file to write");
  target.folder = folder_of(target.path);
  struct stat status {};
  target.exists = ::lstat(target.path.c_str(), &status) == 0;
  if (!target.exists && errno != ENOENT) throw_system_error(path, "cannot write", errno);
  if (target.exists) {
    if (!S_ISREG(status.st_mode)) throw FileError(path + ": cannot write: it is " + kind_of(status.st_mode));
    // A rename would replace even a file that is protected against writing.
    if (::faccessat(AT_FDCWD, target.path.c_str(), W_OK, AT_EACCESS) != 0) throw_system_error(path, "cannot write", errno);
    target.permissions = status.st_mode & 0777U;
  }
  if (::faccessat(AT_FDCWD, target.folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    throw_system_error(path, ("cannot write in the folder " + target.folder).c_str(), errno);
  }
  if (target.exists && keeps_from_replacing(target.folder, status.st_uid)) {
    throw FileError(path + ": cannot write: it belongs to another user, and the sticky bit of the folder " + target.folder +
                    " keeps it from being replaced");
  }
  return target;
}

constexpr std::string_view kTemporaryStart = ".lowrank-";
constexpr std::string_view kTemporaryEnd = ".tmp";
constexpr std::size_t kTemporaryDigits = 16;
constexpr std::string_view kHexDigits = "0123456789abcdef";

/// A name that no other process and no other call of this one is likely to choose.
std::string temporary_name(const std::string& folder) {
  static std::atomic<std::uint64_t> calls{0};
  const auto now = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  std::uint64_t bits = mix64(mix64(now ^ (static_cast<std::uint64_t>(::getpid()) << 40U)) + calls.fetch_add(1));
  std::string name = (folder + "/").append(kTemporaryStart);
  for (std::size_t digit = 0; digit < kTemporaryDigits; ++digit, bits >>= 4U) name += kHexDigits[bits & 15U];
  return name.append(kTemporaryEnd);
}

bool is_temporary_name(std::string_view name) {
  if (name.size() != kTemporaryStart.size() + kTemporaryDigits + kTemporaryEnd.size()) return false;
  return name.starts_with(kTemporaryStart) && name.ends_with(kTemporaryEnd) &&
         name.substr(kTemporaryStart.size(), kTemporaryDigits).find_first_not_of(kHexDigits) == std::string_view::npos;
}

/// Removes the temporary files that killed runs left in `folder`. A process that still writes one holds its lock.
void remove_leftovers(const std::string& folder) {
  constexpr int kMostEntries = 100000;
  const auto close_folder = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close_folder)> stream(::opendir(folder.c_str()), close_folder);
  if (stream == nullptr) return;
  const int inside = ::dirfd(stream.get());
  for (int seen = 0; seen < kMostEntries; ++seen) {
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr) return;
    if (!is_temporary_name(&entry->d_name[0])) continue;
    const int file = ::openat(inside, &entry->d_name[0], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) continue;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlinkat(inside, &entry->d_name[0], 0);
    ::close(file);
  }
}

/// The names of the temporary files that this process has now, for remove_temporaries().
std::array<std::atomic<const char*>, 16> temporaries{};
static_assert(std::atomic<const char*>::is_always_lock_free, "it is read in signal handlers");

void remember(const std::string& temporary) {
  for (std::atomic<const char*>& slot : temporaries) {
    const char* free = nullptr;
    if (slot.compare_exchange_strong(free, temporary.c_str())) return;
  }
}

void forget(const std::string& temporary) {
  for (std::atomic<const char*>& slot : temporaries) {
    const char* own = temporary.c_str();
    if (slot.compare_exchange_strong(own, nullptr)) return;
  }
}

/// The same file under a number that no standard stream has: who closed one must not find what they print there in the file.
int above_standard(int descriptor) {
  if (descriptor < 0 || descriptor > STDERR_FILENO) return descriptor;
  const int higher = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  return higher;
}

std::string descriptor_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

}  // namespace

std::string follow_links(const std::string& path) {
  constexpr int kMaxLinks = 40;
  std::string target = path;
  struct stat status {};
  for (int links = 0;; ++links) {
    if (::lstat(target.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return target;
    if (links == kMaxLinks) throw_system_error(path, "cannot follow the link", ELOOP);
    target = read_link(path, target);
  }
}

void remove_temporaries() noexcept {
  for (const std::atomic<const char*>& slot : temporaries) {
    if (const char* const name = slot.load(); name != nullptr) ::unlink(name);
  }
}

AtomicFile::AtomicFile(const std::string& path, Temporary temporary) : path_(path) {
  Target target = find_target(path);
  target_ = std::move(target.path);
  folder_ = std::move(target.folder);
  remove_leftovers(folder_);
  buffer_.reserve(kFileBuffer);
  open_temporary(temporary);
  if (target.exists && ::fchmod(descriptor_, target.permissions) != 0) {
    const int reason = errno;
    discard();
    throw_system_error(path_, "cannot copy the permissions of the file", reason);
  }
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  if (temporary_.empty()) return;
  ::unlink(temporary_.c_str());
  forget(temporary_);
  temporary_.clear();
}

void AtomicFile::open_temporary(Temporary temporary) {
  constexpr mode_t kPermissions = 0666;
  if (temporary == Temporary::automatic) {
    descriptor_ = above_standard(::open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kPermissions));
    if (descriptor_ >= 0) {
      // Without /proc it could not be given a name later.
      if (::access(descriptor_path(descriptor_).c_str(), F_OK) == 0) {
        ::flock(descriptor_, LOCK_EX | LOCK_NB);
        return;
      }
      ::close(descriptor_);
      descriptor_ = -1;
    }
  }
  for (;;) {
    temporary_ = temporary_name(folder_);
    descriptor_ = above_standard(::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kPermissions));
    if (descriptor_ >= 0) {
      remember(temporary_);
      ::flock(descriptor_, LOCK_EX | LOCK_NB);
      // Another process may have taken it for a leftover before it was locked.
      struct stat status {};
      if (::fstat(descriptor_, &status) == 0 && status.st_nlink != 0) return;
      discard();
    } else if (errno != EEXIST && errno != EINTR) {
      const int reason = errno;
      temporary_.clear();
      throw_system_error(path_, "cannot write a temporary file next to it", reason);
    }
  }
}

void AtomicFile::write_through(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kMostTransferred));
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      throw_system_error(path_, "cannot write", errno);
    }
  }
}

void AtomicFile::write(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kFileBuffer) {
    write_through(buffer_);
    buffer_.clear();
  }
  if (bytes.size() >= kFileBuffer) {
    write_through(bytes);
  } else {
    buffer_ += bytes;
  }
}

void AtomicFile::prepare() {
  write_through(buffer_);
  buffer_.clear();
  if (::fsync(descriptor_) != 0) throw_system_error(path_, "cannot write", errno);
}

/// Gives the file its name, where nothing has it yet. \return whether it has
bool AtomicFile::link_to(const std::string& name) const {
  if (::linkat(AT_FDCWD, descriptor_path(descriptor_).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno == EEXIST) return false;
  throw_system_error(path_, "cannot give the written file its name", errno);
}

void AtomicFile::replace() {
  if (!temporary_.empty() || !link_to(target_)) {
    while (temporary_.empty()) {
      std::string name = temporary_name(folder_);
      if (!link_to(name)) continue;
      temporary_ = std::move(name);
      remember(temporary_);
    }
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw_system_error(path_, "cannot rename the temporary file to it", errno);
    forget(temporary_);
    temporary_.clear();
  }
  const int closed = ::close(descriptor_);
  const int reason = errno;
  descriptor_ = -1;
  if (closed != 0) throw_system_error(path_, "cannot write", reason);
  // The new name is in the folder.
  sync_folder(folder_);
}

void AtomicFile::commit() {
  prepare();
  replace();
}

void AtomicFile::commit_all(std::span<AtomicFile* const> files) {
  for (AtomicFile* const file : files) file->prepare();
  // What has come to stand in the way must be found before an old file is removed.
  for (AtomicFile* const file : files) find_target(file->path_);
  for (AtomicFile* const file : files.subspan(std::min<std::size_t>(files.size(), 1))) {
    if (::unlink(file->target_.c_str()) != 0 && errno != ENOENT) throw_system_error(file->path_, "cannot replace it", errno);
  }
  for (AtomicFile* const file : files) file->replace();
}

void check_writable(const std::string& path) { find_target(path); }

void sync_folder(const std::string& folder) noexcept {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  static_cast<void>(::fsync(descriptor));
  ::close(descriptor);
}

}  // namespace lowrank
