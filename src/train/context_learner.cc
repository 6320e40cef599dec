#include "train/context_learner.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/random.h"
#include "kernels/rows.h"
#include "train/alternating.h"
#include "train/context_ratings.h"
#include "train/row_weights.h"

namespace lowrank {

namespace {

constexpr std::size_t kRows = 64;
/// Ratings whose regressors are written together.
constexpr std::size_t kTogether = 64;

double product_of(std::span<const double> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < b.size(); ++k) sum += a[k] * static_cast<double>(b[k]);
  return sum;
}

}  // namespace

ContextLearner::ContextLearner(Ratings ratings, const ContextAls& options, const Units& units, const AlsWeights& weights,
                               const Model& frame, const TrainContext& context, Workers& workers)
    : ContextLearnerBase(std::move(ratings), options.rank, options.form,
                         {.method = static_cast<RowMethod>(options.solver), .cg_steps = options.cg_steps}, context, workers),
      options_(options),
      units_(units),
      weights_(weights),
      total_weight_(total_weight(ratings_, workers)),
      user_products_(frame.users.counts.size(), columns_, most_products()),
      item_products_(frame.items.counts.size(), columns_, most_products()),
      bias_blocks_(0, workers) {
  set_up(users_, frame.users.counts, row_weights(ratings_.row_offsets(), ratings_.weights()), weights.bias.user);
  set_up(items_, frame.items.counts, row_weights(by_item_.offsets, by_item_.weights), weights.bias.item);
  set_up_columns();
  ContextLearner::restore(nullptr);
}

void ContextLearner::set_up(Rows& side, const std::vector<std::uint32_t>& counts, const std::vector<double>& totals,
                            double bias_damping) const {
  side.counts = counts;
  side.factors = FactorMatrix(counts.size(), options_.rank);
  for (const double total : totals) {
    side.ridges.push_back(weights_.row(total));
    side.bias_dampings.push_back(weights_.bias_as_factors ? weights_.row(total) : std::max(bias_damping, weights_.least));
  }
}

void ContextLearner::set_up_columns() {
  std::vector<std::uint32_t> by_user(has_user_biases() ? ratings_.size() : 0);
  for (std::size_t at = 0; at < by_user.size(); ++at) by_user[at] = ratings_.situation(at);
  for (std::size_t number = 0; number < columns_.size(); ++number) {
    LevelTable& table = columns_[number];
    const std::size_t levels = situations_.columns[number].levels.size();
    runs_.push_back(has_vectors() && options_.rank != 0 && options_.solver == Solver::exact ? runs_of(table, ratings_, user_of_)
                                                                                            : LevelRuns());
    for (const double total : table.totals) {
      const double size = weights_.per_rating ? total + weights_.prior : 1;
      table.vector_ridges.push_back(std::max(options_.context_regularization * size, weights_.least));
      table.scale_ridges.push_back(std::max(options_.scale_regularization * size, weights_.least));
    }
    table.bias_dampings.assign(levels, std::max(weights_.bias.item, weights_.least));
    if (has_user_biases()) table.user_biases = pairs_of(ratings_.row_offsets(), by_user, level_rows_[number], levels, workers_);
    if (has_item_biases()) table.item_biases = pairs_of(by_item_.offsets, situations_by_item_, level_rows_[number], levels, workers_);
  }
}

void ContextLearner::step() {
  solve_users();
  solve_items();
  for (std::size_t column = 0; column < columns_.size(); ++column) solve_levels(column);
}

std::optional<EpochFigures> ContextLearner::run(std::size_t /*epoch*/) {
  step();
  const double errors = squared_errors();
  const double loss = errors + regularization();
  const double rmse = std::sqrt(errors / total_weight_) * units_.scale;
  if (!std::isfinite(rmse) || !std::isfinite(loss)) return std::nullopt;
  return EpochFigures{.train_rmse = rmse, .train_loss = loss * units_.scale * units_.scale};
}

template <class View>
void ContextLearner::solve(const View& view, const Rows& fixed, const LevelProducts& products, Rows& solved) {
  RegressorStep step;
  step.offsets = view.offsets();
  step.ridges = solved.ridges;
  if (options_.biases) step.bias_dampings = solved.bias_dampings;
  step.options = row_options_;
  if (!view.weights().empty()) step.weight = [&](std::size_t at) { return view.weights()[at]; };
  const bool vectors = has_vectors();
  const bool scales = has_scales();
  // Whether products with vectors are computed rating by rating.
  const bool dots = vectors && products.empty();
  const RowTable table{fixed.factors.data(), fixed.factors.stride()};
  step.write = [&](std::size_t row, std::size_t begin, std::size_t end, float* regressors, std::size_t stride, float* values) {
    CombinedLevels::Scratch scratch;
    std::array<std::uint32_t, kTogether> situations{};
    for (std::size_t first = begin; first < end; first += kTogether) {
      const std::size_t count = std::min(kTogether, end - first);
      const std::uint32_t* const others = view.others() + first;
      for (std::size_t n = 0; n < count; ++n) situations[n] = view.situation(first + n);
      for (std::size_t n = 0; n < count; ++n) {
        const auto own = static_cast<std::uint32_t>(row);
        float left = units_.to_training(view.value(first + n)) - fixed.biases[others[n]] - combined_.bias_of(situations[n]);
        left -= View::kOfUsers ? row_biases(own, others[n], situations[n]) : row_biases(others[n], own, situations[n]);
        if (vectors && !dots) left -= products.of(others[n], situations[n], level_rows_);
        values[first - begin + n] = left;
      }
      float* const to = regressors + (first - begin) * stride;
      if (combined_.keeps()) {
        combine_rows(table, others, {scales ? combined_.scales().data() : nullptr, stride},
                     {vectors ? combined_.vectors().data() : nullptr, stride}, situations.data(), count, stride, to, stride);
      }
      if (combined_.keeps() && !dots) continue;
      for (std::size_t n = 0; n < count; ++n) {
        const CombinedLevels::Terms terms = combined_.of(situations[n], scratch);
        if (!combined_.keeps()) {
          const std::uint32_t only = 0;
          combine_rows(table, others + n, {scales ? terms.scales : nullptr, 0}, {vectors ? terms.vectors : nullptr, 0}, &only, 1, stride,
                       to + n * stride, stride);
        }
        if (dots) values[first - begin + n] -= product(fixed.factors.row(others[n]).data(), terms.vectors, stride);
      }
    }
  };
  blocks_.run(step, solved.factors, options_.biases ? solved.biases.data() : nullptr);
}

void ContextLearner::solve_users() {
  refresh_products(item_products_, items_);
  solve(UserView{ratings_}, items_, item_products_, users_);
  if (!has_user_biases()) return;
  for (std::size_t column = 0; column < columns_.size(); ++column)
    solve_row_biases(UserView{ratings_}, column, columns_[column].user_biases);
}

void ContextLearner::solve_items() {
  refresh_products(user_products_, users_);
  solve(ItemView{by_item_, situations_by_item_}, users_, user_products_, items_);
  if (!has_item_biases()) return;
  for (std::size_t column = 0; column < columns_.size(); ++column)
    solve_row_biases(ItemView{by_item_, situations_by_item_}, column, columns_[column].item_biases);
}

template <class View>
void ContextLearner::solve_row_biases(const View& view, std::size_t column, LevelBiases& biases) {
  const LevelTable& table = columns_[column];
  const std::vector<std::uint16_t>& level_rows = level_rows_[column];
  const std::vector<double>& dampings = (View::kOfUsers ? users_ : items_).bias_dampings;
  const std::span<const std::size_t> offsets = view.offsets();
  workers_.for_ranges(offsets.size() - 1, kRows, [&](std::size_t first, std::size_t last, int) {
    Scratch scratch(options_.rank);
    std::vector<double> sums;
    std::vector<double> weights;
    for (std::size_t row = first; row < last; ++row) {
      const std::size_t begin = biases.offsets[row];
      const std::span<const std::uint32_t> levels = std::span(biases.levels).subspan(begin, biases.offsets[row + 1] - begin);
      sums.assign(levels.size(), 0);
      weights.assign(levels.size(), 0);
      for (std::size_t at = offsets[row]; at < offsets[row + 1]; ++at) {
        const std::uint32_t situation = view.situation(at);
        const std::size_t level = level_rows[situation];
        if (level >= table.levels()) continue;
        const auto place = static_cast<std::size_t>(std::ranges::lower_bound(levels, level) - levels.begin());
        const auto user = View::kOfUsers ? static_cast<std::uint32_t>(row) : view.other(at);
        const auto item = View::kOfUsers ? view.other(at) : static_cast<std::uint32_t>(row);
        const float left = units_.to_training(view.value(at)) - score(user, item, situation, scratch) + biases.values[begin + place];
        const double weight = view.weights().empty() ? 1.0 : static_cast<double>(view.weights()[at]);
        sums[place] += weight * static_cast<double>(left);
        weights[place] += weight;
      }
      for (std::size_t n = 0; n < levels.size(); ++n) biases.values[begin + n] = static_cast<float>(sums[n] / (weights[n] + dampings[row]));
    }
  });
}

float ContextLearner::row_biases(std::uint32_t user, std::uint32_t item, std::uint32_t situation) const {
  if (options_.context_biases == ContextBiases::none) return 0;
  float sum = 0;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    const LevelTable& table = columns_[column];
    const std::uint32_t level = level_rows_[column][situation];
    if (!table.user_biases.empty()) sum += table.user_biases.at(user, level);
    if (!table.item_biases.empty()) sum += table.item_biases.at(item, level);
  }
  return sum;
}

float ContextLearner::score(std::uint32_t user, std::uint32_t item, std::uint32_t situation, Scratch& scratch) const {
  const CombinedLevels::Terms terms = combined_.of(situation, scratch.combined);
  const std::size_t stride = users_.factors.stride();
  const float* p = users_.factors.row(user).data();
  const float* q = items_.factors.row(item).data();
  float sum = users_.biases[user] + items_.biases[item] + terms.bias + row_biases(user, item, situation);
  if (has_vectors()) sum += product(p, terms.vectors, stride) + product(q, terms.vectors, stride);
  return sum + scaled_product(p, q, terms.scales, scratch);
}

float ContextLearner::residual(std::size_t place, Scratch& scratch) const {
  return target(place) - score(user_of_[place], ratings_.items()[place], ratings_.situation(place), scratch);
}

double ContextLearner::squared_errors() {
  if (user_products_.empty() || item_products_.empty() || has_scales()) return squared_residuals(ratings_.weights());
  refresh_products(user_products_, users_);
  refresh_products(item_products_, items_);
  const std::size_t stride = users_.factors.stride();
  return workers_.sum_rows(ratings_.user_count(), [&](std::size_t first, std::size_t last, int) {
    std::vector<float> products;
    double sum = 0;
    for (std::size_t row = first; row < last; ++row) {
      const std::size_t begin = ratings_.row_offsets()[row];
      const std::size_t count = ratings_.row_offsets()[row + 1] - begin;
      const auto user = static_cast<std::uint32_t>(row);
      products.resize(count);
      gather_dots({items_.factors.data(), stride}, ratings_.items().data() + begin, count, stride, users_.factors.row(user).data(),
                  products.data());
      for (std::size_t n = 0; n < count; ++n) {
        const std::uint32_t item = ratings_.items()[begin + n];
        const std::uint32_t situation = ratings_.situation(begin + n);
        const float score = products[n] + users_.biases[user] + items_.biases[item] + combined_.bias_of(situation) +
                            row_biases(user, item, situation) + user_products_.of(user, situation, level_rows_) +
                            item_products_.of(item, situation, level_rows_);
        const auto left = static_cast<double>(target(begin + n) - score);
        sum += left * left * (ratings_.has_weights() ? static_cast<double>(ratings_.weights()[begin + n]) : 1.0);
      }
    }
    return sum;
  });
}

double ContextLearner::regularization() {
  double sum = 0;
  for (const Rows* side : {&users_, &items_}) {
    sum += weighted_squares(side->factors, side->ridges, workers_);
    for (std::size_t row = 0; row < side->biases.size(); ++row)
      sum += side->bias_dampings[row] * static_cast<double>(side->biases[row]) * static_cast<double>(side->biases[row]);
  }
  const auto row_penalty = [](const LevelBiases& biases, const Rows& side) {
    double squares = 0;
    for (std::size_t row = 0; row + 1 < biases.offsets.size(); ++row) {
      for (std::uint64_t at = biases.offsets[row]; at < biases.offsets[row + 1]; ++at)
        squares += side.bias_dampings[row] * static_cast<double>(biases.values[at]) * static_cast<double>(biases.values[at]);
    }
    return squares;
  };
  for (const LevelTable& table : columns_) {
    if (has_vectors()) sum += penalty(table.vectors, table.vector_ridges, 0);
    if (has_scales()) sum += penalty(table.scales, table.scale_ridges, 1);
    for (std::size_t level = 0; level < table.levels(); ++level)
      sum += table.bias_dampings[level] * static_cast<double>(table.biases[level]) * static_cast<double>(table.biases[level]);
    sum += row_penalty(table.user_biases, users_) + row_penalty(table.item_biases, items_);
  }
  return sum;
}

bool ContextLearner::finite() { return all_finite(users_.factors, workers_) && all_finite(items_.factors, workers_) && levels_finite(); }

void ContextLearner::store(Model& model) {
  std::vector<LevelMean> means;
  std::vector<double> vector(options_.rank);
  std::vector<double> scale(options_.rank, 1.0);
  double bias = 0;
  for (const LevelTable& table : columns_) {
    const LevelMean& own = means.emplace_back(mean(table));
    bias += own.bias;
    for (std::size_t k = 0; k < vector.size(); ++k) {
      vector[k] += own.vector[k];
      scale[k] *= own.scale[k];
    }
  }
  model.centre.mean = options_.biases ? units_.mean + bias * units_.scale : 0.0;
  for (const auto& [rows, side] : {std::pair(&users_, &model.users), std::pair(&items_, &model.items)}) {
    for (std::size_t row = 0; row < rows->counts.size(); ++row) {
      const double own = static_cast<double>(rows->biases[row]) + product_of(vector, rows->factors.row(row));
      row_to_model<float>(units_, rows->factors.row(row), 0.0F, *side, row);
      side->biases[row] = to_bias(own * units_.scale);
    }
  }
  for (std::size_t item = 0; item < items_.counts.size(); ++item) {
    const std::span<float> own = model.items.factors.row(item);
    for (std::size_t k = 0; k < own.size(); ++k) own[k] = to_bias(static_cast<double>(own[k]) * scale[k]);
  }
  name_contexts(model);
  for (std::size_t column = 0; column < columns_.size(); ++column) store(columns_[column], means[column], scale, model.contexts[column]);
}

void ContextLearner::store(const LevelTable& table, const LevelMean& mean, std::span<const double> scale, ContextVectors& to) const {
  const std::size_t levels = table.levels();
  to.counts = table.counts;
  to.biases.resize(levels);
  to.user_factors = FactorMatrix(levels, options_.rank);
  to.item_factors = FactorMatrix(levels, options_.rank);
  if (has_scales()) to.scales = FactorMatrix(levels, options_.rank);
  const double root = std::sqrt(units_.scale);
  for (std::size_t level = 0; level < levels; ++level) {
    to.biases[level] = table.counts[level] == 0 ? 0 : to_bias((static_cast<double>(table.biases[level]) - mean.bias) * units_.scale);
    for (std::size_t k = 0; k < options_.rank; ++k) {
      const double own = table.counts[level] == 0 ? 0 : static_cast<double>(table.vectors.row(level)[k]) - mean.vector[k];
      if (has_vectors()) {
        to.user_factors.row(level)[k] = static_cast<float>(own * root);
        to.item_factors.row(level)[k] = to_bias(own / scale[k] * root);
      }
      if (has_scales()) {
        to.scales.row(level)[k] =
            table.counts[level] == 0 ? 1.0F : static_cast<float>(static_cast<double>(table.scales.row(level)[k]) / mean.scale[k]);
      }
    }
  }
  const auto in_units = [this](const LevelBiases& biases) {
    LevelBiases scaled = biases;
    for (float& value : scaled.values) value = to_bias(static_cast<double>(value) * units_.scale);
    return scaled;
  };
  to.user_biases = in_units(table.user_biases);
  to.item_biases = in_units(table.item_biases);
}

void ContextLearner::restore(const Model* model) {
  start(options_.seed);
  const Model* from = model != nullptr ? model : init_;
  if (from != nullptr) load(*from);
  combined_.refresh(workers_);
}

void ContextLearner::find_start(std::uint32_t starts) {
  constexpr std::size_t kEpochs = 20;
  // Of scales about 1 these would be variations of one start; scales of any sign are many.
  constexpr double kDeviation = 0.3;
  std::optional<double> least;
  std::tuple<Rows, Rows, std::vector<LevelTable>> best;
  for (std::uint32_t number = 0; number < starts; ++number) {
    start(mix64(options_.seed + number));
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      for (std::size_t level = 0; level < columns_[column].levels(); ++level) {
        RandomStream stream(options_.seed, Purpose::context_levels, number * kMostContexts + column, level);
        for (float& scale : columns_[column].scales.row(level)) scale = static_cast<float>(kDeviation * stream.normal());
      }
    }
    combined_.refresh(workers_);
    for (std::size_t epoch = 0; epoch < kEpochs; ++epoch) step();
    const double loss = squared_errors() + regularization();
    if (!std::isfinite(loss) || (least && loss >= *least)) continue;
    least = loss;
    best = {users_, items_, columns_};
  }
  if (!least) return restore(nullptr);
  std::tie(users_, items_, columns_) = std::move(best);
  combined_.refresh(workers_);
}

void ContextLearner::start(std::uint64_t seed) {
  const double deviation = options_.initial_scale / std::sqrt(static_cast<double>(std::max(options_.rank, 1U)));
  start_rows(users_.factors, users_.counts, deviation, seed, Purpose::user_factors, workers_);
  start_rows(items_.factors, items_.counts, deviation, seed, Purpose::item_factors, workers_);
  users_.biases.assign(users_.counts.size(), 0);
  items_.biases.assign(items_.counts.size(), 0);
  reset_levels();
}

void ContextLearner::load(const Model& from) {
  const double shift = from.centre.mean - units_.mean;
  for (const auto& [rows, side, by] : {std::tuple(&users_, &from.users, shift), std::tuple(&items_, &from.items, 0.0)}) {
    for (std::uint32_t row = 0; row < rows->counts.size(); ++row) {
      if (!side->knows(row) || rows->counts[row] == 0) continue;
      factors_from_model(units_, *side, row, rows->factors.row(row));
      if (options_.biases) rows->biases[row] = static_cast<float>(bias_from_model(units_, *side, row, by));
    }
  }
  const auto root = static_cast<float>(std::sqrt(units_.scale));
  for_known_levels(from, [&](std::size_t column, std::uint32_t level, const ContextVectors& context, std::uint32_t known) {
    LevelTable& table = columns_[column];
    if (options_.biases) table.biases[level] = static_cast<float>(static_cast<double>(context.biases[known]) / units_.scale);
    const std::span<float> vector = table.vectors.row(level);
    if (has_vectors()) std::ranges::transform(context.user_factors.row(known), vector.begin(), [root](float x) { return x / root; });
    if (has_scales() && context.scales.rows() != 0) std::ranges::copy(context.scales.row(known), table.scales.row(level).begin());
  });
}

std::size_t context_learner_bytes(const ContextAls& options, const TrainingShape& shape) {
  if (shape.contexts == 0) return 0;
  // For each rating its user, its situation, products of levels, and of each context where it is and what runs take.
  const std::size_t of_ratings = shape.ratings * (4 + 4 + 4 + 8 * shape.contexts);
  const bool many_starts = options.starts > 1 && (options.form == ContextForm::cp || options.form == ContextForm::both);
  // The best start so far, and one more while it is taken.
  const std::size_t row_bytes = sizeof(float) * (options.rank + FactorMatrix::kLanes);
  const std::size_t of_starts = many_starts ? 2 * (shape.users + shape.items) * row_bytes : 0;
  return of_ratings + of_starts + 2 * RowBlocks::bytes(options.rank) + CombinedLevels::most_bytes(shape.ratings);
}

}  // namespace lowrank
