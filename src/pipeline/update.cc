#include "lowrank/pipeline/update.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

#include "base/parallel.h"
#include "data/text.h"
#include "lowrank/base/error.h"
#include "lowrank/train/train.h"
#include "model/checksum.h"
#include "model/context_scores.h"
#include "model/history_edit.h"
#include "pipeline/refit.h"
#include "pipeline/update_edit.h"
#include "pipeline/update_rows.h"
#include "recommend/explain.h"
#include "train/renew_neighbours.h"
#include "train/train_ratings.h"

namespace lowrank {

namespace {

using Clock = std::chrono::steady_clock;

void check_update(const UpdateOptions& options) {
  Workers::check(options.threads);
  if (options.sweeps < 1 || options.sweeps > UpdateOptions::kMostSweeps) {
    throw OptionError("sweeps", "must be between 1 and " + std::to_string(UpdateOptions::kMostSweeps));
  }
  if (!(options.max_seconds >= 0) || !std::isfinite(options.max_seconds)) throw OptionError("max_seconds", "must be at least 0");
  if (!(options.retrain_share > 0) || !std::isfinite(options.retrain_share)) throw OptionError("retrain_share", "must be above 0");
  if (options.retrain && options.max_seconds > 0) throw OptionError("max_seconds", "cannot be given together with " + mention("retrain"));
}

/// The history of `model` from all of its ratings. \throws DataError for ratings that are not the model's
History history_of(const Model& model, const Pairs& pairs, Duplicates duplicates, int threads) {
  const auto fail = [](const std::string& what) {
    throw DataError("the history is not that of the model: " + what + "; give the ratings that the model was trained on");
  };
  if (!pairs.unknown_users.empty()) fail("the model does not know user " + quoted(pairs.unknown_users.id(0)));
  if (!pairs.unknown_items.empty()) fail("the model does not know item " + quoted(pairs.unknown_items.id(0)));
  // Of a pair that was rated in several contexts, a history keeps the mean.
  if (trained_in_contexts(model)) duplicates = Duplicates::mean;
  RatingsBuilder builder;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    builder.add(pairs.users[n], pairs.items[n], pairs.values.empty() ? 1.0F : pairs.values[n]);
  }
  const Ratings ratings = builder.build(model.users.ids.size(), model.items.ids.size(), duplicates, nullptr, threads);
  if (!model.history.offsets().empty()) {
    std::vector<std::uint32_t> items;
    for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
      items.clear();
      model.history.append_items_of(user, items);
      if (!std::ranges::equal(items, ratings.items_of(user))) fail("user " + quoted(model.users.ids.id(user)) + " has other items there");
    }
  }
  return History(ratings, HistoryValues::kept, threads);
}

/// Whether values of ratings above 0 matter to the model.
bool values_matter(const Model& model, const Method& method) {
  return !ignores_values(method) || reads_values(model.fold_in) || (model.neighbours && model.neighbours->is_mean());
}

/// Whether the range of predictions is that of the ratings, so that it moves with them.
bool has_range_of(const Centre& centre, const History& history) {
  if (!centre.clips || !history.has_values()) return false;
  const auto [least, most] = std::ranges::minmax(history.values());
  return centre.min_rating == least && centre.max_rating == most;
}

std::uint64_t sum_of(const std::vector<std::uint32_t>& counts) {
  std::uint64_t sum = 0;
  for (const std::uint32_t count : counts) sum += count;
  return sum;
}

std::uint64_t entries_of(const History& history) {
  return static_cast<std::uint64_t>(std::ranges::count_if(history.bytes(), [](std::uint8_t byte) { return byte < 128; }));
}

/// The mean of the ratings that the method takes.
double mean_of(const History& history, const TakesRating& takes) {
  double sum = 0;
  std::uint64_t count = 0;
  for_each_entry(history, 0, history.user_count(), [&](std::uint32_t, std::uint32_t, std::size_t position) {
    const float value = value_at(history, position);
    if (!takes(value)) return;
    sum += static_cast<double>(value);
    ++count;
  });
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

/// \param ratings  that the mean was of
void move_centre(Model& model, const HistoryChange& change, std::uint64_t ratings, bool moves_range, const TakesRating& takes) {
  Centre& centre = model.centre;
  if (centre.predicts_ratings) {
    const double after = static_cast<double>(ratings) + static_cast<double>(change.more);
    if (change.removed != 0) {
      // Nothing of what was removed may be left, not even by rounding.
      centre.rating_mean = mean_of(model.history, takes);
    } else if (after > 0) {
      centre.rating_mean = (centre.rating_mean * static_cast<double>(ratings) + change.sum) / after;
    }
  }
  if (!moves_range) return;
  const auto [least, most] = std::ranges::minmax(model.history.values());
  centre.min_rating = least;
  centre.max_rating = most;
}

/// A fingerprint of that before and of the new ratings, by id.
std::string chained(const std::string& before, const UpdateInput& input, const Vocabulary& users, const Vocabulary& items) {
  Checksum checksum;
  checksum.update(before);
  const Pairs& pairs = input.ratings;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    const float value = pairs.values.empty() ? 1.0F : pairs.values[n];
    checksum.update(pairs.user_id(users, pairs.users[n]));
    checksum.update(std::string_view("\0", 1));
    checksum.update(pairs.item_id(items, pairs.items[n]));
    checksum.update(std::string_view("\0", 1));
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      const char byte = static_cast<char>(bits >> shift & 255U);
      checksum.update({&byte, 1});
    }
  }
  return hex_digits(checksum.value());
}

/// Learns a model anew from its history. \param init  the model to start from, or null
void train_anew(Model& model, const Method& method, const Model* init, int threads) {
  Ratings ratings = ratings_of(model.history, model.users.size(), model.items.size());
  const Centre centre = model.centre;
  const TrainContext context{.threads = threads,
                             .init = init,
                             .min_rating = centre.clips ? std::optional(centre.min_rating) : std::nullopt,
                             .max_rating = centre.clips ? std::optional(centre.max_rating) : std::nullopt,
                             .clips = centre.clips || !centre.predicts_ratings};
  std::string data = fingerprint(model.users.ids, model.items.ids, ratings, threads);
  const TrainingRecord before = model.record;
  Trained trained = train_ratings(std::move(ratings), method, {}, TrainingObserver::silent(), context);
  complete(trained, std::move(model.users.ids), std::move(model.items.ids), std::move(model.history), std::move(data));
  model = std::move(trained.model);
  model.record.options = before.options;
}

void check_retrain(const Model& model, const Method& method) {
  if (model.users.features || model.items.features) {
    throw OptionError("retrain", "cannot be given: the model has learned features, which it does not keep; train again from all files");
  }
  if (reads_times(method)) {
    throw OptionError("retrain", "cannot be given: the model was trained with times, which it does not keep; train again from all files");
  }
  if (trained_in_contexts(model)) {
    throw OptionError("retrain",
                      "cannot be given: the model was trained with contexts, which its history does not keep; train again from all files");
  }
}

/// The model after a whole training that starts from it.
void retrain(Model& model, const Method& method, int threads) {
  std::optional<double> weight;
  if (model.neighbours && model.neighbours->is_mean()) weight = model.neighbours->rule().scale;
  const Method again = refit_method(method, std::max<std::size_t>(model.record.epochs, 1), weight);
  if (!warm_starts(method)) {
    train_anew(model, again, nullptr, threads);
    return;
  }
  Model init = model;
  for (Side* side : {&init.users, &init.items}) side->prior.reset();
  train_anew(model, again, &init, threads);
}

/// Everything that follows from a changed history.
void follow(Model& model, const Method& method, HistoryChange& change, const UpdateInput& input, const UpdateOptions& options,
            const TakesRating& takes, Clock::time_point start, UpdateSummary& summary) {
  Workers workers(options.threads);
  if (learns_neighbours_alone(method)) {
    train_anew(model, method, nullptr, options.threads);
    return;
  }
  const std::vector<std::uint32_t> before = model.items.counts;
  const std::vector<std::uint32_t> touched_items = change.items.rows;
  TouchedRatings ratings = count_touched(model, change, takes, workers);
  if (std::holds_alternative<NoFoldIn>(model.fold_in)) {
    for (const std::uint32_t item : touched_items) {
      const double more = static_cast<double>(model.items.counts[item]) - static_cast<double>(before[item]);
      model.items.biases[item] = static_cast<float>(std::max(0.0, static_cast<double>(model.items.biases[item]) + more));
    }
    return;
  }
  summary.incomplete_rows = ratings.left_out;
  std::optional<Clock::time_point> end;
  if (options.max_seconds > 0)
    end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(options.max_seconds, 1e9)));
  const SolvedRows solved = solve_touched(model, change, std::move(ratings), input, options, end, workers);
  summary.row_solves = solved.solves;
  summary.row_solves_left = solved.left;
  summary.objective_before = solved.before;
  summary.objective_after = solved.after;
  if (!model.neighbours) return;
  std::vector<std::uint8_t> touched(model.items.size());
  for (const std::uint32_t item : change.items.rows) touched[item] = 1;
  renew_neighbours(model, ratings_of(model.history, model.users.size(), model.items.size()), method, touched, workers);
}

/// The record's lineage and fingerprint. \param before  record of the model before \param chain  its fingerprint with the new ratings
void record_update(Model& model, const TrainingRecord& before, const std::string& chain, const HistoryChange& change, int threads) {
  TrainingRecord& record = model.record;
  Lineage lineage = before.lineage.value_or(Lineage{.trained = before.ratings, .trained_fingerprint = before.fingerprint});
  ++lineage.updates;
  lineage.added += change.added;
  lineage.replaced += change.replaced;
  lineage.removed += change.removed;
  record.ratings = sum_of(model.users.counts);
  record.epochs = before.epochs;
  record.metrics.clear();
  record.fingerprint = chain;
  if (change.removed != 0) {
    lineage.trained_fingerprint.clear();
    const Ratings left = ratings_of(model.history, model.users.size(), model.items.size());
    record.fingerprint = fingerprint(model.users.ids, model.items.ids, left, threads);
  }
  record.lineage = std::move(lineage);
}

double changed_share(const Lineage& lineage) {
  return static_cast<double>(lineage.added + lineage.replaced + lineage.removed) /
         static_cast<double>(std::max<std::uint64_t>(lineage.trained, 1));
}

}  // namespace

Updated update(Model model, const UpdateInput& input, const UpdateOptions& options) {
  const Clock::time_point start = Clock::now();
  check_update(options);
  check_pairs(input.ratings, model, "ratings");
  check_pairs(input.removed, model, "removed");
  if (input.history) check_pairs(*input.history, model, "history");
  const Method method = method_of(model.record.method, model.record.options);
  if (options.retrain) check_retrain(model, method);
  UpdateSummary summary;
  summary.method = model.record.method;
  const bool matter = values_matter(model, method);
  std::optional<History> given;
  if (input.history) given = history_of(model, *input.history, input.duplicates, options.threads);
  const bool lacks = matter ? !model.history.has_values() : model.history.offsets().empty();
  if (!given && lacks && (!model.history.bytes().empty() || model.record.ratings != 0)) {
    throw DataError(std::string("the model does not have ") +
                    (model.history.offsets().empty() ? "its ratings" : "the values of its ratings") +
                    ", from which rows are solved again: give the ratings that it was trained on as " + mention("history"));
  }
  const bool moves_range = has_range_of(model.centre, given ? *given : model.history);
  const TrainingRecord before = model.record;
  std::string chain = chained(before.fingerprint, input, model.users.ids, model.items.ids);
  const TakesRating takes = [&method](float value) { return takes_rating(method, value); };
  HistoryChange change = edit_model(model, input, given ? *given : model.history, matter, takes);
  if (model.history.bytes().empty()) throw DataError("no rating would be left in the model");
  summary.touched_users = static_cast<std::uint32_t>(change.users.rows.size());
  summary.touched_items = static_cast<std::uint32_t>(change.items.rows.size());
  const bool changes = change.added + change.replaced + change.removed + change.forgotten_users + change.forgotten_items != 0;
  if (changes) {
    move_centre(model, change, before.ratings, moves_range, takes);
    follow(model, method, change, input, options, takes, start, summary);
    // A model that was learned anew is as after a training.
    if (!learns_neighbours_alone(method)) record_update(model, before, chain, change, options.threads);
  }
  if (model.record.lineage) summary.changed_share = changed_share(*model.record.lineage);
  // What learns its weights anew has been trained.
  if (options.retrain && !(changes && learns_neighbours_alone(method))) retrain(model, method, options.threads);
  summary.retrained = options.retrain;
  summary.retrain_recommended = !options.retrain && summary.changed_share > options.retrain_share;
  summary.average_context = !model.contexts.empty();
  summary.added = change.added;
  summary.replaced = change.replaced;
  summary.removed = change.removed;
  summary.new_users = change.new_users;
  summary.new_items = change.new_items;
  summary.forgotten_users = change.forgotten_users;
  summary.forgotten_items = change.forgotten_items;
  summary.users = model.users.size();
  summary.items = model.items.size();
  summary.ratings = entries_of(model.history);
  summary.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return {.model = std::move(model), .summary = std::move(summary)};
}

}  // namespace lowrank
