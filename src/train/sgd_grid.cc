#include "train/sgd_grid.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/random.h"
#include "kernels/dot.h"

namespace lowrank {

namespace {

/// Items are local 16-bit indices, so no stripe may have more rows.
constexpr std::size_t kMostStripeRows = 65'536;
/// A stripe of items should stay in a core's second-level cache while a block is learned.
constexpr std::size_t kStripeBytes = std::size_t{512} * 1024;

/// How many stripes: 16, so that as many threads have work; more where a stripe of items would outgrow the cache, as long as blocks stay
/// large; fewer where a stripe would be so narrow that runs side by side keep meeting on the same item.
std::size_t stripe_count(std::size_t ratings, std::size_t items, std::size_t rank) {
  constexpr std::size_t kUsual = 16;
  constexpr std::size_t kLeastItems = 24;
  constexpr std::size_t kLeastBlock = 4096;
  const std::size_t by_cache = items * rank * sizeof(float) / kStripeBytes + 1;
  const auto by_block = static_cast<std::size_t>(std::sqrt(static_cast<double>(ratings) / kLeastBlock));
  const std::size_t by_width = std::max<std::size_t>(2, items / kLeastItems);
  const std::size_t wanted = std::min({std::max(kUsual, by_cache), std::max(kUsual, by_block), by_width});
  return std::max(wanted, (items + kMostStripeRows - 1) / kMostStripeRows);
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
  const std::size_t stripes = stripe_count(ratings.size(), ratings.item_count(), rank);
  if (ratings.coded()) {
    for (const float value : ratings.value_table()) value_table_.push_back(units.to_training(value));
  }
  lay_out_items(ratings, stripes, workers);
  cut_users(ratings, stripes);
  count_blocks(ratings, workers);
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
    user_begin_[stripe] = std::clamp(cut, user_begin_[stripe - 1], ratings.user_count());
  }
}

void SgdGrid::count_blocks(const Ratings& ratings, Workers& workers) {
  const std::size_t count = stripes();
  rating_begin_.assign(count * count + 1, 0);
  run_begin_.assign(count * count + 1, 0);
  std::vector<std::uint16_t> stripe_of_item(ratings.item_count());
  for (std::size_t stripe = 0; stripe < count; ++stripe) {
    for (std::uint32_t row = layout_.stripe_begin[stripe]; row < layout_.stripe_begin[stripe + 1]; ++row) {
      stripe_of_item[layout_.item_of_row[row]] = static_cast<std::uint16_t>(stripe);
    }
  }
  workers.for_each(count, [&](std::size_t user_stripe, int) {
    std::vector<std::uint32_t> last_user(count, Vocabulary::kUnknown);
    std::size_t* rating_counts = rating_begin_.data() + user_stripe * count + 1;
    std::size_t* run_counts = run_begin_.data() + user_stripe * count + 1;
    for (std::uint32_t user = user_begin_[user_stripe]; user < user_begin_[user_stripe + 1]; ++user) {
      for (const std::uint32_t item : ratings.items_of(user)) {
        const std::size_t stripe = stripe_of_item[item];
        ++rating_counts[stripe];
        if (last_user[stripe] != user) ++run_counts[stripe];
        last_user[stripe] = user;
      }
    }
  });
  std::partial_sum(rating_begin_.begin(), rating_begin_.end(), rating_begin_.begin());
  std::partial_sum(run_begin_.begin(), run_begin_.end(), run_begin_.begin());
}

void SgdGrid::fill_blocks(Ratings& ratings, const Units& units, std::uint64_t seed, Workers& workers) {
  const std::size_t count = stripes();
  runs_ = PageArray<SgdRun>(run_begin_.back());
  items_ = PageArray<std::uint16_t>(ratings.size());
  if (ratings.coded()) {
    codes_ = PageArray<std::uint8_t>(ratings.size());
  } else {
    values_ = PageArray<float>(ratings.size());
  }
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
  workers.for_each(count, [&](std::size_t user_stripe, int) {
    const std::size_t first_block = user_stripe * count;
    std::vector<std::size_t> next_rating(rating_begin_.begin() + static_cast<std::ptrdiff_t>(first_block),
                                         rating_begin_.begin() + static_cast<std::ptrdiff_t>(first_block + count));
    std::vector<std::size_t> next_run(run_begin_.begin() + static_cast<std::ptrdiff_t>(first_block),
                                      run_begin_.begin() + static_cast<std::ptrdiff_t>(first_block + count));
    std::vector<std::uint32_t> last_user(count, Vocabulary::kUnknown);
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
        items_[place] = static_cast<std::uint16_t>(row - layout_.stripe_begin[stripe]);
        if (ratings.coded()) {
          codes_[place] = ratings.codes()[position];
        } else {
          values_[place] = units.to_training(ratings.value(position));
        }
        if (last_user[stripe] != user) {
          last_user[stripe] = user;
          runs_[next_run[stripe]++] = {user, 0};
        }
        ++runs_[next_run[stripe] - 1].count;
      }
    }
    release(user_stripe);
  });
}

SgdBlock SgdGrid::block(std::size_t number) const {
  const std::size_t first = rating_begin_[number];
  const bool coded = !value_table_.empty();
  return {.runs = runs_.data() + run_begin_[number],
          .run_count = run_begin_[number + 1] - run_begin_[number],
          .items = items_.data() + first,
          .codes = coded ? codes_.data() + first : nullptr,
          .values = coded ? nullptr : values_.data() + first,
          .value_table = value_table_.data()};
}

SgdTables SgdGrid::tables_of(std::size_t number, const SgdTables& tables) const {
  const std::size_t first_row = layout_.stripe_begin[number % stripes()];
  SgdTables result = tables;
  result.item_factors += first_row * tables.stride;
  result.item_biases += first_row;
  result.item_keeps += first_row;
  result.item_bias_keeps += first_row;
  return result;
}

double SgdGrid::learn(std::size_t number, const SgdTables& tables, const SgdStep& step, std::uint64_t seed, std::size_t epoch) const {
  SgdBlock all = block(number);
  if (all.run_count == 0) return 0;
  // The order within a block is the same in every epoch but for the run it starts with: measured on ML-1M that is as good as a fresh order.
  const std::size_t first = RandomStream(seed, Purpose::rating_order, epoch, number).below(all.run_count);
  std::size_t skipped = 0;
  for (std::size_t run = 0; run < first; ++run) skipped += all.runs[run].count;
  SgdBlock rest = all;
  rest.runs += first;
  rest.run_count -= first;
  rest.items += skipped;
  if (rest.codes != nullptr) rest.codes += skipped;
  if (rest.values != nullptr) rest.values += skipped;
  all.run_count = first;
  const SgdTables rows = tables_of(number, tables);
  const double squared = sgd_block(rest, rows, step);
  return squared + sgd_block(all, rows, step);
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
  std::vector<double> squares(count * count);
  workers.for_each(count * count, [&](std::size_t task, int) {
    const auto round = static_cast<std::uint32_t>(task / count);
    const std::size_t user_stripe = task % count;
    const std::size_t item_stripe = (shifts[user_stripe] + turns[round]) % count;
    const std::size_t number = user_stripe * count + item_stripe;
    if (!clock.wait(user_stripe, item_stripe, round)) return;
    squares[task] = learn(number, tables, step, seed, epoch);
    if (!std::isfinite(squares[task])) clock.give_up();
    clock.done(user_stripe, item_stripe, round);
  });
  return std::accumulate(squares.begin(), squares.end(), 0.0);
}

SgdErrors SgdGrid::errors(const SgdTables& tables, float least, float most, Workers& workers) const {
  std::vector<SgdErrors> partial(stripes() * stripes());
  workers.for_each(partial.size(), [&](std::size_t number, int) {
    const SgdBlock ratings = block(number);
    const SgdTables rows = tables_of(number, tables);
    SgdErrors sums;
    std::vector<std::uint32_t> users;
    std::vector<std::uint32_t> items;
    std::vector<float> products;
    std::size_t first = 0;
    for (std::size_t run = 0; run < ratings.run_count; ++run) {
      const SgdRun& of_user = ratings.runs[run];
      users.assign(of_user.count, of_user.user);
      items.assign(ratings.items + first, ratings.items + first + of_user.count);
      products.resize(of_user.count);
      dot_pairs({rows.user_factors, rows.stride}, users.data(), {rows.item_factors, rows.stride}, items.data(), of_user.count,
                products.data());
      for (std::size_t n = 0; n < of_user.count; ++n) {
        const std::size_t place = first + n;
        const float value = ratings.codes != nullptr ? ratings.value_table[ratings.codes[place]] : ratings.values[place];
        const float score = rows.user_biases[of_user.user] + rows.item_biases[items[n]] + products[n];
        const auto error = static_cast<double>(value - score);
        const auto clipped = static_cast<double>(value - std::clamp(score, least, most));
        sums.squared += error * error;
        sums.clipped_squared += clipped * clipped;
      }
      first += of_user.count;
    }
    partial[number] = sums;
  });
  SgdErrors total;
  for (const SgdErrors& sums : partial) {
    total.squared += sums.squared;
    total.clipped_squared += sums.clipped_squared;
  }
  return total;
}

}  // namespace lowrank
