#pragma once

/// \file
/// Titles of items.

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] lowrank {

/// Maps item ids to titles.
class Titles {
 public:
  /// Reads `id::title::...`, `id,title` (quoted if necessary) or `id|title|...`, one per line, compressed or not; further fields are
  /// ignored. A line that is not valid UTF-8 is read as Latin-1. A header is not recognised: it becomes one more id and title. The first
  /// title of an id counts. \throws FileError, DataError (a line without a separator, or without an id)
  static Titles read(const std::string& path);

  /// The title of `id` as UTF-8, or an empty view. O(log size()).
  [[nodiscard]] std::string_view find(std::string_view id) const;
  [[nodiscard]] std::size_t size() const noexcept { return titles_.size(); }
  /// All ids with their titles, ascending by the bytes of the id.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const noexcept { return titles_; }

 private:
  std::map<std::string, std::string, std::less<>> titles_;
};

}  // namespace lowrank
