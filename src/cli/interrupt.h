#pragma once

namespace lowrank::cli {

/// From now on the first Ctrl-C is noted instead of ending the program; the second one ends it at once with exit code 130.
/// \param notice  written to standard error at the first one; a string literal, or nothing
void catch_interrupts(const char* notice = nullptr);

/// True after the first Ctrl-C.
bool interrupted();

}  // namespace lowrank::cli
