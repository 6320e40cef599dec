#include "lowrank/data/read.h"

#include <algorithm>

#include "data/context_columns.h"
#include "data/foreign.h"
#include "data/line_check.h"
#include "data/lines_in_context.h"
#include "data/read_tuned.h"
#include "data/staging.h"
#include "data/text.h"
#include "data/wide_table.h"
#include "lowrank/base/error.h"

namespace lowrank {

namespace {

StagedPiece staged(const ParsedChunk& chunk) {
  return {chunk.count,         chunk.users.data(),
          chunk.items.data(),  chunk.coded ? chunk.codes.data() : nullptr,
          chunk.values.data(), chunk.has_times ? chunk.times.data() : nullptr};
}

[[noreturn]] void fail_empty(const std::string& name, const ReadOptions& options, const SkippedLines& skipped) {
  std::string text = name + (options.pairs_only ? ": no pairs" : ": no ratings");
  if (skipped.count > 0) text += "; " + std::to_string(skipped.count) + " malformed lines, the first one is " + skipped.first.front();
  throw DataError(text);
}

/// Throws the error of a pair that is rated twice, or whose ratings have no sum. Reads the file again to find the line; standard input
/// cannot be read again.
[[noreturn]] void fail_repeated(const std::string& path, const ReadOptions& options, const std::string& user, const std::string& item) {
  const std::string pair = "user " + quoted(user) + " rated item " + quoted(item);
  if (options.duplicates != Duplicates::error) {
    const std::string weights = options.columns.weight_stated ? ", or their weights," : "";
    throw DataError(input_name(path) + ": the ratings with which " + pair + weights + " have no finite sum as a 32-bit float");
  }
  if (path == "-") throw DataError(input_name(path) + ": " + pair + " more than once (see " + mention("duplicates") + ")");
  std::size_t before = 0;
  ReadOptions again = options;
  again.on_layout = {};
  again.on_skipped = {};
  again.bytes_read = nullptr;
  again.columns.weight = {};
  again.columns.weight_stated = false;
  for_each_line(path, again, {}, [&](const RatingLine& rating, std::size_t line) {
    if (rating.user != user || rating.item != item) return;
    if (before != 0)
      throw DataError(path, line, pair + " before, on line " + std::to_string(before) + " (see " + mention("duplicates") + ")");
    before = line;
  });
  throw DataError(path + ": " + pair + " more than once (see " + mention("duplicates") + ")");
}

/// Passes on the ratings of one line.
class LineReader {
 public:
  LineReader(const Layout& layout, const std::function<void(const RatingLine&, std::size_t)>& consume)
      : layout_(layout), consume_(consume), contexts_(layout) {}

  std::optional<std::string> read(std::string_view line, std::size_t number) {
    std::optional<std::string> problem;
    if (has_comment_mark(line) && is_comment(line, layout_, problem)) return std::nullopt;
    if (problem) return problem;
    if (layout_.lines != Lines::ratings) return read_many(line, number);
    LineFields fields;
    if ((problem = split_line(line, layout_, scratch_, fields))) return problem;
    if (layout_.matrix_market && (problem = check_entry(fields.user, fields.item, layout_))) return problem;
    if (layout_.tensor && (problem = check_tensor_line(line, layout_))) return problem;
    RatingLine rating{fields.user, fields.item, 1, std::nullopt, layout_.time_unit == TimeUnit::date};
    if ((problem = check_id(rating.user))) return problem;
    if ((problem = check_id(rating.item))) return problem;
    if (fields.has_rating) {
      problem = layout_.matrix_market ? read_entry_value(fields.rating, rating.value) : read_rating(fields.rating, layout_, rating.value);
      if (problem) return problem;
    }
    if (layout_.time_wanted) {
      if ((problem = read_time(fields, layout_, rating.time))) return problem;
    }
    if (layout_.weight != Layout::kNone) {
      if ((problem = read_weight(fields.weight, layout_, rating.weight))) return problem;
      if (rating.weight == 0) return std::nullopt;
    }
    if (!layout_.contexts.empty()) {
      if ((problem = contexts_.read(line))) return problem;
      rating.contexts = contexts_.texts();
    }
    ++entries_;
    hand_over(rating, number);
    if (layout_.symmetry != Symmetry::none && rating.user != rating.item) {
      std::swap(rating.user, rating.item);
      if (layout_.symmetry == Symmetry::skew && rating.value != 0) rating.value = -rating.value;
      hand_over(rating, number);
    }
    return std::nullopt;
  }

  /// Number of ratings that were passed on.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// Number of lines with one rating.
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }

 private:
  std::optional<std::string> read_many(std::string_view line, std::size_t number) {
    if (layout_.skip_bad_lines) {
      if (auto problem = check_row(line, layout_, scratch_)) return problem;
    }
    return read_row(line, layout_, scratch_, [&](std::string_view user, std::string_view item, float value) {
      auto problem = check_id(item);
      if (!problem) hand_over({user, item, value, std::nullopt, false}, number);
      return problem;
    });
  }

  void hand_over(const RatingLine& rating, std::size_t number) {
    ++count_;
    consume_(rating, number);
  }

  const Layout& layout_;
  const std::function<void(const RatingLine&, std::size_t)>& consume_;
  ContextFields contexts_;
  Scratch scratch_;
  std::uint64_t count_ = 0;
  std::uint64_t entries_ = 0;
};

/// Refuses a column of weights where none are read.
void refuse_weights(const ReadOptions& options) {
  if (options.columns.weight_stated) throw OptionError("columns", "a weight is read only with ratings to train on");
}

}  // namespace

Dataset read_ratings_tuned(const std::string& path, const ReadOptions& options, const ReadTuning& tuning) {
  if (options.columns.weight_stated && options.keep_times) throw OptionError("columns", "a weight is not read together with times");
  if (options.columns.weight_stated && !options.time_contexts.empty()) {
    throw OptionError("columns", "a weight is not read together with contexts of times");
  }
  if (options.columns.weight_stated && (options.duplicates == Duplicates::sum || options.duplicates == Duplicates::count)) {
    throw OptionError("duplicates", "sum and count take no weights");
  }
  if (reads_contexts(path, options)) return read_in_context(path, options);
  Workers workers(options.threads);
  ColumnReader reader(path, options, nullptr, nullptr, workers, tuning);
  Staging staging;
  if (options.columns.weight_stated) staging.hold_weights();
  while (const std::size_t chunks = reader.next_batch()) {
    staging.append(
        chunks, reader.users().size(), reader.items().size(), [&](std::size_t index) { return staged(reader.take(index)); },
        reader.values(), workers);
  }
  if (staging.size() == 0) fail_empty(reader.name(), options, reader.skipped());
  Grouped grouped = staging.group(reader.users().size(), reader.items().size(), options.duplicates, reader.values(), workers);
  if (grouped.repeated) {
    fail_repeated(path, options, std::string(reader.users().id(grouped.repeated->first)),
                  std::string(reader.items().id(grouped.repeated->second)));
  }
  Dataset dataset;
  dataset.users = reader.users().take_added();
  dataset.items = reader.items().take_added();
  dataset.ratings = std::move(grouped.ratings);
  dataset.duplicates = grouped.duplicates;
  return dataset;
}

Pairs read_pairs_tuned(const std::string& path, const Vocabulary& users, const Vocabulary& items, const ReadOptions& options,
                       const ReadTuning& tuning) {
  refuse_weights(options);
  Workers workers(options.threads);
  ColumnReader reader(path, options, &users, &items, workers, tuning);
  Pairs pairs;
  pairs.known_users = users.size();
  pairs.known_items = items.size();
  bool timed = options.keep_times;
  while (const std::size_t chunks = reader.next_batch()) {
    for (std::size_t index = 0; index < chunks; ++index) {
      const ParsedChunk& chunk = reader.take(index);
      pairs.users.insert(pairs.users.end(), chunk.users.data(), chunk.users.data() + chunk.count);
      pairs.items.insert(pairs.items.end(), chunk.items.data(), chunk.items.data() + chunk.count);
      timed = timed && chunk.has_times;
      if (timed) pairs.times.insert(pairs.times.end(), chunk.times.data(), chunk.times.data() + chunk.count);
      if (options.pairs_only) continue;
      for (std::size_t at = 0; at < chunk.count; ++at) {
        pairs.values.push_back(chunk.coded ? reader.values().value(chunk.codes.data()[at]) : chunk.values.data()[at]);
      }
    }
  }
  if (pairs.size() == 0) fail_empty(reader.name(), options, reader.skipped());
  if (!timed) pairs.times.clear();
  pairs.unknown_users = reader.users().take_added();
  pairs.unknown_items = reader.items().take_added();
  return pairs;
}

namespace {

/// \param on_start  called with the layout before the first rating
void read_lines_of(const std::string& path, const ReadOptions& options, const ReadTuning& tuning,
                   const std::function<void(const Layout&)>& on_start, const std::function<void(const RatingLine&, std::size_t)>& consume) {
  if (!options.keep_weights) refuse_weights(options);
  ChunkSource source(path, tuning.chunk_bytes, 1, options.encoding);
  source.count_into(options.bytes_read);
  const Layout layout = detect_layout(source.head(), source.head_is_all(), source.name(), options);
  source.skip(layout.skipped_bytes);
  on_start(layout);
  LineReader reader(layout, consume);
  std::size_t number = layout.skipped_lines;
  SkippedLines skipped;
  bool reported = false;
  const auto report = [&] {
    if (!reported && options.on_layout) options.on_layout(source.name() + ": " + description(layout));
    reported = true;
  };
  while (source.next_batch(1) != 0) {
    std::string_view text = source.load(0, 0);
    while (!text.empty()) {
      const std::string_view line = without_bom(take_line(text));
      ++number;
      if (trimmed(line).empty()) continue;
      if (const auto problem = reader.read(line, number)) {
        if (!layout.skip_bad_lines) throw DataError(source.name(), number, with_context(*problem, line, layout));
        if (++skipped.count <= SkippedLines::kNamed) {
          skipped.first.push_back(source.name() + ":" + std::to_string(number) + ": " + skipped_text(*problem, line));
        }
      }
      check_entries(layout, reader.entries() + skipped.count, source.name(), false);
    }
    if (reader.count() > 0) report();
  }
  check_entries(layout, reader.entries() + skipped.count, source.name(), true);
  if (options.on_skipped && skipped.count > 0) options.on_skipped(source.name(), skipped);
  if (reader.count() == 0) fail_empty(source.name(), options, skipped);
}

}  // namespace

void for_each_line(const std::string& path, const ReadOptions& options, const ReadTuning& tuning,
                   const std::function<void(const RatingLine&, std::size_t)>& consume) {
  read_lines_of(
      path, options, tuning, [](const Layout&) {}, consume);
}

void for_each_line_in_context(const std::string& path, const ReadOptions& options,
                              const std::function<void(const RatingLine&, std::size_t, const std::vector<std::string>&)>& consume) {
  std::vector<std::string> contexts;
  const auto start = [&](const Layout& layout) {
    for (const ContextPlace& context : layout.contexts) contexts.push_back(context.name);
  };
  read_lines_of(path, options, {}, start, [&](const RatingLine& rating, std::size_t line) { consume(rating, line, contexts); });
}

Dataset read_ratings(const std::string& path, const ReadOptions& options) { return read_ratings_tuned(path, options, {}); }

Pairs read_pairs(const std::string& path, const Vocabulary& users, const Vocabulary& items, const ReadOptions& options,
                 std::span<const ContextColumn> columns) {
  refuse_weights(options);
  if (reads_contexts(path, options)) return read_pairs_in_context(path, users, items, options, columns);
  return read_pairs_tuned(path, users, items, options, {});
}

void for_each_rating(const std::string& path, const ReadOptions& options, const std::function<void(const RatingLine&)>& consume) {
  for_each_line(path, options, {}, [&](const RatingLine& rating, std::size_t) { consume(rating); });
}

std::vector<std::string> read_ids(const std::string& path, std::vector<std::size_t>* lines) {
  std::vector<std::string> ids;
  ChunkSource source(path, ReadTuning{}.chunk_bytes, 1);
  refuse_foreign(source.head(), source.name());
  source.skip(source.head().size() - without_bom(source.head()).size());
  std::size_t number = 0;
  while (source.next_batch(1) != 0) {
    std::string_view text = source.load(0, 0);
    while (!text.empty()) {
      const std::string_view id = trimmed(take_line(text));
      ++number;
      if (id.empty()) continue;
      if (const auto problem = check_id(id)) throw DataError(source.name(), number, *problem);
      ids.emplace_back(id);
      if (lines != nullptr) lines->push_back(number);
    }
  }
  return ids;
}

}  // namespace lowrank
