#include "lowrank/model/model.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "binding.h"
#include "lowrank/base/error.h"
#include "lowrank/evaluate/ranking_metrics.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommend.h"

namespace lowrank::python {

namespace {

template <class T>
using View = nb::ndarray<nb::numpy, const T>;

/// Rows of factors where they lie; `model` is kept alive by the array.
View<float> view_of(const FactorMatrix& rows, const nb::object& model) {
  return View<float>(rows.data(), {rows.rows(), rows.rank()}, model, {static_cast<std::int64_t>(rows.stride()), 1});
}

template <class T>
View<T> view_of(const std::vector<T>& values, const nb::object& model) {
  return View<T>(values.data(), {values.size()}, model);
}

/// Adds a property that shows a member of the model without a copy.
template <class Member>
void add_view(nb::class_<Model>& type, const char* name, Side Model::*side, Member Side::*member, const char* help) {
  type.def_prop_ro(
      name, [side, member](const nb::object& self) { return view_of(nb::cast<const Model&>(self).*side.*member, self); }, help);
}

template <class Number>
void add_scalar(nb::class_<Model>& type, const char* name, Number Centre::*member) {
  type.def_prop_ro(name, [member](const Model& model) { return model.centre.*member; });
}

/// Lists of equal room: row by row the indices and scores, and how many of each row count.
class Table {
 public:
  Table(std::size_t rows, std::size_t columns) : columns_(columns), counts_(rows) {
    if (columns != 0 && rows > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(float) / columns) throw std::bad_alloc();
    indices_.resize(rows * columns);
    scores_.resize(rows * columns, std::numeric_limits<float>::quiet_NaN());
  }
  void put(std::size_t row, std::span<const Scored> list) {
    constexpr std::size_t kRowsBetweenSignals = 256;
    counts_[row] = static_cast<std::uint32_t>(list.size());
    for (std::size_t place = 0; place < list.size(); ++place) {
      indices_[row * columns_ + place] = list[place].index;
      scores_[row * columns_ + place] = list[place].score;
    }
    if (row % kRowsBetweenSignals == 0) check_signals();
  }
  [[nodiscard]] nb::tuple take() {
    return nb::make_tuple(array_of(std::move(indices_), columns_), array_of(std::move(scores_), columns_), array_of(std::move(counts_)));
  }

 private:
  std::size_t columns_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint32_t> indices_;
  std::vector<float> scores_;
};

nb::tuple recommend_for(const Model& model, const Column<std::uint32_t>& users, std::size_t n, bool filter_seen,
                        const std::optional<Column<std::uint32_t>>& items, const Column<std::uint32_t>& exclude, std::uint32_t min_count,
                        int threads) {
  RecommendOptions options;
  n = std::min<std::size_t>(n, model.items.size());
  options.top = n;
  options.include_seen = !filter_seen;
  options.min_count = min_count;
  options.threads = threads;
  std::optional<Table> table;
  {
    const WithoutGil free;
    table.emplace(users.size(), n);
    const auto put = [&](std::size_t row, std::span<const Scored> list) { table->put(row, list); };
    if (items) options.items = copy_of(*items);
    options.excluded = copy_of(exclude);
    recommend(model, copy_of(users), options, put);
  }
  return table->take();
}

nb::tuple similar_to(const Model& model, bool users, const Column<std::uint32_t>& queries, std::size_t n, const std::string& by,
                     std::uint32_t min_count, int threads) {
  std::optional<Table> table;
  const Side& side = users ? model.users : model.items;
  n = std::min<std::size_t>(n, side.size());
  {
    const WithoutGil free;
    const std::vector<std::uint32_t> rows = copy_of(queries);
    for (const std::uint32_t row : rows) {
      if (row >= side.size()) throw DataError("queries: the model has no row " + std::to_string(row));
    }
    table.emplace(rows.size(), n);
    const auto put = [&](std::size_t row, std::span<const Scored> list) { table->put(row, list); };
    const SimilarOptions options{.top = n, .by = parse_similarity(by), .min_count = min_count, .threads = threads};
    (users ? similar_users : similar_items)(model, rows, options, put);
  }
  return table->take();
}

NewArray<double> predict_for(const Model& model, const Column<std::uint32_t>& users, const Column<std::uint32_t>& items, int threads) {
  if (users.size() != items.size()) {
    throw DataError("users and items must have equal lengths, not " + std::to_string(users.size()) + " and " +
                    std::to_string(items.size()));
  }
  std::vector<double> scores(users.size());
  {
    const WithoutGil free;
    predict_pairs(model, copy_of(users), copy_of(items), scores, threads);
  }
  return array_of(std::move(scores));
}

nb::dict dict_of(const RankingScores& scores) {
  nb::dict result;
  result["users"] = scores.users;
  for (const std::string_view name : ranking_metric_names()) result[std::string(name).c_str()] = ranking_metric(scores, name);
  return result;
}

nb::dict evaluate(const Model& model, const Pairs& pairs, const std::vector<std::size_t>& tops, std::optional<float> relevant_from,
                  int threads) {
  RatingScores scores;
  std::vector<RankingScores> ranking;
  const bool rated = model.centre.predicts_ratings && pairs.values.size() == pairs.size();
  {
    const WithoutGil free;
    if (rated) scores = score_ratings(model, pairs, threads);
    if (!tops.empty()) ranking = RankingTest(pairs, model.history, relevant_from).score(model, tops, threads);
  }
  nb::dict result;
  if (rated) {
    result["rmse"] = scores.rmse;
    result["mae"] = scores.mae;
    result["ratings"] = scores.ratings;
    result["unknown"] = scores.unknown;
  }
  nb::dict lists;
  for (const RankingScores& one : ranking) lists[nb::int_(one.top)] = dict_of(one);
  if (!tops.empty()) result["ranking"] = lists;
  return result;
}

nb::dict record_of(const Model& model) {
  nb::dict record;
  const TrainingRecord& from = model.record;
  record["method"] = from.method;
  record["options"] = from.options;
  record["seed"] = from.seed;
  record["ratings"] = from.ratings;
  record["epochs"] = from.epochs;
  record["fingerprint"] = from.fingerprint;
  nb::dict metrics;
  for (const Metric& metric : from.metrics) metrics[metric.name.c_str()] = metric.value;
  record["metrics"] = metrics;
  return record;
}

}  // namespace

void bind_model(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  nb::class_<Model> type(module, "Model", "A trained factorization. Does not change.");
  add_view(type, "user_factors", &Model::users, &Side::factors, "Users x rank, float32.");
  add_view(type, "item_factors", &Model::items, &Side::factors, "Items x rank, float32.");
  add_view(type, "user_biases", &Model::users, &Side::biases, "One per user, float32.");
  add_view(type, "item_biases", &Model::items, &Side::biases, "One per item, float32.");
  add_view(type, "user_ratings", &Model::users, &Side::counts, "Training ratings of each user; 0 means unknown.");
  add_view(type, "item_ratings", &Model::items, &Side::counts, "Training ratings of each item; 0 means unknown.");
  add_scalar(type, "mean", &Centre::mean);
  add_scalar(type, "rating_mean", &Centre::rating_mean);
  add_scalar(type, "min_rating", &Centre::min_rating);
  add_scalar(type, "max_rating", &Centre::max_rating);
  add_scalar(type, "clips", &Centre::clips);
  add_scalar(type, "has_biases", &Centre::has_biases);
  add_scalar(type, "predicts_ratings", &Centre::predicts_ratings);
  type.def_prop_ro("record", &record_of, "Where the model comes from.")
      .def(
          "seen", [](const Model& model, std::uint32_t user) { return array_of(model.history.items_of(user)); }, "user"_a)
      .def(
          "equals", [](const Model& model, const Model& other) { return model == other; }, "other"_a)
      .def(
          "serialize",
          [](const Model& model) {
            std::string bytes;
            {
              const WithoutGil free;
              bytes = serialize_model(model);
            }
            return nb::bytes(bytes.data(), bytes.size());
          },
          "The bytes of the model file.")
      .def_static(
          "deserialize",
          [](const nb::bytes& bytes) {
            const std::string_view view(bytes.c_str(), bytes.size());
            const WithoutGil free;
            return deserialize_model(view);
          },
          "bytes"_a)
      .def(
          "save", [](const Model& model, const std::string& path) { save_model(model, path); }, "path"_a, nb::call_guard<WithoutGil>())
      .def_static(
          "load", [](const std::string& path) { return load_model(path); }, "path"_a, nb::call_guard<WithoutGil>())
      .def("recommend", &recommend_for, "users"_a, "n"_a, "filter_seen"_a, "items"_a.none(), "exclude"_a, "min_count"_a, "threads"_a)
      .def("similar", &similar_to, "users"_a, "queries"_a, "n"_a, "by"_a, "min_count"_a, "threads"_a)
      .def("predict", &predict_for, "users"_a, "items"_a, "threads"_a)
      .def("evaluate", &evaluate, "pairs"_a, "tops"_a, "relevant_from"_a.none(), "threads"_a)
      .def(
          "fold_in", [](const Model& model, const Pairs& pairs, int threads) { return fold_in(model, pairs, threads); }, "pairs"_a,
          "threads"_a, nb::call_guard<WithoutGil>());
}

}  // namespace lowrank::python
