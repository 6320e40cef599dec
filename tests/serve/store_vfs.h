#pragma once

/// \file
/// A file system for SQLite that fails on demand: it forgets what was not synced, runs full, and fails to sync.

#include <cstdint>
#include <string>

namespace lowrank::serve::testing_store {

/// What the file system called kFaultyVfs does. Only one test at a time uses it.
inline constexpr const char* kFaultyVfs = "lowrank-faulty";

/// Registers it once, and makes it sound.
void reset_faulty_vfs();
/// The power fails: of what was written since the last sync, a part by `seed` is on the disk, in pieces of 512 bytes; all calls fail from
/// now on. \return whether anything was forgotten
bool cut_power(std::uint64_t seed);
/// Files may grow by so many bytes more.
void limit_space(std::uint64_t bytes);
void unlimit_space();
/// The next sync fails, whatever was written.
void fail_next_sync();

}  // namespace lowrank::serve::testing_store
