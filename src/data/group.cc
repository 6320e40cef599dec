#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "data/bytes.h"
#include "data/staging.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

constexpr std::size_t kPartitionUsers = std::size_t{1} << Staging::kPartitionBits;

/// A coded rating without a time, in one word: user within the partition, item and code.
class CodedEntry {
 public:
  CodedEntry() = default;
  CodedEntry(std::uint8_t user, std::uint32_t item, std::uint8_t code)
      : word_(std::uint64_t{user} << 40U | std::uint64_t{item} << 8U | code) {}
  [[nodiscard]] std::size_t user() const noexcept { return word_ >> 40U; }
  [[nodiscard]] std::uint32_t item() const noexcept { return static_cast<std::uint32_t>(word_ >> 8U); }
  [[nodiscard]] std::uint8_t code() const noexcept { return static_cast<std::uint8_t>(word_); }

 private:
  std::uint64_t word_;
};

/// A rating with a time or situation, or without a code.
struct WideEntry {
  std::int64_t time;
  std::uint32_t item_number;
  std::uint32_t situation;
  float value;
  std::uint8_t user_number;
  std::uint8_t code;
  [[nodiscard]] std::size_t user() const noexcept { return user_number; }
  [[nodiscard]] std::uint32_t item() const noexcept { return item_number; }
};

/// A mean or sum of duplicates that is not in the value table. It gets its code at the end (see recode).
struct Fix {
  std::size_t position;
  float value;
};

/// The inputs and destinations that all partitions share.
struct Plan {
  Duplicates duplicates;
  bool coded;
  bool timed;
  bool weighted;  ///< whether the timestamps are weights
  bool situated;
  unsigned item_bits;
  unsigned situation_bits;
  std::array<std::uint8_t, ValueTable::kMaxCodes> rank{};  ///< final code of every code of the value table, whose order depends on threads
  std::vector<float> table;                                ///< the values of the final codes, ascending
  const ValueTable* values;
  std::size_t* row_ends;  ///< end of every user's ratings: row_offsets + 1
  std::uint32_t user_count;
  std::uint32_t* items;
  std::uint8_t* codes;
  float* floats;
  std::int64_t* times;
  std::uint32_t* situations;

  [[nodiscard]] float value_at(std::size_t position) const noexcept { return coded ? table[codes[position]] : floats[position]; }
  void move(std::size_t from, std::size_t to) const noexcept {
    items[to] = items[from];
    if (coded) codes[to] = codes[from];
    if (!coded) floats[to] = floats[from];
    if (timed) times[to] = times[from];
    if (situated) situations[to] = situations[from];
  }
  /// Whether two positions of a user's row have ratings of the same pair, in the same situation.
  [[nodiscard]] bool repeats(std::size_t a, std::size_t b) const noexcept {
    return items[a] == items[b] && (!situated || situations[a] == situations[b]);
  }
};

/// The result of grouping one partition.
struct Outcome {
  std::size_t kept = 0;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> repeated;
  std::vector<Fix> fixes;
};

template <std::size_t kItemBytes>
std::uint32_t item_at(const std::uint8_t* at) {
  std::uint32_t item = 0;
  std::memcpy(&item, at, kItemBytes);
  return item;
}

template <std::size_t kItemBytes>
CodedEntry unpack(const std::uint8_t* at, const EntryFormat&, const Plan& plan, CodedEntry*) {
  return {*at, item_at<kItemBytes>(at + 1), plan.rank[at[1 + kItemBytes]]};
}

template <std::size_t kItemBytes>
WideEntry unpack(const std::uint8_t* at, const EntryFormat& format, const Plan& plan, WideEntry*) {
  WideEntry entry{};
  entry.user_number = *at;
  entry.item_number = item_at<kItemBytes>(at + 1);
  const std::uint8_t* value = at + 1 + kItemBytes;
  if (format.coded) {
    entry.code = plan.rank[*value];
    entry.value = plan.values->value(*value);
  } else {
    std::memcpy(&entry.value, value, 4);
  }
  if (plan.duplicates == Duplicates::count) entry.value = 1;
  const std::uint8_t* payload = value + (format.coded ? 1 : 4);
  if (format.situated) std::memcpy(&entry.situation, payload, 4);
  if (format.timed) std::memcpy(&entry.time, payload + (format.situated ? 4 : 0), 8);
  return entry;
}

/// Statistics of the users of a partition, collected while it is unpacked.
struct Users {
  std::array<std::size_t, kPartitionUsers> counts{};
  std::array<std::uint32_t, kPartitionUsers> item_bounds{};  ///< one more than the latest item of each user; 0 before the first
  bool sorted = true;                                        ///< whether the items of every user ascend strictly
};

template <std::size_t kItemBytes, class Entry>
Entry* unpack_block(const Staging::Block& block, const Plan& plan, Entry* out, Users& users) {
  const std::size_t stride = block.format.stride();
  const std::uint8_t* at = block.data;
  bool sorted = true;
  for (std::size_t left = block.count; left != 0; --left, at += stride, ++out) {
    *out = unpack<kItemBytes>(at, block.format, plan, static_cast<Entry*>(nullptr));
    const std::size_t user = out->user();
    ++users.counts[user];
    sorted &= users.item_bounds[user] <= out->item();
    users.item_bounds[user] = out->item() + 1;
  }
  users.sorted = users.sorted && sorted;
  return out;
}

void put(const Plan& plan, std::size_t position, const CodedEntry& entry) {
  plan.items[position] = entry.item();
  plan.codes[position] = entry.code();
}

void put(const Plan& plan, std::size_t position, const WideEntry& entry) {
  plan.items[position] = entry.item_number;
  if (plan.coded) plan.codes[position] = entry.code;
  if (!plan.coded) plan.floats[position] = entry.value;
  if (plan.timed) plan.times[position] = entry.time;
  if (plan.situated) plan.situations[position] = entry.situation;
}

/// Sorts by key(entry), a number of `bits` bits, and keeps the order of equal ones: radix sort, least significant digit first.
template <class Entry, class Key>
void sort_by(std::vector<Entry>& entries, std::vector<Entry>& spare, unsigned bits, const Key& key) {
  constexpr unsigned kMaxDigit = 11;
  const unsigned passes = std::max(1U, (bits + kMaxDigit - 1) / kMaxDigit);
  const unsigned digit = (bits + passes - 1) / passes;
  const std::uint32_t mask = (1U << digit) - 1;
  spare.resize(entries.size());
  for (unsigned shift = 0; shift < bits; shift += digit) {
    std::array<std::size_t, (1U << kMaxDigit) + 1> starts{};
    for (const Entry& entry : entries) ++starts[((key(entry) >> shift) & mask) + 1];
    for (std::uint32_t value = 0; value < mask; ++value) starts[value + 1] += starts[value];
    for (const Entry& entry : entries) spare[starts[(key(entry) >> shift) & mask]++] = entry;
    entries.swap(spare);
  }
}

/// Sorts by item, and ratings of one item by situation.
template <class Entry>
void sort_by_item(std::vector<Entry>& entries, std::vector<Entry>& spare, const Plan& plan) {
  if constexpr (std::is_same_v<Entry, WideEntry>) {
    if (plan.situated) sort_by(entries, spare, plan.situation_bits, [](const Entry& entry) { return entry.situation; });
  }
  sort_by(entries, spare, plan.item_bits, [](const Entry& entry) { return entry.item(); });
}

/// Merges the ratings [begin, end) of one pair, in the order in which they were added, into the one at `to`.
/// \return false where there is no such rating: repeats are errors, or their sum is not finite
bool merge_run(const Plan& plan, std::size_t begin, std::size_t end, std::size_t to, std::size_t base, Outcome& outcome) {
  if (plan.duplicates == Duplicates::error) return false;
  if (plan.duplicates == Duplicates::first || plan.duplicates == Duplicates::last) {
    plan.move(plan.duplicates == Duplicates::first ? begin : end - 1, to);
    return true;
  }
  double sum = 0;
  double weights = 0;
  for (std::size_t at = begin; at < end; ++at) {
    const double weight = plan.weighted ? static_cast<double>(weight_of_bits(plan.times[at])) : 1.0;
    sum += weight * static_cast<double>(plan.value_at(at));
    weights += weight;
  }
  auto merged = static_cast<float>(plan.duplicates == Duplicates::mean ? sum / weights : sum);
  if (!std::isfinite(merged) || !std::isfinite(static_cast<float>(weights))) return false;
  // Like every rating, never -0.
  if (merged == 0) merged = 0;
  if (plan.timed) {
    plan.times[to] = plan.weighted ? weight_bits(static_cast<float>(weights)) : *std::max_element(plan.times + begin, plan.times + end);
  }
  plan.items[to] = plan.items[begin];
  if (plan.situated) plan.situations[to] = plan.situations[begin];
  if (!plan.coded) {
    plan.floats[to] = merged;
    return true;
  }
  const auto found = std::lower_bound(plan.table.begin(), plan.table.end(), merged);
  if (found != plan.table.end() && *found == merged) {
    plan.codes[to] = static_cast<std::uint8_t>(found - plan.table.begin());
  } else {
    plan.codes[to] = 0;
    outcome.fixes.push_back({to - base, merged});
  }
  return true;
}

/// Removes the duplicates of sorted rows and moves the remaining ratings to the front of the partition.
void resolve_repeats(const Plan& plan, std::size_t base, std::uint32_t first_user, std::size_t users, Outcome& outcome) {
  std::size_t to = base;
  std::size_t begin = base;
  for (std::size_t user = 0; user < users; ++user) {
    const std::size_t end = plan.row_ends[first_user + user];
    while (begin < end) {
      std::size_t run_end = begin + 1;
      while (run_end < end && plan.repeats(run_end, begin)) ++run_end;
      if (run_end - begin > 1) {
        if (!merge_run(plan, begin, run_end, to, base, outcome)) {
          outcome.repeated = {first_user + static_cast<std::uint32_t>(user), plan.items[begin]};
          return;
        }
      } else if (to != begin) {
        plan.move(begin, to);
      }
      ++to;
      begin = run_end;
    }
    plan.row_ends[first_user + user] = to;
  }
  outcome.kept = to - base;
}

/// Groups one partition and releases its packed ratings.
template <class Entry>
void group_partition(const Plan& plan, Staging::Partition& partition, std::size_t base, std::uint32_t first_user,
                     std::vector<Entry>& entries, std::vector<Entry>& spare, Outcome& outcome) {
  entries.resize(partition.count);
  Users users_seen;
  Entry* out = entries.data();
  for (const Staging::Block& block : partition.blocks) {
    if (block.format.item_bytes == 2) {
      out = unpack_block<2>(block, plan, out, users_seen);
    } else if (block.format.item_bytes == 3) {
      out = unpack_block<3>(block, plan, out, users_seen);
    } else {
      out = unpack_block<4>(block, plan, out, users_seen);
    }
    detail::release_pages(block.data, block.bytes);
  }
  partition.blocks = {};
  // Sort by item first: the pass by user below keeps this order, so every row comes out sorted. Files are often in order already.
  if (!users_seen.sorted) sort_by_item(entries, spare, plan);

  std::array<std::size_t, kPartitionUsers> next{};
  const std::size_t users = std::min<std::size_t>(kPartitionUsers, plan.user_count - first_user);
  std::size_t position = base;
  for (std::size_t user = 0; user < users; ++user) {
    next[user] = position;
    position += users_seen.counts[user];
    plan.row_ends[first_user + user] = position;
  }
  for (const Entry& entry : entries) put(plan, next[entry.user()]++, entry);
  outcome.kept = partition.count;
  // Items that ascend strictly have no duplicates.
  if (users_seen.sorted) return;
  bool repeats = false;
  std::size_t begin = base;
  for (std::size_t user = 0; user < users; ++user) {
    const std::size_t end = plan.row_ends[first_user + user];
    for (std::size_t at = begin + 1; at < end; ++at) repeats |= plan.repeats(at, at - 1);
    begin = end;
  }
  if (repeats) resolve_repeats(plan, base, first_user, users, outcome);
}

/// The index of `value` in an ascending table; undefined if the table does not hold it.
std::uint8_t code_of(const std::vector<float>& table, float value) {
  return static_cast<std::uint8_t>(std::lower_bound(table.begin(), table.end(), value) - table.begin());
}

/// The distinct values, ascending; empty if there are more than `most`.
std::vector<float> distinct_values(std::span<const float> values, std::size_t most) {
  std::vector<float> distinct;
  for (const float value : values) {
    const auto found = std::lower_bound(distinct.begin(), distinct.end(), value);
    if (found != distinct.end() && *found == value) continue;
    if (distinct.size() == most) return {};
    distinct.insert(found, value);
  }
  return distinct;
}

/// Stores the means and sums of duplicates and rebuilds the value table from the values that still occur. Ratings become coded if there are
/// at most 256 distinct values, and uncoded otherwise, so that the result does not depend on values that merging removed.
void recode(std::vector<float>& table, PageArray<std::uint8_t>& codes, PageArray<float>& values, std::span<const Fix> fixes) {
  if (table.empty()) {
    table = distinct_values(values, ValueTable::kMaxCodes);
    if (table.empty()) return;
    codes = PageArray<std::uint8_t>(values.size());
    for (std::size_t at = 0; at < values.size(); ++at) codes[at] = code_of(table, values[at]);
    values = PageArray<float>();
    return;
  }
  std::array<std::size_t, ValueTable::kMaxCodes> uses{};
  for (std::size_t at = 0; at < codes.size(); ++at) ++uses[codes[at]];
  // merge_run gave every value without a code the code 0 for now.
  uses[0] -= fixes.size();
  std::vector<float> left;
  for (std::size_t code = 0; code < table.size(); ++code) {
    if (uses[code] != 0) left.push_back(table[code]);
  }
  for (const Fix& fix : fixes) left.push_back(fix.value);
  std::sort(left.begin(), left.end());
  left.erase(std::unique(left.begin(), left.end()), left.end());
  if (left.size() > ValueTable::kMaxCodes) {
    values = PageArray<float>(codes.size());
    for (std::size_t at = 0; at < codes.size(); ++at) values[at] = table[codes[at]];
    for (const Fix& fix : fixes) values[fix.position] = fix.value;
    codes = PageArray<std::uint8_t>();
    table.clear();
    return;
  }
  std::array<std::uint8_t, ValueTable::kMaxCodes> renamed{};
  for (std::size_t code = 0; code < table.size(); ++code) renamed[code] = code_of(left, table[code]);
  for (std::size_t at = 0; at < codes.size(); ++at) codes[at] = renamed[codes[at]];
  for (const Fix& fix : fixes) codes[fix.position] = code_of(left, fix.value);
  table = std::move(left);
}

/// Makes the timestamps of ratings their weights.
void take_weights(PageArray<std::int64_t>& times, PageArray<float>& weights) {
  weights = PageArray<float>(times.size());
  for (std::size_t at = 0; at < times.size(); ++at) weights[at] = weight_of_bits(times[at]);
  times = PageArray<std::int64_t>();
}

/// Packs numbers of situations into the fewest bytes of 1, 2 and 4. \return these
std::size_t pack_situations(std::span<const std::uint32_t> numbers, std::uint32_t most, PageArray<std::uint8_t>& packed) {
  const std::size_t bytes = most < 1U << 8U ? 1 : most < 1U << 16U ? 2 : 4;
  packed = PageArray<std::uint8_t>(numbers.size() * bytes);
  // The machine is little-endian, as everywhere in this project: the first bytes of a number are its lowest.
  for (std::size_t at = 0; at < numbers.size(); ++at) std::memcpy(packed.data() + at * bytes, &numbers[at], bytes);
  return bytes;
}

}  // namespace

Grouped Staging::group(std::uint32_t user_count, std::uint32_t item_count, Duplicates duplicates, const ValueTable& values,
                       Workers& workers) {
  if (weighted_ && (duplicates == Duplicates::sum || duplicates == Duplicates::count)) {
    throw OptionError("duplicates", "sum and count take no weights");
  }
  Grouped result;
  Ratings& ratings = result.ratings;
  ratings.item_count_ = item_count;
  ratings.row_offsets_.assign(std::size_t{user_count} + 1, 0);
  ratings.items_ = PageArray<std::uint32_t>(size_);
  Plan plan{};
  plan.duplicates = duplicates;
  plan.coded = !values.full();
  plan.timed = times_complete_ && size_ != 0;
  plan.weighted = weighted_;
  plan.situated = situations_complete_ && size_ != 0;
  plan.situation_bits = static_cast<unsigned>(std::bit_width(most_situation_));
  plan.item_bits = static_cast<unsigned>(std::bit_width(item_count == 0 ? 0U : item_count - 1));
  plan.values = &values;
  if (plan.coded && duplicates == Duplicates::count) {
    if (size_ != 0) plan.table = {1.0F};
    ratings.codes_ = PageArray<std::uint8_t>(size_);
  } else if (plan.coded) {
    for (std::size_t code = 0; code < values.size(); ++code) plan.table.push_back(values.value(code));
    std::sort(plan.table.begin(), plan.table.end());
    for (std::size_t code = 0; code < values.size(); ++code) {
      plan.rank[code] = code_of(plan.table, values.value(code));
    }
    ratings.codes_ = PageArray<std::uint8_t>(size_);
  } else {
    ratings.values_ = PageArray<float>(size_);
  }
  if (plan.timed) ratings.times_ = PageArray<std::int64_t>(size_);
  PageArray<std::uint32_t> situations(plan.situated ? size_ : 0);
  plan.row_ends = ratings.row_offsets_.data() + 1;
  plan.user_count = user_count;
  plan.items = ratings.items_.data();
  plan.codes = ratings.codes_.data();
  plan.floats = ratings.values_.data();
  plan.times = ratings.times_.data();
  plan.situations = situations.data();

  const std::size_t width = partitions_.size();
  std::vector<std::size_t> bases(width + 1);
  for (std::size_t partition = 0; partition < width; ++partition) bases[partition + 1] = bases[partition] + partitions_[partition].count;
  // Every partition has a fixed place in the arrays, as if nothing were a duplicate. If ratings were removed, the gaps are closed below.
  std::vector<Outcome> outcomes(width);
  const bool wide = plan.timed || plan.situated || !plan.coded;
  struct Memory {
    std::vector<CodedEntry> coded[2];
    std::vector<WideEntry> wide[2];
  };
  std::vector<Memory> memories(static_cast<std::size_t>(workers.count()));
  workers.for_each(width, [&](std::size_t partition, int slot) {
    Memory& memory = memories[static_cast<std::size_t>(slot)];
    const auto first_user = static_cast<std::uint32_t>(partition << kPartitionBits);
    if (first_user >= user_count) return;
    if (wide) {
      group_partition(plan, partitions_[partition], bases[partition], first_user, memory.wide[0], memory.wide[1], outcomes[partition]);
    } else {
      group_partition(plan, partitions_[partition], bases[partition], first_user, memory.coded[0], memory.coded[1], outcomes[partition]);
    }
  });
  const std::size_t added = size_;
  partitions_.clear();
  slabs_.clear();
  size_ = 0;
  times_complete_ = true;
  situations_complete_ = true;
  const std::uint32_t most_situation = std::exchange(most_situation_, 0);
  for (const Outcome& outcome : outcomes) {
    if (!outcome.repeated) continue;
    result.repeated = outcome.repeated;
    result.ratings = Ratings();
    return result;
  }
  // Close the gaps, in order, so that a move never overwrites ratings that are still to be moved.
  std::size_t kept = 0;
  for (std::size_t partition = 0; partition < width; ++partition) {
    const std::size_t first_user = partition << kPartitionBits;
    const std::size_t end_user = std::min<std::size_t>(first_user + kPartitionUsers, user_count);
    const std::size_t base = bases[partition];
    const std::size_t count = outcomes[partition].kept;
    if (kept != base) {
      const auto shift = [&](auto* data) { std::memmove(data + kept, data + base, count * sizeof *data); };
      shift(plan.items);
      if (plan.coded) shift(plan.codes);
      if (!plan.coded) shift(plan.floats);
      if (plan.timed) shift(plan.times);
      if (plan.situated) shift(plan.situations);
      for (std::size_t user = first_user; user < end_user; ++user) plan.row_ends[user] -= base - kept;
    }
    bases[partition] = kept;
    kept += count;
  }
  const std::size_t last_grouped = std::min<std::size_t>(width << kPartitionBits, user_count);
  for (std::size_t user = last_grouped; user < user_count; ++user) plan.row_ends[user] = kept;
  result.duplicates = added - kept;
  ratings.value_table_ = plan.table;
  const bool counted = duplicates == Duplicates::count && !plan.coded;
  ratings.times_.shrink(kept);
  if (weighted_) take_weights(ratings.times_, ratings.weights_);
  situations.shrink(kept);
  if (plan.situated) ratings.situation_bytes_ = pack_situations(situations, most_situation, ratings.situations_);
  if (result.duplicates == 0 && !counted) return result;
  ratings.items_.shrink(kept);
  ratings.codes_.shrink(kept);
  ratings.values_.shrink(kept);
  std::vector<Fix> fixes;
  for (std::size_t partition = 0; partition < width; ++partition) {
    for (const Fix& fix : outcomes[partition].fixes) fixes.push_back({bases[partition] + fix.position, fix.value});
  }
  recode(ratings.value_table_, ratings.codes_, ratings.values_, fixes);
  return result;
}

}  // namespace lowrank
