#include "train/item_products.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/aligned_floats.h"

namespace lowrank {

namespace {

/// An item and its score, so that the greater key is the better one: the score is above 0, and of equal scores the lower item is better.
using Key = std::uint64_t;
Key key_of(float score, std::uint32_t item) { return Key{std::bit_cast<std::uint32_t>(score)} << 32U | ~item; }
float score_of(Key key) { return std::bit_cast<float>(static_cast<std::uint32_t>(key >> 32U)); }
std::uint32_t item_of(Key key) { return ~static_cast<std::uint32_t>(key); }

/// The ratings by item, the items with the most users first: what is popular stays in the cache.
struct Columns {
  explicit Columns(const ItemProducts& products) : ranks(products.ratings.item_count()) {
    const Ratings& ratings = products.ratings;
    std::vector<std::uint32_t> counts(ratings.item_count());
    for (const std::uint32_t item : ratings.items()) ++counts[item];
    items.resize(counts.size());
    std::iota(items.begin(), items.end(), 0U);
    std::ranges::stable_sort(items, [&](std::uint32_t a, std::uint32_t b) { return counts[a] > counts[b]; });
    while (!items.empty() && counts[items.back()] == 0) items.pop_back();
    starts.assign(items.size() + 1, 0);
    for (std::size_t rank = 0; rank < items.size(); ++rank) {
      ranks[items[rank]] = static_cast<std::uint32_t>(rank);
      starts[rank + 1] = starts[rank] + counts[items[rank]];
    }
    std::vector<std::size_t> next(starts.begin(), starts.end() - 1);
    users.resize(ratings.size());
    values.resize(products.values.size());
    for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
      for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
        const std::size_t place = next[ranks[ratings.items()[at]]]++;
        users[place] = user;
        if (!values.empty()) values[place] = products.values[at];
      }
    }
  }

  [[nodiscard]] std::size_t size() const { return items.size(); }
  [[nodiscard]] SparseColumn of(std::size_t rank) const {
    return {users.data() + starts[rank], values.empty() ? nullptr : values.data() + starts[rank], starts[rank + 1] - starts[rank]};
  }

  std::vector<std::uint32_t> items;  ///< by rank; items without users have none
  std::vector<std::uint32_t> ranks;  ///< by item
  std::vector<std::size_t> starts;
  std::vector<std::uint32_t> users;
  std::vector<float> values;  ///< empty where all are 1
};

/// The columns of ranks [begin, end), by user.
class Block {
 public:
  Block(const ItemProducts& products, const Columns& columns, std::size_t begin, std::size_t end)
      : begin_(begin), size_((end - begin + kMarkColumns - 1) / kMarkColumns * kMarkColumns), scales_(size_) {
    const Ratings& ratings = products.ratings;
    starts_.reserve(std::size_t{ratings.user_count()} + 1);
    starts_.push_back(0);
    places_.reserve(columns.starts[end] - columns.starts[begin]);
    if (!products.values.empty()) values_.reserve(places_.capacity());
    for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
      for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
        const std::size_t rank = columns.ranks[ratings.items()[at]];
        if (rank < begin || rank >= end) continue;
        places_.push_back(static_cast<std::uint16_t>(rank - begin));
        if (!products.values.empty()) values_.push_back(products.values[at]);
      }
      starts_.push_back(static_cast<std::uint32_t>(places_.size()));
    }
    for (std::size_t rank = begin; rank < end; ++rank)
      scales_[rank - begin] = products.column_scales.empty() ? 1.0F : products.column_scales[columns.items[rank]];
  }

  [[nodiscard]] std::size_t begin() const { return begin_; }
  /// Columns, rounded up to whole marks.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const float* scales() const { return scales_.data(); }
  [[nodiscard]] SparseBlock rows() const { return {starts_.data(), places_.data(), values_.empty() ? nullptr : values_.data()}; }
  /// Whether the products of `column` with the block are fewer than `most`.
  [[nodiscard]] bool fewer(const SparseColumn& column, std::size_t most) const {
    std::size_t products = 0;
    for (std::size_t n = 0; n < column.count && products < most; ++n) products += starts_[column.rows[n] + 1] - starts_[column.rows[n]];
    return products < most;
  }

 private:
  std::size_t begin_;
  std::size_t size_;
  std::vector<std::uint32_t> starts_;
  std::vector<std::uint16_t> places_;
  std::vector<float> values_;
  AlignedFloats scales_;
};

/// What a thread needs.
struct Scratch {
  AlignedFloats sums;
  std::vector<std::uint8_t> marks;
  std::vector<std::uint32_t> found;
  std::vector<float> scores;
  std::vector<Key> row;
  std::vector<Key> spare;

  void fit(std::size_t columns, PairSums kind) {
    sums.reserve(columns * sums_per_column(kind));
    marks.resize(std::max(marks.size(), (columns / kMarkColumns + 7) / 8 * 8));
    found.resize(std::max(found.size(), columns + kMarkColumns));
    scores.resize(found.size());
  }
};

/// A score that `kept` of the scores reach, and not many more: the lower end of a bucket of a histogram of their leading bits.
float reached_by(std::span<const float> scores, std::size_t kept) {
  constexpr unsigned kDropped = 19;  // 16 buckets per power of two
  constexpr std::size_t kBuckets = std::size_t{1} << (32 - kDropped - 1);
  std::array<std::uint32_t, kBuckets> counts{};
  std::uint32_t bucket = 0;
  for (const float score : scores) {
    const std::uint32_t own = std::bit_cast<std::uint32_t>(score) >> kDropped;
    bucket = std::max(bucket, own);
    ++counts[own];
  }
  for (std::size_t above = counts[bucket]; above < kept; above += counts[bucket]) --bucket;
  return std::bit_cast<float>(bucket << kDropped);
}

/// Puts the first `count` that were found into the best ones of a row. The worst of them is the last where there are `kept`.
void keep_best(Scratch& room, std::size_t count, std::span<const std::uint32_t> items, std::size_t kept, std::vector<Key>& best) {
  if (count > 2 * kept) {
    const float least = reached_by(std::span(room.scores).first(count), kept);
    count = filter_scores(least, count, room.found.data(), room.scores.data());
  }
  std::size_t size = best.size();
  best.resize(size + count);
  for (std::size_t n = 0; n < count; ++n) best[size++] = key_of(room.scores[n], items[room.found[n]]);
  if (size < kept) return;
  std::nth_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(kept) - 1, best.end(), std::greater<>());
  best.resize(kept);
}

/// Sorts numbers below 2^bits that stand in the upper halves of keys, a byte at a time. \param room  for another row
void sort_by_item(std::vector<Key>& row, unsigned bits, std::vector<Key>& room) {
  constexpr std::size_t kFew = 48;
  if (row.size() < kFew) {
    std::ranges::sort(row);
    return;
  }
  room.resize(row.size());
  for (unsigned shift = 32; shift < 32 + bits; shift += 8) {
    std::array<std::uint32_t, 257> places{};
    for (const Key key : row) ++places[(key >> shift & 255U) + 1];
    for (std::size_t byte = 1; byte < 256; ++byte) places[byte] += places[byte - 1];
    for (const Key key : row) room[places[key >> shift & 255U]++] = key;
    row.swap(room);
  }
}

/// Orders a finished row by item: item in the upper half, the bits of its weight in the lower.
void finish(std::vector<Key>& best, float scale, std::size_t items, std::vector<Key>& room) {
  for (Key& key : best) key = Key{item_of(key)} << 32U | std::bit_cast<std::uint32_t>(score_of(key) * scale);
  sort_by_item(best, static_cast<unsigned>(std::bit_width(items)), room);
}

/// Where the block that begins at `begin` ends: its numbers of ratings have 32 bits.
std::size_t end_of_block(const Columns& columns, std::size_t begin, std::size_t block) {
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  std::size_t end = std::min(columns.size(), begin + block);
  while (columns.starts[end] - columns.starts[begin] > kMost) --end;
  return end;
}

Neighbours gather(const Columns& columns, std::vector<std::vector<Key>>& best, std::size_t items, Workers& workers) {
  std::vector<std::uint64_t> offsets(items + 1);
  for (std::size_t rank = 0; rank < columns.size(); ++rank) offsets[columns.items[rank] + 1] = best[rank].size();
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::vector<std::uint32_t> others(offsets.back());
  std::vector<float> weights(offsets.back());
  constexpr std::size_t kRows = 256;
  workers.for_ranges(columns.size(), kRows, [&](std::size_t begin, std::size_t end, int /*slot*/) {
    for (std::size_t rank = begin; rank < end; ++rank) {
      std::uint64_t place = offsets[columns.items[rank]];
      for (const Key key : std::exchange(best[rank], {})) {
        others[place] = static_cast<std::uint32_t>(key >> 32U);
        weights[place++] = std::bit_cast<float>(static_cast<std::uint32_t>(key));
      }
    }
  });
  return Neighbours(std::move(offsets), std::move(others), std::move(weights));
}

}  // namespace

Neighbours best_products(const ItemProducts& products, Workers& workers, std::size_t block) {
  // Rows per piece: a popular item costs a thousand times a rare one.
  constexpr std::size_t kRows = 8;
  const Columns columns(products);
  std::vector<std::vector<Key>> best(columns.size());
  std::vector<Scratch> scratch(static_cast<std::size_t>(workers.count()));
  const float* const weights = products.user_weights.empty() ? nullptr : products.user_weights.data();
  for (std::size_t begin = 0, end = 0; begin < columns.size(); begin = end) {
    end = end_of_block(columns, begin, block);
    const Block own(products, columns, begin, end);
    const std::span<const std::uint32_t> items = std::span(columns.items).subspan(begin, end - begin);
    const auto work = [&](std::size_t rank, Scratch& room) {
      const SparseColumn column = columns.of(rank);
      std::uint8_t* const marks = own.fewer(column, own.size() / 4) ? room.marks.data() : nullptr;
      float* const sums = room.sums.data();
      add_products(products.kind, own.rows(), column, weights, own.size(), sums, marks);
      if (rank >= begin && rank < end) {
        const std::size_t width = products.kind == PairSums::moments ? 4 : 1;
        std::fill_n(sums + (rank - begin) * width, width, 0.0F);
      }
      const bool full = best[rank].size() == products.kept;
      const float least = full ? score_of(best[rank].back()) : std::numeric_limits<float>::denorm_min();
      const PairScore score{own.scales(), products.shrinkage};
      const std::size_t count = take_products(products.kind, score, own.size(), least, sums, marks, room.found.data(), room.scores.data());
      std::vector<Key>& row = room.row;
      row.assign(best[rank].begin(), best[rank].end());
      keep_best(room, count, items, products.kept, row);
      if (end == columns.size()) {
        const float scale = products.row_scales.empty() ? 1.0F : products.row_scales[columns.items[rank]];
        finish(row, scale, products.ratings.item_count(), room.spare);
      }
      best[rank].assign(row.begin(), row.end());
    };
    workers.for_ranges(columns.size(), kRows, [&](std::size_t first, std::size_t last, int slot) {
      Scratch& room = scratch[static_cast<std::size_t>(slot)];
      room.fit(own.size(), products.kind);
      for (std::size_t rank = first; rank < last; ++rank) work(rank, room);
    });
  }
  return gather(columns, best, products.ratings.item_count(), workers);
}

}  // namespace lowrank
