#include "lowrank/model/contexts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "base/parallel.h"
#include "base/text.h"
#include "data/period_numbers.h"
#include "data/text.h"
#include "data/times.h"
#include "kernels/dot.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"
#include "lowrank/model/model.h"
#include "model/context_scores.h"

namespace lowrank {

namespace {

constexpr std::size_t kGrain = std::size_t{1} << 14U;
constexpr auto kMostBias = static_cast<double>(std::numeric_limits<float>::max());

bool has_periods(const Model& model) {
  return std::ranges::any_of(model.contexts, [](const ContextVectors& context) { return context.period != Period::none; });
}

/// The level that a value of a context names, or nothing for one that the model does not know.
std::optional<std::uint32_t> level_of(const ContextVectors& context, const std::string& value) {
  std::uint32_t level = context.levels.find(value);
  if (level == Vocabulary::kUnknown && context.period != Period::none) {
    const std::optional<std::int64_t> number = period_named(context.period, value);
    if (!number) {
      throw OptionError("context", quoted(std::string_view(value)) + " is no " + std::string(name_of(context.period)) +
                                       ": give a date such as 1998-04-01");
    }
    level = context.levels.find(period_text(context.period, *number));
  }
  if (level == Vocabulary::kUnknown) return {};
  return level;
}

float as_float(double x) { return static_cast<float>(std::clamp(x, -kMostBias, kMostBias)); }
float sum_of(float a, float b) { return as_float(static_cast<double>(a) + static_cast<double>(b)); }

float product(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return as_float(sum);
}

/// Scales this near 0 are taken for this: what they erase of an item's row could not be told from it any more.
constexpr float kLeastScale = 1e-6F;

float scale_of(float scale) { return std::abs(scale) < kLeastScale ? std::copysign(kLeastScale, scale) : scale; }

/// In float32 unless that overflows.
double product_of(const FactorMatrix& a, std::uint32_t row_of_a, const FactorMatrix& b, std::uint32_t row_of_b) {
  const float* left = a.data() + row_of_a * a.stride();
  const float* right = b.data() + row_of_b * b.stride();
  return static_cast<double>(finite_dot(dot(left, right, a.stride()), left, right, a.stride()));
}

/// Moves what `vector` adds to the rows of a side into their biases, and into all that makes biases of rows.
void take_in(std::span<const float> vector, Side& side) {
  for (std::uint32_t row = 0; row < side.size(); ++row) side.biases[row] = sum_of(side.biases[row], product(side.factors.row(row), vector));
  if (side.features) {
    FeatureVectors& features = *side.features;
    for (std::size_t column = 0; column < features.factors.rows(); ++column) {
      features.biases[column] = sum_of(features.biases[column], product(features.factors.row(column), vector));
    }
    if (!features.mean.empty()) features.mean_bias = sum_of(features.mean_bias, product(features.mean, vector));
  }
  if (side.prior && side.prior->history.rows() != 0) {
    for (std::size_t row = 0; row < side.prior->history.rows(); ++row) {
      const std::span<float> own = side.prior->history.row(row);
      own.back() = sum_of(own.back(), product(own.first(own.size() - 1), vector));
    }
    std::vector<float>& average = side.prior->average;
    if (!average.empty()) average.back() = sum_of(average.back(), product(std::span(average).first(average.size() - 1), vector));
  }
}

/// Multiplies the first numbers of a row, which may be longer, by `scales`.
void multiply(std::span<const float> scales, std::span<float> row) {
  for (std::size_t k = 0; k < std::min(scales.size(), row.size()); ++k) {
    row[k] = as_float(static_cast<double>(row[k]) * static_cast<double>(scales[k]));
  }
}

/// The same of each row of a table.
void multiply(std::span<const float> scales, FactorMatrix& table) {
  for (std::size_t row = 0; row < table.rows(); ++row) multiply(scales, table.row(row));
}

/// Divides the precision of (factors, bias) for rows that are multiplied by `scales`.
void divide_precision(std::span<const float> scales, FactorMatrix& precision) {
  const auto factor = [&](std::size_t k) { return k < scales.size() ? static_cast<double>(scales[k]) : 1.0; };
  for (std::size_t row = 0; row < precision.rows(); ++row) {
    const std::span<float> own = precision.row(row);
    for (std::size_t k = 0; k < own.size(); ++k) own[k] = as_float(static_cast<double>(own[k]) / (factor(row) * factor(k)));
  }
}

/// Makes q_i scaled by `scales` the factors of the items, with all that makes factors of items. The items' rows take the scales rather than
/// the users': a user who is folded into the bound model is then solved against the regressors of training, with the ridge of training.
void scale_items(std::span<const float> scales, Model& model) {
  Side& items = model.items;
  multiply(scales, items.factors);
  if (items.features) {
    multiply(scales, items.features->factors);
    multiply(scales, items.features->mean);
  }
  if (items.prior) {
    multiply(scales, items.prior->history);
    multiply(scales, items.prior->average);
    divide_precision(scales, items.prior->precision);
  }
  std::vector<float> squares(scales.begin(), scales.end());
  for (float& square : squares) square = as_float(static_cast<double>(square) * static_cast<double>(square));
  if (model.uncertainty) multiply(squares, model.uncertainty->items.factors);
  // What contexts that are not given multiply with items' factors was learned for the factors as they were.
  std::vector<float> inverses(scales.begin(), scales.end());
  for (float& inverse : inverses) inverse = 1 / inverse;
  for (ContextVectors& context : model.contexts) multiply(inverses, context.item_factors);
}

/// Moves the biases that a side's rows have in a level into their own.
void take_in(const LevelBiases& biases, std::uint32_t level, Side& side) {
  if (biases.empty()) return;
  for (std::uint32_t row = 0; row < side.size(); ++row) side.biases[row] = sum_of(side.biases[row], biases.at(row, level));
}

/// Whether contexts add to the score of a pair. As score() has it: nothing is added to the mean rating, which is the answer where too
/// little is known.
bool adds_to(const Model& model, std::uint32_t user, std::uint32_t item) {
  const bool knows_user = model.users.knows(user);
  const bool knows_item = model.items.knows(item);
  return model.centre.has_biases ? knows_user || knows_item : knows_user && knows_item;
}

/// What contexts add to the score of a pair of which something is known. \param levels  one per context; kUnknown adds nothing
double terms_of(const Model& model, std::uint32_t user, std::uint32_t item, std::span<const std::uint32_t> levels) {
  const bool knows_user = model.users.knows(user);
  const bool knows_item = model.items.knows(item);
  double sum = 0;
  bool scaled = false;
  for (std::size_t n = 0; n < levels.size(); ++n) {
    if (levels[n] == Vocabulary::kUnknown) continue;
    const ContextVectors& context = model.contexts[n];
    sum += static_cast<double>(context.biases[levels[n]]);
    if (knows_user) sum += product_of(model.users.factors, user, context.user_factors, levels[n]);
    if (knows_item) sum += product_of(model.items.factors, item, context.item_factors, levels[n]);
    if (knows_user && !context.user_biases.empty()) sum += static_cast<double>(context.user_biases.at(user, levels[n]));
    if (knows_item && !context.item_biases.empty()) sum += static_cast<double>(context.item_biases.at(item, levels[n]));
    scaled = scaled || context.scales.rows() != 0;
  }
  if (!scaled || !knows_user || !knows_item) return sum;
  const std::span<const float> p = model.users.factors.row(user);
  const std::span<const float> q = model.items.factors.row(item);
  for (std::size_t k = 0; k < p.size(); ++k) {
    double scale = 1;
    for (std::size_t n = 0; n < levels.size(); ++n) {
      const FactorMatrix& scales = model.contexts[n].scales;
      if (levels[n] != Vocabulary::kUnknown && scales.rows() != 0) scale *= static_cast<double>(scale_of(scales.row(levels[n])[k]));
    }
    sum += static_cast<double>(p[k]) * static_cast<double>(q[k]) * (scale - 1);
  }
  return sum;
}

}  // namespace

float LevelBiases::at(std::uint32_t row, std::uint32_t level) const noexcept {
  const auto begin = levels.begin() + static_cast<std::ptrdiff_t>(offsets[row]);
  const auto end = levels.begin() + static_cast<std::ptrdiff_t>(offsets[row + 1]);
  const auto found = std::lower_bound(begin, end, level);
  return found == end || *found != level ? 0 : values[static_cast<std::size_t>(found - levels.begin())];
}

namespace {

/// The level of each context of the model in every situation, situation by situation; kUnknown where the situation does not tell it, or
/// names a level that the model does not know. \param[out] told  whether the situations have a column for each context
std::vector<std::uint32_t> levels_in(const Model& model, const Situations& situations, std::vector<bool>& told) {
  const std::size_t count = model.contexts.size();
  std::vector<std::uint32_t> levels(situations.size() * count, Vocabulary::kUnknown);
  for (std::size_t n = 0; n < count; ++n) {
    const ContextVectors& context = model.contexts[n];
    const auto column = std::ranges::find(situations.columns, context.name, &ContextColumn::name);
    if (column == situations.columns.end()) continue;
    told[n] = true;
    std::vector<std::uint32_t> known;
    for (std::uint32_t level = 0; level < column->levels.size(); ++level) known.push_back(context.levels.find(column->levels.id(level)));
    const auto place = static_cast<std::size_t>(column - situations.columns.begin());
    for (std::uint32_t situation = 0; situation < situations.size(); ++situation) {
      const std::uint16_t level = situations.levels(situation)[place];
      if (level < known.size()) levels[situation * count + n] = known[level];
    }
  }
  return levels;
}

}  // namespace

ContextScores::ContextScores(const Model& model, std::span<const std::int64_t> times, const Situations* situations)
    : model_(model), told_(model.contexts.size()) {
  if (situations != nullptr) of_situations_ = levels_in(model, *situations, told_);
  for (std::size_t n = 0; n < model.contexts.size(); ++n)
    dates_ = dates_ || (!times.empty() && !told_[n] && model.contexts[n].period != Period::none);
  if (dates_) unit_ = unit_of_times(std::ranges::max(times));
}

ContextScores::ContextScores(const Model& model, const Pairs& pairs)
    : ContextScores(model, pairs.times, pairs.situation.empty() ? nullptr : &pairs.situations) {}

void ContextScores::add(const Pairs& pairs, std::size_t begin, std::span<double> scores) const {
  const auto part = [&](const auto& column) {
    return column.empty() ? std::span(column) : std::span(column).subspan(begin, scores.size());
  };
  add(part(pairs.users), part(pairs.items), part(pairs.times), part(pairs.situation), scores);
}

bool ContextScores::empty() const noexcept { return !dates_ && of_situations_.empty(); }

void ContextScores::add(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const std::int64_t> times,
                        std::span<const std::uint32_t> situations, std::span<double> scores) const {
  if (empty()) return;
  const std::size_t count = model_.contexts.size();
  std::vector<std::uint32_t> levels(count);
  std::vector<std::unordered_map<std::int64_t, std::uint32_t>> of_times(count);
  for (std::size_t n = 0; n < users.size(); ++n) {
    if (!adds_to(model_, users[n], items[n])) continue;
    for (std::size_t context = 0; context < count; ++context) {
      levels[context] = Vocabulary::kUnknown;
      const ContextVectors& own = model_.contexts[context];
      if (told_[context]) {
        levels[context] = of_situations_[situations[n] * count + context];
      } else if (dates_ && own.period != Period::none) {
        const std::int64_t number = period_number(own.period, microseconds_of(times[n], unit_));
        const auto [place, is_new] = of_times[context].try_emplace(number, Vocabulary::kUnknown);
        if (is_new) place->second = own.levels.find(period_text(own.period, number));
        levels[context] = place->second;
      }
    }
    scores[n] = std::clamp(scores[n] + terms_of(model_, users[n], items[n], levels), -kMostBias, kMostBias);
  }
}

void add_contexts(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                  std::span<const std::int64_t> times, std::span<double> scores, int threads) {
  const ContextScores contexts(model, times);
  if (contexts.empty()) return;
  Workers(threads).for_ranges(users.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    const std::size_t size = end - begin;
    contexts.add(users.subspan(begin, size), items.subspan(begin, size), times.subspan(begin, size), {}, scores.subspan(begin, size));
  });
}

void add_contexts(const Model& model, const Pairs& pairs, std::span<double> scores, int threads) {
  const ContextScores contexts(model, pairs);
  if (contexts.empty()) return;
  Workers(threads).for_ranges(pairs.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    contexts.add(pairs, begin, scores.subspan(begin, end - begin));
  });
}

std::vector<UnknownLevels> unknown_levels(const Model& model, const Pairs& pairs) {
  return unknown_levels(pairs.situations, pairs.situation, [&model](const std::string& name) {
    const auto found = std::ranges::find(model.contexts, name, &ContextVectors::name);
    return found == model.contexts.end() ? nullptr : &found->levels;
  });
}

ContextStream::ContextStream(const Model& model, std::span<const std::string> columns) : model_(model), columns_(columns.size()) {
  for (const ContextVectors& context : model.contexts)
    places_.push_back(static_cast<std::size_t>(std::ranges::find(columns, context.name) - columns.begin()));
  unknown_.resize(places_.size());
}

double ContextStream::score(std::uint32_t user, std::uint32_t item, std::int64_t time, double score) {
  const std::vector<std::string_view> none(columns_);
  return ContextStream::score(user, item, time, none, score);
}

double ContextStream::score(std::uint32_t user, std::uint32_t item, std::optional<std::int64_t> time,
                            std::span<const std::string_view> levels, double score) {
  if (time) latest_ = std::max(latest_.value_or(*time), *time);
  ++count_;
  const TimeUnit told = latest_ ? unit_of_time(*latest_) : TimeUnit::seconds;
  const TimeUnit unit = told == TimeUnit::unknown ? TimeUnit::seconds : told;
  std::vector<std::uint32_t> numbers(model_.contexts.size(), Vocabulary::kUnknown);
  for (std::size_t n = 0; n < numbers.size(); ++n) {
    const ContextVectors& context = model_.contexts[n];
    if (places_[n] < std::min(columns_, levels.size())) {
      if (levels[places_[n]].empty()) continue;
      numbers[n] = context.levels.find(levels[places_[n]]);
      if (numbers[n] == Vocabulary::kUnknown) ++unknown_[n];
    } else if (time && context.period != Period::none) {
      numbers[n] = context.levels.find(period_text(context.period, period_number(context.period, microseconds_of(*time, unit))));
    }
  }
  if (!adds_to(model_, user, item)) return score;
  return std::clamp(score + terms_of(model_, user, item, numbers), -kMostBias, kMostBias);
}

std::vector<UnknownLevels> ContextStream::unknown() const {
  std::vector<UnknownLevels> unknown;
  for (std::size_t n = 0; n < unknown_.size(); ++n) {
    if (unknown_[n] > 0) unknown.push_back({model_.contexts[n].name, unknown_[n]});
  }
  return unknown;
}

void ContextStream::finish() const {
  if (latest_ && has_periods(model_)) static_cast<void>(unit_of_times(*latest_));
}

namespace {

/// The context that is called so, or whose column is spelled so in a header; the end of the contexts if there is none.
auto find_context(const Model& model, const std::string& name) {
  const std::string spelled = context_name(name).value_or(name);
  return std::ranges::find_if(model.contexts, [&](const ContextVectors& own) { return own.name == name || own.name == spelled; });
}

}  // namespace

namespace {

/// The number of each context that is given. \throws OptionError for one that the model does not have, or that is given twice
std::vector<std::size_t> numbers_of(const Model& model, std::span<const ContextValue> context) {
  std::vector<std::size_t> numbers;
  for (const auto& [name, value] : context) {
    const auto found = find_context(model, name);
    if (found == model.contexts.end()) {
      std::string known;
      for (const ContextVectors& own : model.contexts) known += (known.empty() ? "" : ", ") + own.name;
      throw OptionError("context",
                        quoted(std::string_view(name)) + " is no context of the model, which has " + (known.empty() ? "none" : known));
    }
    const auto number = static_cast<std::size_t>(found - model.contexts.begin());
    if (std::ranges::find(numbers, number) != numbers.end()) throw OptionError("context", found->name + " is given twice");
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

bool trained_in_contexts(const Model& model) {
  if (model.contexts.empty()) return false;
  const nlohmann::json options = nlohmann::json::parse(model.record.options, nullptr, false);
  const auto time = options.find("time");
  return time == options.end() || *time == name_of(Period::none);
}

std::vector<KnownLevel> known_levels(const Model& model, std::span<const ContextValue> context) {
  const std::vector<std::size_t> numbers = numbers_of(model, context);
  std::vector<KnownLevel> levels;
  for (std::size_t n = 0; n < context.size(); ++n) {
    if (const auto level = level_of(model.contexts[numbers[n]], context[n].second)) levels.push_back({numbers[n], *level});
  }
  std::ranges::sort(levels);
  return levels;
}

std::vector<double> user_vector(const Model& model, std::span<const KnownLevel> levels) {
  std::vector<double> sum(model.rank());
  for (const KnownLevel& known : levels) {
    const std::span<const float> own = model.contexts[known.context].user_factors.row(known.level);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += static_cast<double>(own[k]);
  }
  return sum;
}

Model bind_context(Model model, std::span<const ContextValue> context) {
  std::vector<float> scales(model.rank(), 1.0F);
  bool scaled = false;
  for (const KnownLevel& known : known_levels(model, context)) {
    const ContextVectors& own = model.contexts[known.context];
    model.centre.mean += static_cast<double>(own.biases[known.level]);
    take_in(own.user_factors.row(known.level), model.users);
    take_in(own.item_factors.row(known.level), model.items);
    take_in(own.user_biases, known.level, model.users);
    take_in(own.item_biases, known.level, model.items);
    if (own.scales.rows() == 0) continue;
    scaled = true;
    const std::span<const float> row = own.scales.row(known.level);
    for (std::size_t k = 0; k < scales.size(); ++k)
      scales[k] = as_float(static_cast<double>(scales[k]) * static_cast<double>(scale_of(row[k])));
  }
  std::vector<std::size_t> given = numbers_of(model, context);
  std::ranges::sort(given, std::greater{});
  for (const std::size_t number : given) model.contexts.erase(model.contexts.begin() + static_cast<std::ptrdiff_t>(number));
  // After all terms that are of the items' factors as they were.
  if (scaled) {
    std::ranges::transform(scales, scales.begin(), scale_of);
    scale_items(scales, model);
  }
  return model;
}

std::string unknown_levels_text(const Model& model, std::span<const ContextValue> context) {
  constexpr std::uint32_t kNamed = 5;
  std::string text;
  for (const auto& [name, value] : context) {
    const auto found = find_context(model, name);
    if (found == model.contexts.end() || found->period != Period::none || level_of(*found, value)) continue;
    text.append(text.empty() ? "" : "; ").append(quoted(std::string_view(value))).append(" is no level of ").append(name);
    text += found->levels.empty() ? ", and adds nothing: the model knows none" : ", and adds nothing: there are ";
    const std::uint32_t named = std::min(found->levels.size(), kNamed);
    for (std::uint32_t level = 0; level < named; ++level) text.append(level == 0 ? "" : ", ").append(quoted(found->levels.id(level)));
    if (found->levels.size() > named) text += " and " + std::to_string(found->levels.size() - named) + " more";
  }
  return text;
}

}  // namespace lowrank
