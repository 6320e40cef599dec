#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/dot.h"
#include "lowrank/base/error.h"
#include "recommend/row_similarity.h"
#include "recommend/top_list.h"
#include "serve/answers.h"

namespace lowrank::serve {

namespace {

std::vector<std::string> strings_of(const Json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return {};
  return found->get<std::vector<std::string>>();
}

/// The member `context` of a body.
std::vector<ContextValue> context_of(const Json& body) {
  std::vector<ContextValue> context;
  if (!body.contains("context")) return context;
  for (const auto& [name, level] : body["context"].items()) context.emplace_back(name, level.get<std::string>());
  return context;
}

/// The parameters `context`: NAME=LEVEL.
std::vector<ContextValue> context_of(const Call& call) {
  std::vector<ContextValue> context;
  for (const std::string& text : call.all("context")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Problem{.status = 400, .detail = "context: is not NAME=LEVEL, such as daytime=evening"};
    context.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return context;
}

ListQuery query_of(const Json& body) {
  ListQuery query;
  if (body.contains("user")) query.user = body["user"].get<std::string>();
  if (body.contains("ratings")) {
    query.ratings.emplace();
    for (const Json& rating : body["ratings"]) {
      const auto value = rating["value"].get<float>();
      if (!std::isfinite(value)) throw Problem{.status = 400, .detail = "value: is beyond the range of float32"};
      query.ratings->emplace_back(rating["item"].get<std::string>(), value);
    }
  }
  if (query.user && query.ratings) throw Problem{.status = 400, .detail = "give a user or ratings, not both"};
  if (body.contains("item")) query.item = body["item"].get<std::string>();
  query.limit = body.value("limit", std::size_t{10});
  query.cursor = body.value("cursor", std::string());
  query.explain = body.value("explain", std::size_t{0});
  query.include_seen = body.value("include_seen", false);
  query.context = context_of(body);
  if (body.contains("model")) query.model = body["model"].get<std::int64_t>();
  if (!body.contains("filter")) return query;
  const Json& filter = body["filter"];
  query.filter.categories = strings_of(filter, "categories");
  query.filter.min_count = filter.value("min_count", 1U);
  query.excluded = strings_of(filter, "exclude");
  if (filter.contains("items")) query.filter.items = strings_of(filter, "items");
  return query;
}

void take_page(const Call& call, ListQuery& query) {
  query.limit = static_cast<std::size_t>(call.integer("limit"));
  if (call.has("cursor")) query.cursor = call.text("cursor");
  query.excluded = call.all("exclude");
  query.filter = filter_of(call);
  query.tagged = true;
  if (const auto known = call.request.field("if-none-match")) query.known_tag = std::string(*known);
}

/// A user of the store, solved; null where nothing is known of them.
std::shared_ptr<const FoldedUser> folded_user(const Serving& serving, const std::shared_ptr<const UserRow>& row) {
  if (!row || !serving.personal()) return nullptr;
  auto folded = serving.fold({&row, 1}).front();
  return folded && folded->known ? folded : nullptr;
}

std::string item_list(const Serving& serving, const Catalogue::View& view, std::span<const Scored> list) {
  std::string text;
  JsonWriter json(text);
  json.begin_array();
  for (const Scored& scored : list) {
    const std::uint32_t item = serving.catalogue_item(scored.index);
    json.begin_object().member("item", view.item_id(item)).member("score", scored.score);
    if (const std::string& title = view.items()[item].title; !title.empty()) json.member("title", title);
    json.end_object();
  }
  json.end_array();
  return text;
}

/// Scores of items for one user, as lists have them. \param items  of the model; kUnknown for others
std::vector<double> scores_of(const Serving& serving, const FoldedUser* user, std::span<const std::uint32_t> items) {
  const Model& model = serving.model();
  std::vector<double> scores;
  std::map<std::uint32_t, float> listed;
  if (user != nullptr) {
    std::vector<std::uint32_t> known;
    std::ranges::copy_if(items, std::back_inserter(known), [&](std::uint32_t item) { return model.items.knows(item); });
    std::ranges::sort(known);
    known.erase(std::unique(known.begin(), known.end()), known.end());
    if (!known.empty()) {
      const RecommendOptions options{.top = known.size(), .threads = 1, .items = known};
      for (const Scored& scored : serving.recommender().recommend(user->row, {}, options)) listed[scored.index] = scored.score;
    }
  }
  for (const std::uint32_t item : items) {
    if (const auto found = listed.find(item); found != listed.end()) {
      scores.push_back(static_cast<double>(found->second));
    } else if (user != nullptr && model.centre.has_biases) {
      scores.push_back(model.centre.mean + static_cast<double>(user->row.bias));
    } else {
      scores.push_back(score(model, Vocabulary::kUnknown, item));
    }
  }
  return scores;
}

}  // namespace

std::shared_ptr<const Serving> model_in(const Context& context) {
  auto serving = context.slot.get();
  if (!serving)
    throw Problem{.status = 503, .detail = "there is no model yet; train one by POST /v1/train", .fields = {{"Retry-After", "10"}}};
  return serving;
}

Filter filter_of(const Call& call) {
  Filter filter{.categories = call.all("category")};
  if (call.has("min_count")) filter.min_count = static_cast<std::uint32_t>(call.integer("min_count"));
  return filter;
}

Lists list_for_user(const Call& call) {
  ListQuery query;
  take_page(call, query);
  query.user = call.path[0];
  if (call.has("item")) query.item = call.text("item");
  query.explain = static_cast<std::size_t>(call.integer("explain"));
  query.include_seen = call.flag("include_seen");
  if (call.has("model")) query.model = call.integer("model");
  query.context = context_of(call);
  Lists lists;
  lists.queries.push_back(std::move(query));
  return lists;
}

Lists list_popular(const Call& call) {
  ListQuery query;
  take_page(call, query);
  query.popular = true;
  if (call.has("since")) query.since = call.integer("since");
  Lists lists;
  lists.queries.push_back(std::move(query));
  return lists;
}

Lists list_as_asked(const Call& call) {
  constexpr std::size_t kMostItems = 100'000;
  Lists lists;
  if (!call.body.contains("requests")) {
    lists.queries.push_back(query_of(call.body));
    return lists;
  }
  if (call.body.size() != 1) throw Problem{.status = 400, .detail = "body: next to \"requests\" there may be nothing else"};
  lists.many = true;
  std::size_t items = 0;
  for (const Json& request : call.body["requests"]) {
    lists.queries.push_back(query_of(request));
    items += lists.queries.back().limit;
  }
  if (items > kMostItems) throw Problem{.status = 400, .detail = "body: the limits of all requests add up to more than 100000 items"};
  return lists;
}

Response similar_items_to(Context& context, const Call& call) {
  const auto serving = model_in(context);
  SimilarOptions options{.top = static_cast<std::size_t>(call.integer("limit")), .by = parse_similarity(call.text("by")), .threads = 1};
  std::uint32_t item = Vocabulary::kUnknown;
  {
    const Catalogue::View view = context.catalogue.view();
    const std::uint32_t number = view.item(call.path[0]);
    if (number == Vocabulary::kUnknown || view.items()[number].removed) {
      throw Problem{.status = 404, .detail = "there is no item of this id"};
    }
    item = serving->model_item(number);
    options.rows = serving->candidates(filter_of(call), view)->items();
    for (const std::string& id : call.all("exclude")) {
      const std::uint32_t excluded = view.item(id);
      const std::uint32_t own = excluded == Vocabulary::kUnknown ? excluded : serving->model_item(excluded);
      if (own != Vocabulary::kUnknown) options.excluded.push_back(own);
    }
  }
  std::vector<Scored> list;
  if (serving->model().items.knows(item)) {
    serving->recommender().similar_items({&item, 1}, options,
                                         [&](std::size_t, std::span<const Scored> found) { list.assign(found.begin(), found.end()); });
  }
  Response response;
  const Catalogue::View view = context.catalogue.view();
  JsonWriter json(response.body);
  json.begin_object().member("item", call.path[0]).member("by", call.text("by"));
  json.key("items").raw(item_list(*serving, view, list)).member("model", serving->id()).end_object();
  return response.with("Lowrank-Model", std::to_string(serving->id()));
}

Response similar_users_to(Context& context, const Call& call) {
  const auto serving = model_in(context);
  std::shared_ptr<const UserRow> row;
  {
    const Catalogue::View view = context.catalogue.view();
    row = view.row(call.path[0]);
  }
  if (!row) throw Problem{.status = 404, .detail = "there is no user of this id"};
  const Model& model = serving->model();
  const auto folded = folded_user(*serving, row);
  const bool cosine = call.text("by") == "cosine";
  TopList best;
  const auto limit = static_cast<std::size_t>(call.integer("limit"));
  best.reset(limit);
  if (folded && model.rank() != 0) {
    FactorMatrix own(1, model.rank());
    std::ranges::copy(folded->row.factors, own.row(0).begin());
    const std::size_t stride = own.stride();
    const double length = std::sqrt(static_cast<double>(dot(own.data(), own.data(), stride)));
    const std::uint32_t self = model.users.ids.find(call.path[0]);
    const Catalogue::View view = context.catalogue.view();
    for (std::uint32_t user = 0; user < model.users.size(); ++user) {
      // Who was erased is not named, whatever an older model remembers.
      if (user == self || !model.users.knows(user) || !view.row(model.users.ids.id(user))) continue;
      const float* other = model.users.factors.row(user).data();
      double similarity = static_cast<double>(dot(own.data(), other, stride));
      if (cosine) {
        const double lengths = length * std::sqrt(static_cast<double>(dot(other, other, stride)));
        if (!(lengths > 0)) continue;
        similarity /= lengths;
      }
      const Scored scored{user, finite_score(similarity)};
      if (best.admits(scored)) best.add(scored);
    }
  }
  std::vector<Scored> list;
  best.take(list);
  Response response;
  JsonWriter json(response.body);
  json.begin_object().member("user", call.path[0]).member("by", call.text("by")).key("users").begin_array();
  for (const Scored& scored : list) {
    json.begin_object().member("user", model.users.ids.id(scored.index)).member("score", scored.score).end_object();
  }
  json.end_array().member("model", serving->id()).end_object();
  return response.with("Lowrank-Model", std::to_string(serving->id()));
}

Response predict_pairs_of(Context& context, const Call& call) {
  const auto [serving, warning] = context.bound.in_context(model_in(context), context_of(call.body));
  const Model& model = serving->model();
  struct Asked {
    std::shared_ptr<const UserRow> row;
    std::vector<std::size_t> places;
    std::vector<std::uint32_t> items;
  };
  const Json& pairs = call.body["pairs"];
  std::map<std::string, Asked> users;
  {
    const Catalogue::View view = context.catalogue.view();
    for (std::size_t n = 0; n < pairs.size(); ++n) {
      const auto& user = pairs[n]["user"].get_ref<const std::string&>();
      const auto found = users.try_emplace(user).first;
      found->second.row = view.row(user);
      const std::uint32_t item = view.item(pairs[n]["item"].get_ref<const std::string&>());
      found->second.places.push_back(n);
      found->second.items.push_back(item == Vocabulary::kUnknown ? item : serving->model_item(item));
    }
  }
  struct Answered {
    double score = 0;
    bool known_user = false;
    bool known_item = false;
  };
  std::vector<Answered> answers(pairs.size());
  for (const auto& [id, asked] : users) {
    const auto folded = folded_user(*serving, asked.row);
    const std::vector<double> scores = scores_of(*serving, folded.get(), asked.items);
    for (std::size_t n = 0; n < scores.size(); ++n) {
      answers[asked.places[n]] = {scores[n], folded != nullptr, model.items.knows(asked.items[n])};
    }
  }
  Response response;
  JsonWriter json(response.body);
  json.begin_object().key("predictions").begin_array();
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    const Answered& own = answers[n];
    json.begin_object().member("user", pairs[n]["user"].get_ref<const std::string&>());
    json.member("item", pairs[n]["item"].get_ref<const std::string&>()).member("score", own.score);
    if (model.centre.predicts_ratings) json.member("rating", model.centre.rating(own.score));
    json.member("known_user", own.known_user).member("known_item", own.known_item).end_object();
  }
  json.end_array().member("model", serving->id());
  if (!warning.empty()) json.member("warning", warning);
  json.end_object();
  return response.with("Lowrank-Model", std::to_string(serving->id()));
}

}  // namespace lowrank::serve
