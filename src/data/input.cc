#include "data/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "lowrank/base/error.h"

namespace lowrank {

std::string input_name(const std::string& path) { return path == "-" ? "<stdin>" : path; }

InputFile::InputFile(const std::string& path) : name_(input_name(path)) {
  if (path == "-") {
    descriptor_ = STDIN_FILENO;
    return;
  }
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw_system_error(name_, "cannot open", errno);
  owned_ = true;
  struct stat status {};
  const int failed = fstat(descriptor_, &status);
  if (failed != 0 || S_ISDIR(status.st_mode)) {
    const int reason = failed != 0 ? errno : EISDIR;
    close(descriptor_);
    throw_system_error(name_, "cannot read", reason);
  }
  // Files in /proc and similar file systems report a size of 0.
  seekable_ = S_ISREG(status.st_mode) && status.st_size > 0;
  size_ = seekable_ ? static_cast<std::uint64_t>(status.st_size) : 0;
}

InputFile::~InputFile() {
  if (owned_) close(descriptor_);
}

std::size_t InputFile::read_at(char* to, std::size_t size, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(descriptor_, to + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error(name_, "cannot read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (done < size && offset + done < size_) throw FileError(name_ + ": the file became shorter while it was read");
  if (count_ != nullptr) count_->fetch_add(done, std::memory_order_relaxed);
  return done;
}

std::size_t InputFile::read(char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(descriptor_, to + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error(name_, "cannot read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (count_ != nullptr) count_->fetch_add(done, std::memory_order_relaxed);
  return done;
}

}  // namespace lowrank
