#include "lowrank/train/train.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "base/text.h"
#include "lowrank/base/error.h"
#include "train/correction.h"
#include "train/methods.h"
#include "train/train_ratings.h"

namespace lowrank {

namespace {

constexpr std::array<std::string_view, 4> kStopped = {"epochs", "converged", "patience", "observer"};

/// The rank that the options ask for; nothing for a method without one.
template <class Options>
std::optional<std::size_t> rank_of(const Options& options) {
  if constexpr (requires { options.rank; }) {
    return options.rank;
  } else {
    return std::nullopt;
  }
}

void check_rank(const TrainContext& context, std::optional<std::size_t> rank) {
  if (context.init != nullptr && rank && context.init->rank() != *rank) {
    throw OptionError("init",
                      "the model to start from has rank " + std::to_string(context.init->rank()) + ", not " + std::to_string(*rank));
  }
}

std::vector<std::uint32_t> count_by_user(const Ratings& ratings) {
  std::vector<std::uint32_t> counts(ratings.user_count());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user)
    counts[user] = static_cast<std::uint32_t>(ratings.items_of(user).size());
  return counts;
}

/// Whole numbers, so it does not matter which thread counts what.
std::vector<std::uint32_t> count_by_item(const Ratings& ratings, int threads) {
  Workers workers(threads);
  std::vector<std::vector<std::uint32_t>> by_slot(static_cast<std::size_t>(workers.count()));
  workers.for_ranges(ratings.size(), std::size_t{1} << 20U, [&](std::size_t begin, std::size_t end, int slot) {
    std::vector<std::uint32_t>& counts = by_slot[static_cast<std::size_t>(slot)];
    counts.resize(ratings.item_count());
    for (const std::uint32_t item : ratings.items().subspan(begin, end - begin)) ++counts[item];
  });
  std::vector<std::uint32_t> total(ratings.item_count());
  for (const std::vector<std::uint32_t>& counts : by_slot) {
    for (std::size_t item = 0; item < counts.size(); ++item) total[item] += counts[item];
  }
  return total;
}

/// The ratings that the method takes for ratings. \throws DataError where there are none
template <class Options>
Ratings counted(Ratings ratings, const Options& options) {
  const MethodTraits<Options> traits = traits_of<Options>();
  if (traits.counts == nullptr) return ratings;
  std::size_t kept = 0;
  for (std::size_t position = 0; position < ratings.size(); ++position) kept += traits.counts(options, ratings.value(position)) ? 1U : 0U;
  if (kept == ratings.size()) return ratings;
  if (kept == 0) {
    if (*traits.uncounted == '\0') return ratings;
    throw DataError("method " + std::string(Options::kName) + ": no rating is " + traits.uncounted);
  }
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t position = ratings.row_offsets()[user]; position < ratings.row_offsets()[user + 1]; ++position) {
      if (!traits.counts(options, ratings.value(position))) continue;
      builder.add_from(ratings, user, position);
    }
  }
  return builder.build(ratings.user_count(), ratings.item_count());
}

/// Whether the values are those of a scale of opinions: a few of them, the most frequent one not the least.
bool looks_like_opinions(const Ratings& ratings) {
  constexpr std::size_t kLeastValues = 3;
  constexpr std::size_t kMostValues = 21;
  constexpr float kHighest = 10;
  const std::span<const float> table = ratings.value_table();
  if (table.size() < kLeastValues || table.size() > kMostValues || table.front() < 0 || table.back() > kHighest) return false;
  std::array<std::size_t, kMostValues> counts{};
  for (const std::uint8_t code : ratings.codes()) ++counts[code];
  return std::ranges::max_element(counts) - counts.begin() != (table.front() == 0 ? 1 : 0);
}

template <class Options>
void warn_of_opinions(const Ratings& ratings, const Options& options, TrainingObserver& observer) {
  const MethodTraits<Options> traits = traits_of<Options>();
  if (traits.ignores_values == nullptr || !traits.ignores_values(options) || !looks_like_opinions(ratings)) return;
  const std::span<const float> table = ratings.value_table();
  observer.on_warning("the ratings look like opinions, from " + shortest_text(table.front()) + " to " + shortest_text(table.back()) +
                      ": method " + std::string(Options::kName) +
                      " takes every value above 0 for a like; leave low ones out, or take a method that predicts ratings" +
                      (*traits.rating_setting != '\0' ? std::string(", such as this one with ") + traits.rating_setting : ""));
}

/// What a model has before anything is learned; rows and biases get their room when training starts, after the ratings gave theirs back.
Model frame_of(const Ratings& ratings, const Method& method, int threads) {
  Model frame;
  frame.users.counts = count_by_user(ratings);
  frame.items.counts = count_by_item(ratings, threads);
  frame.record.method = name_of(method);
  frame.record.options = options_json(method);
  frame.record.ratings = ratings.size();
  frame.centre.predicts_ratings = predicts_ratings(method);
  return frame;
}

/// Gives rows without ids their numbers as ids. \throws DataError where only some rows have ids
void number_rows(Vocabulary& ids, std::uint32_t rows) {
  if (ids.size() == rows) return;
  if (!ids.empty()) throw DataError("there are " + std::to_string(ids.size()) + " ids for " + std::to_string(rows) + " rows of ratings");
  for (std::uint32_t row = 0; row < rows; ++row) ids.add(std::to_string(row));
}

}  // namespace

HistoryValues values_to_keep(const Method& method, HistoryValues asked) {
  if (asked == HistoryValues::kept) return asked;
  const HistoryValues read = std::visit(
      []<class Options>(const Options& options) {
        if constexpr (has_correction<Options>()) {
          if (options.neighbours != 0) return HistoryValues::kept;
        }
        const MethodTraits<Options> traits = traits_of<Options>();
        if (traits.history != nullptr) return traits.history(options);
        // Fold-in reads which items are liked.
        const bool likes = traits.ignores_values != nullptr && traits.ignores_values(options);
        return likes ? HistoryValues::if_disliked : HistoryValues::dropped;
      },
      method);
  if (read == HistoryValues::kept) return read;
  if (asked == HistoryValues::automatic) return ignores_values(method) ? HistoryValues::if_disliked : HistoryValues::kept;
  return read == HistoryValues::dropped ? asked : read;
}

bool ignores_values(const Method& method) {
  return std::visit(
      []<class Options>(const Options& options) {
        const MethodTraits<Options> traits = traits_of<Options>();
        return traits.ignores_values != nullptr && traits.ignores_values(options);
      },
      method);
}

bool takes_rating(const Method& method, float value) {
  return std::visit(
      [value]<class Options>(const Options& options) {
        const MethodTraits<Options> traits = traits_of<Options>();
        return traits.counts == nullptr || traits.counts(options, value);
      },
      method);
}

std::string_view name_of(Stopped stopped) { return kStopped[static_cast<std::size_t>(stopped)]; }

void check_settings(const Method& method, const TrainSettings& settings, bool starts) {
  Workers::check(settings.threads);
  for (const auto& [name, bound] : {std::pair("min_rating", settings.min_rating), std::pair("max_rating", settings.max_rating)}) {
    if (!bound) continue;
    if (!std::isfinite(*bound)) throw OptionError(name, "must be a finite number");
    if (!settings.clips) throw OptionError(name, "cannot be given together with " + mention("clip=false"));
  }
  if (settings.min_rating && settings.max_rating && *settings.min_rating > *settings.max_rating) {
    throw OptionError("min_rating", "must not be above " + mention("max_rating"));
  }
  const std::string problem = "is not an option of method " + std::string(name_of(method));
  if (!predicts_ratings(method)) {
    const char* stated = settings.min_rating ? "min_rating" : settings.max_rating ? "max_rating" : settings.clips ? "" : "clip=false";
    if (*stated != '\0') throw OptionError(stated, problem + ", which does not predict ratings");
  }
  if (starts && !warm_starts(method)) throw OptionError("init", problem + ", which has nothing to start from");
}

void check_weights(const Method& method, const std::string& option) {
  std::visit(
      [&]<class Options>(const Options& options) {
        const MethodTraits<Options> traits = traits_of<Options>();
        if (traits.weighs != nullptr && traits.weighs(options)) return;
        const std::string with = traits.weighs != nullptr ? " with " + mention(traits.unweighed) : "";
        throw OptionError(option, "method " + std::string(Options::kName) + with + " reads no weights of ratings");
      },
      method);
}

void check_features(const Method& method, const Features* users, std::uint32_t user_count, const Features* items,
                    std::uint32_t item_count) {
  const auto check = [&](const char* option, const Features* features, std::uint32_t rows, const char* whose) {
    if (features == nullptr) return;
    if (!reads_features(method)) {
      throw OptionError(option, "is not an option of method " + std::string(name_of(method)) + ", which does not read features");
    }
    if (features->rows() != rows) {
      throw DataError(mention(option) + ": there are " + std::to_string(features->rows()) + " rows of features for " +
                      std::to_string(rows) + " " + whose);
    }
    if (const auto problem = features_problem(*features)) throw DataError(mention(option) + ": " + *problem);
  };
  check("user_features", users, user_count, "users");
  check("item_features", items, item_count, "items");
}

namespace {

/// Whether a context is a mode of a tensor, by its name.
bool is_mode(const ContextColumn& column) {
  std::string_view name = column.name;
  if (!name.starts_with("mode")) return false;
  name.remove_prefix(4);
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void check_reads_contexts(const Method& method, const Situations& situations) {
  if (situations.columns.empty() || reads_contexts(method)) return;
  std::string others;
  for (const std::string_view name : method_names()) {
    if (reads_contexts(method_by_name(name))) others.append(others.empty() ? "" : ", ").append(name);
  }
  const std::string own = "method " + std::string(name_of(method));
  // Nobody asked for the contexts of a tensor: its format has them.
  if (std::ranges::all_of(situations.columns, is_mode)) {
    std::string modes;
    for (const ContextColumn& column : situations.columns) modes.append(modes.empty() ? "" : ", ").append(column.name);
    throw OptionError("", own + " does not read contexts, and the ratings have " + modes + "; methods " + others + " do");
  }
  throw OptionError("contexts", "is not an option of " + own + ", which does not read contexts; " + others + " do");
}

TrainingObserver& TrainingObserver::silent() noexcept {
  static TrainingObserver silent;
  return silent;
}

bool TrainingObserver::on_epoch(const EpochReport& /*report*/, const std::function<Model()>& /*model*/) { return true; }

void TrainingObserver::on_memory(const MemoryReport& /*report*/) {}

void TrainingObserver::on_divergence(const DivergenceReport& /*report*/) {}

void TrainingObserver::on_warning(std::string_view /*text*/) {}

std::size_t training_memory(const Method& method, const TrainingShape& shape) {
  return std::visit(
      [&]<class Options>(const Options& options) {
        // The learner's tables, the model's, and with validation the best one's.
        std::size_t tables = shape.validates ? 3 : 2;
        const MethodTraits<Options> traits = traits_of<Options>();
        // What rows are expected at, twice, and what that leaves of them.
        if (shape.features) tables += 3;
        if (traits.extra_tables != nullptr) tables += traits.extra_tables(options);
        const std::size_t extra_rating_bytes = traits.extra_rating_bytes == nullptr ? 0 : traits.extra_rating_bytes(options);
        const std::size_t extra_bytes = traits.extra_bytes == nullptr ? 0 : traits.extra_bytes(options, shape);
        constexpr std::size_t kRowBytes = 40;  // biases, counts and decays
        const std::size_t stride = (rank_of(options).value_or(0) + FactorMatrix::kLanes - 1) / FactorMatrix::kLanes * FactorMatrix::kLanes;
        const std::size_t row_bytes = stride * sizeof(float) * tables + kRowBytes;
        const std::size_t weight_bytes = shape.weighted ? traits.weight_bytes : 0;
        return (shape.users + shape.items) * row_bytes + shape.ratings * (traits.rating_bytes + extra_rating_bytes + weight_bytes) +
               extra_bytes;
      },
      method);
}

Trained train_ratings(Ratings ratings, const Method& method, const Validation& validation, TrainingObserver& observer,
                      const TrainContext& given) {
  TrainContext context = given;
  // Situations without columns say nothing.
  if (context.situations != nullptr && context.situations->columns.empty()) context.situations = nullptr;
  check_options(method);
  check_settings(method, {context.threads, context.min_rating, context.max_rating, context.clips}, context.init != nullptr);
  if (ratings.empty()) throw DataError("there are no ratings to train on");
  if (reads_times(method) && !ratings.has_times()) throw OptionError("time", "needs a timestamp with each rating");
  if (context.situations != nullptr) check_reads_contexts(method, *context.situations);
  if (ratings.has_weights()) check_weights(method, "weights");
  check_features(method, context.user_features, ratings.user_count(), context.item_features, ratings.item_count());
  return std::visit(
      [&]<class Options>(const Options& options) {
        warn_of_opinions(ratings, options, observer);
        ratings = counted(std::move(ratings), options);
        if (!traits_of<Options>().any_start_rank) check_rank(context, rank_of(options));
        Model frame = frame_of(ratings, method, context.threads);
        frame.record.seed = options.seed;
        return train_and_correct(std::move(ratings), options, std::move(frame), validation, observer, context);
      },
      method);
}

void complete(Trained& trained, Vocabulary users, Vocabulary items, History history, std::string data_fingerprint) {
  Model& model = trained.model;
  model.users.ids = std::move(users);
  model.items.ids = std::move(items);
  model.history = std::move(history);
  model.record.fingerprint = std::move(data_fingerprint);
  model.record.metrics.clear();
  if (trained.train_rmse) model.record.metrics.push_back({"train_rmse", *trained.train_rmse});
}

Trained train(TrainInput input, const Method& method, const Validation& validation, TrainingObserver& observer,
              const TrainSettings& settings) {
  check_options(method);
  check_reads(method, {}, static_cast<bool>(validation));
  Dataset& data = input.data;
  number_rows(data.users, data.ratings.user_count());
  number_rows(data.items, data.ratings.item_count());
  History history(data.ratings, values_to_keep(method, input.history), settings.threads);
  std::string data_fingerprint = fingerprint(data.users, data.items, data.ratings, settings.threads, &data.situations);
  const TrainContext context{.threads = settings.threads,
                             .init = input.init,
                             .min_rating = settings.min_rating,
                             .max_rating = settings.max_rating,
                             .clips = settings.clips,
                             .user_features = input.user_features ? &*input.user_features : nullptr,
                             .item_features = input.item_features ? &*input.item_features : nullptr,
                             .situations = data.ratings.has_situations() ? &data.situations : nullptr};
  Trained trained = train_ratings(std::move(data.ratings), method, validation, observer, context);
  complete(trained, std::move(data.users), std::move(data.items), std::move(history), std::move(data_fingerprint));
  return trained;
}

}  // namespace lowrank
