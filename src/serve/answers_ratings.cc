#include <algorithm>
#include <chrono>
#include <cmath>

#include "data/number.h"
#include "data/text.h"
#include "serve/answers.h"
#include "serve/export.h"

namespace lowrank::serve {

namespace {

/// A float32 that a rating may have. \throws Problem
float rating_value(const Json& value) {
  const auto number = static_cast<float>(value.get<double>());
  if (!std::isfinite(number)) throw Problem{.status = 400, .detail = "value: is beyond the range of float32"};
  return number;
}

std::int64_t time_of(const Json& entry) {
  const auto time = entry.find("time");
  return time == entry.end() ? now_seconds() : time->get<std::int64_t>();
}

std::shared_ptr<const UserRow> row_of(const Context& context, const std::string& user) {
  auto row = context.catalogue.view().row(user);
  if (!row) throw Problem{.status = 404, .detail = "there is no user of this id"};
  return row;
}

/// Ratings of the store as text, piece by piece.
class ExportedRatings : public BodySource {
 public:
  ExportedRatings(RatingLines lines, ExportFormat format) : text_(std::move(lines), format) {}
  bool next(std::string& text) override { return text_.next(text); }

 private:
  RatingText text_;
};

}  // namespace

std::size_t position_of(const Call& call) {
  if (!call.has("cursor") || call.text("cursor").empty()) return 0;
  const auto position = parse_count(call.text("cursor"));
  if (!position) throw Problem{.status = 400, .detail = "cursor: is none that this service gave"};
  return static_cast<std::size_t>(*position);
}

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void write_one(Context& context, Operation operation, Reply reply,
               std::function<Response(Context& context, const Change& change, std::uint64_t number)> make) {
  std::vector<Operation> operations{operation};
  context.store.submit(std::move(operations), [&context, operation = std::move(operation), reply = std::move(reply), make = std::move(make),
                                               pending = std::make_shared<Pending>(context)](const Outcome& outcome) {
    if (!outcome) {
      reply(answer_of(problem_of(outcome.problem, outcome.message)));
      return;
    }
    const std::uint64_t number = context.catalogue.apply(operation, outcome.changes.front());
    try {
      reply(make(context, outcome.changes.front(), number));
    } catch (const Problem& problem) {
      reply(answer_of(problem));
    } catch (const std::exception&) {
      // The store's thread must go on.
      reply(answer_of({.status = 503, .detail = "the write is done, but there was no memory for its answer"}));
    }
  });
}

void put_rating(Context& context, const Call& call, Reply reply) {
  const PutRating put{.user = call.path[0], .item = call.path[1], .value = rating_value(call.body["value"]), .time = time_of(call.body)};
  write_one(context, put, std::move(reply), [put](Context&, const Change&, std::uint64_t version) {
    Response response;
    JsonWriter json(response.body);
    json.begin_object().member("user", put.user).member("item", put.item).member("value", put.value).member("time", put.time);
    json.member("version", version).end_object();
    return response;
  });
}

void remove_rating(Context& context, const Call& call, Reply reply) {
  const RemoveRating remove{.user = call.path[0], .item = call.path[1]};
  write_one(context, remove, std::move(reply), [remove](Context&, const Change& change, std::uint64_t version) {
    if (!change.found) throw Problem{.status = 404, .detail = "there is no rating of this user and item"};
    Response response;
    JsonWriter json(response.body);
    json.begin_object().member("user", remove.user).member("item", remove.item).member("deleted", true).member("version", version);
    json.end_object();
    return response;
  });
}

void put_ratings(Context& context, const Call& call, Reply reply) {
  write_in_bulk(
      context, call,
      [](const Json& entry) -> Operation {
        return PutRating{.user = entry["user"].get<std::string>(),
                         .item = entry["item"].get<std::string>(),
                         .value = rating_value(entry["value"]),
                         .time = time_of(entry)};
      },
      reply);
}

Response ratings_of_user(Context& context, const Call& call) {
  const auto row = row_of(context, call.path[0]);
  // The version goes with the position: a page of another state is none of this list.
  std::size_t begin = 0;
  if (call.has("cursor") && !call.text("cursor").empty()) {
    const std::string_view cursor = call.text("cursor");
    const std::size_t dash = cursor.find('-');
    const auto version = parse_count(cursor.substr(0, dash));
    const auto position = dash == std::string_view::npos ? std::nullopt : parse_count(cursor.substr(dash + 1));
    if (!version || !position) throw Problem{.status = 400, .detail = "cursor: is none that this service gave"};
    begin = static_cast<std::size_t>(*position);
    if (*version != row->version) throw Problem{.status = 409, .detail = "stale cursor: the ratings changed; start again without a cursor"};
  }
  std::vector<RatedItem> ratings = row->ratings;
  std::ranges::stable_sort(ratings, [](const RatedItem& a, const RatedItem& b) { return a.time > b.time; });
  begin = std::min(begin, ratings.size());
  const std::size_t end = std::min(ratings.size(), begin + static_cast<std::size_t>(call.integer("limit")));
  Response response;
  const Catalogue::View view = context.catalogue.view();
  JsonWriter json(response.body);
  json.begin_object().member("user", call.path[0]).key("ratings").begin_array();
  for (std::size_t n = begin; n < end; ++n) {
    json.begin_object().member("item", view.item_id(ratings[n].item)).member("value", ratings[n].value).member("time", ratings[n].time);
    if (const std::string& title = view.items()[ratings[n].item].title; !title.empty()) json.member("title", title);
    json.end_object();
  }
  json.end_array().member("total", std::uint64_t{ratings.size()});
  if (end < ratings.size()) json.member("cursor", std::to_string(row->version) + '-' + std::to_string(end));
  json.end_object();
  return response;
}

Response list_users(Context& context, const Call& call) {
  const std::string prefix = call.has("search") ? call.text("search") : std::string();
  const auto limit = static_cast<std::size_t>(call.integer("limit"));
  Response response;
  const Catalogue::View view = context.catalogue.view();
  JsonWriter json(response.body);
  json.begin_object().key("users").begin_array();
  std::size_t listed = 0;
  std::uint32_t user = static_cast<std::uint32_t>(std::min<std::size_t>(position_of(call), view.user_slots()));
  for (; user < view.user_slots(); ++user) {
    const auto& row = view.row_at(user);
    if (!row || !view.user_id(user).starts_with(prefix)) continue;
    if (listed == limit) break;
    ++listed;
    json.begin_object().member("user", view.user_id(user)).member("ratings", std::uint64_t{row->ratings.size()}).end_object();
  }
  json.end_array();
  if (user < view.user_slots()) json.member("cursor", std::to_string(user));
  json.end_object();
  return response;
}

Response get_user(Context& context, const Call& call) {
  const auto row = row_of(context, call.path[0]);
  const auto serving = context.slot.get();
  const bool in_model = serving && serving->model().users.knows(serving->model().users.ids.find(call.path[0]));
  Response response;
  JsonWriter json(response.body);
  json.begin_object().member("user", call.path[0]).member("ratings", std::uint64_t{row->ratings.size()});
  json.member("created", context.catalogue.view().created(call.path[0])).member("version", row->version);
  json.member("in_model", in_model).end_object();
  return response;
}

void erase_user(Context& context, const Call& call, Reply reply) {
  const EraseUser erase{.user = call.path[0]};
  write_one(context, erase, std::move(reply), [erase](Context&, const Change& change, std::uint64_t ratings) {
    if (!change.found) throw Problem{.status = 404, .detail = "there is no user of this id"};
    Response response;
    JsonWriter json(response.body);
    json.begin_object().member("user", erase.user).member("deleted", true).member("ratings", ratings).end_object();
    return response;
  });
}

Response export_ratings(Context& context, const Call& call) {
  const ExportFormat format = parse_export_format(call.text("format"));
  Response response{.status = 200, .content_type = format == ExportFormat::csv ? "text/csv; charset=utf-8" : "application/x-ndjson"};
  response.source = std::make_shared<ExportedRatings>(context.store.snapshot(), format);
  return response;
}

}  // namespace lowrank::serve
