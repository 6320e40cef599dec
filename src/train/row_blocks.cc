#include "train/row_blocks.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/dot.h"
#include "kernels/gramian.h"
#include "train/normal_sums.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = 256;

std::size_t padded(std::size_t rank) { return (rank + FactorMatrix::kLanes - 1) / FactorMatrix::kLanes * FactorMatrix::kLanes; }

/// Fewer would leave nothing to share between threads.
std::size_t ratings_of_block(std::size_t rank) {
  return std::max<std::size_t>(RowBlocks::kBlockFloats / std::max<std::size_t>(padded(rank), FactorMatrix::kLanes), 2048);
}

}  // namespace

RowBlocks::RowBlocks(std::size_t rank, Workers& workers) : RowBlocks(rank, workers, ratings_of_block(rank)) {}

RowBlocks::RowBlocks(std::size_t rank, Workers& workers, std::size_t most_ratings)
    : rank_(rank), workers_(workers), half_steps_(rank, workers), most_(most_ratings), diagonal_(padded(rank)) {
  std::fill_n(diagonal_.data() + rank, diagonal_.size() - rank, 1.0F);
  values_.resize(most_);
  weights_.resize(most_);
  numbers_.resize(most_);
  std::iota(numbers_.begin(), numbers_.end(), 0U);
}

std::size_t RowBlocks::bytes(std::size_t rank) { return ratings_of_block(rank) * ((padded(rank) + 5) * sizeof(float)); }

void RowBlocks::run(const RegressorStep& step, FactorMatrix& solved, float* biases) {
  if (step.shared == nullptr || rank_ == 0) return run_rows(step, solved, biases);
  begin_shared(step);
  const std::size_t rows = means_.rows();
  const auto add_means = [&](float sign) {
    workers_.for_ranges(rows, kGrain, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t row = begin; row < end; ++row) {
        for (std::size_t k = 0; k < rank_; ++k) solved.row(row)[k] += sign * means_.row(row)[k];
      }
    });
  };
  // An exact solution does not depend on where the row was.
  if (step.options.method != RowMethod::exact) {
    rotate(solved.data(), solved.stride(), rows, rank_, basis_.vectors, workers_);
    add_means(-1);
  }
  run_rows(step, solved, biases);
  add_means(1);
  rotate(solved.data(), solved.stride(), rows, rank_, basis_.back, workers_);
  std::fill_n(diagonal_.data(), rank_, 0.0F);
  means_ = {};
}

void RowBlocks::begin_shared(const RegressorStep& step) {
  const SharedTerms& shared = *step.shared;
  basis_ = eigenbasis(shared.matrix, rank_, workers_);
  std::ranges::transform(basis_.values, diagonal_.data(), [](double value) { return static_cast<float>(value); });
  if (step.turn) step.turn(basis_.vectors);
  FactorMatrix linear = shared.linear;
  rotate(linear.data(), linear.stride(), linear.rows(), rank_, basis_.vectors, workers_);
  const std::size_t rows = step.offsets.size() - 1;
  means_ = FactorMatrix(rows, rank_);
  workers_.for_ranges(rows, kGrain, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      if (step.offsets[row] == step.offsets[row + 1]) continue;
      const double factor = shared.factors.empty() ? 1.0 : shared.factors[row];
      const std::span<const float> own = linear.row(linear.rows() == 1 ? 0 : row);
      for (std::size_t k = 0; k < rank_; ++k) {
        const double damping = factor * static_cast<double>(diagonal_[k]) + step.ridges[row];
        means_.row(row)[k] = static_cast<float>(-factor * static_cast<double>(own[k]) / damping);
      }
    }
  });
}

void RowBlocks::run_rows(const RegressorStep& step, FactorMatrix& solved, float* biases) {
  const std::size_t rows = step.offsets.size() - 1;
  for (std::size_t first = 0; first < rows;) {
    std::size_t last = first;
    while (last < rows && step.offsets[last + 1] - step.offsets[first] <= most_) ++last;
    if (last == first) {
      run_long(step, first, solved, biases);
      last = first + 1;
    } else {
      run_block(step, first, last, solved, biases);
    }
    first = last;
  }
}

void RowBlocks::write(const RegressorStep& step, std::size_t row, std::size_t begin, std::size_t end, std::size_t start) {
  const std::size_t stride = regressors_.stride();
  step.write(row, begin, end, regressors_.data() + (begin - start) * stride, stride, values_.data() + (begin - start));
  for (std::size_t at = begin; at < end; ++at) weights_[at - start] = step.weight ? step.weight(at) : 1.0F;
}

void RowBlocks::turn_block(std::size_t size) { rotate(regressors_.data(), regressors_.stride(), size, rank_, basis_.vectors, workers_); }

void RowBlocks::subtract_mean(std::size_t row, std::size_t begin, std::size_t end) {
  const std::size_t stride = regressors_.stride();
  const float* mean = means_.row(row).data();
  for (std::size_t at = begin; at < end; ++at) values_[at] -= dot(regressors_.data() + at * stride, mean, stride);
}

void RowBlocks::run_block(const RegressorStep& step, std::size_t first, std::size_t last, FactorMatrix& solved, float* biases) {
  const std::size_t start = step.offsets[first];
  if (regressors_.rows() == 0) regressors_ = FactorMatrix(most_, rank_);
  const std::size_t stride = regressors_.stride();
  constexpr std::size_t kRows = 16;
  const auto subtract = [&](std::size_t row) { subtract_mean(row, step.offsets[row] - start, step.offsets[row + 1] - start); };
  const bool has_means = means_.rows() != 0;
  const bool turns = has_means && !step.turn;
  workers_.for_ranges(last - first, kRows, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = first + begin; row < first + end; ++row) {
      write(step, row, step.offsets[row], step.offsets[row + 1], start);
      // While the regressors are in the cache, if they are complete.
      if (has_means && !turns) subtract(row);
    }
  });
  if (turns) {
    turn_block(step.offsets[last] - start);
    workers_.for_ranges(last - first, kRows, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t row = first + begin; row < first + end; ++row) subtract(row);
    });
  }
  std::vector<std::size_t> offsets(step.offsets.begin() + static_cast<std::ptrdiff_t>(first),
                                   step.offsets.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  for (std::size_t& offset : offsets) offset -= start;
  HalfStep half;
  half.offsets = offsets;
  half.others = numbers_.data();
  half.fixed = {regressors_.data(), stride};
  half.diagonal = diagonal_.data();
  half.ridges = step.ridges.subspan(first, last - first);
  half.valued = true;
  const bool factors = step.shared != nullptr && !step.shared->factors.empty();
  if (factors) half.factors = step.shared->factors.subspan(first, last - first);
  half.weighted = step.weight || factors;
  half.cells = [this](std::size_t, std::size_t begin, std::size_t end, float*, float* values) {
    std::copy(values_.begin() + static_cast<std::ptrdiff_t>(begin), values_.begin() + static_cast<std::ptrdiff_t>(end), values);
  };
  if (half.weighted) {
    half.cells = [this](std::size_t, std::size_t begin, std::size_t end, float* weights, float* values) {
      for (std::size_t at = begin; at < end; ++at) {
        weights[at - begin] = weights_[at];
        values[at - begin] = weights_[at] * values_[at];
      }
    };
  }
  if (!step.bias_dampings.empty()) half.bias_dampings = step.bias_dampings.subspan(first, last - first);
  half.options = step.options;
  half_steps_.run(half, solved.data() + first * solved.stride(), biases == nullptr ? nullptr : biases + first);
}

void RowBlocks::run_long(const RegressorStep& step, std::size_t row, FactorMatrix& solved, float* biases) {
  NormalSums sums(rank_);
  std::vector<double> weights(step.weight ? most_ : 0);
  if (regressors_.rows() == 0) regressors_ = FactorMatrix(most_, rank_);
  for (std::size_t begin = step.offsets[row]; begin < step.offsets[row + 1]; begin += most_) {
    const std::size_t size = std::min(most_, step.offsets[row + 1] - begin);
    workers_.for_ranges(size, kGrain, [&](std::size_t from, std::size_t to, int) { write(step, row, begin + from, begin + to, begin); });
    if (means_.rows() != 0 && !step.turn) turn_block(size);
    sums.add_rest(workers_.sum_ranges(size, kGrain, [&](std::size_t from, std::size_t to, int) {
      if (means_.rows() != 0) subtract_mean(row, from, to);
      std::vector<double> part(2 * rank_ + 2);
      for (std::size_t at = from; at < to; ++at) {
        const double weight = step.weight ? static_cast<double>(weights_[at]) : 1.0;
        const double pull = weight * static_cast<double>(values_[at]);
        const std::span<const float> own = regressors_.row(at);
        for (std::size_t k = 0; k < rank_; ++k) {
          part[k] += weight * static_cast<double>(own[k]);
          part[rank_ + k] += pull * static_cast<double>(own[k]);
        }
        part[2 * rank_] += weight;
        part[2 * rank_ + 1] += pull;
        if (step.weight) weights[at] = weight;
      }
      return part;
    }));
    if (rank_ != 0)
      sums.add_squares({regressors_.data(), regressors_.stride()}, size, std::span(weights).first(step.weight ? size : 0), workers_);
  }
  const double factor = step.shared == nullptr || step.shared->factors.empty() ? 1.0 : step.shared->factors[row];
  sums.solve(step.ridges[row], biases != nullptr ? step.bias_dampings[row] : 0, solved.row(row), biases != nullptr ? biases + row : nullptr,
             {diagonal_.data(), rank_}, factor);
}

}  // namespace lowrank
