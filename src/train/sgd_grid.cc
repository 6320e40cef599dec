#include "train/sgd_grid.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/random.h"
#include "kernels/dot.h"
#include "train/sgd_schedule.h"

namespace lowrank {

namespace {

/// Users and items are local 16-bit indices, so no stripe may have more rows.
constexpr std::size_t kMostStripeRows = 65'536;
/// A stripe of items should stay in a core's second-level cache while a block is learned.
constexpr std::size_t kStripeBytes = std::size_t{768} * 1024;

/// How many stripes: 8, of large data 16, so that as many threads have work; 4 of small data, so that a user has several ratings in a block
/// and blocks outweigh what is done once for each; more where a stripe of items would outgrow the cache, as long
/// as blocks stay large; fewer where a stripe would be so narrow that a group finds no four items.
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

/// How far the stripes have come: who learns a block waits here until both of its stripes are done with the round before.
class StripeClock {
 public:
  explicit StripeClock(std::size_t stripes) : user_rounds_(stripes), item_rounds_(stripes) {}

  /// \return false when the pass was given up
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

SgdGrid::SgdGrid(Ratings ratings, const Units& units, std::size_t rank, std::uint64_t seed, Workers& workers) {
  const std::size_t stripes = stripe_count(ratings.size(), ratings.user_count(), ratings.item_count(), rank);
  if (ratings.coded()) {
    for (const float value : ratings.value_table()) value_table_.push_back(units.to_training(value));
  }
  lay_out_items(ratings, stripes, workers);
  cut_users(ratings, stripes);
  count_blocks(ratings, workers);
  make_room(ratings);
  fill_blocks(ratings, units, seed, workers);
}

void SgdGrid::lay_out_items(const Ratings& ratings, std::size_t stripes, Workers& workers) {
  const std::size_t item_count = ratings.item_count();
  std::vector<std::vector<std::uint32_t>> counts(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(ratings.size(), std::size_t{1} << 20U, [&](std::size_t begin, std::size_t end, int slot) {
    std::vector<std::uint32_t>& local = counts[static_cast<std::size_t>(slot)];
    local.resize(item_count);
    for (const std::uint32_t item : ratings.items().subspan(begin, end - begin)) ++local[item];
  });
  std::vector<std::uint32_t> total(item_count);
  for (const std::vector<std::uint32_t>& local : counts) {
    for (std::size_t item = 0; item < local.size(); ++item) total[item] += local[item];
  }

  std::vector<std::uint32_t> by_popularity(item_count);
  std::iota(by_popularity.begin(), by_popularity.end(), 0U);
  std::stable_sort(by_popularity.begin(), by_popularity.end(), [&](std::uint32_t a, std::uint32_t b) { return total[a] > total[b]; });

  // Dealt to and fro, so that stripes get equal shares of ratings; within a stripe they stay in order of popularity.
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
    // stripe/stripes of the ratings, without overflow.
    const std::size_t share = ratings.size() / stripes * stripe + ratings.size() % stripes * stripe / stripes;
    const auto cut = static_cast<std::uint32_t>(std::lower_bound(offsets.begin(), offsets.end(), share) - offsets.begin());
    // Within what a stripe can number, and so that the stripes to come can number the rest.
    const std::size_t most = std::min<std::size_t>(ratings.user_count(), user_begin_[stripe - 1] + kMostStripeRows);
    const std::size_t room = (stripes - stripe) * kMostStripeRows;
    const std::size_t least =
        std::max<std::size_t>(user_begin_[stripe - 1], ratings.user_count() - std::min<std::size_t>(room, ratings.user_count()));
    user_begin_[stripe] = static_cast<std::uint32_t>(std::clamp<std::size_t>(cut, least, most));
  }
}

void SgdGrid::count_blocks(const Ratings& ratings, Workers& workers) {
  const std::size_t count = stripes();
  rating_begin_.assign(count * count + 1, 0);
  std::vector<std::uint16_t> stripe_of_item(ratings.item_count());
  for (std::size_t stripe = 0; stripe < count; ++stripe) {
    for (std::uint32_t row = layout_.stripe_begin[stripe]; row < layout_.stripe_begin[stripe + 1]; ++row) {
      stripe_of_item[layout_.item_of_row[row]] = static_cast<std::uint16_t>(stripe);
    }
  }
  workers.for_each(count, [&](std::size_t user_stripe, int) {
    std::size_t* counts = rating_begin_.data() + user_stripe * count + 1;
    for (std::uint32_t user = user_begin_[user_stripe]; user < user_begin_[user_stripe + 1]; ++user) {
      for (const std::uint32_t item : ratings.items_of(user)) ++counts[stripe_of_item[item]];
    }
  });
  std::partial_sum(rating_begin_.begin(), rating_begin_.end(), rating_begin_.begin());
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
  plans_.resize(rating_begin_.size() - 1);
}

/// The blocks of one stripe of users, user by user, and in `users` who they are.
void SgdGrid::fill_stripe(const Ratings& ratings, const Units& units, std::uint64_t seed, std::size_t user_stripe,
                          const std::vector<std::uint16_t>& stripe_of_row, std::vector<std::vector<SgdScheduler::User>>& users) {
  const auto first_block = static_cast<std::ptrdiff_t>(user_stripe * stripes());
  const auto last_block = first_block + static_cast<std::ptrdiff_t>(stripes());
  std::vector<std::size_t> next_rating(rating_begin_.begin() + first_block, rating_begin_.begin() + last_block);
  for (auto& of_block : users) of_block.clear();
  std::vector<std::uint32_t> last_user(stripes(), Vocabulary::kUnknown);
  std::vector<std::size_t> order;
  for (std::uint32_t user = user_begin_[user_stripe]; user < user_begin_[user_stripe + 1]; ++user) {
    // Within a run in random order: users who go through the same items in the same order would keep meeting on them.
    order.resize(ratings.items_of(user).size());
    std::iota(order.begin(), order.end(), ratings.row_offsets()[user]);
    RandomStream(seed, Purpose::rating_order, 0, user).shuffle(std::span(order));
    for (const std::size_t position : order) {
      const std::uint32_t row = layout_.row_of_item[ratings.items()[position]];
      const std::size_t stripe = stripe_of_row[row];
      const std::size_t place = next_rating[stripe]++;
      auto item = static_cast<std::uint16_t>(row - layout_.stripe_begin[stripe]);
      if (packed_) {
        item = static_cast<std::uint16_t>(item | ratings.codes()[position] << kSgdPackedBits);
      } else if (ratings.coded()) {
        codes_[place] = ratings.codes()[position];
      } else {
        values_[place] = units.to_training(ratings.value(position));
      }
      items_[place] = item;
      if (last_user[stripe] != user) users[stripe].push_back({static_cast<std::uint16_t>(user - user_begin_[user_stripe]), 0});
      last_user[stripe] = user;
      ++users[stripe].back().count;
    }
  }
}

void SgdGrid::fill_blocks(Ratings& ratings, const Units& units, std::uint64_t seed, Workers& workers) {
  const std::size_t count = stripes();
  std::vector<std::uint16_t> stripe_of_row(ratings.item_count());
  for (std::size_t stripe = 0; stripe < count; ++stripe) {
    std::fill(stripe_of_row.begin() + layout_.stripe_begin[stripe], stripe_of_row.begin() + layout_.stripe_begin[stripe + 1],
              static_cast<std::uint16_t>(stripe));
  }
  std::mutex mutex;
  std::vector<bool> filled(count);
  std::size_t released = 0;
  // The ratings of stripes that are filled, and all before them, are not needed any more.
  const auto release = [&](std::size_t user_stripe) {
    const std::lock_guard<std::mutex> lock(mutex);
    filled[user_stripe] = true;
    while (released < count && filled[released]) ++released;
    ratings.release_front(user_begin_[released]);
  };
  std::vector<SgdScheduler> schedulers(static_cast<std::size_t>(workers.count()));
  workers.for_each(count, [&](std::size_t user_stripe, int slot) {
    std::vector<std::vector<SgdScheduler::User>> users(count);
    fill_stripe(ratings, units, seed, user_stripe, stripe_of_row, users);
    release(user_stripe);
    for (std::size_t stripe = 0; stripe < count; ++stripe) {
      const std::size_t number = user_stripe * count + stripe;
      const std::size_t first = rating_begin_[number];
      const std::size_t size = rating_begin_[number + 1] - first;
      const auto part = [&](auto& array) {
        return std::span(array.data() + (array.size() == 0 ? 0 : first), array.size() == 0 ? 0 : size);
      };
      const std::size_t last_item = std::max<std::size_t>(stripe_items(stripe), 1) - 1;
      const std::size_t mask = packed_ ? kSgdPackedMask : std::bit_ceil(last_item + 1) - 1;
      plans_[number] = schedulers[static_cast<std::size_t>(slot)].arrange({.by_user = users[stripe],
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
  // The order within a block is the same in every epoch but for the chunk it starts with: measured on ML-1M that is as good as a fresh
  // order.
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
    const SgdBlock ratings = block(number);
    const SgdTables rows = tables_of(number, tables);
    SgdErrors sums;
    constexpr std::size_t kPiece = 1024;
    std::array<std::uint32_t, kPiece> users{};
    std::array<std::uint32_t, kPiece> items{};
    std::array<float, kPiece> products{};
    for (std::size_t first = 0; first < ratings.count; first += kPiece) {
      const std::size_t size = std::min(kPiece, ratings.count - first);
      for (std::size_t n = 0; n < size; ++n) {
        users[n] = ratings.users[first + n];
        items[n] = static_cast<std::uint32_t>(ratings.item(first + n));
      }
      dot_pairs({rows.user_factors, rows.stride}, users.data(), {rows.item_factors, rows.stride}, items.data(), size, products.data());
      for (std::size_t n = 0; n < size; ++n) {
        const float value = ratings.value(first + n);
        const float score = rows.user_biases[users[n]] + rows.item_biases[items[n]] + products[n];
        const auto error = static_cast<double>(value - score);
        const auto clipped = static_cast<double>(value - std::clamp(score, least, most));
        sums.squared += error * error;
        sums.clipped_squared += clipped * clipped;
      }
    }
    return sums;
  });
}

}  // namespace lowrank
