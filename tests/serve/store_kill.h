#pragma once

/// \file
/// A process that writes and acknowledges, and is killed.

namespace lowrank::serve::testing_store {

/// Starts a process that writes as fast as it can and acknowledges through a pipe, kills it (SIGKILL) after a random time, opens the store,
/// and checks that it has a whole number of submissions, with every acknowledged one among them. So often, on one store.
void kill_at_random(int rounds);

}  // namespace lowrank::serve::testing_store
