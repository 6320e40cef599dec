#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace lowrank::serve {

/// Tells the service manager about this process (sd_notify): `READY=1`, `STOPPING=1`, `WATCHDOG=1`. Nothing where none waits for it.
void notify_manager(std::string_view state) noexcept;

/// The time within which the service manager wants to hear `WATCHDOG=1`, if it does.
std::optional<std::chrono::microseconds> watchdog_interval() noexcept;

}  // namespace lowrank::serve
