#pragma once

/// \file
/// The schema of the store, and how older ones become it.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "serve/store_database.h"

namespace lowrank::serve {

/// `lrnk`: marks a SQLite file as a store.
inline constexpr std::int64_t kApplicationId = 0x6C726E6B;

/// The steps from an empty file to the schema of today: step n leads from version n to version n + 1 in one transaction. A step that was
/// released never changes.
std::span<const char* const> schema_steps() noexcept;

/// Sets how the connection works: one user, a log that is written first, every commit synced unless `sync` says otherwise, deleted content
/// overwritten, nothing run on behalf of the file. \throws StoreError where another program uses the file
void set_up_connection(Database& database, Sync sync);

/// Brings an empty or older store to the last of `steps`. \throws StoreError for a file that is not a store, or of a later version; then it
/// is unchanged
void migrate(Database& database, std::span<const char* const> steps);

}  // namespace lowrank::serve
