#include "serve/import.h"

#include <algorithm>
#include <array>
#include <deque>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "data/chunks.h"
#include "data/layout.h"
#include "data/text.h"
#include "data/times.h"
#include "lowrank/data/titles.h"

namespace lowrank::serve {

namespace {

/// Ratings per commit: enough that the disk's time for a commit does not count.
constexpr std::size_t kChunk = 20'000;
/// Chunks that wait while the next one is read.
constexpr std::size_t kChunksAhead = 2;

/// Hands chunks to the store and waits for the oldest where too many are under way.
class Chunks {
 public:
  Chunks(Store& store, ImportCounts& counts) : store_(store), counts_(counts) {}

  void add(Operation operation) {
    chunk_.push_back(std::move(operation));
    if (chunk_.size() == kChunk) send();
  }
  void send() {
    if (!chunk_.empty()) waiting_.push_back(store_.submit(std::exchange(chunk_, {})));
    while (waiting_.size() > kChunksAhead) take();
  }
  void finish() {
    send();
    while (!waiting_.empty()) take();
  }

 private:
  void take() {
    const Outcome outcome = waiting_.front().get();
    waiting_.pop_front();
    if (!outcome) throw StoreError(outcome.problem, outcome.message);
    for (const Change& change : outcome.changes) {
      counts_.created_users += change.created_user ? 1U : 0U;
      counts_.created_items += change.created_item ? 1U : 0U;
    }
  }

  Store& store_;
  ImportCounts& counts_;
  std::vector<Operation> chunk_;
  std::deque<std::future<Outcome>> waiting_;
};

/// A timestamp of a file as seconds since 1970; as it is where its size does not tell what it counts.
std::int64_t seconds_of(std::int64_t time, bool date) {
  constexpr std::int64_t kMicroseconds = 1'000'000;
  const TimeUnit unit = date ? TimeUnit::date : unit_of_time(time);
  if (unit == TimeUnit::unknown || unit == TimeUnit::seconds) return time;
  const std::int64_t microseconds = microseconds_of(time, unit);
  return microseconds / kMicroseconds - (microseconds % kMicroseconds < 0 ? 1 : 0);
}

}  // namespace

ImportCounts import_ratings(Store& store, const std::string& path, const ReadOptions& read, std::int64_t now,
                            const std::function<void(std::size_t ratings)>& progress) {
  ImportCounts counts;
  Chunks chunks(store, counts);
  ReadOptions options = read;
  options.keep_times = true;
  for_each_rating(path, options, [&](const RatingLine& line) {
    PutRating put{.user = std::string(line.user),
                  .item = std::string(line.item),
                  .value = line.value,
                  .time = line.time ? seconds_of(*line.time, line.date) : now};
    std::optional<std::string_view> problem = stored_id_problem(put.user);
    if (!problem) problem = stored_id_problem(put.item);
    if (problem) {
      const std::string fault = path + ": rating " + std::to_string(counts.lines + counts.refused + 1) + ": " + std::string(*problem);
      if (!read.skip_bad_lines) throw DataError(fault);
      if (counts.refused++ == 0) counts.first_refused = fault;
      return;
    }
    chunks.add(std::move(put));
    if (++counts.lines % kChunk == 0 && progress) progress(counts.lines);
  });
  chunks.finish();
  if (progress) progress(counts.lines);
  return counts;
}

namespace {

/// Calls `consume` with every line that is not empty, and its number.
template <class Consume>
void for_each_line(const std::string& path, const Consume& consume) {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 18U;
  ChunkSource source(path, kChunkBytes, 1);
  source.skip(source.head().size() - without_bom(source.head()).size());
  std::size_t number = 0;
  while (source.next_batch(1) != 0) {
    std::string_view text = source.load(0, 0);
    while (!text.empty()) {
      const std::string_view line = take_line(text);
      ++number;
      if (!trimmed(line).empty()) consume(line, number);
    }
  }
}

/// `text` as the store takes it: without control characters, and cut between two characters.
std::string cut(std::string_view text, std::size_t most) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (out.size() > most) {
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
    out.resize(end);
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// The categories of a field, `Action|Drama`.
std::vector<std::string> categories_of(std::string_view field) {
  std::vector<std::string> categories;
  while (!field.empty() && categories.size() < kMostCategories) {
    const std::size_t end = std::min(field.find('|'), field.size());
    const std::string_view name = trimmed(field.substr(0, end));
    if (!name.empty() && valid_utf8(name)) categories.push_back(cut(name, kMostCategoryBytes));
    field.remove_prefix(std::min(end + 1, field.size()));
  }
  return categories;
}

/// What a file of titles says besides titles.
struct TitleExtras {
  std::string header;  ///< the first field of a header; empty without one
  std::map<std::string, std::vector<std::string>> categories;
};

/// Only where it is clear which column has the categories: the third one between `::`, as MovieLens has it, and the one that a header calls
/// so.
TitleExtras read_extras(const std::string& path) {
  constexpr std::array<std::string_view, 4> kNames{"categories", "category", "genres", "genre"};
  constexpr std::size_t kNone = SIZE_MAX;
  TitleExtras extras;
  Separator separator = Separator::comma;
  std::size_t column = kNone;
  for_each_line(path, [&](std::string_view line, std::size_t number) {
    if (number == 1) {
      if (line.find("::") < line.find_first_of(",;|\t")) {
        separator = Separator::double_colon;
        column = 2;
      } else if (line.find('\t') != std::string_view::npos) {
        separator = Separator::tab;
      } else if (line.find(',') == std::string_view::npos && line.find(';') != std::string_view::npos) {
        separator = Separator::semicolon;
      }
      const std::vector<std::string> fields = fields_of(line, separator);
      if (fields.size() > 1 && lower(fields[1]) == "title") {
        extras.header = fields[0];
        for (std::size_t n = 2; n < fields.size(); ++n) {
          if (std::ranges::find(kNames, lower(fields[n])) != kNames.end()) column = n;
        }
        return;
      }
    }
    if (column == kNone) return;
    const std::vector<std::string> fields = fields_of(line, separator);
    if (fields.size() <= column) return;
    if (std::vector<std::string> categories = categories_of(fields[column]); !categories.empty() && fields[column] != "(no genres listed)")
      extras.categories.try_emplace(fields[0], std::move(categories));
  });
  return extras;
}

/// Items that are changed where they are known, and made where they are not.
class ItemWriter {
 public:
  ItemWriter(Store& store, std::int64_t now, ImportCounts& counts) : chunks_(store, counts), counts_(counts), now_(now) {
    for (std::string& id : store.items_after({}, SIZE_MAX)) known_.insert(std::move(id));
  }

  void add(PatchItem patch) {
    ++counts_.lines;
    patch.time = now_;
    if (known_.contains(patch.item)) return chunks_.add(std::move(patch));
    known_.insert(patch.item);
    PutItem put{.item = std::move(patch.item),
                .title = {},
                .categories = {},
                .available = patch.available.value_or(true),
                .metadata = {},
                .time = now_};
    if (patch.title) put.title = std::move(*patch.title);
    if (patch.categories) put.categories = std::move(*patch.categories);
    if (patch.metadata) put.metadata = std::move(*patch.metadata);
    chunks_.add(std::move(put));
  }
  void finish() { chunks_.finish(); }

 private:
  Chunks chunks_;
  ImportCounts& counts_;
  std::int64_t now_;
  std::set<std::string> known_;
};

/// An item from a line of JSON. \throws DataError
PatchItem item_of(std::string_view line, const std::string& path, std::size_t number) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto refuse = [&](const std::string& problem) { throw DataError(path, number, problem); };
  if (!json.is_object()) refuse("expected a JSON object");
  PatchItem patch;
  for (const auto& [key, value] : json.items()) {
    const auto text = [&, &name = key, &given = value] {
      if (!given.is_string()) refuse("\"" + name + "\" must be a text");
      return given.template get<std::string>();
    };
    if (key == "item") {
      patch.item = text();
    } else if (key == "title") {
      patch.title = value.is_null() ? std::nullopt : std::optional(text());
    } else if (key == "available") {
      if (!value.is_boolean()) refuse("\"available\" must be true or false");
      patch.available = value.get<bool>();
    } else if (key == "metadata") {
      if (!value.is_object()) refuse("\"metadata\" must be an object");
      patch.metadata = value.dump();
    } else if (key == "categories") {
      if (!value.is_array()) refuse("\"categories\" must be a list of texts");
      patch.categories.emplace();
      for (const auto& category : value) {
        if (!category.is_string()) refuse("\"categories\" must be a list of texts");
        patch.categories->push_back(category.get<std::string>());
      }
    } else {
      refuse("\"" + key + "\" is not known of an item; item, title, categories, available and metadata are");
    }
  }
  if (const auto problem = stored_id_problem(patch.item)) refuse(std::string(*problem));
  return patch;
}

}  // namespace

ImportCounts import_items(Store& store, const std::string& path, std::int64_t now) {
  ImportCounts counts;
  ItemWriter writer(store, now, counts);
  if (path.ends_with(".ndjson") || path.ends_with(".jsonl")) {
    for_each_line(path, [&](std::string_view line, std::size_t number) { writer.add(item_of(line, path, number)); });
    writer.finish();
    return counts;
  }
  const Titles titles = Titles::read(path);
  const TitleExtras extras = read_extras(path);
  for (const auto& [id, title] : titles.all()) {
    if (id == extras.header) continue;
    if (const auto problem = stored_id_problem(id)) throw DataError(path + ": " + lowrank::quoted(id) + ": " + std::string(*problem));
    PatchItem patch{.item = id, .title = {}, .categories = {}, .available = {}, .metadata = {}, .time = now};
    patch.title.emplace(cut(title, kMostTitleBytes));
    if (const auto found = extras.categories.find(id); found != extras.categories.end()) patch.categories = found->second;
    writer.add(std::move(patch));
  }
  writer.finish();
  return counts;
}

}  // namespace lowrank::serve
