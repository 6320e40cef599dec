#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "binding.h"
#include "data/column_names.h"
#include "data/text.h"
#include "data/times.h"
#include "given_contexts.h"
#include "lowrank/base/error.h"
#include "lowrank/data/lines.h"
#include "lowrank/data/read.h"
#include "lowrank/data/titles.h"
#include "lowrank/model/model.h"

namespace lowrank::python {

namespace {

void check_finite(std::span<const float> values, const char* name, std::size_t first = 0) {
  for (std::size_t at = 0; at < values.size(); ++at) {
    if (std::isfinite(values[at])) continue;
    throw DataError(std::string(name) + ": position " + std::to_string(first + at) + ": a rating must be a finite number, found " +
                    (std::isnan(values[at]) ? "NaN" : "infinity, or a number beyond 32 bits"));
  }
}

void check_weights(std::span<const float> weights) {
  for (std::size_t at = 0; at < weights.size(); ++at) {
    if (std::isfinite(weights[at]) && weights[at] >= 0) continue;
    throw DataError("sample_weight: position " + std::to_string(at) + ": a weight must be a finite number of at least 0, found " +
                    (std::isnan(weights[at])   ? "NaN"
                     : std::isinf(weights[at]) ? "infinity, or a number beyond 32 bits"
                                               : shortest_text(weights[at])));
  }
}

constexpr const char* kAllZero = "sample_weight: all weights are 0";

void check_length_of_weights(std::size_t weights, std::size_t ratings) {
  if (weights == ratings) return;
  throw DataError("sample_weight: expected one weight for each of " + std::to_string(ratings) + " ratings, got " + std::to_string(weights));
}

/// Takes out what has a weight of 0: the rows, and the ids that no other row has. Ids are numbered as if it had never been there.
void leave_out(std::span<const float> weights, Ids::Numbered& numbered) {
  Ids::Numbered kept;
  kept.ids.set_kind(numbered.ids.kind());
  std::vector<std::uint32_t> renamed(numbered.ids.size(), Vocabulary::kUnknown);
  for (std::size_t at = 0; at < weights.size(); ++at) {
    if (weights[at] == 0) continue;
    const std::uint32_t old = numbered.numbers[at];
    if (renamed[old] == Vocabulary::kUnknown) {
      renamed[old] = kept.ids.add(numbered.ids.id(old));
      if (!numbered.integers.empty()) kept.integers.push_back(numbered.integers[old]);
      if (!numbered.first.empty()) kept.first.push_back(at);
    }
    kept.numbers.push_back(renamed[old]);
  }
  kept.ids.shrink_to_fit();
  numbered = std::move(kept);
}

void check_lengths(std::size_t users, std::size_t items, std::size_t values) {
  if (users == items && users == values) return;
  throw DataError("users, items and ratings must have equal lengths, not " + std::to_string(users) + ", " + std::to_string(items) +
                  " and " + std::to_string(values));
}

void check_length_of_times(const Times& times, std::size_t ratings) {
  if (!times || times->size() == ratings) return;
  throw DataError("time: expected one time for each of " + std::to_string(ratings) + " pairs, got " + std::to_string(times->size()));
}

void check_numbers(std::span<const std::uint32_t> numbers, std::uint32_t count, const char* name) {
  for (const std::uint32_t number : numbers) {
    if (number >= count) throw DataError(std::string(name) + ": number " + std::to_string(number) + " is beyond the matrix");
  }
}

/// Throws the error of the first pair, by number, that is rated twice.
[[noreturn]] void fail_repeated(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, const Vocabulary& user_ids,
                                const Vocabulary& item_ids, std::span<const std::uint32_t> situations) {
  std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> cells(users.size());
  for (std::size_t at = 0; at < users.size(); ++at) cells[at] = {users[at], items[at], situations.empty() ? 0 : situations[at]};
  std::ranges::sort(cells);
  const auto& [user, item, situation] = *std::ranges::adjacent_find(cells);
  throw DataError("user " + quoted(user_ids.id(user)) + " rated item " + quoted(item_ids.id(item)) + " more than once" +
                  (situations.empty() ? "" : " in the same context") + " (see " + mention("duplicates") + ")");
}

/// Groups columns that Python may lend. They are copied piece by piece, and the copies are checked: another thread may change the arrays.
/// \param weights  checked; a rating whose weight is 0 is left out; empty for ones
/// \param times  one per rating, not together with weights; empty for none
Dataset group(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<const float> values,
              std::span<const float> weights, std::span<const std::int64_t> times, Vocabulary user_ids, Vocabulary item_ids,
              const std::string& duplicates, int threads, Situated contexts = {}) {
  constexpr std::size_t kPiece = std::size_t{1} << 20U;
  Dataset data;
  const Duplicates rule = parse_duplicates(duplicates);
  RatingsBuilder builder;
  std::vector<std::uint32_t> user_piece;
  std::vector<std::uint32_t> item_piece;
  std::vector<float> value_piece;
  for (std::size_t begin = 0; begin < values.size(); begin += kPiece) {
    const std::size_t size = std::min(kPiece, values.size() - begin);
    user_piece.assign(users.data() + begin, users.data() + begin + size);
    item_piece.assign(items.data() + begin, items.data() + begin + size);
    value_piece.assign(values.data() + begin, values.data() + begin + size);
    check_numbers(user_piece, user_ids.size(), "users");
    check_numbers(item_piece, item_ids.size(), "items");
    check_finite(value_piece, "rating", begin);
    if (!contexts.numbers.empty()) {
      for (std::size_t n = 0; n < size; ++n) {
        const std::uint32_t situation = contexts.numbers[begin + n];
        if (weights.empty()) {
          builder.add_in_situation(user_piece[n], item_piece[n], value_piece[n], situation,
                                   times.empty() ? std::nullopt : std::optional(times[begin + n]));
        } else {
          builder.add_weighted_in_situation(user_piece[n], item_piece[n], value_piece[n], weights[begin + n], situation);
        }
      }
    } else if (!times.empty()) {
      for (std::size_t n = 0; n < size; ++n) builder.add(user_piece[n], item_piece[n], value_piece[n], times[begin + n]);
    } else if (weights.empty()) {
      builder.add_many(user_piece, item_piece, value_piece, threads);
    } else {
      builder.add_many_weighted(user_piece, item_piece, value_piece, weights.subspan(begin, size));
    }
  }
  // The library knows no ids, which the error of a repeated pair should name.
  const bool refuses = rule == Duplicates::error;
  data.ratings = builder.build(user_ids.size(), item_ids.size(), refuses ? Duplicates::last : rule, &data.duplicates, threads);
  if (refuses && data.duplicates != 0) fail_repeated(users, items, user_ids, item_ids, contexts.numbers);
  data.situations = std::move(contexts.situations);
  data.users = std::move(user_ids);
  data.items = std::move(item_ids);
  return data;
}

nb::tuple dataset_from_ids(const Ids& users, const Ids& items, const Column<float>& values, const std::optional<Column<float>>& weights,
                           const Times& times, const std::string& duplicates, int threads, const GivenContexts& contexts,
                           const std::vector<std::string>& periods, const std::vector<std::string>& missing, const Times& moments) {
  check_lengths(users.size(), items.size(), values.size());
  check_length_of_times(times, values.size());
  if (weights && times) throw OptionError("weights", "a weight is not read together with times");
  if (weights) check_length_of_weights(weights->size(), values.size());
  Dataset data;
  Ids::Numbered user_numbers;
  Ids::Numbered item_numbers;
  {
    const WithoutGil free;
    check_finite(span_of(values), "rating");
    Situated own_contexts = situated(contexts, periods, missing, moments, values.size());
    user_numbers = users.number();
    item_numbers = items.number();
    std::vector<float> own_values;
    std::vector<float> own_weights;
    if (weights) {
      const std::vector<float> all_weights = copy_of(*weights);
      check_weights(all_weights);
      leave_out(all_weights, user_numbers);
      leave_out(all_weights, item_numbers);
      std::size_t kept = 0;
      for (std::size_t at = 0; at < all_weights.size(); ++at) {
        if (all_weights[at] == 0) continue;
        if (!own_contexts.numbers.empty()) own_contexts.numbers[kept++] = own_contexts.numbers[at];
        own_values.push_back(span_of(values)[at]);
        own_weights.push_back(all_weights[at]);
      }
      if (own_weights.empty() && !all_weights.empty()) throw DataError(kAllZero);
    }
    data = group(user_numbers.numbers, item_numbers.numbers, weights ? std::span<const float>(own_values) : span_of(values), own_weights,
                 times ? span_of(*times) : std::span<const std::int64_t>(), std::move(user_numbers.ids), std::move(item_numbers.ids),
                 duplicates, threads, std::move(own_contexts));
  }
  return nb::make_tuple(std::move(data), users.distinct(user_numbers), items.distinct(item_numbers));
}

Vocabulary counted(std::uint32_t size) {
  std::vector<std::int64_t> ids(size);
  for (std::uint32_t id = 0; id < size; ++id) ids[id] = id;
  Vocabulary vocabulary = vocabulary_of(ids);
  vocabulary.set_kind(IdKind::integer);
  return vocabulary;
}

Dataset dataset_from_numbers(const Column<std::uint32_t>& users, const Column<std::uint32_t>& items, const Column<float>& values,
                             const std::optional<Column<float>>& weights, std::uint32_t user_count, std::uint32_t item_count,
                             const std::string& duplicates, int threads) {
  check_lengths(users.size(), items.size(), values.size());
  if (weights) check_length_of_weights(weights->size(), values.size());
  const WithoutGil free;
  std::vector<float> own_weights;
  if (weights) {
    own_weights = copy_of(*weights);
    check_weights(own_weights);
    // Those of weight 0 are left out, their rows and columns are not: a matrix has the shape that it has.
    if (!own_weights.empty() && std::ranges::none_of(own_weights, [](float weight) { return weight > 0; })) throw DataError(kAllZero);
  }
  return group(span_of(users), span_of(items), span_of(values), own_weights, {}, counted(user_count), counted(item_count), duplicates,
               threads);
}

nb::tuple columns_of(const Dataset& data) {
  const Ratings& ratings = data.ratings;
  std::vector<std::uint32_t> users(ratings.size());
  std::vector<float> values(ratings.size());
  for (std::uint32_t user = 0; user < ratings.user_count(); ++user) {
    for (std::size_t at = ratings.row_offsets()[user]; at < ratings.row_offsets()[user + 1]; ++at) {
      users[at] = user;
      values[at] = ratings.value(at);
    }
  }
  std::vector<std::uint32_t> items(ratings.items().begin(), ratings.items().end());
  return nb::make_tuple(array_of(std::move(users)), array_of(std::move(items)), array_of(std::move(values)));
}

Pairs pairs_of(const Vocabulary& known_users, const Vocabulary& known_items, const Ids& users, const Ids& items,
               const std::optional<Column<float>>& values, const Times& times, const GivenContexts& contexts = {},
               const std::vector<std::string>& periods = {}, const std::vector<std::string>& missing = {}, const Times& moments = {}) {
  check_lengths(users.size(), items.size(), values ? values->size() : users.size());
  check_length_of_times(times, users.size());
  const WithoutGil free;
  Pairs pairs;
  pairs.known_users = known_users.size();
  pairs.known_items = known_items.size();
  pairs.users = users.find(known_users, &pairs.unknown_users);
  pairs.items = items.find(known_items, &pairs.unknown_items);
  if (values) {
    pairs.values = copy_of(*values);
    check_finite(pairs.values, "rating");
  }
  if (times) pairs.times = copy_of(*times);
  Situated own = situated(contexts, periods, missing, moments, pairs.size());
  pairs.situation = std::move(own.numbers);
  pairs.situations = std::move(own.situations);
  return pairs;
}

/// The pairs of a file, what it was taken for, and what was skipped.
std::tuple<Pairs, std::string, std::string> pairs_read(const Vocabulary& users, const Vocabulary& items, const std::string& path,
                                                       const nb::dict& reading, int threads, std::span<const ContextColumn> columns = {}) {
  ReadOptions options = read_options(reading, threads);
  const WithoutGil free;
  FileReport report;
  report.fill_from(options);
  Pairs pairs = read_pairs(path, users, items, options, columns);
  return {std::move(pairs), std::move(report.layout), std::move(report.skipped)};
}

/// The ratings of a file, what it was taken for, and what was skipped.
std::tuple<Dataset, std::string, std::string> dataset_read(const std::string& path, const nb::dict& reading, const std::string& duplicates,
                                                           int threads) {
  ReadOptions options = read_options(reading, threads);
  options.duplicates = parse_duplicates(duplicates);
  const WithoutGil free;
  FileReport report;
  report.fill_from(options);
  Dataset data = read_ratings(path, options);
  return {std::move(data), std::move(report.layout), std::move(report.skipped)};
}

/// The columns of a header by role (None where the names do not say), and whether the names are a header beyond doubt.
nb::dict columns_named(const std::vector<std::string>& names) {
  const NamedColumns columns = columns_by_name(names);
  nb::dict found;
  for (const Role role : {Role::user, Role::item, Role::rating, Role::time}) {
    const std::size_t column = columns.of(role).column;
    const std::string key(name_of(role));
    found[key.c_str()] = column == NamedColumns::kNone ? nb::object(nb::none()) : nb::object(nb::int_(column));
  }
  found["header"] = columns.is_header();
  return found;
}

/// The integer whose shortest decimal form is `id`, of any size, or else `id` as a string.
nb::object integer_or_string(std::string_view id) {
  nb::object text = nb::str(id.data(), id.size());
  const nb::object integer = nb::steal(PyLong_FromString(std::string(id).c_str(), nullptr, 10));
  if (!integer.is_valid()) {
    PyErr_Clear();
    return text;
  }
  return nb::str(integer).equal(text) ? integer : text;
}

/// The lines of a file as columns, in file order, repeats and all; times where every line has one.
nb::tuple lines_of(const std::string& path, const nb::dict& reading) {
  ReadOptions options = read_options(reading, 1);
  options.keep_times = true;
  FileReport report;
  report.fill_from(options);
  RatingLines lines;
  {
    const WithoutGil free;
    lines = read_lines(path, options);
  }
  nb::object times = nb::none();
  if (lines.all_have_times) times = nb::cast(array_of(std::move(lines.time)));
  return nb::make_tuple(array_of(std::move(lines.user)), array_of(std::move(lines.item)), array_of(std::move(lines.value)), times,
                        ids_of(lines.users), ids_of(lines.items), report.layout, report.skipped);
}

}  // namespace

ReadOptions read_options(const nb::dict& given, int threads) {
  const auto text = [&given](const char* name) { return nb::cast<std::string>(given[name]); };
  ReadOptions options;
  options.format = parse_format(text("format"));
  if (const std::string columns = text("columns"); !columns.empty()) options.columns = Columns::parse(columns);
  if (const std::string separator = text("separator"); !separator.empty()) options.separator = parse_separator(separator);
  options.decimal = parse_decimal(text("decimal"));
  options.encoding = text("encoding");
  options.skip_bad_lines = nb::cast<bool>(given["skip_bad_lines"]);
  options.implicit_values = nb::cast<bool>(given["implicit_values"]);
  options.keep_times = nb::cast<bool>(given["keep_times"]);
  options.times_needed = nb::cast<bool>(given["times_needed"]);
  options.contexts = nb::cast<std::vector<std::string>>(given["contexts"]);
  options.contexts_needed = nb::cast<bool>(given["contexts_needed"]);
  for (const std::string& period : nb::cast<std::vector<std::string>>(given["time_contexts"])) {
    options.time_contexts.push_back(parse_period(period));
  }
  options.missing = nb::cast<std::vector<std::string>>(given["missing"]);
  options.given_contexts = nb::cast<std::vector<std::string>>(given["given_contexts"]);
  options.threads = threads;
  return options;
}

void FileReport::fill_from(ReadOptions& options) {
  options.on_layout = [this](const std::string& text) { layout = text; };
  options.on_skipped = [this](const std::string& file, const SkippedLines& lines) { skipped = description(lines, file); };
}

nb::object ids_of(const Vocabulary& vocabulary) {
  if (vocabulary.kind() != IdKind::string) {
    if (auto integers = integers_of(vocabulary)) return nb::cast(array_of(std::move(*integers)));
  }
  nb::list list;
  for (std::uint32_t number = 0; number < vocabulary.size(); ++number) {
    const std::string_view id = vocabulary.id(number);
    list.append(vocabulary.kind() == IdKind::integer ? integer_or_string(id) : nb::str(id.data(), id.size()));
  }
  return list;
}

void bind_data(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  nb::class_<Ids>(module, "Ids", "A column of ids.")
      .def(nb::init<nb::object, std::string>(), "column"_a, "name"_a)
      .def("__len__", &Ids::size)
      .def(
          "number",
          [](const Ids& ids) {
            Ids::Numbered numbered = ids.number();
            nb::object distinct = ids.distinct(numbered);
            return nb::make_tuple(array_of(std::move(numbered.numbers)), distinct);
          },
          "Dense numbers in order of first appearance, and the distinct ids.");

  nb::class_<Dataset>(module, "Dataset", "Ratings in memory, grouped by user, and the ids of users and items.")
      .def_static("from_ids", &dataset_from_ids, "users"_a, "items"_a, "values"_a, "weights"_a.none(), "times"_a.none(), "duplicates"_a,
                  "threads"_a, "contexts"_a, "periods"_a, "missing"_a, "moments"_a.none())
      .def_static("from_numbers", &dataset_from_numbers, "users"_a, "items"_a, "values"_a, "weights"_a.none(), "user_count"_a,
                  "item_count"_a, "duplicates"_a, "threads"_a)
      .def_static("read", &dataset_read, "path"_a, "reading"_a, "duplicates"_a, "threads"_a)
      .def("copy", [](const Dataset& data) { return Dataset(data); })
      .def_prop_ro("user_count", [](const Dataset& data) { return data.ratings.user_count(); })
      .def_prop_ro("item_count", [](const Dataset& data) { return data.ratings.item_count(); })
      .def_prop_ro("size", [](const Dataset& data) { return data.ratings.size(); })
      .def_ro("duplicates", &Dataset::duplicates)
      .def("columns", &columns_of, "User numbers, item numbers and values, by user and item.")
      .def("user_ids", [](const Dataset& data) { return ids_of(data.users); })
      .def("item_ids", [](const Dataset& data) { return ids_of(data.items); })
      .def(
          "pairs",
          [](const Dataset& data, const Ids& users, const Ids& items, const std::optional<Column<float>>& values, const Times& times,
             const GivenContexts& contexts, const std::vector<std::string>& periods, const std::vector<std::string>& missing,
             const Times& moments) {
            return pairs_of(data.users, data.items, users, items, values, times, contexts, periods, missing, moments);
          },
          "users"_a, "items"_a, "values"_a.none(), "times"_a.none(), "contexts"_a, "periods"_a, "missing"_a, "moments"_a.none())
      .def(
          "read_pairs",
          [](const Dataset& data, const std::string& path, const nb::dict& reading, int threads) {
            return pairs_read(data.users, data.items, path, reading, threads, data.situations.columns);
          },
          "path"_a, "reading"_a, "threads"_a);

  nb::class_<Pairs>(module, "Pairs", "Pairs of users and items in the numbering of a data set or model.")
      .def(nb::new_([](const Model& model) {
             Pairs none;
             none.known_users = model.users.ids.size();
             none.known_items = model.items.ids.size();
             none.unknown_users.set_kind(model.users.ids.kind());
             return none;
           }),
           "model"_a, "No pairs, in the numbering of a model.")
      .def("__len__", &Pairs::size)
      .def_prop_ro("rated", [](const Pairs& pairs) { return pairs.values.size() == pairs.size(); });

  module.def(
      "model_pairs",
      [](const Model& model, const Ids& users, const Ids& items, const std::optional<Column<float>>& values, const Times& times,
         const GivenContexts& contexts) { return pairs_of(model.users.ids, model.items.ids, users, items, values, times, contexts); },
      "model"_a, "users"_a, "items"_a, "values"_a.none(), "times"_a.none(), "contexts"_a, "Pairs in the numbering of a model.");
  module.def(
      "model_read_pairs",
      [](const Model& model, const std::string& path, const nb::dict& reading, int threads) {
        return pairs_read(model.users.ids, model.items.ids, path, reading, threads);
      },
      "model"_a, "path"_a, "reading"_a, "threads"_a, "The same from a file, what it was taken for, and what was skipped.");
  module.def(
      "model_ids", [](const Model& model, bool users) { return ids_of(users ? model.users.ids : model.items.ids); }, "model"_a, "users"_a,
      "The ids of a model as they were given; of a file, integers where all are canonical decimals.");
  module.def("columns_by_name", &columns_named, "names"_a, "The columns of a header, by what their names say.");
  module.def(
      "time_of",
      [](const std::string& text) -> nb::object {
        if (is_missing_time(text)) return nb::none();
        if (const auto number = parse_time(text)) return nb::make_tuple(false, *number);
        if (const auto date = parse_date(text)) return nb::make_tuple(true, *date);
        throw nb::value_error("not a time");
      },
      "text"_a, "Whether a text is a date, and it in microseconds, or else as a number; None for a missing time.");
  module.def("lines", &lines_of, "path"_a, "reading"_a, "The lines of a file as columns.");
  module.def(
      "titles",
      [](const std::string& path, const nb::list& ids) {
        const Titles titles = Titles::read(path);
        nb::list found;
        for (const nb::handle id : ids) {
          const std::string_view title = titles.find(nb::cast<std::string>(id));
          found.append(nb::str(title.data(), title.size()));
        }
        return found;
      },
      "path"_a, "ids"_a, "The titles of ids (strings), empty where a file has none.");
}

}  // namespace lowrank::python
