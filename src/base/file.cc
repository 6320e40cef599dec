#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "base/random.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kBufferSize = std::size_t{1} << 20U;
/// A single read or write never moves more than this: Linux cuts at 2 GiB.
constexpr std::size_t kMaxTransfer = std::size_t{1} << 30U;

/// Where writing `path` leads, and what stands there now.
struct Target {
  std::string path;
  std::string folder;
  bool exists = false;
  mode_t permissions = 0;
};

[[noreturn]] void fail(const std::string& path, const char* what, int error_number) {
  throw FileError(system_message(path, what, error_number));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string read_link(const std::string& path, const std::string& link) {
  std::string text(4096, '\0');
  const ssize_t size = ::readlink(link.c_str(), text.data(), text.size());
  if (size < 0) fail(path, "cannot follow the link", errno);
  text.resize(static_cast<std::size_t>(size));
  return text.starts_with('/') ? text : folder_of(link) + "/" + text;
}

const char* kind_of(mode_t mode) { return S_ISDIR(mode) ? "a directory" : "not a regular file"; }

Target find_target(const std::string& path) {
  constexpr int kMaxLinks = 40;
  if (path.empty()) throw FileError("the name of a file to write is empty");
  Target target;
  target.path = path;
  struct stat status {};
  for (int links = 0;; ++links) {
    if (target.path.ends_with('/')) throw FileError(path + ": names a directory, not a file to write");
    if (::lstat(target.path.c_str(), &status) != 0) {
      if (errno != ENOENT) fail(path, "cannot write", errno);
      break;
    }
    if (!S_ISLNK(status.st_mode)) {
      target.exists = true;
      break;
    }
    if (links == kMaxLinks) fail(path, "cannot follow the link", ELOOP);
    target.path = read_link(path, target.path);
  }
  target.folder = folder_of(target.path);
  if (target.exists) {
    if (!S_ISREG(status.st_mode)) throw FileError(path + ": cannot write: it is " + kind_of(status.st_mode));
    // A rename would replace even a file that is protected against writing.
    if (::faccessat(AT_FDCWD, target.path.c_str(), W_OK, AT_EACCESS) != 0) fail(path, "cannot write", errno);
    target.permissions = status.st_mode & 0777U;
  }
  if (::faccessat(AT_FDCWD, target.folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    fail(path, ("cannot write in the folder " + target.folder).c_str(), errno);
  }
  return target;
}

/// A name that no other process and no other call of this one is likely to choose.
std::string temporary_name(const std::string& folder) {
  static std::atomic<std::uint64_t> calls{0};
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto now = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  std::uint64_t bits = mix64(mix64(now ^ (static_cast<std::uint64_t>(::getpid()) << 40U)) + calls.fetch_add(1));
  std::string name = folder + "/.lowrank-";
  for (int digit = 0; digit < 16; ++digit, bits >>= 4U) name += kDigits[bits & 15U];
  return name + ".tmp";
}

std::string descriptor_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

}  // namespace

std::string system_message(const std::string& path, const char* what, int error_number) {
  return path + ": " + what + ": " + std::generic_category().message(error_number);
}

AtomicFile::AtomicFile(const std::string& path, Temporary temporary) : path_(path) {
  Target target = find_target(path);
  target_ = std::move(target.path);
  folder_ = std::move(target.folder);
  buffer_.reserve(kBufferSize);
  open_temporary(temporary);
  if (target.exists && ::fchmod(descriptor_, target.permissions) != 0) {
    const int reason = errno;
    ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    fail(path_, "cannot copy the permissions of the file", reason);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::open_temporary(Temporary temporary) {
  constexpr mode_t kPermissions = 0666;
  if (temporary == Temporary::automatic) {
    descriptor_ = ::open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kPermissions);
    if (descriptor_ >= 0) {
      // Without /proc it could not be given a name later.
      if (::access(descriptor_path(descriptor_).c_str(), F_OK) == 0) return;
      ::close(descriptor_);
      descriptor_ = -1;
    }
  }
  do {
    temporary_ = temporary_name(folder_);
    descriptor_ = ::open(temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kPermissions);
  } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  if (descriptor_ < 0) fail(path_, "cannot write a temporary file next to it", errno);
}

void AtomicFile::write_through(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kMaxTransfer));
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail(path_, "cannot write", errno);
    }
  }
}

void AtomicFile::write(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBufferSize) {
    write_through(buffer_);
    buffer_.clear();
  }
  if (bytes.size() >= kBufferSize) {
    write_through(bytes);
  } else {
    buffer_ += bytes;
  }
}

void AtomicFile::commit() {
  write_through(buffer_);
  buffer_.clear();
  if (::fsync(descriptor_) != 0) fail(path_, "cannot write", errno);
  while (temporary_.empty()) {
    std::string name = temporary_name(folder_);
    if (::linkat(AT_FDCWD, descriptor_path(descriptor_).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary_ = std::move(name);
    } else if (errno != EEXIST) {
      fail(path_, "cannot write a temporary file next to it", errno);
    }
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(path_, "cannot rename the temporary file to it", errno);
  temporary_.clear();
  const int closed = ::close(descriptor_);
  const int reason = errno;
  descriptor_ = -1;
  if (closed != 0) fail(path_, "cannot write", reason);
  // The new name is in the folder; only a synced folder keeps it through a power failure. Not every file system can sync one.
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

void check_writable(const std::string& path) { find_target(path); }

RegularFile::RegularFile(const std::string& path) : path_(path) {
  // Opening a pipe would wait for its other end.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(path, "cannot open", errno);
  struct stat status {};
  const int known = ::fstat(descriptor_, &status);
  if (known == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  const int reason = errno;
  ::close(descriptor_);
  if (known != 0) fail(path, "cannot read", reason);
  throw FileError(path + ": cannot read: it is " + kind_of(status.st_mode));
}

RegularFile::~RegularFile() { ::close(descriptor_); }

std::size_t RegularFile::read(char* bytes, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(descriptor_, bytes + done, std::min(size - done, kMaxTransfer));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      fail(path_, "cannot read", errno);
    }
  }
  return done;
}

std::string read_file(const std::string& path) {
  RegularFile file(path);
  std::string content(file.size(), '\0');
  content.resize(file.read(content.data(), content.size()));
  // It may have grown, and files of the kernel claim to be empty.
  for (std::string more(kBufferSize, '\0');;) {
    const std::size_t got = file.read(more.data(), more.size());
    if (got == 0) return content;
    content.append(more, 0, got);
  }
}

}  // namespace lowrank
