#include "pipeline/list_learner.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/random.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

// Of implicit from nothing; docs/streams.md says on which streams they were found.
constexpr double kUnobserved = 3;        // times share^(2/3) of the cells that are observed: the unobserved weight
constexpr double kRegularization = 0.1;  // weight of a row's squared factors, times its size to the exponent
constexpr double kSizeExponent = 0.75;   // as the method's default
constexpr double kInitialScale = 0.1;    // standard deviation of the factors of a new item, times sqrt(rank)
constexpr int kRounds = 1;               // sweeps over the user's and the item's row at each event
// Of bpr.
constexpr double kStep = 0.3;
constexpr double kPairRegularization = 0.01;
constexpr std::uint32_t kDraws = 16;  // items that are drawn at each event

class PopularLearner final : public ListLearner {
 public:
  explicit PopularLearner(const Model* model) {
    if (model != nullptr) counts_.assign(model->items.biases.begin(), model->items.biases.end());
  }
  void score(std::uint32_t /*user*/, std::span<double> scores) const override {
    std::copy_n(counts_.begin(), scores.size(), scores.begin());
  }
  void learn(std::uint32_t /*user*/, std::uint32_t item, double value) override {
    if (item >= counts_.size()) counts_.resize(item + 1, 0.0);
    if (value > 0) ++counts_[item];
  }

 private:
  std::vector<double> counts_;
};

/// Rows of factors that grow.
struct GrowingRows {
  std::size_t rank = 0;
  std::vector<double> values;

  [[nodiscard]] double* row(std::uint32_t number) { return values.data() + number * rank; }
  [[nodiscard]] const double* row(std::uint32_t number) const { return values.data() + number * rank; }
  void take(const FactorMatrix& factors) {
    for (std::size_t row = 0; row < factors.rows(); ++row) {
      const std::span<const float> from = factors.row(row);
      values.insert(values.end(), from.begin(), from.end());
    }
  }
  /// Adds rows of normal draws.
  void grow(std::uint32_t rows, double deviation, std::uint64_t seed, Purpose purpose) {
    for (std::size_t row = rank == 0 ? rows : values.size() / rank; row < rows; ++row) {
      RandomStream draws(seed, purpose, 0, row);
      for (std::size_t n = 0; n < rank; ++n) values.push_back(deviation == 0 ? 0.0 : deviation * draws.normal());
    }
  }
};

double product_of(const double* a, const double* b, std::size_t size) {
  double sum = 0;
  for (std::size_t n = 0; n < size; ++n) sum += a[n] * b[n];
  return sum;
}

double weight_of(const PowerWeight& power, double count) {
  if (power.exponent == 0) return 1;
  return count > 0 ? power.scale * std::pow(count, power.exponent) : 0;
}

/// Rows of one side for implicit feedback.
struct ImplicitRows {
  struct Cell {
    std::uint32_t other = 0;
    double value = 0;
  };
  GrowingRows factors;
  std::vector<std::vector<Cell>> cells;  ///< ratings other than 0 of every row
  std::vector<double> gramian;           ///< sum over the rows of weights[row] row row^T
  std::vector<double> weights;           ///< what the unobserved weight is multiplied by
  double weight_sum = 0;

  /// Adds weights[row] row row^T to the Gramian, or takes it away.
  void add(std::uint32_t row, double sign) {
    const double* const values = factors.row(row);
    const double weight = sign * weights[row];
    weight_sum += weight;
    for (std::size_t a = 0; a < factors.rank; ++a) {
      const double left = weight * values[a];
      for (std::size_t c = 0; c < factors.rank; ++c) gramian[a * factors.rank + c] += left * values[c];
    }
  }
};

class ImplicitLearner final : public ListLearner {
 public:
  ImplicitLearner(const Model* model, std::size_t rank, std::uint64_t seed) : cold_(model == nullptr), seed_(seed) {
    if (model != nullptr) rank = model->rank();
    for (ImplicitRows* const rows : {&users_, &items_}) {
      rows->factors.rank = rank;
      rows->gramian.assign(rank * rank, 0.0);
    }
    if (model == nullptr) {
      loss_.users = loss_.items = {.l2 = kRegularization};
      loss_.size_exponent = kSizeExponent;
      return;
    }
    loss_ = std::get<WeightedLeastSquares>(model->fold_in);
    if (loss_.alpha != 0 && !model->history.has_values()) {
      throw OptionError("", "the model keeps no values of its ratings, which alpha weighs: train it with " + mention("keep_values"));
    }
    users_.factors.take(model->users.factors);
    items_.factors.take(model->items.factors);
    users_.cells.resize(model->users.size());
    items_.cells.resize(model->items.size());
    for (std::uint32_t user = 0; user < model->users.size(); ++user) {
      const std::vector<std::uint32_t> items = model->history.items_of(user);
      const std::vector<float> values = model->history.values_of(user);
      for (std::size_t n = 0; n < items.size(); ++n) {
        const double value = values.empty() ? 1 : values[n];
        if (value == 0) continue;
        users_.cells[user].push_back({items[n], value});
        items_.cells[items[n]].push_back({user, value});
      }
    }
    reweigh(users_, loss_.unobserved_user);
    reweigh(items_, loss_.unobserved_item);
  }

  void score(std::uint32_t user, std::span<double> scores) const override {
    const std::size_t rank = users_.factors.rank;
    const double* const own = users_.factors.row(user);
    for (std::size_t item = 0; item < scores.size(); ++item)
      scores[item] = product_of(own, items_.factors.row(static_cast<std::uint32_t>(item)), rank);
  }

  void learn(std::uint32_t user, std::uint32_t item, double value) override {
    open(users_, user, 0, Purpose::user_factors);
    open(items_, item, kInitialScale / std::sqrt(static_cast<double>(std::max<std::size_t>(items_.factors.rank, 1))),
         Purpose::item_factors);
    if (value == 0) return;
    set(users_.cells[user], item, value);
    if (set(items_.cells[item], user, value)) ++events_;
    if (cold_) {
      const double share = events_ / (static_cast<double>(users_.cells.size()) * static_cast<double>(items_.cells.size()));
      loss_.unobserved_weight = kUnobserved * std::pow(share, 2.0 / 3);
    }
    for (int round = 0; round < kRounds; ++round) {
      sweep(users_, user, items_, loss_.users, loss_.unobserved_user, true);
      sweep(items_, item, users_, loss_.items, loss_.unobserved_item, false);
    }
  }

 private:
  using Cell = ImplicitRows::Cell;

  /// Sets the value of a pair. \return whether it is new
  static bool set(std::vector<Cell>& cells, std::uint32_t other, double value) {
    const auto at = std::ranges::find(cells, other, &Cell::other);
    if (at != cells.end()) {
      at->value = value;
      return false;
    }
    cells.push_back({other, value});
    return true;
  }

  void open(ImplicitRows& rows, std::uint32_t row, double deviation, Purpose purpose) {
    const std::size_t before = rows.cells.size();
    if (row < before) return;
    rows.factors.grow(row + 1, deviation, seed_, purpose);
    rows.cells.resize(row + 1);
    rows.weights.resize(row + 1, 0.0);
  }

  static void reweigh(ImplicitRows& rows, const PowerWeight& power) {
    rows.weights.clear();
    for (const std::vector<Cell>& cells : rows.cells) rows.weights.push_back(weight_of(power, static_cast<double>(cells.size())));
    for (std::uint32_t row = 0; row < rows.cells.size(); ++row) rows.add(row, 1);
  }

  /// One sweep over the coordinates of a row, and the Gramian with the new row.
  void sweep(ImplicitRows& own, std::uint32_t row, const ImplicitRows& others, const RowPenalty& penalty, const PowerWeight& power,
             bool users) {
    const std::size_t rank = own.factors.rank;
    const std::vector<Cell>& cells = own.cells[row];
    const double count = static_cast<double>(cells.size());
    own.add(row, -1);
    own.weights[row] = weight_of(power, count);
    const double unobserved = loss_.unobserved_weight * own.weights[row];
    const double size = std::pow(count + unobserved * others.weight_sum, loss_.size_exponent);
    const double ridge = penalty.l2 * size + penalty.l2_constant;
    double* const x = own.factors.row(row);
    scores_.resize(cells.size());
    weights_.resize(cells.size());
    targets_.resize(cells.size());
    for (std::size_t n = 0; n < cells.size(); ++n) {
      const double popularity = users ? static_cast<double>(items_.cells[cells[n].other].size()) : count;
      const double weight = (loss_.observed_weight + loss_.alpha * std::abs(cells[n].value)) * weight_of(loss_.observed_item, popularity);
      const double target = loss_.binary_target ? (cells[n].value > 0 ? 1.0 : 0.0) : cells[n].value;
      const double taken = loss_.unobserved_includes_seen ? 0 : unobserved * others.weights[cells[n].other];
      weights_[n] = weight - taken;
      targets_[n] = weight * target;
      scores_[n] = product_of(x, others.factors.row(cells[n].other), rank);
    }
    for (std::size_t f = 0; f < rank; ++f) {
      double right = 0;
      double left = ridge + unobserved * others.gramian[f * rank + f];
      for (std::size_t k = 0; k < rank; ++k) {
        if (k != f) right -= unobserved * others.gramian[f * rank + k] * x[k];
      }
      for (std::size_t n = 0; n < cells.size(); ++n) {
        const double q = others.factors.row(cells[n].other)[f];
        right += (targets_[n] - weights_[n] * (scores_[n] - x[f] * q)) * q;
        left += weights_[n] * q * q;
      }
      if (!(left > 0)) continue;
      const double now = right / left;
      const double step = now - x[f];
      for (std::size_t n = 0; n < cells.size(); ++n) scores_[n] += step * others.factors.row(cells[n].other)[f];
      x[f] = now;
    }
    own.add(row, 1);
  }

  bool cold_;
  std::uint64_t seed_;
  WeightedLeastSquares loss_;
  double events_ = 0;
  ImplicitRows users_;
  ImplicitRows items_;
  std::vector<double> scores_;
  std::vector<double> weights_;
  std::vector<double> targets_;
};

class PairLearner final : public ListLearner {
 public:
  PairLearner(const Model* model, std::size_t rank, std::uint64_t seed) : seed_(seed) {
    if (model != nullptr) rank = model->rank();
    users_.rank = items_.rank = rank;
    if (model == nullptr) return;
    users_.take(model->users.factors);
    items_.take(model->items.factors);
    biases_.assign(model->items.biases.begin(), model->items.biases.end());
    for (std::uint32_t user = 0; user < model->users.size(); ++user) seen_.push_back(model->history.items_of(user));
  }

  void score(std::uint32_t user, std::span<double> scores) const override {
    for (std::size_t item = 0; item < scores.size(); ++item) scores[item] = score_of(user, static_cast<std::uint32_t>(item));
  }

  void learn(std::uint32_t user, std::uint32_t item, double value) override {
    const double deviation = kInitialScale / std::sqrt(static_cast<double>(std::max<std::size_t>(items_.rank, 1)));
    users_.grow(user + 1, deviation, seed_, Purpose::user_factors);
    items_.grow(item + 1, deviation, seed_, Purpose::item_factors);
    if (item >= biases_.size()) biases_.resize(item + 1, 0.0);
    if (user >= seen_.size()) seen_.resize(user + 1);
    ++events_;
    if (!(value > 0)) return;
    std::vector<std::uint32_t>& seen = seen_[user];
    if (std::ranges::find(seen, item) == seen.end()) seen.push_back(item);
    RandomStream draws(seed_, Purpose::negatives, events_);
    std::uint32_t rival = item;
    double highest = 0;
    for (std::uint32_t n = 0; n < kDraws; ++n) {
      const auto drawn = static_cast<std::uint32_t>(draws.below(biases_.size()));
      if (std::ranges::find(seen, drawn) != seen.end()) continue;
      const double score = score_of(user, drawn);
      if (rival != item && score <= highest) continue;
      rival = drawn;
      highest = score;
    }
    if (rival != item) step(user, item, rival);
  }

 private:
  [[nodiscard]] double score_of(std::uint32_t user, std::uint32_t item) const {
    return biases_[item] + product_of(users_.row(user), items_.row(item), users_.rank);
  }

  void step(std::uint32_t user, std::uint32_t item, std::uint32_t rival) {
    const double error = 1 / (1 + std::exp(score_of(user, item) - score_of(user, rival)));
    const double pull = kStep * error;
    constexpr double kShrink = kStep * kPairRegularization;
    double* const p = users_.row(user);
    double* const q = items_.row(item);
    double* const r = items_.row(rival);
    for (std::size_t n = 0; n < users_.rank; ++n) {
      const double own = p[n];
      p[n] += pull * (q[n] - r[n]) - kShrink * own;
      q[n] += pull * own - kShrink * q[n];
      r[n] -= pull * own + kShrink * r[n];
    }
    biases_[item] += pull - kShrink * biases_[item];
    biases_[rival] -= pull + kShrink * biases_[rival];
  }

  std::uint64_t seed_;
  std::uint64_t events_ = 0;
  GrowingRows users_;
  GrowingRows items_;
  std::vector<double> biases_;
  std::vector<std::vector<std::uint32_t>> seen_;
};

}  // namespace

std::unique_ptr<ListLearner> learn_popular(const Model* model) { return std::make_unique<PopularLearner>(model); }

std::unique_ptr<ListLearner> learn_implicit(const Model* model, std::size_t rank, std::uint64_t seed) {
  return std::make_unique<ImplicitLearner>(model, rank, seed);
}

std::unique_ptr<ListLearner> learn_pairs(const Model* model, std::size_t rank, std::uint64_t seed) {
  return std::make_unique<PairLearner>(model, rank, seed);
}

}  // namespace lowrank
