#include "data/staging.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lowrank {

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kMaxBlockBytes = std::size_t{1} << 16U;
constexpr std::size_t kSlabBytes = std::size_t{1} << 22U;

/// The place of the next rating of a partition.
struct Cursor {
  std::uint8_t* at = nullptr;
  std::uint8_t* end = nullptr;
  std::size_t block = 0;
};

void place_in(const Staging::Partition& partition, std::size_t block, std::size_t skipped, Cursor& cursor) {
  const Staging::Block& where = partition.blocks[block];
  const std::size_t stride = where.format.stride();
  cursor.block = block;
  cursor.at = where.data + skipped * stride;
  cursor.end = where.data + where.capacity * stride;
}

void place_at(const Staging::Partition& partition, std::size_t position, Cursor& cursor) {
  std::size_t block = partition.blocks.size() - 1;
  while (partition.blocks[block].first > position) --block;
  place_in(partition, block, position - partition.blocks[block].first, cursor);
}

/// Packs the ratings of a piece, each at the cursor of its partition.
template <std::size_t kItemBytes, bool kCoded>
void scatter(const StagedPiece& piece, EntryFormat format, const ValueTable& table, const std::vector<Staging::Partition>& partitions,
             std::vector<Cursor>& cursors) {
  const std::size_t stride = format.stride();
  const std::size_t payload = format.payload();
  for (std::size_t at = 0; at < piece.count; ++at) {
    const std::uint32_t user = piece.users[at];
    const std::size_t partition = user >> Staging::kPartitionBits;
    Cursor& cursor = cursors[partition];
    if (cursor.at == cursor.end) place_in(partitions[partition], cursor.block + 1, 0, cursor);
    std::uint8_t* to = cursor.at;
    cursor.at += stride;
    // The usual format is 4 bytes: one store instead of three.
    if constexpr (kItemBytes == 2 && kCoded) {
      const std::uint32_t entry = (user & 0xFFU) | piece.items[at] << 8U | std::uint32_t{piece.codes[at]} << 24U;
      std::memcpy(to, &entry, 4);
    } else {
      *to = static_cast<std::uint8_t>(user);
      std::memcpy(to + 1, &piece.items[at], kItemBytes);
      if constexpr (kCoded) {
        to[1 + kItemBytes] = piece.codes[at];
      } else {
        const float value = piece.codes == nullptr ? piece.values[at] : table.value(piece.codes[at]);
        std::memcpy(to + 1 + kItemBytes, &value, 4);
      }
    }
    if (payload == 0) continue;
    if (format.situated) std::memcpy(to + stride - payload, &piece.situations[at], 4);
    if (format.timed) std::memcpy(to + stride - 8, &piece.times[at], 8);
  }
}

using Scatter = void (*)(const StagedPiece&, EntryFormat, const ValueTable&, const std::vector<Staging::Partition>&, std::vector<Cursor>&);

Scatter scatter_for(EntryFormat format) {
  switch (format.item_bytes) {
    case 2:
      return format.coded ? scatter<2, true> : scatter<2, false>;
    case 3:
      return format.coded ? scatter<3, true> : scatter<3, false>;
    default:
      return format.coded ? scatter<4, true> : scatter<4, false>;
  }
}

}  // namespace

void Staging::append(std::size_t pieces, std::uint32_t user_bound, std::uint32_t item_bound,
                     const std::function<StagedPiece(std::size_t)>& piece, const ValueTable& values, Workers& workers) {
  if (pieces == 0) return;
  partitions_.resize(std::max<std::size_t>(partitions_.size(), ((std::size_t{user_bound} + 255) >> kPartitionBits)));
  const std::size_t width = partitions_.size();
  // starts[piece][partition]: at first the number of ratings of the piece in the partition, later the position of the first of them. The
  // positions follow from the counts alone, so pieces can then be packed in parallel, in any order.
  std::vector<std::size_t> starts(width * (pieces + 1));
  std::vector<StagedPiece> staged(pieces);
  workers.for_each(pieces, [&](std::size_t index, int) {
    staged[index] = piece(index);
    std::size_t* counts = starts.data() + index * width;
    for (std::size_t at = 0; at < staged[index].count; ++at) ++counts[staged[index].users[at] >> kPartitionBits];
  });

  EntryFormat format{.item_bytes = static_cast<std::uint8_t>(item_bound <= 1U << 16U ? 2 : item_bound <= 1U << 24U ? 3 : 4)};
  // One format per call: a block never mixes formats, and an older block keeps its own.
  for (const StagedPiece& one : staged) {
    if (one.count == 0) continue;
    format.coded = format.coded && one.codes != nullptr;
    times_complete_ = times_complete_ && one.times != nullptr;
    situations_complete_ = situations_complete_ && one.situations != nullptr;
    if (situations_complete_) most_situation_ = std::max(most_situation_, *std::max_element(one.situations, one.situations + one.count));
  }
  format.timed = times_complete_;
  format.situated = situations_complete_;
  for (std::size_t partition = 0; partition < width; ++partition) {
    const std::size_t before = partitions_[partition].count;
    std::size_t position = before;
    for (std::size_t index = 0; index <= pieces; ++index) {
      const std::size_t count = starts[index * width + partition];
      starts[index * width + partition] = position;
      position += count;
    }
    if (position != before) extend(partitions_[partition], position - before, format);
    size_ += position - before;
  }

  std::vector<std::vector<Cursor>> cursors(static_cast<std::size_t>(workers.count()));
  const Scatter pack = scatter_for(format);
  workers.for_each(pieces, [&](std::size_t index, int slot) {
    std::vector<Cursor>& mine = cursors[static_cast<std::size_t>(slot)];
    mine.resize(width);
    const std::size_t* from = starts.data() + index * width;
    for (std::size_t partition = 0; partition < width; ++partition) {
      if (from[partition] != from[partition + width]) place_at(partitions_[partition], from[partition], mine[partition]);
    }
    pack(staged[index], format, values, partitions_, mine);
  });
}

/// Reserves room for `count` more ratings and adds them to the counts of the partition.
void Staging::extend(Partition& partition, std::size_t count, EntryFormat format) {
  while (count != 0) {
    if (!partition.blocks.empty()) {
      Block& last = partition.blocks.back();
      const std::size_t taken = last.format == format ? std::min(count, last.capacity - last.count) : 0;
      last.count += taken;
      partition.count += taken;
      count -= taken;
      if (count == 0) return;
    }
    const std::size_t stride = format.stride();
    // Blocks grow with the partition, so that small partitions waste little and large ones have few blocks.
    const std::size_t bytes = std::clamp(std::bit_ceil(partition.count * stride / 2 + 1), kPageBytes, kMaxBlockBytes);
    partition.blocks.push_back({take_pages(bytes), bytes, format, bytes / stride, 0, partition.count});
  }
}

std::uint8_t* Staging::take_pages(std::size_t bytes) {
  if (slabs_.empty() || slab_used_ + bytes > kSlabBytes) {
    slabs_.emplace_back(kSlabBytes);
    slab_used_ = 0;
  }
  std::uint8_t* pages = slabs_.back().data() + slab_used_;
  slab_used_ += bytes;
  return pages;
}

}  // namespace lowrank
