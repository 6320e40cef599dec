#include "lowrank/pipeline/stream.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "lowrank/base/error.h"
#include "lowrank/train/train.h"
#include "pipeline/list_learner.h"
#include "pipeline/rating_filter.h"

namespace lowrank {

namespace {

constexpr std::array<std::string_view, 7> kLearning = {"sgd", "als", "bayes", "baseline", "implicit", "bpr", "popular"};
constexpr std::uint32_t kRatingRank = 4;
constexpr std::uint32_t kListRank = 16;
constexpr std::uint32_t kMostRank = 256;
constexpr std::size_t kTop = 10;

void check_method(std::string_view method) {
  if (std::ranges::find(kLearning, method) != kLearning.end()) return;
  std::string names;
  for (const std::string_view name : kLearning) (names += names.empty() ? "" : ", ") += name;
  throw OptionError("method", std::string(method) + " cannot learn from the events of a stream; choose one of " + names);
}

void check_model(const Model& model) {
  check_method(model.record.method);
  if (model.neighbours) throw OptionError("", "the model has neighbours, which cannot learn from events: train it without");
  if (!model.contexts.empty()) throw OptionError("", "the model has contexts, which a stream does not read: train it without");
  if (model.centre.ordinal)
    throw OptionError("", "the model has an ordinal scale, which cannot learn from events: train it with a gaussian likelihood");
}

/// \param rated  whether the method predicts ratings
void check_rank(const StreamOptions& options, bool rated) {
  if (options.warm > 0 || options.model != nullptr) {
    throw OptionError("rank", "is for a stream that starts from nothing; here it is that of the model");
  }
  const std::string_view method = name_of(options.method);
  if (method == "baseline" || method == "popular") throw OptionError("rank", "is not read: " + std::string(method) + " has no factors");
  const std::uint32_t least = rated ? 0 : 1;
  if (*options.rank < least || *options.rank > kMostRank) {
    throw OptionError("rank",
                      "must be " + std::to_string(least) + " to " + std::to_string(kMostRank) + ", got " + shortest_text(*options.rank));
  }
}

void check(const StreamOptions& options) {
  const bool rated = options.model != nullptr ? options.model->centre.predicts_ratings : predicts_ratings(options.method);
  if (options.model != nullptr) {
    check_model(*options.model);
  } else {
    check_method(name_of(options.method));
    check_options(options.method);
    if (reads_times(options.method)) throw OptionError("time", "is not read by a stream");
  }
  if (!(options.warm >= 0 && options.warm < 1))
    throw OptionError("warm", "must be at least 0 and below 1, got " + shortest_text(options.warm));
  if (options.warm > 0 && options.model != nullptr) throw OptionError("warm", "has no effect beside a model that the stream starts from");
  if (options.rank) check_rank(options, rated);
  if (options.window == 0) throw OptionError("window", "must be at least 1, got 0");
  if (rated && !options.tops.empty()) throw OptionError("top", "is for methods that do not predict ratings");
  for (const std::size_t top : options.tops) {
    if (top == 0) throw OptionError("top", "must be at least 1, got 0");
  }
}

/// The positions of the lines in the order of their times.
std::vector<std::size_t> by_time(const RatingLines& lines) {
  if (lines.size() == 0) throw DataError("the stream has no events");
  if (!lines.all_have_times || lines.time.size() != lines.size()) throw DataError("the events of the stream have no times");
  std::vector<std::size_t> order(lines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t line) { return lines.time[line]; });
  return order;
}

Model train_warm(const RatingLines& lines, std::span<const std::size_t> order, const StreamOptions& options) {
  RatingsBuilder builder;
  TrainInput input;
  for (const std::size_t line : order) {
    const std::uint32_t user = input.data.users.add(lines.users.id(lines.user[line]));
    const std::uint32_t item = input.data.items.add(lines.items.id(lines.item[line]));
    builder.add(user, item, lines.value[line]);
  }
  input.data.ratings = builder.build(input.data.users.size(), input.data.items.size(), Duplicates::last, nullptr, options.threads);
  TrainSettings settings;
  settings.threads = options.threads;
  input.history = HistoryValues::kept;
  Model model = train(std::move(input), options.method, {}, TrainingObserver::silent(), settings).model;
  check_model(model);
  return model;
}

/// Numbers the rows of a stream: those of the model first, others in the order of their first event.
class Numbers {
 public:
  Numbers(const Vocabulary& ids, const Side* side) : numbers_(ids.size(), Vocabulary::kUnknown), next_(side == nullptr ? 0 : side->size()) {
    if (side == nullptr) return;
    for (std::uint32_t row = 0; row < ids.size(); ++row) numbers_[row] = side->ids.find(ids.id(row));
  }
  /// The number of a row, and whether it is new.
  std::pair<std::uint32_t, bool> of(std::uint32_t row) {
    const bool fresh = numbers_[row] == Vocabulary::kUnknown;
    if (fresh) numbers_[row] = next_++;
    return {numbers_[row], fresh};
  }
  /// Rows with a number so far.
  [[nodiscard]] std::uint32_t size() const { return next_; }

 private:
  std::vector<std::uint32_t> numbers_;
  std::uint32_t next_;
};

/// What is kept of every counted event, as many numbers as there are figures.
class Figures {
 public:
  Figures(std::vector<std::string> names, std::size_t window, bool roots) : names_(std::move(names)), window_(window), roots_(roots) {}

  void add(std::span<const double> values) { values_.insert(values_.end(), values.begin(), values.end()); }
  void finish(StreamSummary& summary) const {
    const std::size_t count = values_.size() / names_.size();
    summary.names = names_;
    summary.counted = count;
    summary.window = std::min(window_, count);
    if (count == 0) return;
    summary.figures = mean(0, count);
    const std::size_t step = std::max<std::size_t>(window_ / 10, 1);
    for (std::size_t end = summary.window; end <= count; end += step) summary.moving.push_back({end, mean(end - summary.window, end)});
    if (summary.moving.back().events != count) summary.moving.push_back({count, mean(count - summary.window, count)});
  }

 private:
  [[nodiscard]] std::vector<double> mean(std::size_t first, std::size_t last) const {
    const std::size_t width = names_.size();
    std::vector<double> sums(width, 0.0);
    for (std::size_t n = first; n < last; ++n) {
      for (std::size_t figure = 0; figure < width; ++figure) sums[figure] += values_[n * width + figure];
    }
    for (double& sum : sums) {
      sum /= static_cast<double>(last - first);
      if (roots_) sum = std::sqrt(sum);
    }
    return sums;
  }

  std::vector<std::string> names_;
  std::size_t window_;
  bool roots_;
  std::vector<double> values_;
};

/// Takes the time of events.
class Times {
 public:
  void start() { start_ = std::chrono::steady_clock::now(); }
  void stop() {
    const std::chrono::duration<float, std::micro> passed = std::chrono::steady_clock::now() - start_;
    times_.push_back(passed.count());
  }
  void finish(StreamSummary& summary) {
    if (times_.empty()) return;
    summary.microseconds_mean = std::accumulate(times_.begin(), times_.end(), 0.0) / static_cast<double>(times_.size());
    const auto quantile = [&](double share) {
      const auto at = times_.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(times_.size() - 1));
      std::ranges::nth_element(times_, at);
      return static_cast<double>(*at);
    };
    summary.microseconds_p50 = quantile(0.5);
    summary.microseconds_p99 = quantile(0.99);
  }

 private:
  std::chrono::steady_clock::time_point start_;
  std::vector<float> times_;
};

/// One event with the numbers of its rows.
struct Event {
  std::uint32_t user = 0;
  std::uint32_t item = 0;
  double value = 0;
};

/// What predicts and learns one event after another.
class Judge {
 public:
  explicit Judge(Figures figures) : figures_(std::move(figures)) {}
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  virtual ~Judge() = default;

  /// \param items  items so far, this one left out if it is new
  virtual void take(const Event& event, std::uint32_t items) = 0;
  void finish(StreamSummary& summary) {
    figures_.finish(summary);
    times_.finish(summary);
  }

 protected:
  Figures figures_;
  Times times_;
};

class RatingJudge final : public Judge {
 public:
  RatingJudge(RatingFilter filter, std::size_t window) : Judge(Figures({"rmse"}, window, true)), filter_(std::move(filter)) {}

  void take(const Event& event, std::uint32_t /*items*/) override {
    times_.start();
    const double error = filter_.predict(event.user, event.item) - event.value;
    filter_.learn(event.user, event.item, event.value);
    times_.stop();
    const double square = error * error;
    figures_.add({&square, 1});
  }

 private:
  RatingFilter filter_;
};

std::vector<std::string> list_names(std::span<const std::size_t> tops) {
  std::vector<std::string> names;
  for (const std::size_t top : tops) {
    for (const char* const name : {"hit_rate@", "mrr@", "recall@"}) names.push_back(name + std::to_string(top));
  }
  return names;
}

class ListJudge final : public Judge {
 public:
  ListJudge(std::unique_ptr<ListLearner> learner, std::vector<std::size_t> tops, std::size_t window, const Model* model)
      : Judge(Figures(list_names(tops), window, false)), learner_(std::move(learner)), tops_(std::move(tops)) {
    if (model == nullptr) return;
    for (const std::uint32_t count : model->items.counts) popularity_.push_back(static_cast<double>(count));
    for (std::uint32_t user = 0; user < model->users.size(); ++user) seen_.push_back(model->history.items_of(user));
  }

  void take(const Event& event, std::uint32_t items) override {
    if (event.user >= seen_.size()) seen_.resize(event.user + 1);
    if (event.item >= popularity_.size()) popularity_.resize(event.item + 1, 0.0);
    std::vector<std::uint32_t>& seen = seen_[event.user];
    const bool repeated = std::ranges::find(seen, event.item) != seen.end();
    times_.start();
    const std::size_t place = event.value > 0 && !repeated ? place_of(event, items) : 0;
    learner_->learn(event.user, event.item, event.value);
    times_.stop();
    if (event.value > 0 && !repeated) {
      row_.clear();
      for (const std::size_t top : tops_) {
        const bool hit = place != 0 && place <= top;
        row_.push_back(hit ? 1 : 0);
        row_.push_back(hit ? 1 / static_cast<double>(place) : 0);
        row_.push_back(hit ? 1 : 0);
      }
      figures_.add(row_);
    }
    if (event.value > 0) ++popularity_[event.item];
    if (!repeated) seen.push_back(event.item);
  }

 private:
  /// The place of the event's item in the list of its user, from 1; 0 if it is new.
  std::size_t place_of(const Event& event, std::uint32_t items) {
    if (event.item >= items) return 0;
    scores_.resize(items);
    const std::vector<std::uint32_t>& seen = seen_[event.user];
    if (seen.empty()) {
      std::copy_n(popularity_.begin(), items, scores_.begin());
    } else {
      learner_->score(event.user, scores_);
    }
    const double own = scores_[event.item];
    const auto before = [&](std::uint32_t item) { return scores_[item] > own || (scores_[item] == own && item < event.item); };
    std::size_t place = 1;
    for (std::uint32_t item = 0; item < items; ++item) place += static_cast<std::size_t>(before(item));
    for (const std::uint32_t item : seen) place -= static_cast<std::size_t>(before(item));
    return place;
  }

  std::unique_ptr<ListLearner> learner_;
  std::vector<std::size_t> tops_;
  std::vector<double> popularity_;                ///< events of every item with a rating above 0
  std::vector<std::vector<std::uint32_t>> seen_;  ///< items of every user
  std::vector<double> scores_;
  std::vector<double> row_;
};

std::unique_ptr<Judge> judge_of(const Model* model, const StreamOptions& options) {
  const std::string_view method = model != nullptr ? std::string_view(model->record.method) : name_of(options.method);
  const bool rated = model != nullptr ? model->centre.predicts_ratings : predicts_ratings(options.method);
  if (rated) {
    const std::uint32_t rank = method == "baseline" ? 0 : options.rank.value_or(kRatingRank);
    return std::make_unique<RatingJudge>(model != nullptr ? RatingFilter(*model) : RatingFilter(rank, options.seed), options.window);
  }
  const std::uint32_t rank = options.rank.value_or(kListRank);
  std::unique_ptr<ListLearner> learner;
  if (method == "popular") {
    learner = learn_popular(model);
  } else if (method == "implicit") {
    learner = learn_implicit(model, rank, options.seed);
  } else {
    learner = learn_pairs(model, rank, options.seed);
  }
  return std::make_unique<ListJudge>(std::move(learner), options.tops.empty() ? std::vector{kTop} : options.tops, options.window, model);
}

}  // namespace

StreamSummary prequential(const RatingLines& lines, const StreamOptions& options) {
  check(options);
  const std::vector<std::size_t> order = by_time(lines);
  StreamSummary summary;
  summary.warm = static_cast<std::size_t>(options.warm * static_cast<double>(order.size()));
  if (options.warm > 0 && summary.warm == 0) throw OptionError("warm", "leaves no event to train on");
  std::optional<Model> trained;
  if (summary.warm > 0) trained = train_warm(lines, std::span(order).first(summary.warm), options);
  const Model* const model = trained ? &*trained : options.model;
  summary.method = model != nullptr ? model->record.method : std::string(name_of(options.method));
  const std::unique_ptr<Judge> judge = judge_of(model, options);
  Numbers users(lines.users, model == nullptr ? nullptr : &model->users);
  Numbers items(lines.items, model == nullptr ? nullptr : &model->items);
  for (const std::size_t line : std::span(order).subspan(summary.warm)) {
    const std::uint32_t known = items.size();
    const auto [user, new_user] = users.of(lines.user[line]);
    const auto [item, new_item] = items.of(lines.item[line]);
    summary.new_users += static_cast<std::size_t>(new_user);
    summary.new_items += static_cast<std::size_t>(new_item);
    judge->take({user, item, lines.value[line]}, known);
    ++summary.events;
  }
  judge->finish(summary);
  return summary;
}

StreamSummary prequential(const std::string& path, ReadOptions read, const StreamOptions& options) {
  check(options);
  read.keep_times = true;
  read.times_needed = true;
  const RatingLines lines = read_lines(path, read);
  if (lines.size() == 0) throw DataError(path + ": there are no events");
  return prequential(lines, options);
}

std::string to_json(const StreamSummary& summary) {
  using Json = nlohmann::ordered_json;
  const auto figures_of = [&](const std::vector<double>& figures) {
    Json json = Json::object();
    for (std::size_t n = 0; n < figures.size(); ++n) json[summary.names[n]] = figures[n];
    return json;
  };
  Json json;
  json["method"] = summary.method;
  json["warm"] = summary.warm;
  json["events"] = summary.events;
  json["counted"] = summary.counted;
  json["new_users"] = summary.new_users;
  json["new_items"] = summary.new_items;
  json["figures"] = figures_of(summary.figures);
  json["window"] = summary.window;
  json["moving"] = Json::array();
  for (const StreamPoint& point : summary.moving) {
    Json one;
    one["events"] = point.events;
    one.update(figures_of(point.figures));
    json["moving"].push_back(one);
  }
  json["microseconds"] = {{"p50", summary.microseconds_p50}, {"p99", summary.microseconds_p99}, {"mean", summary.microseconds_mean}};
  return json.dump();
}

}  // namespace lowrank
