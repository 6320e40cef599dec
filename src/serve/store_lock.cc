#include "serve/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/file.h"
#include "serve/store.h"

namespace lowrank::serve {

FolderLock::FolderLock(const std::string& folder) {
  const std::string path = folder + "/lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor_ < 0) throw_system_error(path, "cannot be opened", errno);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    std::array<char, 16> digits{};
    const ssize_t count = reason == EWOULDBLOCK ? ::pread(descriptor_, digits.data(), digits.size(), 0) : 0;
    ::close(descriptor_);
    if (reason != EWOULDBLOCK) throw_system_error(path, "cannot be locked", reason);
    std::string_view process(digits.data(), count < 0 ? 0 : static_cast<std::size_t>(count));
    process = process.substr(0, process.find_first_not_of("0123456789"));
    throw StoreError(StoreProblem::failed, folder + ": is in use by another lowrank serve" +
                                               (process.empty() ? "" : " (process " + std::string(process) + ")") +
                                               "; end that one first, or use another folder");
  }
  // Only for the message above: on a full disk the number is missing.
  const std::string process = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor_, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(descriptor_, process.data(), process.size(), 0);
  }
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace lowrank::serve
