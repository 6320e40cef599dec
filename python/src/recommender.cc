#include "lowrank/recommend/recommender.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <new>
#include <optional>
#include <vector>

#include "binding.h"
#include "given_contexts.h"
#include "lowrank/base/error.h"
#include "lowrank/model/contexts.h"

namespace lowrank::python {

namespace {

using Numbers = Column<std::uint32_t>;
using Each = std::function<void(std::size_t position, std::vector<std::uint32_t>& rows)>;

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

/// Rows of one side for each query: run n of `rows`, from offsets[n] to offsets[n + 1], belongs to query n and ascends.
struct Runs {
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint32_t> rows;

  Runs(std::size_t queries, const Column<std::uint64_t>& given_offsets, const Numbers& given_rows)
      : offsets(copy_of(given_offsets)), rows(copy_of(given_rows)) {
    const bool fits =
        offsets.size() == queries + 1 && offsets.front() == 0 && offsets.back() == rows.size() && std::ranges::is_sorted(offsets);
    if (!fits) throw DataError("the runs of rows do not fit the queries");
    for (std::size_t query = 0; query < queries; ++query) std::ranges::sort(of(query));
  }
  std::span<std::uint32_t> of(std::size_t query) { return std::span(rows).subspan(offsets[query], offsets[query + 1] - offsets[query]); }
};

using PerQuery = std::optional<std::pair<Column<std::uint64_t>, Numbers>>;

/// The rows to list and those to leave out, as Python gives them: for all queries, and for each of them.
struct Given {
  std::optional<Numbers> only;
  Numbers exclude;
  PerQuery only_each;
  PerQuery exclude_each;
};

class Filter {
 public:
  /// \param rows  of the side that is listed
  Filter(std::size_t queries, std::size_t rows, const Given& given) : excluded(copy_of(given.exclude)), rows_(rows) {
    if (given.only) only = copy_of(*given.only);
    if (given.only_each) only_each_.emplace(queries, given.only_each->first, given.only_each->second);
    if (given.exclude_each) exclude_each_.emplace(queries, given.exclude_each->first, given.exclude_each->second);
  }
  /// What is not listed for one query; nothing where all queries are alike. Refers to the filter.
  [[nodiscard]] Each each() {
    if (!only_each_ && !exclude_each_) return {};
    return [this](std::size_t query, std::vector<std::uint32_t>& rows) {
      if (exclude_each_) rows.assign(exclude_each_->of(query).begin(), exclude_each_->of(query).end());
      if (only_each_) add_others(only_each_->of(query), rows);
    };
  }

  std::optional<std::vector<std::uint32_t>> only;
  std::vector<std::uint32_t> excluded;

 private:
  /// Adds the rows that are not among `kept`. Both ascend.
  void add_others(std::span<const std::uint32_t> kept, std::vector<std::uint32_t>& rows) const {
    const auto own = static_cast<std::ptrdiff_t>(rows.size());
    auto next = kept.begin();
    for (std::uint32_t row = 0; row < rows_; ++row) {
      next = std::find_if(next, kept.end(), [row](std::uint32_t one) { return one >= row; });
      if (next == kept.end() || *next != row) rows.push_back(row);
    }
    std::inplace_merge(rows.begin(), rows.begin() + own, rows.end());
  }

  std::size_t rows_;
  std::optional<Runs> only_each_;
  std::optional<Runs> exclude_each_;
};

/// Fills a table of lists without the GIL. \param n  length of the lists, at most \param rows  of the side that is listed
/// \param asked  rows of the side of the queries
template <class Ask>
nb::tuple lists_of(const Numbers& queries, std::size_t n, std::size_t rows, std::size_t asked, const Given& given, const Ask& ask) {
  std::optional<Table> table;
  {
    const WithoutGil free;
    const std::vector<std::uint32_t> own = copy_of(queries);
    for (const std::uint32_t row : own) {
      if (row >= asked && row != Vocabulary::kUnknown) throw DataError("queries: the model has no row " + std::to_string(row));
    }
    Filter filter(own.size(), rows, given);
    n = std::max<std::size_t>(1, std::min(n, rows));
    table.emplace(own.size(), n);
    ask(own, n, filter, [&](std::size_t row, std::span<const Scored> list) { table->put(row, list); });
  }
  return table->take();
}

nb::tuple recommend(const Recommender& recommender, const Numbers& users, std::size_t n, bool filter_seen, const Given& given,
                    std::uint32_t min_count, int threads) {
  const Model& model = recommender.model();
  return lists_of(users, n, model.items.size(), model.users.size(), given,
                  [&](const auto& queries, std::size_t top, Filter& filter, const auto& put) {
                    const RecommendOptions options{.top = top,
                                                   .include_seen = !filter_seen,
                                                   .threads = threads,
                                                   .items = std::move(filter.only),
                                                   .excluded = std::move(filter.excluded),
                                                   .min_count = min_count,
                                                   .excluded_for = filter.each()};
                    recommender.recommend(queries, options, put);
                  });
}

nb::tuple recommend_users(const Recommender& recommender, const Numbers& items, std::size_t n, bool filter_seen, const Given& given,
                          std::uint32_t min_count, int threads) {
  const Model& model = recommender.model();
  return lists_of(items, n, model.users.size(), model.items.size(), given,
                  [&](const auto& queries, std::size_t top, Filter& filter, const auto& put) {
                    const RecommendUsersOptions options{.top = top,
                                                        .include_seen = !filter_seen,
                                                        .threads = threads,
                                                        .users = std::move(filter.only),
                                                        .excluded = std::move(filter.excluded),
                                                        .min_count = min_count,
                                                        .excluded_for = filter.each()};
                    recommender.recommend_users(queries, options, put);
                  });
}

nb::tuple similar(const Recommender& recommender, bool users, const Numbers& queries, std::size_t n, const std::string& by,
                  const Given& given, std::uint32_t min_count, int threads) {
  const Side& side = users ? recommender.model().users : recommender.model().items;
  return lists_of(queries, n, side.size(), side.size(), given, [&](const auto& rows, std::size_t top, Filter& filter, const auto& put) {
    const SimilarOptions options{.top = top,
                                 .by = parse_similarity(by),
                                 .min_count = min_count,
                                 .threads = threads,
                                 .rows = std::move(filter.only),
                                 .excluded = std::move(filter.excluded),
                                 .excluded_for = filter.each()};
    users ? recommender.similar_users(rows, options, put) : recommender.similar_items(rows, options, put);
  });
}

void check_lengths(const Numbers& users, const Numbers& items, const Times& times) {
  if (users.size() != items.size()) {
    throw DataError("users and items must have equal lengths, not " + std::to_string(users.size()) + " and " +
                    std::to_string(items.size()));
  }
  if (times && times->size() != users.size()) {
    throw DataError("times: expected one time for each of " + std::to_string(users.size()) + " pairs, or one for all, got " +
                    std::to_string(times->size()));
  }
}

/// Pairs by the numbers of their rows, with what is known of their times and contexts. Takes no references.
Pairs pairs_of(const Numbers& users, const Numbers& items, const Times& times, const GivenContexts& contexts) {
  check_lengths(users, items, times);
  Pairs pairs;
  pairs.users = copy_of(users);
  pairs.items = copy_of(items);
  if (times) pairs.times = copy_of(*times);
  Situated own = situated(contexts, {}, {}, {}, pairs.size());
  pairs.situation = std::move(own.numbers);
  pairs.situations = std::move(own.situations);
  return pairs;
}

NewArray<double> predict(const Recommender& recommender, const Numbers& users, const Numbers& items, const Times& times,
                         const GivenContexts& contexts, int threads) {
  std::vector<double> scores(users.size());
  {
    const WithoutGil free;
    predict_pairs(recommender.model(), pairs_of(users, items, times, contexts), scores, threads);
  }
  return array_of(std::move(scores));
}

/// Scores of pairs, unclipped, and the variances of their ratings.
struct Spread {
  std::vector<double> scores;
  std::vector<double> variances;
};

Spread spread_of(const Recommender& recommender, const Pairs& pairs, int threads) {
  Spread spread{std::vector<double>(pairs.size()), std::vector<double>(pairs.size())};
  recommender.predict_variances(pairs.users, pairs.items, spread.variances, threads);
  score_pairs(recommender.model(), pairs.users, pairs.items, spread.scores);
  add_contexts(recommender.model(), pairs, spread.scores, threads);
  return spread;
}

NewArray<double> predict_variances(const Recommender& recommender, const Numbers& users, const Numbers& items, const Times& times,
                                   const GivenContexts& contexts, int threads) {
  Spread spread;
  {
    const WithoutGil free;
    spread = spread_of(recommender, pairs_of(users, items, times, contexts), threads);
    for (std::size_t n = 0; n < spread.scores.size(); ++n) {
      spread.variances[n] = rating_variance(recommender.model(), spread.scores[n], spread.variances[n]);
    }
  }
  return array_of(std::move(spread.variances));
}

/// The ends of the intervals, low and high of each pair.
NewArray<double> predict_intervals(const Recommender& recommender, const Numbers& users, const Numbers& items, double level,
                                   const Times& times, const GivenContexts& contexts, int threads) {
  std::vector<double> ends;
  {
    const WithoutGil free;
    const Spread spread = spread_of(recommender, pairs_of(users, items, times, contexts), threads);
    for (std::size_t n = 0; n < spread.scores.size(); ++n) {
      const RatingInterval interval = rating_interval(recommender.model(), spread.scores[n], spread.variances[n], level);
      ends.push_back(interval.low);
      ends.push_back(interval.high);
    }
  }
  return array_of(std::move(ends));
}

/// The probabilities of the levels, pair by pair.
NewArray<double> predict_probabilities(const Recommender& recommender, const Numbers& users, const Numbers& items, const Times& times,
                                       const GivenContexts& contexts, int threads) {
  std::vector<double> probabilities;
  {
    const WithoutGil free;
    const std::optional<OrdinalScale>& scale = recommender.model().centre.ordinal;
    if (!scale) throw DataError("the model has no ordinal scale: train it by bayes with likelihood=\"ordinal\"");
    const Spread spread = spread_of(recommender, pairs_of(users, items, times, contexts), threads);
    const std::size_t levels = scale->levels.size();
    probabilities.resize(spread.scores.size() * levels);
    for (std::size_t n = 0; n < spread.scores.size(); ++n) {
      scale->probabilities(spread.scores[n], spread.variances[n], std::span(probabilities).subspan(n * levels, levels));
    }
  }
  return array_of(std::move(probabilities));
}

/// Every user with every item. Rows of the matrix are predicted together as far as kPairs pairs go.
NewArray<double> predict_matrix(const Recommender& recommender, const Numbers& users, const Numbers& items, int threads) {
  constexpr std::size_t kPairs = std::size_t{1} << 20U;
  const std::size_t columns = items.size();
  if (columns != 0 && users.size() > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(double) / columns) throw std::bad_alloc();
  auto scores = std::make_unique<std::vector<double>>(users.size() * columns);
  {
    const WithoutGil free;
    const std::size_t rows = std::max<std::size_t>(1, kPairs / std::max<std::size_t>(1, columns));
    std::vector<std::uint32_t> own;
    std::vector<std::uint32_t> theirs;
    for (std::size_t begin = 0; begin < users.size() && columns != 0; begin += rows) {
      const std::size_t end = std::min(users.size(), begin + rows);
      own.clear();
      theirs.clear();
      for (std::size_t row = begin; row < end; ++row) {
        own.insert(own.end(), columns, users.data()[row]);
        theirs.insert(theirs.end(), items.data(), items.data() + columns);
      }
      recommender.predict(own, theirs, std::span(*scores).subspan(begin * columns, own.size()), threads);
      check_signals();
    }
  }
  double* const data = scores->data();
  const nb::capsule owner(scores.release(), [](void* vector) noexcept { delete static_cast<std::vector<double>*>(vector); });
  return NewArray<double>(data, {users.size(), columns}, owner);
}

/// The explanations of one user's scores: contributions one after another, and for each score where they end, and its figures.
nb::tuple explain(const Recommender& recommender, std::uint32_t user, const Numbers& items, std::size_t n, int threads) {
  std::vector<std::uint32_t> because;
  std::vector<float> values;
  std::vector<double> amounts;
  std::vector<std::uint64_t> ends;
  std::vector<std::uint64_t> other_items;
  std::vector<double> figures;
  bool adds_up = true;
  {
    const WithoutGil free;
    const ExplainQuery query{.user = user, .items = copy_of(items)};
    recommender.explain({&query, 1}, {.top = n, .threads = threads}, [&](std::size_t, std::span<const Explanation> explanations) {
      for (const Explanation& one : explanations) {
        for (const Contribution& contribution : one.contributions) {
          because.push_back(contribution.item);
          values.push_back(contribution.value.value_or(std::numeric_limits<float>::quiet_NaN()));
          amounts.push_back(contribution.amount);
        }
        ends.push_back(because.size());
        other_items.push_back(one.other_items);
        figures.insert(figures.end(), {one.score, one.explained, one.base, one.others});
        adds_up = adds_up && one.kind != ExplanationKind::leave_one_out;
      }
    });
  }
  constexpr std::size_t kFigures = 4;
  return nb::make_tuple(adds_up, array_of(std::move(because)), array_of(std::move(values)), array_of(std::move(amounts)),
                        array_of(std::move(ends)), array_of(std::move(other_items)), array_of(std::move(figures), kFigures));
}

/// The numbers of ids. \param refuses  ids that the model does not know are an error, else 4294967295
NewArray<std::uint32_t> find(const Recommender& recommender, bool users, const Ids& ids, bool refuses, const std::string& argument) {
  const Model& model = recommender.model();
  const Side& side = users ? model.users : model.items;
  std::vector<std::uint32_t> numbers;
  {
    const WithoutGil free;
    numbers = ids.find(side.ids, nullptr);
    std::vector<std::string> unknown;
    std::array<char, 24> room{};
    for (std::size_t at = 0; refuses && at < numbers.size(); ++at) {
      if (!side.knows(numbers[at])) unknown.emplace_back(ids.text(at, room));
    }
    try {
      static_cast<void>(users ? recommender.users_of(unknown) : recommender.items_of(unknown));
    } catch (const UnknownIdError& error) {
      throw UnknownIdError(argument + ": " + error.what());
    }
  }
  return array_of(std::move(numbers));
}

}  // namespace

void bind_recommender(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  nb::class_<Given>(module, "Given", "What is listed: rows for all queries, and for each as offsets and rows.")
      .def(
          "__init__",
          [](Given* room, const std::optional<Numbers>& only, const Numbers& exclude, const PerQuery& only_each,
             const PerQuery& exclude_each) {
            new (room) Given{only, exclude, only_each, exclude_each};
          },
          "only"_a.none(), "exclude"_a, "only_each"_a.none(), "exclude_each"_a.none());
  nb::class_<Recommender>(module, "Recommender", "A model prepared for questions. Keeps the model alive.")
      .def(nb::init<const Model&>(), "model"_a, nb::keep_alive<1, 2>(), nb::call_guard<WithoutGil>())
      .def("find", &find, "users"_a, "ids"_a, "refuses"_a, "argument"_a,
           "The numbers of ids; of ids that the model does not have 4294967295, or an error that names them.")
      .def("recommend", &recommend, "users"_a, "n"_a, "filter_seen"_a, "given"_a, "min_count"_a, "threads"_a)
      .def("recommend_users", &recommend_users, "items"_a, "n"_a, "filter_seen"_a, "given"_a, "min_count"_a, "threads"_a)
      .def("similar", &similar, "users"_a, "queries"_a, "n"_a, "by"_a, "given"_a, "min_count"_a, "threads"_a)
      .def("explain", &explain, "user"_a, "items"_a, "n"_a, "threads"_a,
           "Whether contributions add up, those of all scores, their ends, the number of others, and the figures of each score.")
      .def("predict", &predict, "users"_a, "items"_a, "times"_a.none(), "contexts"_a, "threads"_a)
      .def("predict_variances", &predict_variances, "users"_a, "items"_a, "times"_a.none(), "contexts"_a, "threads"_a)
      .def("predict_intervals", &predict_intervals, "users"_a, "items"_a, "level"_a, "times"_a.none(), "contexts"_a, "threads"_a)
      .def("predict_probabilities", &predict_probabilities, "users"_a, "items"_a, "times"_a.none(), "contexts"_a, "threads"_a)
      .def("predict_matrix", &predict_matrix, "users"_a, "items"_a, "threads"_a);
}

}  // namespace lowrank::python
