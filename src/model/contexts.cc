#include "lowrank/model/contexts.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/parallel.h"
#include "base/text.h"
#include "data/period_numbers.h"
#include "data/text.h"
#include "data/times.h"
#include "kernels/dot.h"
#include "lowrank/base/error.h"
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
  }
}

}  // namespace

ContextScores::ContextScores(const Model& model, std::span<const std::int64_t> times)
    : model_(model), empty_(times.empty() || !has_periods(model)) {
  if (!empty_) unit_ = unit_of_times(std::ranges::max(times));
}

ContextScores::ContextScores(const Model& model, TimeUnit unit) : model_(model), empty_(!has_periods(model)), unit_(unit) {}

void ContextScores::add(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const std::int64_t> times,
                        std::span<double> scores) const {
  if (empty_) return;
  for (const ContextVectors& context : model_.contexts) {
    if (context.period == Period::none) continue;
    std::unordered_map<std::int64_t, std::uint32_t> levels;
    for (std::size_t n = 0; n < users.size(); ++n) {
      const bool user = model_.users.knows(users[n]);
      const bool item = model_.items.knows(items[n]);
      // As score() has it: nothing is added to the mean rating, which is the answer where too little is known.
      if (!user && !item) continue;
      if (!model_.centre.has_biases && !(user && item)) continue;
      const std::int64_t number = period_number(context.period, microseconds_of(times[n], unit_));
      const auto [place, is_new] = levels.try_emplace(number, Vocabulary::kUnknown);
      if (is_new) place->second = context.levels.find(period_text(context.period, number));
      const std::uint32_t level = place->second;
      if (level == Vocabulary::kUnknown) continue;
      auto sum = static_cast<double>(context.biases[level]);
      if (user) sum += product_of(model_.users.factors, users[n], context.user_factors, level);
      if (item) sum += product_of(model_.items.factors, items[n], context.item_factors, level);
      scores[n] = std::clamp(scores[n] + sum, -kMostBias, kMostBias);
    }
  }
}

void add_contexts(const Model& model, std::span<const std::uint32_t> users, std::span<const std::uint32_t> items,
                  std::span<const std::int64_t> times, std::span<double> scores, int threads) {
  const ContextScores contexts(model, times);
  if (contexts.empty()) return;
  Workers(threads).for_ranges(users.size(), kGrain, [&](std::size_t begin, std::size_t end, int) {
    const std::size_t size = end - begin;
    contexts.add(users.subspan(begin, size), items.subspan(begin, size), times.subspan(begin, size), scores.subspan(begin, size));
  });
}

double ContextStream::score(std::uint32_t user, std::uint32_t item, std::int64_t time, double score) {
  latest_ = std::max(latest_.value_or(time), time);
  const TimeUnit unit = unit_of_time(*latest_);
  ContextScores(model_, unit == TimeUnit::unknown ? TimeUnit::seconds : unit).add({&user, 1}, {&item, 1}, {&time, 1}, {&score, 1});
  return score;
}

void ContextStream::finish() const {
  if (latest_ && has_periods(model_)) static_cast<void>(unit_of_times(*latest_));
}

Model bind_context(Model model, std::span<const ContextValue> context) {
  std::vector<std::string> given;
  for (const auto& [name, value] : context) {
    if (std::ranges::find(given, name) != given.end()) throw OptionError("context", name + " is given twice");
    given.push_back(name);
    const auto found = std::ranges::find(model.contexts, name, &ContextVectors::name);
    if (found == model.contexts.end()) {
      std::string known;
      for (const ContextVectors& own : model.contexts) known += (known.empty() ? "" : ", ") + own.name;
      throw OptionError("context",
                        quoted(std::string_view(name)) + " is no context of the model, which has " + (known.empty() ? "none" : known));
    }
    const std::optional<std::uint32_t> level = level_of(*found, value);
    if (!level) continue;
    model.centre.mean += static_cast<double>(found->biases[*level]);
    take_in(found->user_factors.row(*level), model.users);
    take_in(found->item_factors.row(*level), model.items);
  }
  std::erase_if(model.contexts, [&](const ContextVectors& own) { return std::ranges::find(given, own.name) != given.end(); });
  return model;
}

}  // namespace lowrank
