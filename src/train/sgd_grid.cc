#include "train/sgd_grid.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "base/random.h"

namespace lowrank {

namespace {

/// The most rows of a stripe: users and items are numbered within it with 16 bits.
constexpr std::size_t kMostStripeRows = 65'536;
/// Bytes of a stripe of items that stay in a core's second-level cache while a block is learned.
constexpr std::size_t kStripeBytes = std::size_t{768} * 1024;

/// The number of stripes: 8, for large data 16, so that as many threads have work; 4 for small data, so that a user has several ratings in
/// a block and the work per block is small next to that per rating. More where a stripe of items would outgrow the cache, as long as blocks
/// stay large; fewer where a stripe would have too few items for a group of four.
std::size_t stripe_count(std::size_t ratings, std::size_t users, std::size_t items, std::size_t rank) {
  constexpr std::size_t kSmall = 2'000'000;
  constexpr std::size_t kLarge = 20'000'000;
  constexpr std::size_t kLeastItems = 24;
  constexpr std::size_t kLeastBlock = 4096;
  const std::size_t usual = ratings < kSmall ? 4 : (ratings < kLarge ? 8 : 16);
  const std::size_t by_cache = items * rank * sizeof(float) / kStripeBytes + 1;
  const auto by_block = static_cast<std::size_t>(std::sqrt(static_cast<double>(ratings) / kLeastBlock));
  const std::size_t by_width = std::max<std::size_t>(2, items / kLeastItems);
  const std::size_t wanted = std::min({std::max(usual, by_cache), std::max(usual, by_block), by_width});
  return std::max({wanted, (items + kMostStripeRows - 1) / kMostStripeRows, (users + kMostStripeRows - 1) / kMostStripeRows});
}

/// The round that each stripe has reached. A thread waits here until both stripes of its block are done with the round before.
class StripeClock {
 public:
  explicit StripeClock(std::size_t stripes) : user_rounds_(stripes), item_rounds_(stripes) {}

  /// \return false when the pass has been given up
  [[nodiscard]] bool wait(std::size_t user_stripe, std::size_t item_stripe, std::uint32_t round) const {
    for (std::size_t turn = 0; !given_up_.load(std::memory_order_relaxed); ++turn) {
      if (user_rounds_[user_stripe].load(std::memory_order_acquire) == round &&
          item_rounds_[item_stripe].load(std::memory_order_acquire) == round) {
        return true;
      }
      if (turn > 64) std::this_thread::yield();
    }
    return false;
  }

  void done(std::size_t user_stripe, std::size_t item_stripe, std::uint32_t round) {
    user_rounds_[user_stripe].store(round + 1, std::memory_order_release);
    item_rounds_[item_stripe].store(round + 1, std::memory_order_release);
  }

  void give_up() { given_up_.store(true, std::memory_order_relaxed); }

 private:
  std::vector<std::atomic<std::uint32_t>> user_rounds_;
  std::vector<std::atomic<std::uint32_t>> item_rounds_;
  std::atomic<bool> given_up_{false};
};

}  // namespace

SgdGrid::SgdGrid(Ratings ratings, std::span<const std::uint32_t> item_counts, const Units& units, std::size_t rank, std::uint64_t seed,
                 Workers& workers) {
  const std::size_t stripes = stripe_count(ratings.size(), ratings.user_count(), ratings.item_count(), rank);
  if (ratings.coded()) {
    for (const float value : ratings.value_table()) value_table_.push_back(units.to_training(value));
  }
  lay_out_items(item_counts, stripes);
  cut_users(ratings, stripes);
  make_room(ratings);
  fill_blocks(ratings, units, seed, workers);
}

void SgdGrid::lay_out_items(std::span<const std::uint32_t> item_counts, std::size_t stripes) {
  const std::size_t item_count = item_counts.size();
  std::vector<std::uint32_t> by_popularity(item_count);
  std::iota(by_popularity.begin(), by_popularity.end(), 0U);
  std::ranges::stable_sort(by_popularity, std::greater<>(), [&](std::uint32_t item) { return item_counts[item]; });

  // Items are dealt to the stripes to and fro, so that each gets an equal share of the ratings, and stay in order of popularity within it.
  const auto stripe_of = [stripes](std::size_t place) {
    const std::size_t column = place % stripes;
    return (place / stripes) % 2 == 0 ? column : stripes - 1 - column;
  };
  layout_.stripe_begin.assign(stripes + 1, 0);
  for (std::size_t place = 0; place < item_count; ++place) ++layout_.stripe_begin[stripe_of(place) + 1];
  std::partial_sum(layout_.stripe_begin.begin(), layout_.stripe_begin.end(), layout_.stripe_begin.begin());
  std::vector<std::uint32_t> next(layout_.stripe_begin.begin(), layout_.stripe_begin.end() - 1);
  layout_.row_of_item.resize(item_count);
  layout_.item_of_row.resize(item_count);
  for (std::size_t place = 0; place < item_count; ++place) {
    const std::uint32_t row = next[stripe_of(place)]++;
    layout_.row_of_item[by_popularity[place]] = row;
    layout_.item_of_row[row] = by_popularity[place];
  }
}

void SgdGrid::cut_users(const Ratings& ratings, std::size_t stripes) {
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  user_begin_.assign(stripes + 1, ratings.user_count());
  user_begin_[0] = 0;
  for (std::size_t stripe = 1; stripe < stripes; ++stripe) {
    // The share stripe / stripes of the ratings, without overflow.
    const std::size_t share = ratings.size() / stripes * stripe + ratings.size() % stripes * stripe / stripes;
    const auto cut = static_cast<std::uint32_t>(std::lower_bound(offsets.begin(), offsets.end(), share) - offsets.begin());
    // At most the rows that a stripe can number, and at least so many that the stripes to come can number the rest.
    const std::size_t most = std::min<std::size_t>(ratings.user_count(), user_begin_[stripe - 1] + kMostStripeRows);
    const std::size_t room = (stripes - stripe) * kMostStripeRows;
    const std::size_t least =
        std::max<std::size_t>(user_begin_[stripe - 1], ratings.user_count() - std::min<std::size_t>(room, ratings.user_count()));
    user_begin_[stripe] = static_cast<std::uint32_t>(std::clamp<std::size_t>(cut, least, most));
  }
}

void SgdGrid::make_room(const Ratings& ratings) {
  std::size_t widest = 0;
  for (std::size_t stripe = 0; stripe < stripes(); ++stripe) widest = std::max(widest, stripe_items(stripe));
  packed_ = ratings.coded() && widest <= kSgdMostPackedItems && value_table_.size() <= kSgdMostPackedValues;
  users_ = PageArray<std::uint16_t>(ratings.size());
  items_ = PageArray<std::uint16_t>(ratings.size());
  if (!ratings.coded()) {
    values_ = PageArray<float>(ratings.size());
  } else if (!packed_) {
    codes_ = PageArray<std::uint8_t>(ratings.size());
  }
  plans_.resize(stripes() * stripes());
  rating_begin_.resize(plans_.size() + 1);
  rating_begin_.back() = ratings.size();
}

/// Where an item is: its stripe, and its row within the stripe.
struct SgdGrid::ItemPlace {
  std::uint16_t stripe;
  std::uint16_t row;
};

std::vector<SgdGrid::ItemPlace> SgdGrid::item_places() const {
  std::vector<ItemPlace> places(layout_.item_of_row.size());
  for (std::size_t stripe = 0; stripe < stripes(); ++stripe) {
    const std::uint32_t begin = layout_.stripe_begin[stripe];
    for (std::uint32_t row = begin; row < layout_.stripe_begin[stripe + 1]; ++row) {
      places[layout_.item_of_row[row]] = {static_cast<std::uint16_t>(stripe), static_cast<std::uint16_t>(row - begin)};
    }
  }
  return places;
}

/// A rating of the user whose ratings are being placed.
struct SgdGrid::Placed {
  ItemPlace item;       ///< with the code, where the two share 16 bits
  std::uint32_t value;  ///< code, or bits of the value in training units
};

/// A block while its stripe of users is filled.
struct SgdGrid::Filling {
  std::size_t next = 0;        ///< place of the next rating
  std::size_t user_count = 0;  ///< users so far
  std::uint32_t last_user = Vocabulary::kUnknown;
  std::vector<SgdOrder::User> users;  ///< room for all users that the block can have

  /// Counts a rating of `user`, without a branch: no processor foresees in which blocks a user's ratings lie.
  void count(std::uint32_t user, std::uint16_t row) {
    const std::uint32_t same = last_user == user ? 1U : 0U;
    last_user = user;
    user_count += 1 - same;
    SgdOrder::User& entry = users[user_count - 1];
    entry.row = row;
    entry.count = entry.count * same + 1;
  }
};

/// Gives the blocks of a stripe of users their places and their room.
void SgdGrid::begin_stripe(const Ratings& ratings, std::size_t user_stripe, std::span<const ItemPlace> item_places,
                           std::vector<Filling>& blocks) {
  const std::uint32_t first = user_begin_[user_stripe];
  const std::uint32_t last = user_begin_[user_stripe + 1];
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  std::vector<std::size_t> counts(stripes());
  for (const std::uint32_t item : ratings.items().subspan(offsets[first], offsets[last] - offsets[first]))
    ++counts[item_places[item].stripe];
  // Blocks before this stripe have the ratings of the users before it, so the stripe's first block begins where its first user does.
  std::size_t begin = offsets[first];
  blocks.resize(stripes());
  for (std::size_t stripe = 0; stripe < stripes(); ++stripe) {
    Filling& block = blocks[stripe];
    rating_begin_[user_stripe * stripes() + stripe] = block.next = begin;
    begin += counts[stripe];
    block.user_count = 0;
    block.last_user = Vocabulary::kUnknown;
    block.users.resize(std::min<std::size_t>(counts[stripe], last - first));
  }
}

/// Fills the blocks of one stripe of users, sorted by user, and lists each block's users.
void SgdGrid::fill_stripe(const Ratings& ratings, const Units& units, std::uint64_t seed, std::size_t user_stripe,
                          std::span<const ItemPlace> item_places, std::vector<Filling>& blocks) {
  begin_stripe(ratings, user_stripe, item_places, blocks);
  const std::span<const std::size_t> offsets = ratings.row_offsets();
  const std::uint32_t first = user_begin_[user_stripe];
  std::vector<Placed> row;
  for (std::uint32_t user = first; user < user_begin_[user_stripe + 1]; ++user) {
    // All of a user's items are looked up before one is placed: so the look-ups do not wait for each other.
    row.resize(offsets[user + 1] - offsets[user]);
    for (std::size_t n = 0; n < row.size(); ++n) {
      const std::size_t position = offsets[user] + n;
      row[n].item = item_places[ratings.items()[position]];
      row[n].value = ratings.coded() ? ratings.codes()[position] : std::bit_cast<std::uint32_t>(units.to_training(ratings.value(position)));
      if (packed_) row[n].item.row = static_cast<std::uint16_t>(row[n].item.row | row[n].value << kSgdPackedBits);
    }
    // A user's ratings are put in random order: users who visit the same items in the same order would keep meeting at them.
    RandomStream(seed, Purpose::rating_order, 0, user).shuffle(std::span(row));
    for (const Placed& rating : row) {
      Filling& block = blocks[rating.item.stripe];
      const std::size_t place = block.next++;
      items_[place] = rating.item.row;
      if (!codes_.empty()) codes_[place] = static_cast<std::uint8_t>(rating.value);
      if (!values_.empty()) values_[place] = std::bit_cast<float>(rating.value);
      block.count(user, static_cast<std::uint16_t>(user - first));
    }
  }
}

void SgdGrid::fill_blocks(Ratings& ratings, const Units& units, std::uint64_t seed, Workers& workers) {
  const std::size_t count = stripes();
  const std::vector<ItemPlace> places = item_places();
  std::mutex mutex;
  std::vector<bool> filled(count);
  std::size_t released = 0;
  // Releases the ratings that are in blocks by now, as far as all before them are too.
  const auto release = [&](std::size_t user_stripe) {
    const std::lock_guard<std::mutex> lock(mutex);
    filled[user_stripe] = true;
    while (released < count && filled[released]) ++released;
    ratings.release_front(user_begin_[released]);
  };
  struct Scratch {
    std::vector<Filling> blocks;
    SgdOrder order;
  };
  std::vector<Scratch> scratch(static_cast<std::size_t>(workers.count()));
  workers.for_each(count, [&](std::size_t user_stripe, int slot) {
    auto& [blocks, order] = scratch[static_cast<std::size_t>(slot)];
    fill_stripe(ratings, units, seed, user_stripe, places, blocks);
    release(user_stripe);
    for (std::size_t stripe = 0; stripe < count; ++stripe) {
      const std::size_t number = user_stripe * count + stripe;
      const std::size_t first = rating_begin_[number];
      const auto part = [&](auto& array) {
        return array.empty() ? std::span(array.data(), 0) : std::span(array.data() + first, blocks[stripe].next - first);
      };
      const std::size_t last_item = std::max<std::size_t>(stripe_items(stripe), 1) - 1;
      const std::size_t mask = packed_ ? kSgdPackedMask : std::bit_ceil(last_item + 1) - 1;
      plans_[number] = order.arrange({.by_user = std::span(blocks[stripe].users).first(blocks[stripe].user_count),
                                      .users = part(users_),
                                      .items = part(items_),
                                      .codes = part(codes_),
                                      .values = part(values_),
                                      .item_mask = static_cast<std::uint16_t>(mask)});
    }
  });
}

SgdBlock SgdGrid::block(std::size_t number) const {
  const std::size_t first = rating_begin_[number];
  const SgdPlan& plan = plans_[number];
  return {.users = users_.data() + first,
          .items = items_.data() + first,
          .codes = !codes_.empty() ? codes_.data() + first : nullptr,
          .values = !values_.empty() ? values_.data() + first : nullptr,
          .value_table = value_table_.data(),
          .count = rating_begin_[number + 1] - first,
          .user_runs = plan.user_runs.data(),
          .item_runs = plan.item_runs.data(),
          .chunks = plan.chunks.data(),
          .chunk_count = plan.chunks.size() - 1};
}

SgdTables SgdGrid::tables_of(std::size_t number, const SgdTables& tables) const {
  const std::size_t first_user = user_begin_[number / stripes()];
  const std::size_t first_row = layout_.stripe_begin[number % stripes()];
  SgdTables result = tables;
  result.user_factors += first_user * tables.stride;
  result.user_biases += first_user;
  result.user_decays += first_user;
  result.user_bias_decays += first_user;
  result.item_factors += first_row * tables.stride;
  result.item_biases += first_row;
  result.item_decays += first_row;
  result.item_bias_decays += first_row;
  return result;
}

double SgdGrid::learn(std::size_t number, const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch) const {
  const SgdBlock ratings = block(number);
  // The visiting order of a block changes from epoch to epoch only in the chunk that comes first: on ML-1M as good as a new order.
  const std::size_t chunks = ratings.chunk_count;
  const std::size_t first = chunks == 0 ? 0 : RandomStream(seed, Purpose::rating_order, epoch, number).below(chunks);
  return sgd_block(ratings, first, tables_of(number, tables), step);
}

double SgdGrid::pass(const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch, Workers& workers) const {
  const std::size_t count = stripes();
  // Round t pairs user stripe a with item stripe shift[a] + turn[t]: every pair once, no stripe twice in a round.
  std::vector<std::uint32_t> turns(count);
  std::vector<std::uint32_t> shifts(count);
  std::iota(turns.begin(), turns.end(), 0U);
  std::iota(shifts.begin(), shifts.end(), 0U);
  RandomStream stream(seed, Purpose::rating_order, epoch, std::numeric_limits<std::uint64_t>::max());
  stream.shuffle(std::span(turns));
  stream.shuffle(std::span(shifts));

  StripeClock clock(count);
  return workers.sum_ranges(count * count, 1, [&](std::size_t task, std::size_t, int) {
    const auto round = static_cast<std::uint32_t>(task / count);
    const std::size_t user_stripe = task % count;
    const std::size_t item_stripe = (shifts[user_stripe] + turns[round]) % count;
    const std::size_t number = user_stripe * count + item_stripe;
    if (!clock.wait(user_stripe, item_stripe, round)) return 0.0;
    const double squares = learn(number, tables, step, seed, epoch);
    if (!std::isfinite(squares)) clock.give_up();
    clock.done(user_stripe, item_stripe, round);
    return squares;
  });
}

SgdErrors SgdGrid::errors(const SgdTables& tables, float least, float most, Workers& workers) const {
  return workers.sum_ranges(plans_.size(), 1, [&](std::size_t number, std::size_t, int) {
    return sgd_errors(block(number), tables_of(number, tables), least, most);
  });
}

}  // namespace lowrank
