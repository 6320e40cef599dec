#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lowrank {

/// What a column holds.
enum class Role : std::uint8_t { user, item, rating, time };
inline constexpr std::size_t kRoles = 4;

/// `user`, `item`, `rating` or `time`.
std::string_view name_of(Role role) noexcept;

/// The columns whose names in a header say what they hold. A name counts whatever its case and its separators of words: `userId`, `USER_ID`
/// and `User-ID` are one name.
struct NamedColumns {
  static constexpr std::size_t kNone = ~std::size_t{0};

  struct Found {
    std::size_t column = kNone;  ///< the column that fits best; kNone if none or several do
    bool named = false;          ///< whether any column has a name of this role
    bool certain = false;        ///< whether one of these names is rarely anything else (`user_id`, not `u`)
  };
  std::array<Found, kRoles> roles;

  [[nodiscard]] const Found& of(Role role) const noexcept { return roles[static_cast<std::size_t>(role)]; }
  /// Whether names like these are a header even where nothing else tells it from ratings: two roles, one of them user or item.
  [[nodiscard]] bool is_header() const noexcept;
};

NamedColumns columns_by_name(std::span<const std::string> names);

}  // namespace lowrank
