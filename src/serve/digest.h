#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lowrank::serve {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4).
Digest sha256(std::string_view text);

/// Whether two digests are equal, in a time that does not depend on where they differ.
bool equal_digests(const Digest& a, const Digest& b) noexcept;

}  // namespace lowrank::serve
