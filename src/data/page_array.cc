#include "lowrank/data/page_array.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#include "base/memory.h"

namespace lowrank::detail {

void* map_pages(std::size_t bytes) {
  void* begin = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) throw std::bad_alloc();
  prefer_large_pages(begin, bytes);
  return begin;
}

void unmap_pages(void* begin, std::size_t bytes) noexcept { munmap(begin, bytes); }

void release_pages(void* begin, std::size_t bytes) noexcept {
  static const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t skipped = (page - address % page) % page;
  if (bytes <= skipped) return;
  const std::size_t length = (bytes - skipped) / page * page;
  if (length != 0) madvise(static_cast<char*>(begin) + skipped, length, MADV_DONTNEED);
}

}  // namespace lowrank::detail
