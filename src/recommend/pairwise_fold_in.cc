#include "recommend/pairwise_fold_in.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "kernels/dot.h"

namespace lowrank {

namespace {

constexpr std::size_t kDraws = 4;
constexpr std::size_t kFewDraws = 512;  ///< draws of a row from which there are fewer per rating

std::size_t draws_of(std::size_t ratings) { return std::clamp<std::size_t>(kFewDraws / std::max<std::size_t>(ratings, 1), 1, kDraws); }

/// log(1 + exp(margin)) and its slope.
struct Logistic {
  double loss;
  double slope;
  explicit Logistic(double margin)
      : loss(std::max(margin, 0.0) + std::log1p(std::exp(-std::abs(margin)))), slope(1 / (1 + std::exp(-margin))) {}
};

/// A maximum is kSoftness * log(sum of exp(score / kSoftness)), so that the loss is smooth.
constexpr double kSoftness = 0.1;

double product(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void add(std::vector<double>& sum, double factor, const std::vector<double>& x) {
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += factor * x[k];
}

/// Minimises a convex loss from x = 0 by L-BFGS (Liu and Nocedal 1989), with steps that are halved until the loss falls enough.
/// \param derive  loss = derive(x, gradient) \return x; zeros where numbers ran away
template <class Derive>
std::vector<double> minimise(std::size_t size, const Derive& derive) {
  constexpr std::size_t kMemory = 10;
  constexpr int kMostSteps = 200;
  constexpr int kMostHalvings = 20;
  constexpr double kLeastGain = 1e-7;
  constexpr double kArmijo = 1e-4;
  struct Move {
    std::vector<double> x;
    std::vector<double> gradient;
    double curvature = 0;
  };
  std::deque<Move> moves;
  std::vector<double> x(size);
  std::vector<double> gradient(size);
  std::vector<double> next(size);
  std::vector<double> next_gradient(size);
  double loss = derive(x, gradient);
  for (int step = 0; step < kMostSteps && std::isfinite(loss); ++step) {
    // The two loops that multiply by the inverse of the curvature that the last moves saw.
    std::vector<double> way = gradient;
    std::vector<double> shares(moves.size());
    for (std::size_t n = moves.size(); n-- > 0;) add(way, -(shares[n] = product(moves[n].x, way) / moves[n].curvature), moves[n].gradient);
    const double scale = moves.empty() ? 1 / std::max(1.0, std::sqrt(product(gradient, gradient)))
                                       : moves.back().curvature / product(moves.back().gradient, moves.back().gradient);
    for (double& number : way) number *= scale;
    for (std::size_t n = 0; n < moves.size(); ++n) add(way, shares[n] - product(moves[n].gradient, way) / moves[n].curvature, moves[n].x);

    const double fall = product(way, gradient);
    double length = 1;
    double next_loss = loss;
    for (int halving = 0; halving < kMostHalvings; ++halving, length /= 2) {
      next = x;
      add(next, -length, way);
      next_loss = derive(next, next_gradient);
      if (next_loss <= loss - kArmijo * length * fall) break;
    }
    if (!(next_loss < loss)) break;
    Move move{.x = next, .gradient = next_gradient};
    add(move.x, -1, x);
    add(move.gradient, -1, gradient);
    move.curvature = product(move.x, move.gradient);
    if (move.curvature > 0) moves.push_back(std::move(move));
    if (moves.size() > kMemory) moves.pop_front();
    std::swap(x, next);
    std::swap(gradient, next_gradient);
    const double gain = loss - next_loss;
    loss = next_loss;
    if (gain < kLeastGain * loss) break;
  }
  if (!std::isfinite(loss)) x.assign(size, 0.0);
  return x;
}

/// What a row scores of many rows of a table with it, in float32.
class Scores {
 public:
  explicit Scores(const FactorMatrix& table) : table_(table), row_(1, table.rank()) {}

  void operator()(std::span<const double> x, std::span<const std::uint32_t> others, std::vector<float>& scores) {
    std::ranges::transform(x.first(table_.rank()), row_.row(0).begin(), [](double number) { return static_cast<float>(number); });
    first_.assign(others.size(), 0);
    scores.resize(others.size());
    dot_pairs({row_.data(), row_.stride()}, first_.data(), {table_.data(), table_.stride()}, others.data(), others.size(), scores.data());
  }

 private:
  const FactorMatrix& table_;
  FactorMatrix row_;
  std::vector<std::uint32_t> first_;
};

void add_row(double factor, std::span<const float> row, std::vector<double>& gradient) {
  for (std::size_t k = 0; k < row.size(); ++k) gradient[k] += factor * static_cast<double>(row[k]);
}

/// The ridge of `x`, in the loss and its gradient. \return its part of half the loss
double start_with_ridge(double ridge, const std::vector<double>& x, std::vector<double>& gradient) {
  for (std::size_t k = 0; k < x.size(); ++k) gradient[k] = ridge * x[k];
  return ridge * product(x, x) / 2;
}

/// What holds a row down where no penalty does: a row whose pairs can all be told apart would grow without end.
constexpr double kLeastRidge = 1e-4;

constexpr double kLeastShare = 1e-9;  ///< of a draw's weight; what pulls less is left out

}  // namespace

PairwiseFoldIn::PairwiseFoldIn(const Model& model, const PairwiseLogistic& problem) : model_(model), problem_(problem) {
  std::vector<std::uint32_t> items(model.items.size());
  std::iota(items.begin(), items.end(), 0U);
  sampler_ = NegativeSampler(items, model.items.counts, problem.negative_exponent);
  for (const std::uint32_t count : model.items.counts) {
    if (count != 0) item_weights_ += std::pow(static_cast<double>(count), problem.negative_exponent);
  }
  rating_ends_.assign(model.users.counts.begin(), model.users.counts.end());
  std::partial_sum(rating_ends_.begin(), rating_ends_.end(), rating_ends_.begin());
}

void PairwiseFoldIn::solve_user(std::span<const std::uint32_t> items, std::span<float> factors) const {
  const std::size_t rank = factors.size();
  const std::size_t draws = draws_of(items.size());
  if (rank == 0 || items.empty()) return;
  // What was drawn, draw after draw, and where each draw ends: draw d of item n is number n draws + d.
  std::vector<std::uint32_t> drawn;
  std::vector<std::size_t> ends{0};
  for (std::size_t n = 0; n < items.size(); ++n) {
    // By the item, not its position: without one item, the draws of the others are the same.
    RandomStream random(model_.record.seed, Purpose::negatives, 0, items[n]);
    for (std::size_t draw = 0; draw < draws; ++draw) {
      for (std::size_t at = 0; at < problem_.negatives; ++at) {
        const std::uint32_t item = sampler_.draw(random, items);
        // What is drawn twice does not count twice in a maximum.
        const bool again =
            problem_.hardest && std::find(drawn.begin() + static_cast<std::ptrdiff_t>(ends.back()), drawn.end(), item) != drawn.end();
        if (item != NegativeSampler::kNone && !again) drawn.push_back(item);
      }
      ends.push_back(drawn.size());
    }
  }
  const auto size = static_cast<double>(items.size());
  const double ridge = std::max(problem_.users.l2 * size + problem_.users.l2_constant, kLeastRidge);
  const FactorMatrix& table = model_.items.factors;
  const std::vector<float>& biases = model_.items.biases;
  Scores score(table);
  std::vector<float> own_scores;
  std::vector<float> scores;
  std::vector<double> shares;
  const std::vector<double> x = minimise(rank, [&](const std::vector<double>& p, std::vector<double>& gradient) {
    double loss = start_with_ridge(ridge, p, gradient);
    score(p, items, own_scores);
    score(p, drawn, scores);
    for (std::size_t at = 0; at < drawn.size(); ++at) scores[at] += biases[drawn[at]];
    for (std::size_t n = 0; n < items.size(); ++n) {
      const double own = static_cast<double>(own_scores[n] + biases[items[n]]);
      double pull = 0;
      for (std::size_t draw = n * draws; draw < (n + 1) * draws; ++draw) {
        const std::size_t begin = ends[draw];
        const std::size_t count = ends[draw + 1] - begin;
        if (count == 0) continue;
        const double weight = 1 / static_cast<double>(draws * (problem_.hardest ? 1 : count));
        const std::span<const float> row_scores = std::span(scores).subspan(begin, count);
        shares.assign(count, 0.0);
        if (problem_.hardest) {
          const auto highest = static_cast<double>(*std::ranges::max_element(row_scores));
          std::ranges::transform(row_scores, shares.begin(),
                                 [&](float each) { return std::exp((static_cast<double>(each) - highest) / kSoftness); });
          const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
          const Logistic logistic(highest + kSoftness * std::log(sum) - own);
          loss += weight * logistic.loss;
          for (double& share : shares) share *= weight * logistic.slope / sum;
        } else {
          for (std::size_t at = 0; at < count; ++at) {
            const Logistic logistic(static_cast<double>(row_scores[at]) - own);
            loss += weight * logistic.loss;
            shares[at] = weight * logistic.slope;
          }
        }
        for (std::size_t at = 0; at < count; ++at) {
          pull += shares[at];
          if (shares[at] > kLeastShare * weight) add_row(shares[at], table.row(drawn[begin + at]), gradient);
        }
      }
      add_row(-pull, table.row(items[n]), gradient);
    }
    return loss;
  });
  std::ranges::transform(x, factors.begin(), [](double number) { return static_cast<float>(number); });
}

void PairwiseFoldIn::solve_item(std::span<const std::uint32_t> users, std::span<float> factors, float& bias) const {
  /// A pair of the item and another one, whose score for the same user is known.
  struct Pair {
    std::uint32_t user;
    double weight;
    double other;  ///< score of the item that the user has, or of the drawn one
    double rival;  ///< highest score of the other items of the draw
    bool wanted;   ///< the user has the new item
  };
  constexpr double kNoRival = -std::numeric_limits<double>::infinity();
  const std::size_t rank = factors.size();
  const std::size_t draws = draws_of(users.size());
  const std::size_t negatives = problem_.negatives;
  if (users.empty() || rating_ends_.empty() || rating_ends_.back() == 0) return;
  const auto known_score = [&](std::uint32_t user, std::uint32_t item) {
    double sum = static_cast<double>(model_.items.biases[item]);
    const std::span<const float> p = model_.users.factors.row(user);
    const std::span<const float> q = model_.items.factors.row(item);
    for (std::size_t k = 0; k < rank; ++k) sum += static_cast<double>(p[k]) * static_cast<double>(q[k]);
    return sum;
  };
  std::vector<Pair> pairs;
  const double share = 1 / static_cast<double>(draws * (problem_.hardest ? 1 : negatives));
  for (std::size_t n = 0; n < users.size(); ++n) {
    const std::vector<std::uint32_t> taken = model_.history.items_of(users[n]);
    RandomStream random(model_.record.seed, Purpose::negatives, 1, n);
    for (std::size_t draw = 0; draw < draws; ++draw) {
      double highest = kNoRival;
      for (std::size_t at = 0; at < negatives; ++at) {
        const std::uint32_t other = sampler_.draw(random, taken);
        if (other == NegativeSampler::kNone) continue;
        const double other_score = known_score(users[n], other);
        if (!problem_.hardest) pairs.push_back({users[n], share, other_score, kNoRival, true});
        highest = std::max(highest, other_score);
      }
      if (problem_.hardest && highest != kNoRival) pairs.push_back({users[n], share, highest, kNoRival, true});
    }
  }
  // The ratings of others in whose draws the item is: as many as an item of its number of users is drawn for.
  constexpr double kMostOthers = 4096;
  const auto count = static_cast<double>(users.size());
  const double expected = static_cast<double>(rating_ends_.back()) * std::pow(count, problem_.negative_exponent) / item_weights_ *
                          (problem_.hardest ? static_cast<double>(negatives) : 1);
  const double others = std::clamp(std::ceil(expected), 1.0, kMostOthers);
  RandomStream random(model_.record.seed, Purpose::negatives, 2);
  for (double at = 0; at < others; ++at) {
    const std::uint64_t rating = random.below(rating_ends_.back());
    const auto user = static_cast<std::uint32_t>(std::ranges::upper_bound(rating_ends_, rating) - rating_ends_.begin());
    const std::vector<std::uint32_t> taken = model_.history.items_of(user);
    if (taken.empty() || std::ranges::binary_search(users, user)) continue;
    const std::uint32_t item = taken[random.below(taken.size())];
    double highest = kNoRival;
    for (std::size_t rival = 1; problem_.hardest && rival < negatives; ++rival) {
      const std::uint32_t other = sampler_.draw(random, taken);
      if (other != NegativeSampler::kNone) highest = std::max(highest, known_score(user, other));
    }
    pairs.push_back({user, expected / others, known_score(user, item), highest, false});
  }
  const bool solves_bias = problem_.solves_bias;
  const RowPenalty& penalty = problem_.items;
  const double ridge = std::max(penalty.l2 * count + penalty.l2_constant, kLeastRidge);
  const double bias_ridge = std::max(penalty.bias * count + penalty.bias_constant, kLeastRidge);
  std::vector<std::uint32_t> numbers;
  numbers.reserve(pairs.size());
  for (const Pair& pair : pairs) numbers.push_back(pair.user);
  Scores score(model_.users.factors);
  std::vector<float> scores;
  const std::vector<double> x = minimise(rank + (solves_bias ? 1 : 0), [&](const std::vector<double>& q, std::vector<double>& gradient) {
    double loss = start_with_ridge(ridge, q, gradient);
    if (solves_bias) {
      loss += (bias_ridge - ridge) * q[rank] * q[rank] / 2;
      gradient[rank] += (bias_ridge - ridge) * q[rank];
    }
    score(q, numbers, scores);
    for (std::size_t n = 0; n < pairs.size(); ++n) {
      const Pair& pair = pairs[n];
      const double own = static_cast<double>(scores[n]) + (solves_bias ? q[rank] : 0);
      double pull = 0;
      if (pair.wanted) {
        const Logistic logistic(pair.other - own);
        loss += pair.weight * logistic.loss;
        pull = -pair.weight * logistic.slope;
      } else {
        const Logistic ahead((own - pair.rival) / kSoftness);
        const Logistic logistic((pair.rival == kNoRival ? own : pair.rival + kSoftness * ahead.loss) - pair.other);
        loss += pair.weight * logistic.loss;
        pull = pair.weight * logistic.slope * ahead.slope;
      }
      add_row(pull, model_.users.factors.row(pair.user), gradient);
      if (solves_bias) gradient[rank] += pull;
    }
    return loss;
  });
  for (std::size_t k = 0; k < rank; ++k) factors[k] = static_cast<float>(x[k]);
  if (solves_bias) bias = static_cast<float>(x[rank]);
}

}  // namespace lowrank
