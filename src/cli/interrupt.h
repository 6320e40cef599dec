#pragma once

namespace lowrank::cli {

/// From now on the first Ctrl-C only makes interrupted() true; the second one ends the program at once with exit code 130.
/// \param notice  text for standard error at the first Ctrl-C: a string literal, or null for none
void catch_interrupts(const char* notice = nullptr);

/// From now on a signal that ends the program removes unfinished files first.
void clean_up_when_ended();

/// True after the first Ctrl-C.
bool interrupted();

}  // namespace lowrank::cli
