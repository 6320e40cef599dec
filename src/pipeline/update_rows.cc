#include "pipeline/update_rows.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>

#include "data/text.h"
#include "kernels/dot.h"
#include "kernels/gramian.h"
#include "lowrank/base/error.h"
#include "model/history_edit.h"

namespace lowrank {

namespace {

constexpr std::uint32_t kUsersPerPiece = 256;

/// The ratings of the touched users.
FoldInRows rows_of_users(const Model& model, std::span<const std::uint32_t> users, const TakesRating& takes) {
  FoldInRows rows;
  for (const std::uint32_t user : users) {
    for_each_entry(model.history, user, user + 1, [&](std::uint32_t, std::uint32_t item, std::size_t position) {
      const float value = value_at(model.history, position);
      if (takes(value)) rows.add(item, value);
    });
    rows.end_row();
  }
  return rows;
}

/// The ratings of the touched items, each in ascending order of user. O(ratings of the model)
FoldInRows rows_of_items(const Model& model, std::span<const std::uint32_t> items, const TakesRating& takes, Workers& workers) {
  struct Entry {
    std::uint32_t slot;
    std::uint32_t user;
    float value;
  };
  FoldInRows rows;
  if (items.empty()) return rows;
  std::vector<std::uint32_t> slots(model.items.size());  // 0 for an item that is not touched
  for (std::uint32_t slot = 0; slot < items.size(); ++slot) slots[items[slot]] = slot + 1;
  const std::uint32_t users = model.history.user_count();
  std::vector<std::vector<Entry>> pieces((users + kUsersPerPiece - 1) / kUsersPerPiece);
  workers.for_ranges(users, kUsersPerPiece, [&](std::size_t begin, std::size_t end, int) {
    std::vector<Entry>& piece = pieces[begin / kUsersPerPiece];
    for_each_entry(model.history, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end),
                   [&](std::uint32_t user, std::uint32_t item, std::size_t position) {
                     const std::uint32_t slot = slots[item];
                     if (slot == 0) return;
                     const float value = value_at(model.history, position);
                     if (takes(value)) piece.push_back({.slot = slot - 1, .user = user, .value = value});
                   });
  });
  rows.offsets.assign(items.size() + 1, 0);
  for (const auto& piece : pieces) {
    for (const Entry& entry : piece) ++rows.offsets[entry.slot + 1];
  }
  std::partial_sum(rows.offsets.begin(), rows.offsets.end(), rows.offsets.begin());
  rows.others.resize(rows.offsets.back());
  rows.values.resize(rows.offsets.back());
  std::vector<std::size_t> next(rows.offsets.begin(), rows.offsets.end() - 1);
  for (const auto& piece : pieces) {
    for (const Entry& entry : piece) {
      const std::size_t at = next[entry.slot]++;
      rows.others[at] = entry.user;
      rows.values[at] = entry.value;
    }
  }
  return rows;
}

/// The rows [begin, end), without ratings of what is not known yet.
FoldInRows part_of(const FoldInRows& rows, std::size_t begin, std::size_t end, std::span<const std::uint8_t> usable) {
  FoldInRows part;
  for (std::size_t row = begin; row < end; ++row) {
    for (std::size_t at = rows.offsets[row]; at < rows.offsets[row + 1]; ++at) {
      if (usable.empty() || usable[rows.others[at]] != 0) part.add(rows.others[at], rows.values[at]);
    }
    part.end_row();
  }
  return part;
}

/// One side of an update.
struct SolvedSide {
  FoldInSide which;
  Side& side;
  const TouchedSide& touched;
  const NewFeatures* given;
  FoldInRows rows = {};
  std::vector<FeatureRow> features = {};
  std::vector<std::uint8_t> usable = {};  ///< of each row of the side: 1 where the other side may be solved against it
};

bool is_users(const SolvedSide& each) { return each.which == FoldInSide::users; }

/// The features of the touched rows. \throws OptionError where they are needed and not given
std::vector<FeatureRow> features_of(const SolvedSide& each) {
  std::vector<FeatureRow> features;
  if (!each.side.features) return features;
  for (const std::uint32_t row : each.touched.rows) {
    const std::uint32_t given = each.given == nullptr ? Vocabulary::kUnknown : each.given->ids.find(each.side.ids.id(row));
    std::uint8_t& known = each.side.features->rows[row];
    FeatureRow own;
    if (given != Vocabulary::kUnknown) {
      own = {.columns = each.given->features.columns_of(given), .values = each.given->features.values_of(given)};
      known = own.columns.empty() ? known : 1;
    }
    if (known != 0 && own.columns.empty()) {
      throw OptionError(is_users(each) ? "user_features" : "item_features",
                        std::string("must give the features of ") + (is_users(each) ? "user " : "item ") + quoted(each.side.ids.id(row)) +
                            ", whose row is solved again: a model does not keep them");
    }
    features.push_back(own);
  }
  return features;
}

class TouchedSolver {
 public:
  TouchedSolver(Model& model, SolvedSide users, SolvedSide items, Workers& workers)
      : model_(model), sides_{std::move(users), std::move(items)}, workers_(workers) {}

  /// The objective over all ratings of touched rows; nothing where a row's problem has none.
  [[nodiscard]] std::optional<double> objective() {
    const FoldInSolver users(model_, FoldInSide::users, workers_, false);
    const FoldInSolver items(model_, FoldInSide::items, workers_, false);
    if (!users.has_objective() || !items.has_objective()) return {};
    double sum = 0;
    const std::vector<std::uint8_t> touched = marks_of(sides_[0]);
    for (const SolvedSide& each : sides_) {
      const FoldInSolver& solver = is_users(each) ? users : items;
      const Side& fixed = is_users(each) ? model_.items : model_.users;
      std::vector<double> losses(each.touched.rows.size());
      workers_.for_ranges(losses.size(), 16, [&](std::size_t begin, std::size_t end, int) {
        for (std::size_t n = begin; n < end; ++n) {
          const std::uint32_t row = each.touched.rows[n];
          const std::span<const float> x = each.side.factors.row(row);
          const float bias = each.side.biases[row];
          const std::size_t ratings = each.rows.offsets[n + 1] - each.rows.offsets[n];
          double loss = ratings == 0 ? 0 : solver.penalty_of(ratings, x, bias);
          for (std::size_t at = each.rows.offsets[n]; at < each.rows.offsets[n + 1]; ++at) {
            const std::uint32_t other = each.rows.others[at];
            // A rating of two touched rows counts once.
            if (!is_users(each) && touched[other] != 0) continue;
            const float product = dot(x.data(), fixed.factors.row(other).data(), fixed.factors.stride());
            loss += solver.loss_of(other, each.rows.values[at], ratings, static_cast<double>(product), bias);
          }
          losses[n] = loss;
        }
      });
      sum = std::accumulate(losses.begin(), losses.end(), sum);
    }
    return sum + unobserved(users);
  }

  /// New rows and those that lost a rating start from nothing.
  void start() {
    for (SolvedSide& each : sides_) {
      each.usable = each.touched.known;
      for (std::uint32_t row = 0; row < each.side.size(); ++row) {
        if (each.touched.lost[row] == 0) continue;
        each.usable[row] = 0;
        std::ranges::fill(each.side.factors.row(row), 0.0F);
        each.side.biases[row] = 0;
      }
    }
  }

  /// Solves one side. \return rows that were solved; fewer than all where the time was up
  std::size_t solve(std::size_t number, const std::optional<std::chrono::steady_clock::time_point>& end) {
    // Few enough rows that the clock is looked at often.
    constexpr std::size_t kRows = 64;
    SolvedSide& each = sides_[number];
    SolvedSide& other = sides_[1 - number];
    const std::size_t count = each.touched.rows.size();
    if (count == 0) return 0;
    const FoldInSolver solver(model_, each.which, workers_);
    if (std::ranges::any_of(each.features, [](const FeatureRow& row) { return !row.columns.empty(); })) solver.check_features();
    const bool all_usable = std::ranges::all_of(other.usable, [](std::uint8_t usable) { return usable != 0; });
    const std::size_t step = end ? kRows : count;
    FactorMatrix factors(count, model_.rank());
    std::vector<float> biases(count);
    std::size_t done = 0;
    while (done < count && !(end && std::chrono::steady_clock::now() >= *end)) {
      const std::size_t last = std::min(count, done + step);
      FactorMatrix solved(last - done, model_.rank());
      const std::span<float> own_biases = std::span(biases).subspan(done, last - done);
      const auto features = each.features.empty() ? std::span<const FeatureRow>() : std::span(each.features).subspan(done, last - done);
      const std::span<const std::uint8_t> usable =
          all_usable ? std::span<const std::uint8_t>() : std::span<const std::uint8_t>(other.usable);
      if (all_usable && last - done == count) {
        solver.solve(each.rows, workers_, solved, own_biases, features);
      } else {
        solver.solve(part_of(each.rows, done, last, usable), workers_, solved, own_biases, features);
      }
      std::copy_n(solved.data(), solved.rows() * solved.stride(), factors.data() + done * factors.stride());
      done = last;
    }
    for (std::size_t n = 0; n < done; ++n) take(each, n, factors.row(n), biases[n]);
    return done;
  }

  /// Every touched row is there to be solved against.
  void know_all(std::size_t number, std::size_t solved) {
    SolvedSide& each = sides_[number];
    for (std::size_t n = 0; n < solved; ++n) each.usable[each.touched.rows[n]] = 1;
  }

  /// The variances of the touched rows given their ratings.
  void set_variances() {
    if (!model_.uncertainty) return;
    for (SolvedSide& each : sides_) {
      RowVariances& variances = is_users(each) ? model_.uncertainty->users : model_.uncertainty->items;
      const FoldInSolver solver(model_, each.which, workers_, false);
      const std::size_t count = each.touched.rows.size();
      if (!solver.has_variances() || count == 0) continue;
      FactorMatrix factors(count, model_.rank());
      std::vector<float> biases(count);
      solver.variances(each.rows, workers_, factors, biases);
      for (std::size_t n = 0; n < count; ++n) {
        const std::uint32_t row = each.touched.rows[n];
        const bool rated = each.rows.offsets[n] != each.rows.offsets[n + 1];
        const std::span<const float> from = rated ? std::as_const(factors).row(n) : std::as_const(variances.factors).row(each.side.size());
        std::ranges::copy(from, variances.factors.row(row).begin());
        variances.biases[row] = rated ? biases[n] : variances.biases.back();
      }
    }
  }

 private:
  static std::vector<std::uint8_t> marks_of(const SolvedSide& each) {
    std::vector<std::uint8_t> touched(each.side.size());
    for (const std::uint32_t row : each.touched.rows) touched[row] = 1;
    return touched;
  }

  void take(SolvedSide& each, std::size_t n, std::span<const float> factors, float bias) {
    const std::uint32_t row = each.touched.rows[n];
    if (!is_finite(factors, bias)) fail_to_fold_in(std::string(is_users(each) ? "of user " : "of item ") + quoted(each.side.ids.id(row)));
    if (each.side.knows(row)) {
      std::ranges::copy(factors, each.side.factors.row(row).begin());
      each.side.biases[row] = bias;
    } else {
      std::ranges::fill(each.side.factors.row(row), 0.0F);
      each.side.biases[row] = 0;
    }
  }

  /// The Gramian of the touched rows of a side, each by its weight.
  [[nodiscard]] std::vector<double> touched_gramian(const SolvedSide& each, std::span<const double> weights) const {
    FactorMatrix rows(each.touched.rows.size(), model_.rank());
    std::vector<double> own;
    for (std::size_t n = 0; n < rows.rows(); ++n) {
      std::ranges::copy(std::as_const(each.side.factors).row(each.touched.rows[n]), rows.row(n).begin());
      own.push_back(weights[each.touched.rows[n]]);
    }
    return gramian({rows.data(), rows.stride()}, rows.rows(), rows.rank(), own, workers_);
  }

  /// That of the other rows, which no update changes.
  [[nodiscard]] std::vector<double> other_gramian(const SolvedSide& each, std::vector<double> weights) const {
    for (const std::uint32_t row : each.touched.rows) weights[row] = 0;
    const FactorMatrix& table = each.side.factors;
    return gramian({table.data(), table.stride()}, table.rows(), table.rank(), weights, workers_);
  }

  /// What unobserved cells of touched rows add to the objective. The weight of a cell is that of its item times that of its user.
  [[nodiscard]] double unobserved(const FoldInSolver& users) {
    const std::vector<double> of_items = users.unobserved_weights();
    if (of_items.empty() || model_.rank() == 0) return 0;
    std::vector<double> of_users(model_.users.size());
    for (std::uint32_t user = 0; user < of_users.size(); ++user) of_users[user] = users.share_of(model_.users.counts[user]);
    if (others_[0].empty()) others_ = {other_gramian(sides_[0], of_users), other_gramian(sides_[1], of_items)};
    const std::vector<double> p = touched_gramian(sides_[0], of_users);
    const std::vector<double> q = touched_gramian(sides_[1], of_items);
    const auto product = [](const std::vector<double>& a, const std::vector<double>& b) {
      // A side without such rows has no Gramian.
      return a.size() == b.size() ? std::inner_product(a.begin(), a.end(), b.begin(), 0.0) : 0.0;
    };
    return product(p, others_[1]) + product(others_[0], q) + product(p, q);
  }

  Model& model_;
  std::array<SolvedSide, 2> sides_;
  Workers& workers_;
  std::array<std::vector<double>, 2> others_;  ///< weighted Gramians of the rows that are not touched
};

}  // namespace

TouchedRatings count_touched(Model& model, HistoryChange& change, const TakesRating& takes, Workers& workers) {
  TouchedRatings ratings{.users = rows_of_users(model, change.users.rows, takes),
                         .items = rows_of_items(model, change.items.rows, takes, workers)};
  const auto count = [&ratings](Side& side, TouchedSide& touched, FoldInRows& rows) {
    std::vector<std::size_t> whole;
    for (std::size_t n = 0; n < touched.rows.size(); ++n) {
      const std::uint32_t row = touched.rows[n];
      const auto now = static_cast<std::int64_t>(rows.offsets[n + 1] - rows.offsets[n]);
      const std::int64_t trained = side.counts[row];
      if (trained <= now - touched.more[row]) {
        side.counts[row] = static_cast<std::uint32_t>(now);
        whole.push_back(n);
      } else {
        side.counts[row] = static_cast<std::uint32_t>(std::max<std::int64_t>(trained + touched.more[row], now));
        touched.lost[row] = 0;
      }
    }
    if (whole.size() == touched.rows.size()) return;
    ratings.left_out += static_cast<std::uint32_t>(touched.rows.size() - whole.size());
    std::vector<std::uint32_t> kept;
    FoldInRows rows_kept;
    for (const std::size_t n : whole) {
      kept.push_back(touched.rows[n]);
      for (std::size_t at = rows.offsets[n]; at < rows.offsets[n + 1]; ++at) rows_kept.add(rows.others[at], rows.values[at]);
      rows_kept.end_row();
    }
    touched.rows = std::move(kept);
    rows = std::move(rows_kept);
  };
  count(model.users, change.users, ratings.users);
  count(model.items, change.items, ratings.items);
  return ratings;
}

SolvedRows solve_touched(Model& model, const HistoryChange& change, TouchedRatings ratings, const UpdateInput& input,
                         const UpdateOptions& options, const std::optional<std::chrono::steady_clock::time_point>& end, Workers& workers) {
  SolvedSide users{.which = FoldInSide::users, .side = model.users, .touched = change.users, .given = input.user_features};
  SolvedSide items{.which = FoldInSide::items, .side = model.items, .touched = change.items, .given = input.item_features};
  users.features = features_of(users);
  items.features = features_of(items);
  users.rows = std::move(ratings.users);
  items.rows = std::move(ratings.items);
  SolvedRows result;
  TouchedSolver solver(model, std::move(users), std::move(items), workers);
  result.before = solver.objective();
  solver.start();
  const std::array<std::size_t, 2> counts{change.users.rows.size(), change.items.rows.size()};
  const std::uint64_t all = std::uint64_t{options.sweeps} * (counts[0] + counts[1]);
  for (std::uint32_t sweep = 0; sweep < options.sweeps && result.left == 0; ++sweep) {
    for (const std::size_t side : {0U, 1U}) {
      const std::size_t solved = solver.solve(side, end);
      solver.know_all(side, solved);
      result.solves += solved;
      if (solved == counts[side]) continue;
      result.left = all - result.solves;
      break;
    }
  }
  solver.set_variances();
  result.after = solver.objective();
  return result;
}

}  // namespace lowrank
