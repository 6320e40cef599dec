#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "lowrank/model/history.h"
#include "model/gap_code.h"

namespace lowrank {

/// Writes a history user by user, from rows of another one and new ones. The table of values has what is used alone, ascending: nothing of
/// a value that is gone is left.
class HistoryWriter {
 public:
  /// \param before  must outlive the writer \param keeps_values  whether the result has values; those that `before` does not have are 1
  HistoryWriter(const History& before, bool keeps_values);

  /// The next users are those of `before` in [begin, end), as they are. O(their bytes)
  void copy(std::uint32_t begin, std::uint32_t end);
  /// The next user. \param items  strictly ascending \param values  one per item; read only where values are kept
  void write(std::span<const std::uint32_t> items, std::span<const float> values);
  /// The history; nothing may be written afterwards. O(items)
  [[nodiscard]] History finish();

 private:
  void add_value(float value);
  /// Gives up codes for values, of which there are too many.
  void spread();

  const History& before_;
  bool keeps_values_;
  bool coded_;
  std::vector<float> table_;
  std::map<float, std::uint8_t> codes_of_;  ///< what is in the table
  History after_;
};

/// Calls use(user, item, position) for every entry of the users [begin, end), ascending. The value of an entry is values()[position], or
/// values()[codes()[position]] where there are codes; without values the position is of no use.
template <class Use>
void for_each_entry(const History& history, std::uint32_t begin, std::uint32_t end, const Use& use) {
  const std::uint8_t* bytes = history.bytes().data();
  for (std::uint32_t user = begin; user < end && user < history.user_count(); ++user) {
    std::size_t position = history.has_values() ? history.value_starts()[user] : 0;
    const std::uint8_t* from = bytes + history.offsets()[user];
    const std::uint8_t* stop = bytes + history.offsets()[user + 1];
    std::uint32_t next_possible = 0;
    while (from != stop) {
      // Most gaps have one byte.
      const std::uint32_t first = *from;
      const std::uint32_t item = next_possible + (first < 128 ? (++from, first) : decode(from));
      use(user, item, position++);
      next_possible = item + 1;
    }
  }
}

/// The value of an entry; 1 where the history has no values.
inline float value_at(const History& history, std::size_t position) {
  if (!history.has_values()) return 1;
  return history.codes().empty() ? history.values()[position] : history.values()[history.codes()[position]];
}

/// The ratings of a history, values of 1 where it has none. \param item_count  number of items. O(n)
Ratings ratings_of(const History& history, std::uint32_t user_count, std::uint32_t item_count);

}  // namespace lowrank
