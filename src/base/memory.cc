#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace lowrank {

namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

/// The number of a line like `VmHWM:   1234 kB` of a file of the system, in bytes.
std::optional<std::size_t> line_of(const char* path, const char* format) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    unsigned long long kibibytes = 0;
    if (std::sscanf(line.c_str(), format, &kibibytes) == 1) return static_cast<std::size_t>(kibibytes) * 1024;
  }
  return std::nullopt;
}

/// The number that a file of the system consists of; nothing for `max`.
std::optional<std::size_t> number_of(const char* path) {
  std::ifstream file(path);
  std::size_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

std::size_t beyond(std::size_t limit, std::size_t used) { return limit > used ? limit - used : 0; }

/// Within the control group: versions 2 and 1, at the place where containers see their own.
std::size_t available_in_group() {
  const auto limit = number_of("/sys/fs/cgroup/memory.max");
  const auto used = number_of("/sys/fs/cgroup/memory.current");
  if (limit && used) return beyond(*limit, *used);
  const auto old_limit = number_of("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  const auto old_used = number_of("/sys/fs/cgroup/memory/memory.usage_in_bytes");
  if (old_limit && old_used) return beyond(*old_limit, *old_used);
  return kUnlimited;
}

std::size_t available_to_process() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kUnlimited;
  return beyond(limit.rlim_cur, line_of("/proc/self/status", "VmSize: %llu").value_or(0));
}

}  // namespace

std::size_t resident_memory() { return line_of("/proc/self/status", "VmRSS: %llu").value_or(0); }

std::size_t peak_resident_memory() {
  // getrusage() also counts what the process was before exec, e.g. a large parent that forked; VmHWM is of this program alone.
  if (const auto peak = line_of("/proc/self/status", "VmHWM: %llu")) return *peak;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

std::size_t available_memory() {
  return std::min({line_of("/proc/meminfo", "MemAvailable: %llu").value_or(kUnlimited), available_in_group(), available_to_process()});
}

void give_back_freed() noexcept {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void prefer_large_pages(void* begin, std::size_t bytes) noexcept {
  // A large page (2 MiB, elsewhere more) is taken as a whole: it must not make small arrays larger.
  constexpr std::size_t kLeast = std::size_t{32} << 20U;
  if (bytes < kLeast) return;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t skipped = (page - reinterpret_cast<std::uintptr_t>(begin) % page) % page;
  // Only advice: a system without large pages refuses it, and nothing is lost.
  static_cast<void>(madvise(static_cast<char*>(begin) + skipped, (bytes - skipped) / page * page, MADV_HUGEPAGE));
}

}  // namespace lowrank
