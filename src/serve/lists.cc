#include "serve/lists.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "data/number.h"
#include "lowrank/base/error.h"
#include "serve/json.h"

namespace lowrank::serve {

namespace {

enum class Source : std::uint8_t { personal, similar, popular };

const char* name_of(Source source) {
  switch (source) {
    case Source::personal:
      return "personal";
    case Source::similar:
      return "similar";
    case Source::popular:
      break;
  }
  return "popular";
}

struct Listed {
  std::uint32_t item = 0;  ///< in the catalogue
  std::uint32_t model_item = Vocabulary::kUnknown;
  double score = 0;
  float text_score = 0;     ///< the score as it is written, of a list by a model
  Explanation explanation;  ///< where the score is explained
};

/// A list on its way.
struct Work {
  const ListQuery* query = nullptr;
  std::shared_ptr<const UserRow> row;
  std::shared_ptr<const FoldedUser> folded;
  std::shared_ptr<const Candidates> candidates;
  std::vector<std::uint32_t> seen;      ///< items of the model to leave out, ascending
  std::vector<std::uint32_t> left_out;  ///< the same, of the catalogue
  Source source = Source::popular;
  std::uint32_t start_item = Vocabulary::kUnknown;  ///< of the model, of a list of similar items
  std::size_t offset = 0;
  std::uint64_t identity = 0;
  std::vector<Listed> items;
  bool more = false;
  bool answered = false;
  Response response;

  [[nodiscard]] std::size_t wanted() const { return offset + query->limit + 1; }
};

/// FNV-1a, 64 bits.
class Hash {
 public:
  Hash& add(std::string_view text) {
    for (const char c : text) mix(static_cast<unsigned char>(c));
    mix(0x1FFU);
    return *this;
  }
  Hash& add(std::uint64_t number) {
    for (unsigned shift = 0; shift < 64; shift += 8) mix(number >> shift & 0xFFU);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  void mix(std::uint64_t byte) { value_ = (value_ ^ byte) * 0x100000001b3U; }
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

std::string hexadecimal(std::uint64_t number) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, 16).ptr;
  return {digits, end};
}

/// Makes the lists of one call.
class Batch {
 public:
  Batch(const std::shared_ptr<const Serving>& serving, const Catalogue& catalogue, std::uint64_t boot, ListRoom& room, ListFigures& figures)
      : serving_(serving), catalogue_(catalogue), boot_(boot), room_(room), figures_(figures) {}

  std::vector<Response> run(std::span<const ListQuery> queries) {
    std::vector<Work> works(queries.size());
    const Clock::time_point start = Clock::now();
    {
      const Catalogue::View view = catalogue_.view();
      for (std::size_t n = 0; n < queries.size(); ++n) {
        works[n].query = &queries[n];
        guard(works[n], [&] { look_up(works[n], view); });
      }
    }
    fold(works);
    const Clock::time_point folded = Clock::now();
    {
      const Catalogue::View view = catalogue_.view();
      for (Work& work : works) guard(work, [&] { prepare(work, view); });
    }
    rank(works);
    for (Work& work : works) guard(work, [&] { explain(work); });
    const Clock::time_point ranked = Clock::now();
    {
      const Catalogue::View view = catalogue_.view();
      for (Work& work : works) guard(work, [&] { write(work, view); });
    }
    const auto seconds = [](Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double>(to - from).count(); };
    figures_.fold_in_seconds += seconds(start, folded);
    figures_.rank_seconds += seconds(folded, ranked);
    figures_.write_seconds += seconds(ranked, Clock::now());
    std::vector<Response> responses;
    responses.reserve(works.size());
    for (Work& work : works) responses.push_back(std::move(work.response));
    return responses;
  }

 private:
  /// One query's problem is its own.
  template <class Step>
  static void guard(Work& work, const Step& step) {
    if (work.answered) return;
    try {
      step();
    } catch (const Problem& problem) {
      work.response = answer_of(problem);
      work.answered = true;
    } catch (const Error& error) {
      work.response = answer_of(Problem{.status = 422, .detail = error.what()});
      work.answered = true;
    }
  }

  void look_up(Work& work, const Catalogue::View& view) const {
    const ListQuery& query = *work.query;
    if (query.popular) return;
    if (query.user) work.row = view.row(*query.user);
    if (!query.ratings) return;
    auto row = std::make_shared<UserRow>();
    for (const auto& [id, value] : *query.ratings) {
      const std::uint32_t item = view.item(id);
      if (item == Vocabulary::kUnknown) continue;
      const auto place = std::ranges::lower_bound(row->ratings, item, {}, &RatedItem::item);
      if (place != row->ratings.end() && place->item == item) {
        place->value = value;
      } else {
        row->ratings.insert(place, {.item = item, .value = value});
      }
    }
    work.row = std::move(row);
  }

  void fold(std::vector<Work>& works) const {
    if (!serving_ || !serving_->personal()) return;
    std::vector<std::shared_ptr<const UserRow>> rows;
    std::vector<Work*> owners;
    for (Work& work : works) {
      if (work.answered || !work.row || work.row->ratings.empty()) continue;
      rows.push_back(work.row);
      owners.push_back(&work);
    }
    const auto folded = serving_->fold(rows);
    for (std::size_t n = 0; n < owners.size(); ++n) {
      owners[n]->folded = folded[n];
      if (folded[n]) continue;
      owners[n]->response = answer_of({.status = 422, .detail = "the ratings cannot be folded in: no finite factors fit them"});
      owners[n]->answered = true;
    }
  }

  void prepare(Work& work, const Catalogue::View& view) {
    const ListQuery& query = *work.query;
    const bool personal = work.folded && work.folded->known;
    if (personal) {
      work.source = Source::personal;
    } else if (query.item && serving_ && serving_->model().rank() != 0) {
      work.start_item = serving_->model_item(view.item(*query.item));
      if (serving_->model().items.knows(work.start_item)) work.source = Source::similar;
    }
    identify(work, view);
    read_cursor(work);
    if (query.tagged && is_known(work)) {
      work.answered = true;
      work.response = Response{.status = 304, .content_type = ""};
      add_fields(work);
      return;
    }
    if (work.row && !query.include_seen) {
      for (const RatedItem& rating : work.row->ratings) work.left_out.push_back(rating.item);
    }
    for (const std::string& id : query.excluded) {
      if (const std::uint32_t item = view.item(id); item != Vocabulary::kUnknown) work.left_out.push_back(item);
    }
    if (work.source == Source::popular) {
      std::ranges::sort(work.left_out);
      for (const auto& [item, count] : popular_items(serving_.get(), view, query.filter, query.since, work.left_out, work.wanted())) {
        work.items.push_back({.item = item, .score = static_cast<double>(count), .explanation = {}});
      }
      ++figures_.popular;
      return;
    }
    for (const std::uint32_t item : work.left_out) {
      if (const std::uint32_t own = serving_->model_item(item); own != Vocabulary::kUnknown) work.seen.push_back(own);
    }
    if (work.source == Source::similar) work.seen.push_back(work.start_item);
    std::ranges::sort(work.seen);
    work.candidates = serving_->candidates(query.filter, view);
    ++(work.source == Source::personal ? figures_.personal : figures_.similar);
  }

  /// What the list is a function of.
  void identify(Work& work, const Catalogue::View& view) const {
    const ListQuery& query = *work.query;
    Hash hash;
    hash.add(boot_).add(serving_ ? serving_->generation() : 0).add(view.listed_version()).add(static_cast<std::uint64_t>(work.source));
    hash.add(query.filter.key()).add(std::uint64_t{query.include_seen}).add(static_cast<std::uint64_t>(query.since));
    for (const std::string& item : query.excluded) hash.add(item);
    hash.add(query.user.value_or("")).add(work.row ? work.row->version : 0).add(query.item.value_or(""));
    if (query.ratings) {
      for (const auto& [item, value] : *query.ratings) hash.add(item).add(std::uint64_t{std::bit_cast<std::uint32_t>(value)});
    }
    if (work.source == Source::popular) hash.add(view.ratings_version());
    work.identity = hash.value();
  }

  static void read_cursor(Work& work) {
    constexpr std::size_t kMostOffset = 1'000'000;
    const std::string& cursor = work.query->cursor;
    if (cursor.empty()) return;
    const std::size_t dash = cursor.find('-');
    const auto offset = dash == std::string::npos ? std::nullopt : parse_count(std::string_view(cursor).substr(dash + 1));
    if (!offset || *offset > kMostOffset) {
      throw Problem{.status = 400, .detail = "cursor: is none that this service gave"};
    }
    if (cursor.substr(0, dash) != hexadecimal(work.identity)) {
      throw Problem{.status = 409, .detail = "stale cursor: the model, the ratings or the items changed; start again without a cursor"};
    }
    work.offset = static_cast<std::size_t>(*offset);
  }

  [[nodiscard]] static std::string tag_of(const Work& work) {
    const ListQuery& query = *work.query;
    return '"' + hexadecimal(Hash().add(work.identity).add(query.limit).add(work.offset).add(query.explain).value()) + '"';
  }

  [[nodiscard]] static bool is_known(const Work& work) {
    if (!work.query->known_tag) return false;
    const std::string& known = *work.query->known_tag;
    return known == "*" || known.find(tag_of(work)) != std::string::npos;
  }

  void add_fields(Work& work) const {
    if (serving_) work.response.with("Lowrank-Model", std::to_string(serving_->id()));
    if (work.query->tagged) work.response.with("ETag", tag_of(work)).with("Cache-Control", "no-cache");
  }

  void take(Work& work, std::span<const Scored> list) const {
    work.items.reserve(list.size());
    for (const Scored& scored : list) {
      work.items.push_back({.item = serving_->catalogue_item(scored.index),
                            .model_item = scored.index,
                            .score = static_cast<double>(scored.score),
                            .text_score = scored.score,
                            .explanation = {}});
    }
  }

  void rank(std::vector<Work>& works) {
    // Lists of the same candidates and about the same length are ranked together.
    std::vector<Work*> screened;
    for (Work& work : works) {
      if (work.answered || !work.candidates) continue;
      guard(work, [&] { rank_apart(work, screened); });
    }
    std::ranges::stable_sort(screened, {}, [](const Work* work) { return std::pair(work->candidates.get(), screen_of(*work)); });
    for (std::size_t begin = 0; begin < screened.size();) {
      std::size_t end = begin + 1;
      while (end < screened.size() && screened[end]->candidates == screened[begin]->candidates &&
             screen_of(*screened[end]) == screen_of(*screened[begin])) {
        ++end;
      }
      rank_together(std::span(screened).subspan(begin, end - begin));
      begin = end;
    }
  }

  static const RowScreen* screen_of(const Work& work) { return work.candidates->screen(work.wanted()); }

  /// Ranks what cannot be ranked with others.
  void rank_apart(Work& work, std::vector<Work*>& screened) const {
    if (work.candidates->items().empty()) return;
    const Recommender& recommender = serving_->recommender();
    if (work.source == Source::similar) {
      SimilarOptions options{.top = work.wanted(), .threads = 1, .rows = work.candidates->items(), .excluded = work.seen};
      recommender.similar_items({&work.start_item, 1}, options, [&](std::size_t, std::span<const Scored> list) { take(work, list); });
    } else if (serving_->speaks()) {
      RecommendOptions options{.top = work.wanted(), .threads = 1, .items = work.candidates->items()};
      take(work, recommender.recommend(work.folded->row, work.seen, options));
    } else if (work.candidates->use() == 0 || screen_of(work) == nullptr) {
      // What is asked once is not worth an order of the rows.
      room_.queries.resize(std::max<std::size_t>(room_.queries.size(), 1));
      RankQuery& query = fill(work, 0, 1);
      rank_directly(work.candidates->ranked(), query, std::min(work.wanted(), work.candidates->items().size()));
      take(work, query.list);
    } else {
      screened.push_back(&work);
    }
  }

  [[nodiscard]] RankQuery& fill(const Work& work, std::size_t at, std::size_t count) const {
    const Model& model = serving_->model();
    const std::size_t rank = std::max<std::size_t>(model.rank(), 1);
    if (room_.vectors.rows() < count || room_.vectors.rank() != rank) room_.vectors = FactorMatrix(std::max<std::size_t>(count, 64), rank);
    RankQuery& query = room_.queries[at];
    std::ranges::copy(work.folded->row.factors, room_.vectors.row(at).begin());
    query.vector = room_.vectors.data() + at * room_.vectors.stride();
    query.base = model.centre.mean + static_cast<double>(work.folded->row.bias);
    query.excluded.assign(work.seen.begin(), work.seen.end());
    query.rated.clear();
    query.list.clear();
    return query;
  }

  void rank_together(std::span<Work* const> group) {
    room_.queries.resize(std::max(room_.queries.size(), group.size()));
    for (std::size_t n = 0; n < group.size(); ++n) static_cast<void>(fill(*group[n], n, group.size()));
    screen_of(*group.front())->rank(std::span(room_.queries).first(group.size()), room_.tile);
    for (std::size_t n = 0; n < group.size(); ++n) take(*group[n], room_.queries[n].list);
  }

  void explain(Work& work) const {
    cut(work);
    if (work.query->explain == 0 || work.source != Source::personal) return;
    std::vector<std::uint32_t> history;
    std::vector<float> values;
    serving_->known_ratings(*work.row, history, values);
    std::vector<std::uint32_t> items;
    items.reserve(work.items.size());
    for (const Listed& item : work.items) items.push_back(item.model_item);
    try {
      const Serving& solved = serving_->without_context();
      auto explanations = solved.recommender().explain(history, values, items, {.top = work.query->explain, .threads = 1});
      for (std::size_t n = 0; n < items.size(); ++n) {
        Explanation& own = work.items[n].explanation = std::move(explanations[n]);
        if (&solved == serving_.get() || own.kind != ExplanationKind::sum) continue;
        // What the context adds is no item's.
        double sum = own.base + own.others;
        for (const Contribution& reason : own.contributions) sum += reason.amount;
        own.base += work.items[n].score - sum;
      }
    } catch (const DataError&) {
      // Nothing in the scores of this model depends on single items of the history.
    }
  }

  /// Leaves the page that was asked for.
  static void cut(Work& work) {
    const std::size_t end = work.offset + work.query->limit;
    work.more = work.items.size() > end;
    work.items.resize(std::min(work.items.size(), end));
    work.items.erase(work.items.begin(), work.items.begin() + static_cast<std::ptrdiff_t>(std::min(work.offset, work.items.size())));
  }

  void write(Work& work, const Catalogue::View& view) const {
    std::string& text = work.response.body;
    text.reserve(128 + work.items.size() * 96);
    JsonWriter json(text);
    json.begin_object();
    if (work.query->user) json.member("user", *work.query->user);
    json.key("items").begin_array();
    for (const Listed& item : work.items) write_item(json, item, work, view);
    json.end_array().member("source", name_of(work.source));
    if (serving_) json.member("model", serving_->id());
    if (!work.query->context.empty() && work.source == Source::popular) {
      json.member("warning", "the list is of popular items, whatever the context");
    } else if (!work.query->warning.empty()) {
      json.member("warning", work.query->warning);
    }
    if (work.more) json.member("cursor", hexadecimal(work.identity) + '-' + std::to_string(work.offset + work.query->limit));
    json.end_object();
    add_fields(work);
    work.answered = true;
  }

  void write_item(JsonWriter& json, const Listed& item, const Work& work, const Catalogue::View& view) const {
    json.begin_object().member("item", view.item_id(item.item));
    if (item.model_item == Vocabulary::kUnknown) {
      json.member("score", item.score);
    } else {
      json.member("score", item.text_score);
    }
    if (const std::string& title = view.items()[item.item].title; !title.empty()) json.member("title", title);
    if (work.query->explain != 0) write_reasons(json, item.explanation, view);
    json.end_object();
  }

  void write_reasons(JsonWriter& json, const Explanation& explanation, const Catalogue::View& view) const {
    if (explanation.kind == ExplanationKind::none) {
      json.member("reasons_kind", "none").key("reasons").begin_array().end_array();
      return;
    }
    const bool sums = explanation.kind == ExplanationKind::sum;
    json.member("reasons_kind", sums ? "sum" : "leave_one_out").key("reasons").begin_array();
    for (const Contribution& reason : explanation.contributions) {
      const std::uint32_t item = serving_->catalogue_item(reason.item);
      json.begin_object().member("item", view.item_id(item));
      if (const std::string& title = view.items()[item].title; !title.empty()) json.member("title", title);
      if (reason.value) json.member("value", *reason.value);
      json.member("amount", reason.amount).end_object();
    }
    json.end_array();
    if (sums) json.member("base", explanation.base).member("others", explanation.others);
    json.member("other_items", std::uint64_t{explanation.other_items});
  }

  const std::shared_ptr<const Serving>& serving_;
  const Catalogue& catalogue_;
  std::uint64_t boot_;
  ListRoom& room_;
  ListFigures& figures_;
};

}  // namespace

std::vector<Response> make_lists(const std::shared_ptr<const Serving>& serving, const Catalogue& catalogue, std::uint64_t boot,
                                 std::span<const ListQuery> queries, ListRoom& room, ListFigures& figures) {
  return Batch(serving, catalogue, boot, room, figures).run(queries);
}

namespace {

/// The number of ratings of every item since a time.
std::vector<std::uint64_t> counts_since(const Catalogue::View& view, std::int64_t since) {
  std::vector<std::uint64_t> counts(view.items().size());
  for (std::uint32_t user = 0; user < view.user_slots(); ++user) {
    if (!view.row_at(user)) continue;
    for (const RatedItem& rating : view.row_at(user)->ratings) counts[rating.item] += rating.time >= since ? 1U : 0U;
  }
  return counts;
}

/// The number of training ratings of every item.
std::vector<std::uint64_t> trained_counts(const Catalogue::View& view, const Serving* serving) {
  std::vector<std::uint64_t> counts(view.items().size());
  if (serving == nullptr) return counts;
  const auto& trained = serving->model().items.counts;
  for (std::uint32_t item = 0; item < trained.size(); ++item) counts[serving->catalogue_item(item)] = trained[item];
  return counts;
}

}  // namespace

std::vector<std::pair<std::uint32_t, std::uint64_t>> popular_items(const Serving* serving, const Catalogue::View& view,
                                                                   const Filter& filter, std::int64_t since,
                                                                   std::span<const std::uint32_t> excluded, std::size_t top) {
  const RecordFilter records(filter, view);
  std::optional<std::vector<std::uint32_t>> only;
  if (filter.items) {
    only.emplace();
    for (const std::string& id : *filter.items) only->push_back(view.item(id));
    std::ranges::sort(*only);
  }
  const auto admits = [&](std::uint32_t item) {
    if (!records.admits(view.items()[item])) return false;
    return !(only && !std::ranges::binary_search(*only, item)) && !std::ranges::binary_search(excluded, item);
  };
  std::vector<std::pair<std::uint32_t, std::uint64_t>> items;
  if (since <= 0 && view.rating_count() != 0) {
    for (const auto& [ratings, item] : view.popular()) {
      if (items.size() == top || ratings < filter.min_count) break;
      if (admits(item)) items.emplace_back(item, ratings);
    }
    return items;
  }
  // A store without ratings knows what the model was trained on.
  const std::vector<std::uint64_t> counts = since > 0 ? counts_since(view, since) : trained_counts(view, serving);
  for (std::uint32_t item = 0; item < counts.size(); ++item) {
    if (counts[item] >= filter.min_count && admits(item)) items.emplace_back(item, counts[item]);
  }
  const auto middle = items.begin() + static_cast<std::ptrdiff_t>(std::min(top, items.size()));
  std::partial_sort(items.begin(), middle, items.end(),
                    [](const auto& a, const auto& b) { return a.second > b.second || (a.second == b.second && a.first < b.first); });
  items.erase(middle, items.end());
  return items;
}

}  // namespace lowrank::serve
