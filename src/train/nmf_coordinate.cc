#include "train/nmf_coordinate.h"

#include <algorithm>
#include <cmath>

#include "kernels/gram.h"
#include "kernels/non_negative.h"
#include "kernels/rows.h"

namespace lowrank {

namespace {

/// Ratings whose rows are gathered, and summed in float, at a time.
constexpr std::size_t kTile = 256;
/// Sweeps over the coordinates of a row for one pass over its ratings.
constexpr int kSweeps = 4;
/// Floats of one task where they are only copied or added.
constexpr std::size_t kFloats = std::size_t{1} << 14U;
/// Of extrapolation: its first strength, what it and its bound grow by after a good epoch, what it falls by after a bad one.
constexpr double kFirstMomentum = 0.5;
constexpr double kGrowth = 1.05;
constexpr double kMostGrowth = 1.01;
constexpr double kFall = 1.5;

}  // namespace

/// Memory of one thread.
struct NmfCoordinate::Scratch {
  explicit Scratch(std::size_t rank) : tile(kTile, rank), gram(tile.stride(), rank), right(1, rank), values(kTile) {}
  FactorMatrix tile;
  FactorMatrix gram;
  FactorMatrix right;
  std::vector<float> values;
};

/// A row's normal equations, in double: of factors q and targets t of its ratings.
struct NmfCoordinate::Normal {
  explicit Normal(std::size_t rank) : a(rank * rank), b(rank), sum(rank), gradient(rank) {}
  void clear() {
    std::fill(a.begin(), a.end(), 0.0);
    std::fill(b.begin(), b.end(), 0.0);
    std::fill(sum.begin(), sum.end(), 0.0);
    count = targets = squares = 0;
  }
  void add(const Normal& other) {
    const auto add_to = [](std::vector<double>& to, const std::vector<double>& from) {
      std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
    };
    add_to(a, other.a);
    add_to(b, other.b);
    add_to(sum, other.sum);
    count += other.count;
    targets += other.targets;
    squares += other.squares;
  }
  std::vector<double> a;    ///< sum of q q^T: rank x rank, upper triangle
  std::vector<double> b;    ///< sum of t q
  std::vector<double> sum;  ///< sum of q; only with biases
  double count = 0;
  double targets = 0;  ///< sum of t
  double squares = 0;  ///< sum of t^2
  std::vector<double> gradient;
};

NmfCoordinate::NmfCoordinate(const NmfProblem& problem, const Model* init, Workers& workers)
    : NmfLearner(problem, init, 0, workers),
      users_(problem.users.rows(), problem.rank),
      items_(problem.items.rows(), problem.rank),
      user_products_(problem.zeros ? problem.users.rows() : 0, problem.rank),
      item_products_(problem.zeros ? problem.items.rows() : 0, problem.rank),
      old_users_(user_products_),
      old_items_(item_products_),
      last_users_(user_products_),
      last_items_(item_products_),
      solved_users_(user_products_) {
  NmfCoordinate::restore(nullptr);
}

void NmfCoordinate::restore(const Model* model) {
  NmfLearner::restore(model);
  still_gram_.clear();
  momentum_ = 0;
  most_momentum_ = 1;
}

void NmfCoordinate::put_row(const NmfSide& side, std::size_t row, std::span<const double> factors) {
  std::transform(factors.begin(), factors.end(), table(side).row(row).begin(), [](double x) { return static_cast<float>(x); });
}

void NmfCoordinate::take_row(const NmfSide& side, std::size_t row, std::span<double> factors) const {
  std::ranges::copy(table(side).row(row), factors.begin());
}

std::optional<EpochFigures> NmfCoordinate::run(std::size_t /*epoch*/) {
  if (problem_.zeros) return problem_.rank == 0 ? figures(0.5 * problem_.squares, 0) : run_all();
  solve_observed(problem_.users);
  const double squared = solve_observed(problem_.items);
  return figures(0.5 * squared, squared);
}

EpochFigures NmfCoordinate::run_all() {
  copy(users_, old_users_);
  copy(items_, old_items_);
  if (momentum_ > 0) {
    // On along the way that both sides came; where that raises the loss after all, the epoch starts again without.
    extrapolate(items_, last_items_);
    still_gram_.clear();
    solve_all(problem_.users);
    copy(users_, solved_users_);
    extrapolate(users_, last_users_);
    still_gram_.clear();
    const EpochFigures result = figures(0.5 * solve_all(problem_.items), 0);
    if (*result.train_loss <= last_loss_) {
      most_momentum_ = std::min(1.0, most_momentum_ * kMostGrowth);
      momentum_ = std::min(most_momentum_, momentum_ * kGrowth);
      std::swap(last_users_, solved_users_);
      std::swap(last_items_, old_items_);
      last_loss_ = *result.train_loss;
      return result;
    }
    most_momentum_ = momentum_;
    momentum_ /= kFall;
    copy(old_users_, users_);
    copy(old_items_, items_);
    still_gram_.clear();
  } else {
    momentum_ = kFirstMomentum;
  }
  solve_all(problem_.users);
  const EpochFigures result = figures(0.5 * solve_all(problem_.items), 0);
  copy(users_, last_users_);
  std::swap(last_items_, old_items_);
  last_loss_ = *result.train_loss;
  return result;
}

void NmfCoordinate::extrapolate(FactorMatrix& factors, const FactorMatrix& before) {
  const auto momentum = static_cast<float>(momentum_);
  workers_.for_ranges(factors.rows() * factors.stride(), kFloats, [&](std::size_t begin, std::size_t end, int) {
    float* x = factors.data();
    const float* old = before.data();
    for (std::size_t n = begin; n < end; ++n) x[n] = std::max(0.0F, x[n] + momentum * (x[n] - old[n]));
  });
}

void NmfCoordinate::copy(const FactorMatrix& from, FactorMatrix& to) {
  workers_.for_ranges(from.rows() * from.stride(), kFloats, [&](std::size_t begin, std::size_t end, int) {
    std::copy(from.data() + begin, from.data() + end, to.data() + begin);
  });
}

void NmfCoordinate::add_ratings(const NmfSide& side, std::size_t begin, std::size_t end, Scratch& scratch, Normal& normal) const {
  const FactorMatrix& others = table(other(side));
  const std::vector<double>& other_biases = biases(other(side));
  const std::size_t rank = problem_.rank;
  const std::size_t stride = others.stride();
  for (std::size_t at = begin; at < end; at += kTile) {
    const std::size_t count = std::min(kTile, end - at);
    for (std::size_t n = 0; n < count; ++n) {
      const double target = static_cast<double>(side.value(at + n)) - other_biases[side.others[at + n]];
      scratch.values[n] = static_cast<float>(target);
      normal.targets += target;
      normal.squares += target * target;
    }
    normal.count += static_cast<double>(count);
    if (rank == 0) continue;
    gather_rows({others.data(), stride}, side.others + at, count, stride, nullptr, nullptr, scratch.tile.data(), stride);
    std::fill_n(scratch.gram.data(), stride * stride, 0.0F);
    add_gram(scratch.tile.data(), scratch.tile.data(), stride, count, stride, scratch.gram.data(), stride);
    for (std::size_t k = 0; k < rank; ++k) {
      for (std::size_t l = k; l < rank; ++l) normal.a[k * rank + l] += static_cast<double>(scratch.gram.data()[k * stride + l]);
    }
    const auto add_sums = [&](const float* weights, std::vector<double>& to) {
      std::fill_n(scratch.right.data(), stride, 0.0F);
      add_picked({others.data(), stride}, side.others + at, count, stride, weights, scratch.right.data());
      for (std::size_t k = 0; k < rank; ++k) to[k] += static_cast<double>(scratch.right.data()[k]);
    };
    add_sums(scratch.values.data(), normal.b);
    if (problem_.biases) add_sums(nullptr, normal.sum);
  }
}

double NmfCoordinate::solve_row(const NmfSide& side, std::size_t row, Normal& normal) {
  const std::size_t rank = problem_.rank;
  const double l1 = problem_.l1 * problem_.weight(side, row);
  const double l2 = problem_.l2 * problem_.weight(side, row);
  const double bias_weight = problem_.biases ? 1 / (normal.count + side.bias_damping) : 0;
  // The bias follows from the factors by its own equation; put in, it leaves these equations of the factors alone.
  std::vector<double>& a = normal.a;
  for (std::size_t k = 0; k < rank; ++k) {
    for (std::size_t l = k; l < rank; ++l) {
      a[k * rank + l] -= bias_weight * normal.sum[k] * normal.sum[l];
      a[l * rank + k] = a[k * rank + l];
    }
    a[k * rank + k] += l2;
    normal.b[k] -= l1 + bias_weight * normal.sum[k] * normal.targets;
  }
  const std::span<float> factors = table(side).row(row);
  std::vector<double>& gradient = normal.gradient;
  std::transform(normal.b.begin(), normal.b.end(), gradient.begin(), std::negate<>());
  const auto move = [&](std::size_t k, double by) {
    for (std::size_t l = 0; l < rank; ++l) gradient[l] += by * a[k * rank + l];
  };
  std::vector<double> x(factors.begin(), factors.end());
  for (std::size_t k = 0; k < rank; ++k) {
    if (x[k] != 0) move(k, x[k]);
  }
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (std::size_t k = 0; k < rank; ++k) {
      if (!(a[k * rank + k] > 0)) continue;
      const double next = std::max(0.0, x[k] - gradient[k] / a[k * rank + k]);
      if (next == x[k]) continue;
      move(k, next - x[k]);
      x[k] = next;
    }
  }
  double product = 0;  // x^T (a x - 2 b) with the equations as they are now
  double sum = 0;
  double length = 0;
  for (std::size_t k = 0; k < rank; ++k) {
    factors[k] = static_cast<float>(x[k]);
    product += x[k] * (gradient[k] - normal.b[k]);
    sum += x[k] * normal.sum[k];
    length += l2 * x[k] * x[k] + 2 * l1 * x[k];
  }
  // The errors without the weights; with the best bias for any factors they are what the reduced equations say, less what damping keeps
  // back.
  const double bias = bias_weight * (normal.targets - sum);
  if (problem_.biases) biases(side)[row] = bias;
  const double damped = normal.squares - bias_weight * normal.targets * normal.targets + product - length;
  return std::max(0.0, damped - side.bias_damping * bias * bias);
}

double NmfCoordinate::solve_observed(const NmfSide& side) {
  const std::size_t rank = problem_.rank;
  const auto threads = static_cast<std::size_t>(workers_.count());
  std::vector<Scratch> scratch;
  scratch.reserve(threads);
  for (std::size_t slot = 0; slot < threads; ++slot) scratch.emplace_back(rank);
  std::vector<Normal> normals(threads, Normal(rank));
  std::vector<Normal> pieces(side.plan.most_pieces(), Normal(rank));
  std::vector<double> squared(side.rows());
  side.plan.run(
      workers_,
      [&](std::uint32_t begin, std::uint32_t end, int slot) {
        Normal& normal = normals[static_cast<std::size_t>(slot)];
        for (std::size_t row = begin; row < end; ++row) {
          if (side.count(row) == 0) continue;
          normal.clear();
          add_ratings(side, side.offsets[row], side.offsets[row + 1], scratch[static_cast<std::size_t>(slot)], normal);
          squared[row] = solve_row(side, row, normal);
        }
      },
      [&](const RowPlan::Piece& piece, int slot) {
        pieces[piece.number].clear();
        add_ratings(side, piece.begin, piece.end, scratch[static_cast<std::size_t>(slot)], pieces[piece.number]);
      },
      [&](std::uint32_t row, std::size_t count) {
        for (std::size_t piece = 1; piece < count; ++piece) pieces[0].add(pieces[piece]);
        squared[row] = solve_row(side, row, pieces[0]);
      });
  double total = 0;
  for (const double row : squared) total += row;
  return total;
}

std::vector<double> NmfCoordinate::gram(const FactorMatrix& factors) const {
  // In a number of pieces that does not depend on the threads.
  constexpr std::size_t kPieces = 8;
  const std::size_t stride = factors.stride();
  std::vector<double> total(stride * stride);
  if (stride == 0 || factors.rows() == 0) return total;
  const std::size_t grain = (factors.rows() + kPieces - 1) / kPieces;
  std::vector<std::vector<double>> pieces(kPieces);
  workers_.for_ranges(factors.rows(), grain, [&](std::size_t begin, std::size_t end, int) {
    FactorMatrix sum(stride, stride);
    std::vector<double>& piece = pieces[begin / grain];
    piece.assign(stride * stride, 0);
    for (std::size_t at = begin; at < end; at += kTile) {
      std::fill_n(sum.data(), stride * stride, 0.0F);
      const float* rows = factors.data() + at * stride;
      add_gram(rows, rows, stride, std::min(kTile, end - at), stride, sum.data(), stride);
      for (std::size_t n = 0; n < stride * stride; ++n) piece[n] += static_cast<double>(sum.data()[n]);
    }
  });
  for (const std::vector<double>& piece : pieces) {
    for (std::size_t n = 0; n < piece.size(); ++n) total[n] += piece[n];
  }
  for (std::size_t k = 0; k < stride; ++k) {
    for (std::size_t l = 0; l < k; ++l) total[k * stride + l] = total[l * stride + k];
  }
  return total;
}

void NmfCoordinate::multiply(const NmfSide& side) {
  const FactorMatrix& others = table(other(side));
  FactorMatrix& products = &side == &problem_.users ? user_products_ : item_products_;
  const std::size_t stride = others.stride();
  std::vector<std::vector<float>> values(static_cast<std::size_t>(workers_.count()));
  const auto add = [&](std::size_t begin, std::size_t end, int slot, float* to) {
    std::vector<float>& scaled = values[static_cast<std::size_t>(slot)];
    scaled.resize(end - begin);
    for (std::size_t position = begin; position < end; ++position) scaled[position - begin] = side.value(position);
    std::fill_n(to, stride, 0.0F);
    add_picked({others.data(), stride}, side.others + begin, end - begin, stride, scaled.data(), to);
  };
  FactorMatrix pieces(side.plan.most_pieces(), problem_.rank);
  side.plan.run(
      workers_,
      [&](std::uint32_t begin, std::uint32_t end, int slot) {
        for (std::size_t row = begin; row < end; ++row) add(side.offsets[row], side.offsets[row + 1], slot, products.data() + row * stride);
      },
      [&](const RowPlan::Piece& piece, int slot) { add(piece.begin, piece.end, slot, pieces.data() + piece.number * stride); },
      [&](std::uint32_t row, std::size_t count) {
        for (std::size_t k = 0; k < problem_.rank; ++k) {
          double sum = 0;
          for (std::size_t piece = 0; piece < count; ++piece) sum += static_cast<double>(pieces.row(piece)[k]);
          products.row(row)[k] = static_cast<float>(sum);
        }
      });
}

double NmfCoordinate::solve_all(const NmfSide& side) {
  // Some dozens of thousands of multiplications a task.
  constexpr std::size_t kRows = 128;
  const std::size_t rank = problem_.rank;
  if (rank == 0) return problem_.squares;
  FactorMatrix& factors = table(side);
  const FactorMatrix& products = &side == &problem_.users ? user_products_ : item_products_;
  const std::size_t stride = factors.stride();
  if (still_gram_.empty()) still_gram_ = gram(table(other(side)));
  FactorMatrix a(rank, rank);
  for (std::size_t k = 0; k < rank; ++k) {
    std::transform(still_gram_.begin() + static_cast<std::ptrdiff_t>(k * stride),
                   still_gram_.begin() + static_cast<std::ptrdiff_t>(k * stride + rank), a.row(k).begin(),
                   [](double x) { return static_cast<float>(x); });
    a.row(k)[k] += static_cast<float>(problem_.l2 * side.cells);
  }
  multiply(side);
  const auto l1 = static_cast<float>(problem_.l1 * side.cells);
  std::vector<double> cross((side.rows() + kRows - 1) / kRows);
  workers_.for_ranges(side.rows(), kRows, [&](std::size_t begin, std::size_t end, int) {
    FactorMatrix scratch(1, descend_scratch(rank));
    descend_non_negative(a.data(), stride, rank, products.data() + begin * stride, l1, factors.data() + begin * stride, stride, end - begin,
                         kSweeps, scratch.data());
    double sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
      for (std::size_t k = 0; k < rank; ++k) sum += static_cast<double>(factors.row(row)[k]) * static_cast<double>(products.row(row)[k]);
    }
    cross[begin / kRows] = sum;
  });
  double total = problem_.squares;
  for (const double sum : cross) total -= 2 * sum;
  std::vector<double> moved = gram(factors);
  for (std::size_t n = 0; n < moved.size(); ++n) total += moved[n] * still_gram_[n];
  still_gram_ = std::move(moved);
  return std::max(0.0, total);
}

}  // namespace lowrank
