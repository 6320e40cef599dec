#include "lowrank/train/bpr.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/dot.h"
#include "model/negative_sampler.h"
#include "train/alternating.h"
#include "train/common_options.h"
#include "train/epoch_loop.h"
#include "train/methods.h"
#include "train/neighbour_addition.h"
#include "train/step_size.h"

namespace lowrank {

namespace {

/// Without factors and biases nothing is learned.
constexpr Need kLearns = {kHasFactors, kHasBiases};

constexpr std::array kOptions = {
    rank_option<Bpr>().tuned_by_factors(16, 256),
    Option<Bpr>{"epochs", &Bpr::epochs, {1, 1e9}}.tuned_by_factors(20, 80),
    Option<Bpr>{"negatives", &Bpr::negatives, {1, PairwiseLogistic::kMostNegatives}}.only(kLearns).tuned_by_factors(4, 64),
    Option<Bpr>{"hardest", &Bpr::hardest}.only(without("negatives", "1"), kLearns),
    Option<Bpr>{"negative_exponent", &Bpr::negative_exponent, {0, 2}}.only(kLearns).tuned(0, 1),
    Option<Bpr>{"learning_rate", &Bpr::learning_rate, {.least_excluded = true}}.only(kLearns).tuned_by_factors(0.03, 0.3),
    Option<Bpr>{"regularization", &Bpr::regularization}.only(kHasFactors).tuned_by_factors(0.004, 0.1),
    biases_option<Bpr>("learn a bias for every item; without it a score is the dot product alone"),
    initial_scale_option<Bpr>(),
    Option<Bpr>{"neighbours", &Bpr::neighbours, {0, 100'000}},
    Option<Bpr>{"neighbour_weight", &Bpr::neighbour_weight}.only(without("neighbours", "0")),
    tolerance_option<Bpr>(),
    patience_option<Bpr>(),
    seed_option<Bpr>().only(kLearns),
};

/// A rating.
struct Positive {
  std::uint32_t user;
  std::uint32_t item;
};

/// Every epoch deals the users and the items anew into as many stripes, at random. In turn t the blocks (a, a + t), which share no row, are
/// passed side by side, and draw their items from their own stripe: over the epochs every item meets every other one. (Stripes of
/// distributed SGD: Gemulla et al., KDD 2011.)
class BprLearner final : public EpochLearner {
 public:
  BprLearner(Ratings ratings, const Bpr& options, const Model& frame, const Model* init, Workers& workers)
      : options_(options),
        init_(init),
        workers_(workers),
        ratings_(std::move(ratings)),
        users_(ratings_.user_count(), options.rank),
        items_(ratings_.item_count(), options.rank),
        biases_(ratings_.item_count()),
        user_counts_(frame.users.counts),
        item_counts_(frame.items.counts),
        rate_(options.learning_rate) {
    // A stripe of few rows leaves little to draw from, or to do side by side.
    stripes_ = std::clamp<std::size_t>(std::min(items_.rows() / 64, users_.rows() / 16), 1, kMostStripes);
    blocks_.resize(stripes_ * stripes_);
    BprLearner::restore(nullptr);
  }

  [[nodiscard]] const Ratings& ratings() const { return ratings_; }

  std::optional<EpochFigures> run(std::size_t epoch) override {
    deal(epoch);
    const double left = static_cast<double>(options_.epochs - (epoch - 1)) / options_.epochs;
    const auto rate = static_cast<float>(rate_.value() * left);
    std::vector<Sum> sums(blocks_.size());
    for (std::size_t turn = 0; turn < stripes_; ++turn) {
      workers_.for_each(stripes_, [&](std::size_t stripe, int) {
        const std::size_t items = (stripe + turn) % stripes_;
        const std::size_t block = stripe * stripes_ + items;
        sums[block] = pass(epoch, block, samplers_[items], rate);
      });
    }
    Sum total;
    for (const Sum& sum : sums) {
      total.loss += sum.loss;
      total.pairs += sum.pairs;
    }
    // Of a user who has everything there is nothing to learn.
    const double loss = total.pairs == 0 ? 0 : total.loss / static_cast<double>(total.pairs);
    if (!std::isfinite(loss)) return std::nullopt;
    return EpochFigures{.train_loss = loss};
  }

  bool finite() override {
    return all_finite(users_, workers_) && all_finite(items_, workers_) &&
           std::ranges::all_of(biases_, [](float bias) { return std::isfinite(bias); });
  }

  void store(Model& model) override {
    model.users.factors = users_;
    model.items.factors = items_;
    if (options_.biases) model.items.biases = biases_;
  }

  void restore(const Model* model) override {
    const double deviation = options_.initial_scale / std::sqrt(static_cast<double>(std::max(options_.rank, 1U)));
    start_rows(users_, user_counts_, deviation, options_.seed, Purpose::user_factors, workers_);
    start_rows(items_, item_counts_, deviation, options_.seed, Purpose::item_factors, workers_);
    std::ranges::fill(biases_, 0.0F);
    const Model* from = model != nullptr ? model : init_;
    if (from == nullptr) return;
    continue_rows(users_, user_counts_, from->users);
    continue_rows(items_, item_counts_, from->items);
    if (!options_.biases) return;
    for (std::uint32_t item = 0; item < items_.rows(); ++item) {
      if (from->items.knows(item) && item_counts_[item] != 0) biases_[item] = from->items.biases[item];
    }
  }

  [[nodiscard]] bool has_step() const override { return true; }

  std::optional<DivergenceReport> cut_step() override { return rate_.cut(); }

 private:
  /// Blocks in one turn, at most: the bytes do not depend on the threads, which are seldom more.
  static constexpr std::size_t kMostStripes = 16;

  struct Sum {
    double loss = 0;
    std::size_t pairs = 0;
  };

  /// `count` rows in random order, cut into stripes.
  [[nodiscard]] std::vector<std::uint32_t> dealt(std::size_t count, std::size_t epoch, std::uint64_t side) const {
    std::vector<std::uint32_t> rows(count);
    std::iota(rows.begin(), rows.end(), 0U);
    RandomStream(options_.seed, Purpose::rating_order, epoch, side).shuffle(std::span(rows));
    return rows;
  }

  [[nodiscard]] std::span<const std::uint32_t> stripe_of(const std::vector<std::uint32_t>& rows, std::size_t stripe) const {
    const std::size_t begin = rows.size() * stripe / stripes_;
    return std::span(rows).subspan(begin, rows.size() * (stripe + 1) / stripes_ - begin);
  }

  /// Fills the blocks and the samplers of an epoch.
  void deal(std::size_t epoch) {
    const std::vector<std::uint32_t> users = dealt(users_.rows(), epoch, 0);
    const std::vector<std::uint32_t> items = dealt(items_.rows(), epoch, 1);
    std::vector<std::uint8_t> stripe_of_item(items.size());
    samplers_.resize(stripes_);
    for (std::size_t stripe = 0; stripe < stripes_; ++stripe) {
      for (const std::uint32_t item : stripe_of(items, stripe)) stripe_of_item[item] = static_cast<std::uint8_t>(stripe);
    }
    workers_.for_each(stripes_, [&](std::size_t stripe, int) {
      samplers_[stripe] = NegativeSampler(stripe_of(items, stripe), item_counts_, options_.negative_exponent);
      const std::span<std::vector<Positive>> blocks = std::span(blocks_).subspan(stripe * stripes_, stripes_);
      for (std::vector<Positive>& block : blocks) block.clear();
      for (const std::uint32_t user : stripe_of(users, stripe)) {
        for (const std::uint32_t item : ratings_.items_of(user)) blocks[stripe_of_item[item]].push_back({user, item});
      }
    });
  }

  /// Passes a block in random order.
  Sum pass(std::size_t epoch, std::size_t block, const NegativeSampler& sampler, float rate) {
    std::vector<Positive>& positives = blocks_[block];
    RandomStream(options_.seed, Purpose::rating_order, epoch, 2 + block).shuffle(std::span(positives));
    RandomStream random(options_.seed, Purpose::negatives, epoch, block);
    std::vector<std::uint32_t> drawn;
    std::vector<float> scores;
    Sum sum;
    for (const Positive& positive : positives) {
      drawn.clear();
      for (std::uint32_t n = 0; n < options_.negatives; ++n) {
        const std::uint32_t item = sampler.draw(random, ratings_.items_of(positive.user));
        if (item != NegativeSampler::kNone) drawn.push_back(item);
      }
      if (options_.hardest && drawn.size() > 1) drawn.assign(1, hardest(positive.user, drawn, scores));
      for (const std::uint32_t item : drawn) sum.loss += step(positive, item, rate);
      sum.pairs += drawn.size();
    }
    return sum;
  }

  [[nodiscard]] float score(std::uint32_t user, std::uint32_t item) const {
    return biases_[item] + dot(users_.row(user).data(), items_.row(item).data(), users_.stride());
  }

  /// The drawn item of the highest score, the first of equals. \param scores  room for them
  [[nodiscard]] std::uint32_t hardest(std::uint32_t user, std::span<const std::uint32_t> drawn, std::vector<float>& scores) const {
    const std::vector<std::uint32_t> same_user(drawn.size(), user);
    scores.assign(drawn.size(), 0.0F);
    dot_pairs({users_.data(), users_.stride()}, same_user.data(), {items_.data(), items_.stride()}, drawn.data(), drawn.size(),
              scores.data());
    for (std::size_t n = 0; n < drawn.size(); ++n) scores[n] += biases_[drawn[n]];
    return drawn[static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin())];
  }

  /// One gradient step on a pair. \return its loss before the step
  double step(const Positive& positive, std::uint32_t negative, float rate) {
    const float margin = score(positive.user, negative) - score(positive.user, positive.item);
    const float pull = rate / (1 + std::exp(-margin));
    const float keep = 1 - rate * static_cast<float>(options_.regularization);
    float* p = users_.row(positive.user).data();
    float* q = items_.row(positive.item).data();
    float* other = items_.row(negative).data();
    for (std::size_t k = 0; k < options_.rank; ++k) {
      const float old = p[k];
      p[k] = keep * old + pull * (q[k] - other[k]);
      q[k] = keep * q[k] + pull * old;
      other[k] = keep * other[k] - pull * old;
    }
    if (options_.biases) {
      biases_[positive.item] += pull;
      biases_[negative] -= pull;
    }
    return static_cast<double>(std::max(margin, 0.0F) + std::log1p(std::exp(-std::abs(margin))));
  }

  Bpr options_;
  const Model* init_;
  Workers& workers_;
  Ratings ratings_;
  FactorMatrix users_;
  FactorMatrix items_;
  std::vector<float> biases_;  ///< zeros without biases
  std::vector<std::uint32_t> user_counts_;
  std::vector<std::uint32_t> item_counts_;
  std::size_t stripes_ = 1;
  std::vector<std::vector<Positive>> blocks_;
  std::vector<NegativeSampler> samplers_;  ///< of each stripe of items
  StepSize rate_;
};

}  // namespace

template <>
MethodTraits<Bpr> traits_of() {
  return {.options = kOptions, .rating_bytes = 12, .counts = is_positive<Bpr>, .uncounted = kNonePositive, .ignores_values = always<Bpr>};
}

template <>
Trained train_method(Ratings ratings, const Bpr& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context) {
  Workers workers(context.threads);
  const std::size_t count = ratings.size();
  frame.centre.has_biases = options.biases;
  frame.centre.rating_mean = 0;
  frame.centre.clips = false;
  const PairwiseLogistic fold_in{.users = {.l2 = options.regularization},
                                 .items = {.l2 = options.regularization},
                                 .negatives = options.negatives,
                                 .hardest = options.hardest,
                                 .negative_exponent = options.negative_exponent,
                                 .solves_bias = options.biases};
  BprLearner learner(std::move(ratings), options, frame, context.init, workers);
  const Stopping stopping{options.epochs, options.patience, options.tolerance};
  Trained trained = run_epochs(learner, std::move(frame), fold_in, options.rank, count, stopping, validation, observer);
  add_neighbours(trained, learner.ratings(), {options.neighbours, options.neighbour_weight}, validation, workers);
  return trained;
}

}  // namespace lowrank
