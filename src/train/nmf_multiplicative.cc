#include "train/nmf_multiplicative.h"

#include <algorithm>
#include <cmath>

#include "kernels/divergence.h"
#include "kernels/gramian.h"

namespace lowrank {

namespace {

/// From here on a start of zero would stay zero.
constexpr double kStart = 1e-4;

double dot(const double* a, const double* b, std::size_t size) {
  double sum = 0;
  for (std::size_t k = 0; k < size; ++k) sum += a[k] * b[k];
  return sum;
}

void add(double factor, const double* row, std::size_t size, double* to) {
  for (std::size_t k = 0; k < size; ++k) to[k] += factor * row[k];
}

}  // namespace

NmfMultiplicative::NmfMultiplicative(const NmfProblem& problem, const Model* init, Workers& workers)
    : NmfLearner(problem, init, kStart, workers), users_(problem.users.rows() * problem.rank), items_(problem.items.rows() * problem.rank) {
  NmfLearner::restore(nullptr);
}

void NmfMultiplicative::put_row(const NmfSide& side, std::size_t row, std::span<const double> factors) {
  std::copy(factors.begin(), factors.end(), table(side).begin() + static_cast<std::ptrdiff_t>(row * problem_.rank));
}

void NmfMultiplicative::take_row(const NmfSide& side, std::size_t row, std::span<double> factors) const {
  std::copy_n(table(side).begin() + static_cast<std::ptrdiff_t>(row * problem_.rank), problem_.rank, factors.begin());
}

std::optional<EpochFigures> NmfMultiplicative::run(std::size_t /*epoch*/) {
  double cross = 0;
  for (const NmfSide* side : {&problem_.users, &problem_.items}) {
    if (problem_.biases) fit_biases(*side);
    cross = update(*side);
  }
  return figures_now(cross);
}

void NmfMultiplicative::fit_biases(const NmfSide& side) {
  const std::size_t rank = problem_.rank;
  const double* others = table(other(side)).data();
  const std::vector<float>& other_biases = biases(other(side));
  const auto sum = [&](std::size_t row, std::size_t begin, std::size_t end) {
    double left = 0;
    for (std::size_t position = begin; position < end; ++position) {
      const std::size_t other_row = side.others[position];
      left += side.weight(position) * (static_cast<double>(side.value(position)) - static_cast<double>(other_biases[other_row]) -
                                       dot(table(side).data() + row * rank, others + other_row * rank, rank));
    }
    return left;
  };
  const auto finish_bias = [&](std::size_t row, double left) {
    if (side.count(row) != 0) biases(side)[row] = static_cast<float>(left / (side.totals[row] + side.bias_damping));
  };
  std::vector<double> pieces(side.plan.most_pieces());
  side.plan.run(
      workers_,
      [&](std::uint32_t begin, std::uint32_t end, int) {
        for (std::size_t row = begin; row < end; ++row) finish_bias(row, sum(row, side.offsets[row], side.offsets[row + 1]));
      },
      [&](const RowPlan::Piece& piece, int) { pieces[piece.number] = sum(piece.row, piece.begin, piece.end); },
      [&](std::uint32_t row, std::size_t count) {
        double left = 0;
        for (std::size_t piece = 0; piece < count; ++piece) left += pieces[piece];
        finish_bias(row, left);
      });
}

void NmfMultiplicative::sum_other_rows(const NmfSide& side) {
  const std::size_t rank = problem_.rank;
  const std::vector<double>& still = table(other(side));
  if (!problem_.divergence) {
    gram_ = gramian(still, rank, workers_);
    return;
  }
  sums_ = workers_.sum_rows(other(side).rows(), [&](std::size_t begin, std::size_t end, int) {
    std::vector<double> sum(rank);
    for (std::size_t row = begin; row < end; ++row) add(1, still.data() + row * rank, rank, sum.data());
    return sum;
  });
}

/// What a row's ratings add to the parts of the gradient that pull its factors up (numerator) and down (denominator).
void NmfMultiplicative::add_ratings(const NmfSide& side, std::size_t row, std::size_t begin, std::size_t end, double* numerator,
                                    double* denominator) {
  const std::size_t rank = problem_.rank;
  const double* factors = table(side).data() + row * rank;
  const double* others = table(other(side)).data();
  const auto value = [&](std::size_t i) { return side.weight(begin + i) * static_cast<double>(side.value(begin + i)); };
  if (problem_.divergence) {
    add_divergence(others, rank, side.others + begin, end - begin, value, factors, numerator);
    for (std::size_t at = begin; !problem_.zeros && at < end; ++at) {
      add(side.weight(at), others + side.others[at] * rank, rank, denominator);
    }
    return;
  }
  const std::vector<float>& other_biases = biases(other(side));
  const auto bias = static_cast<double>(biases(side)[row]);
  for (std::size_t position = begin; position < end; ++position) {
    const std::size_t other_row = side.others[position];
    const double* factor = others + other_row * rank;
    if (problem_.zeros) {
      add(value(position - begin), factor, rank, numerator);
    } else {
      // What biases leave of a rating may be negative: then it pulls down.
      const double weight = side.weight(position);
      const double target = static_cast<double>(side.value(position)) - bias - static_cast<double>(other_biases[other_row]);
      if (target > 0) add(weight * target, factor, rank, numerator);
      add(weight * (dot(factors, factor, rank) - std::min(target, 0.0)), factor, rank, denominator);
    }
  }
}

/// Moves a row's factors. \return the product of the new ones and the numerators
double NmfMultiplicative::finish(const NmfSide& side, std::size_t row, const double* numerator, double* denominator) {
  if (side.count(row) == 0) return 0;
  const std::size_t rank = problem_.rank;
  double* factors = table(side).data() + row * rank;
  if (problem_.zeros && problem_.divergence) add(1, sums_.data(), rank, denominator);
  if (problem_.zeros && !problem_.divergence) {
    for (std::size_t k = 0; k < rank; ++k) denominator[k] += dot(gram_.data() + k * rank, factors, rank);
  }
  const double l1 = problem_.l1 * problem_.weight(side, row);
  const double l2 = problem_.l2 * problem_.weight(side, row);
  for (std::size_t k = 0; k < rank; ++k) denominator[k] += l1;
  if (problem_.divergence) update_divergence(numerator, denominator, l2, rank, factors);
  for (std::size_t k = 0; k < rank && !problem_.divergence; ++k) {
    const double down = denominator[k] + l2 * factors[k];
    if (down > 0) factors[k] *= numerator[k] / down;
  }
  return dot(factors, numerator, rank);
}

double NmfMultiplicative::update(const NmfSide& side) {
  const std::size_t rank = problem_.rank;
  if (problem_.zeros) sum_other_rows(side);
  std::vector<double> cross(side.rows());
  std::vector<std::vector<double>> pieces(side.plan.most_pieces());
  side.plan.run(
      workers_,
      [&](std::uint32_t begin, std::uint32_t end, int) {
        std::vector<double> sums(2 * rank);
        for (std::size_t row = begin; row < end; ++row) {
          std::fill(sums.begin(), sums.end(), 0.0);
          add_ratings(side, row, side.offsets[row], side.offsets[row + 1], sums.data(), sums.data() + rank);
          cross[row] = finish(side, row, sums.data(), sums.data() + rank);
        }
      },
      [&](const RowPlan::Piece& piece, int) {
        std::vector<double> sums(2 * rank);
        add_ratings(side, piece.row, piece.begin, piece.end, sums.data(), sums.data() + rank);
        pieces[piece.number] = std::move(sums);
      },
      [&](std::uint32_t row, std::size_t count) {
        for (std::size_t piece = 1; piece < count; ++piece) add(1, pieces[piece].data(), 2 * rank, pieces[0].data());
        cross[row] = finish(side, row, pieces[0].data(), pieces[0].data() + rank);
      });
  double total = 0;
  for (const double row : cross) total += row;
  return total;
}

EpochFigures NmfMultiplicative::figures_now(double cross) {
  const std::size_t rank = problem_.rank;
  if (problem_.zeros && !problem_.divergence) {
    // |X|^2 - 2 <X, P Q^T> + <P^T P, Q^T Q>
    const std::vector<double> users = gram_;
    sum_other_rows(problem_.users);
    return figures(0.5 * std::max(0.0, problem_.squares - 2 * cross + dot(users.data(), gram_.data(), rank * rank)), 0);
  }
  double all = 0;
  if (problem_.zeros) {
    const std::vector<double> users = sums_;
    sum_other_rows(problem_.users);
    all = dot(users.data(), sums_.data(), rank);
  }
  struct Sums {
    double loss = 0;
    double squared = 0;
  };
  const NmfSide& side = problem_.users;
  const auto sum = [&](std::size_t row, std::size_t begin, std::size_t end) {
    Sums sums;
    for (std::size_t position = begin; position < end; ++position) {
      const std::size_t item = side.others[position];
      const double product = dot(users_.data() + row * rank, items_.data() + item * rank, rank);
      const auto value = static_cast<double>(side.value(position));
      const double error = value - static_cast<double>(biases(side)[row]) - static_cast<double>(biases(problem_.items)[item]) - product;
      const double weight = side.weight(position);
      sums.squared += weight * error * error;
      if (!problem_.divergence) continue;
      sums.loss += problem_.zeros ? 0 : weight * product;
      if (value > 0) sums.loss += weight * (value * std::log(value / std::max(product, kLeastProduct)) - value);
    }
    return sums;
  };
  std::vector<Sums> rows(side.rows());
  std::vector<Sums> pieces(side.plan.most_pieces());
  side.plan.run(
      workers_,
      [&](std::uint32_t begin, std::uint32_t end, int) {
        for (std::size_t row = begin; row < end; ++row) rows[row] = sum(row, side.offsets[row], side.offsets[row + 1]);
      },
      [&](const RowPlan::Piece& piece, int) { pieces[piece.number] = sum(piece.row, piece.begin, piece.end); },
      [&](std::uint32_t row, std::size_t count) {
        for (std::size_t piece = 0; piece < count; ++piece) {
          rows[row].loss += pieces[piece].loss;
          rows[row].squared += pieces[piece].squared;
        }
      });
  Sums total;
  for (const Sums& row : rows) {
    total.loss += row.loss;
    total.squared += row.squared;
  }
  return figures(problem_.divergence ? all + total.loss : 0.5 * total.squared, total.squared);
}

}  // namespace lowrank
