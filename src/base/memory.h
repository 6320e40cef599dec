#pragma once

#include <cstddef>

namespace lowrank {

/// Bytes that this process has resident now; 0 where the system does not say.
std::size_t resident_memory();

/// The most bytes that this process has had resident.
std::size_t peak_resident_memory();

/// Bytes that this process can still take without swapping or being refused: what the machine has to give, within the limits of the
/// control group and of the process (`ulimit -v`). The greatest number where the system does not say.
std::size_t available_memory();

/// Gives memory that was freed, but is kept for later, back to the system. For work that allocates arrays of other sizes again and again,
/// which would leave ever more of it.
void give_back_freed() noexcept;

/// Asks the system for large pages under the whole pages of [begin, begin + bytes), before they are written for the first time: fewer page
/// faults, and fewer misses where the array is read or written out of order. Small arrays are left alone, and the content never changes.
void prefer_large_pages(void* begin, std::size_t bytes) noexcept;

}  // namespace lowrank
