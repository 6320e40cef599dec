#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "data/value_table.h"
#include "lowrank/data/page_array.h"
#include "lowrank/data/ratings.h"

namespace lowrank {

/// A run of added ratings as columns: entry n of every array belongs to rating n.
struct StagedPiece {
  std::size_t count = 0;
  const std::uint32_t* users = nullptr;
  const std::uint32_t* items = nullptr;
  const std::uint8_t* codes = nullptr;  ///< codes of the value table; null if `values` is used
  const float* values = nullptr;        ///< used if `codes` is null
  const std::int64_t* times = nullptr;  ///< null if some ratings have no timestamp; weights (see weight_bits()) where ratings have those
  const std::uint32_t* situations = nullptr;  ///< null if some ratings have no situation
};

/// A weight in the place of a timestamp.
constexpr std::int64_t weight_bits(float weight) { return std::bit_cast<std::int32_t>(weight); }
constexpr float weight_of_bits(std::int64_t bits) { return std::bit_cast<float>(static_cast<std::int32_t>(bits)); }

/// Layout of a packed rating that waits to be grouped: user within its partition, item, value, situation and time, one after another.
struct EntryFormat {
  std::uint8_t item_bytes = 2;  ///< bytes of an item number, 2 to 4
  bool coded = true;
  bool timed = false;
  bool situated = false;

  /// Bytes of situation and time.
  [[nodiscard]] std::size_t payload() const noexcept { return (situated ? 4U : 0U) + (timed ? 8U : 0U); }
  [[nodiscard]] std::size_t stride() const noexcept { return 1U + item_bytes + (coded ? 1U : 4U) + payload(); }
  friend bool operator==(const EntryFormat&, const EntryFormat&) = default;
};

/// The result of grouping.
struct Grouped {
  Ratings ratings;
  std::size_t duplicates = 0;  ///< number of ratings that were removed as duplicates
  /// User and item, by number, of the first pair that occurs twice with Duplicates::error, or has a sum (of values or of weights) that is
  /// not finite as a float32. `ratings` is then empty.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> repeated;
};

/// Ratings that wait to be grouped, packed into 4 to 6 bytes each (coded, without times). They are divided into partitions of 256 users as
/// they are added. Grouping takes one partition at a time, which fits in the cache of a core, and releases its memory before the next, so
/// that the ratings are never held twice.
class Staging {
 public:
  static constexpr unsigned kPartitionBits = 8;

  /// Adds pieces in their order. \param user_bound, item_bound  above every user and item number in them. \param piece  returns a piece;
  /// called once per piece, by any thread. \param values  the table that codes refer to
  void append(std::size_t pieces, std::uint32_t user_bound, std::uint32_t item_bound, const std::function<StagedPiece(std::size_t)>& piece,
              const ValueTable& values, Workers& workers);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Says that ratings have weights in the place of timestamps.
  void hold_weights() noexcept { weighted_ = true; }

  /// Groups the added ratings and empties this object. The result depends only on the order of the ratings, not on pieces or threads.
  /// \throws OptionError for weights with Duplicates::sum and count
  Grouped group(std::uint32_t user_count, std::uint32_t item_count, Duplicates duplicates, const ValueTable& values, Workers& workers);

  /// A run of packed ratings of one partition, in the order in which they were added.
  struct Block {
    std::uint8_t* data = nullptr;
    std::size_t bytes = 0;
    EntryFormat format;
    std::size_t capacity = 0;  ///< number of ratings that fit
    std::size_t count = 0;
    std::size_t first = 0;  ///< number of ratings of the partition in earlier blocks
  };
  struct Partition {
    std::vector<Block> blocks;
    std::size_t count = 0;
  };

 private:
  void extend(Partition& partition, std::size_t count, EntryFormat format);
  std::uint8_t* take_pages(std::size_t bytes);

  std::vector<Partition> partitions_;
  std::vector<PageArray<std::uint8_t>> slabs_;
  std::size_t slab_used_ = 0;
  std::size_t size_ = 0;
  bool times_complete_ = true;
  bool situations_complete_ = true;
  std::uint32_t most_situation_ = 0;  ///< the greatest number of a situation
  bool weighted_ = false;
};

}  // namespace lowrank
