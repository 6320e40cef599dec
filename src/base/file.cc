#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "lowrank/base/error.h"

namespace lowrank {

std::string system_message(const std::string& path, const char* what, int error_number) {
  return path + ": " + what + ": " + std::generic_category().message(error_number);
}

void throw_system_error(const std::string& path, const char* what, int error_number) {
  throw FileError(system_message(path, what, error_number));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

RegularFile::RegularFile(const std::string& path) : path_(path) {
  // Opening a pipe would wait for its other end.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw_system_error(path, "cannot open", errno);
  struct stat status {};
  const int known = ::fstat(descriptor_, &status);
  if (known == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  const int reason = errno;
  ::close(descriptor_);
  if (known != 0) throw_system_error(path, "cannot read", reason);
  throw FileError(path + ": cannot read: it is " + (S_ISDIR(status.st_mode) ? "a directory" : "not a regular file"));
}

RegularFile::~RegularFile() { ::close(descriptor_); }

std::size_t RegularFile::read(char* bytes, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(descriptor_, bytes + done, std::min(size - done, kMostTransferred));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw_system_error(path_, "cannot read", errno);
    }
  }
  return done;
}

std::string read_file(const std::string& path) {
  RegularFile file(path);
  std::string content(file.size(), '\0');
  content.resize(file.read(content.data(), content.size()));
  // It may have grown, and files of the kernel claim to be empty.
  for (std::string more(kFileBuffer, '\0');;) {
    const std::size_t got = file.read(more.data(), more.size());
    if (got == 0) return content;
    content.append(more, 0, got);
  }
}

}  // namespace lowrank
