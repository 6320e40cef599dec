#pragma once

#include <string>

namespace lowrank::serve {

/// The lock of a folder of the service: the file `lock` in it, held until the process ends, however it ends.
class FolderLock {
 public:
  /// \throws StoreError where another process (or this one) holds it, with the number of that process; FileError
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace lowrank::serve
