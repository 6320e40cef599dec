#include "serve/routes.h"

#include "serve/answers.h"

namespace lowrank::serve {

namespace {

using Kind = ParameterKind;

const Parameter kUser{.name = "user", .kind = Kind::id, .help = "id of the user"};
const Parameter kItem{.name = "item", .kind = Kind::id, .help = "id of the item"};
const Parameter kNumber{.name = "id", .kind = Kind::integer, .help = "number", .least = 1, .most = 999999999};
const Parameter kCursor{.name = "cursor",
                        .kind = Kind::text,
                        .help = "the cursor of the page before; where what is listed changed meanwhile, the answer is 409",
                        .pattern = "^([0-9a-f]{1,16}-[0-9]{1,6})?$"};
const Parameter kVersioned{.name = "cursor",
                           .kind = Kind::text,
                           .help = "the cursor of the page before; where the ratings changed meanwhile, the answer is 409",
                           .pattern = "^([0-9]{1,18}-[0-9]{1,9})?$"};
const Parameter kPosition{.name = "cursor", .kind = Kind::text, .help = "the cursor of the page before", .pattern = "^[0-9]{0,9}$"};
const Parameter kCategory{
    .name = "category", .kind = Kind::text, .help = "list only items of this category; several: of any of them", .repeats = true};
const Parameter kExclude{.name = "exclude", .kind = Kind::id, .help = "item to leave out", .repeats = true};
const Parameter kMinCount{.name = "min_count",
                          .kind = Kind::integer,
                          .help = "list only items with at least this many ratings in training, and of popular items now",
                          .least = 1,
                          .most = 4294967295,
                          .otherwise = "1"};
const Parameter kBy{.name = "by", .kind = Kind::text, .help = "measure of similarity", .otherwise = "cosine", .names = "cosine|dot"};
const Parameter kOnError{.name = "on_error",
                         .kind = Kind::text,
                         .help = "what becomes of a wrong entry: the request stops there, or the entry is skipped and named in the answer",
                         .otherwise = "stop",
                         .names = "stop|skip"};

Parameter limit(const char* otherwise, std::int64_t most = 1000) {
  return {.name = "limit", .kind = Kind::integer, .help = "length of the list", .least = 1, .most = most, .otherwise = otherwise};
}

std::vector<Route> make_routes() {
  const auto with = [&](const char* schema) { return Answer{200, "the answer", schema}; };
  const Answer not_modified{304, "the list is the one of If-None-Match", ""};
  const Answer missing{404, "there is none of this id", "Problem"};
  const Answer stale{409, "the cursor is of a list that changed", "Problem"};
  const Answer no_model{503, "there is no model yet, or too many requests wait", "Problem"};
  const Answer full{507, "no space on the disk", "Problem"};
  std::vector<Route> all;
  // Lists
  all.push_back(
      {.method = "GET",
       .path = "/v1/users/{user}/recommendations",
       .name = "recommend",
       .help = "The best items for a user, from the ratings that the store has of them now.",
       .scope = Scope::read,
       .lane = Lane::fast,
       .answer = list_for_user,
       .parameters =
           {kUser,
            limit("10"),
            kCursor,
            kCategory,
            kExclude,
            kMinCount,
            {.name = "include_seen", .kind = Kind::boolean, .help = "list items that the user has rated too", .otherwise = "false"},
            {.name = "explain", .kind = Kind::integer, .help = "most reasons per item", .least = 0, .most = 100, .otherwise = "0"},
            {.name = "item", .kind = Kind::id, .help = "the list is of items like this one where nothing is known of the user"},
            {.name = "context",
             .kind = Kind::text,
             .help = "NAME=LEVEL, what the list is for, of a model with contexts; several for several contexts",
             .repeats = true,
             .pattern = "^[^=\\u0000-\\u001f\\u007f]+=[^\\u0000-\\u001f\\u007f]*$"},
            {.name = "model",
             .kind = Kind::integer,
             .help = "another model of /v1/models than the one in service, to compare",
             .least = 1,
             .most = 999999999}},
       .answers = {with("List"), not_modified, missing, stale}});
  all.push_back({.method = "POST",
                 .path = "/v1/recommend",
                 .name = "recommend_by_body",
                 .help = "The best items for a user of the store, or for ratings that are stored nowhere; one list, or up to 1000 at once.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = list_as_asked,
                 .parameters = {},
                 .body = BodyKind::json,
                 .schema = "RecommendBody",
                 .answers = {with("ListOrLists"), missing, stale}});
  all.push_back({.method = "GET",
                 .path = "/v1/items/{item}/similar",
                 .name = "similar_items",
                 .help = "The items whose factors are most like those of an item.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = similar_items_to,
                 .parameters = {kItem, kBy, limit("10"), kCategory, kExclude, kMinCount},
                 .answers = {with("SimilarItems"), missing, no_model}});
  all.push_back({.method = "GET",
                 .path = "/v1/users/{user}/similar",
                 .name = "similar_users",
                 .help = "The users whose factors are most like those of a user.",
                 .scope = Scope::read,
                 .lane = Lane::slow,
                 .answer = similar_users_to,
                 .parameters = {kUser, kBy, limit("10")},
                 .answers = {with("SimilarUsers"), missing, no_model}});
  all.push_back({.method = "GET",
                 .path = "/v1/popular",
                 .name = "popular_items",
                 .help = "The items with the most ratings: what an unknown user gets.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = list_popular,
                 .parameters = {limit("10"),
                                kCursor,
                                kCategory,
                                kExclude,
                                kMinCount,
                                {.name = "since",
                                 .kind = Kind::integer,
                                 .help = "ratings before this time (seconds since 1970) do not count",
                                 .least = 0,
                                 .most = 253402300799}},
                 .answers = {with("List"), not_modified, stale}});
  all.push_back({.method = "POST",
                 .path = "/v1/predict",
                 .name = "predict",
                 .help = "Scores of pairs of a user and an item.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = predict_pairs_of,
                 .parameters = {},
                 .body = BodyKind::json,
                 .schema = "PredictBody",
                 .answers = {with("Predictions"), no_model}});
  // Ratings
  all.push_back({.method = "PUT",
                 .path = "/v1/users/{user}/ratings/{item}",
                 .name = "put_rating",
                 .help = "Sets a rating. It counts from the next list on. A user or item that is not known is created.",
                 .scope = Scope::write,
                 .lane = Lane::fast,
                 .answer = put_rating,
                 .parameters = {kUser, kItem},
                 .body = BodyKind::json,
                 .schema = "RatingBody",
                 .answers = {with("Rating"), full},
                 .writes = true});
  all.push_back({.method = "DELETE",
                 .path = "/v1/users/{user}/ratings/{item}",
                 .name = "delete_rating",
                 .help = "Removes a rating.",
                 .scope = Scope::write,
                 .lane = Lane::fast,
                 .answer = remove_rating,
                 .parameters = {kUser, kItem},
                 .answers = {with("Deleted"), missing, full},
                 .writes = true});
  all.push_back({.method = "POST",
                 .path = "/v1/ratings",
                 .name = "put_ratings",
                 .help = "Sets many ratings: an array, or one object per line. Each 1000 entries are one transaction.",
                 .scope = Scope::write,
                 .lane = Lane::slow,
                 .answer = put_ratings,
                 .parameters = {kOnError},
                 .body = BodyKind::bulk,
                 .schema = "RatingEntry",
                 .answers = {with("Accepted"), full},
                 .writes = true});
  all.push_back({.method = "GET",
                 .path = "/v1/users/{user}/ratings",
                 .name = "get_ratings",
                 .help = "The ratings of a user, the newest first.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = ratings_of_user,
                 .parameters = {kUser, limit("100"), kVersioned},
                 .answers = {with("UserRatings"), missing, stale}});
  // Users
  all.push_back(
      {.method = "GET",
       .path = "/v1/users",
       .name = "list_users",
       .help = "The users, in the order in which they came.",
       .scope = Scope::read,
       .lane = Lane::fast,
       .answer = list_users,
       .parameters = {limit("100"), kPosition, {.name = "search", .kind = Kind::text, .help = "list only ids that start with this"}},
       .answers = {with("Users")}});
  all.push_back({.method = "GET",
                 .path = "/v1/users/{user}",
                 .name = "get_user",
                 .help = "What is known of a user.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = get_user,
                 .parameters = {kUser},
                 .answers = {with("User"), missing}});
  all.push_back({.method = "DELETE",
                 .path = "/v1/users/{user}",
                 .name = "delete_user",
                 .help = "Erases a user with all ratings.",
                 .scope = Scope::write,
                 .lane = Lane::fast,
                 .answer = erase_user,
                 .parameters = {kUser},
                 .answers = {with("Deleted"), missing, full},
                 .writes = true});
  // Items
  all.push_back(
      {.method = "GET",
       .path = "/v1/items",
       .name = "list_items",
       .help = "The items, those with the most ratings first.",
       .scope = Scope::read,
       .lane = Lane::fast,
       .answer = list_items,
       .parameters = {{.name = "search",
                       .kind = Kind::text,
                       .help = "list only items with this in their title, whatever case and accents, or at the start of their id"},
                      kCategory,
                      {.name = "available", .kind = Kind::boolean, .help = "list only items that are available, or only the others"},
                      limit("100"),
                      kPosition},
       .answers = {with("Items")}});
  all.push_back({.method = "GET",
                 .path = "/v1/items/{item}",
                 .name = "get_item",
                 .help = "What is known of an item.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = get_item,
                 .parameters = {kItem},
                 .answers = {with("Item"), missing}});
  all.push_back({.method = "PUT",
                 .path = "/v1/items/{item}",
                 .name = "put_item",
                 .help = "Sets an item: what is not given is as for a new one.",
                 .scope = Scope::write,
                 .lane = Lane::fast,
                 .answer = put_item,
                 .parameters = {kItem},
                 .body = BodyKind::json,
                 .schema = "ItemBody",
                 .answers = {with("Item"), full},
                 .writes = true});
  all.push_back({.method = "PATCH",
                 .path = "/v1/items/{item}",
                 .name = "patch_item",
                 .help = "Changes what is given of an item; null removes it.",
                 .scope = Scope::write,
                 .lane = Lane::fast,
                 .answer = patch_item,
                 .parameters = {kItem},
                 .body = BodyKind::json,
                 .schema = "ItemPatch",
                 .answers = {with("Item"), missing, full},
                 .writes = true});
  all.push_back({.method = "DELETE",
                 .path = "/v1/items/{item}",
                 .name = "delete_item",
                 .help = "Removes an item with all its ratings.",
                 .scope = Scope::write,
                 .lane = Lane::fast,
                 .answer = remove_item,
                 .parameters = {kItem},
                 .answers = {with("Deleted"), missing, full},
                 .writes = true});
  all.push_back({.method = "POST",
                 .path = "/v1/items",
                 .name = "put_items",
                 .help = "Sets many items: an array, or one object per line. Each 1000 entries are one transaction.",
                 .scope = Scope::write,
                 .lane = Lane::slow,
                 .answer = put_items,
                 .parameters = {kOnError},
                 .body = BodyKind::bulk,
                 .schema = "ItemEntry",
                 .answers = {with("Accepted"), full},
                 .writes = true});
  all.push_back({.method = "GET",
                 .path = "/v1/categories",
                 .name = "list_categories",
                 .help = "The categories, those of the most items first.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = list_categories,
                 .parameters = {},
                 .answers = {with("Categories")}});
  // Models and jobs
  all.push_back({.method = "POST",
                 .path = "/v1/train",
                 .name = "train",
                 .help = "Starts a training on the ratings of the store. What is not given is as the service was started with.",
                 .scope = Scope::admin,
                 .lane = Lane::slow,
                 .answer = start_training,
                 .parameters = {},
                 .body = BodyKind::json,
                 .schema = "TrainBody",
                 .answers = {{202, "the job", "Job"},
                             {409, "a job runs already", "Problem"},
                             {422, "an option is not one of the method, or out of range", "Problem"}},
                 .writes = true});
  all.push_back({.method = "GET",
                 .path = "/v1/jobs",
                 .name = "list_jobs",
                 .help = "The trainings since the start of the service, the newest first.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = list_jobs,
                 .parameters = {},
                 .answers = {with("Jobs")}});
  all.push_back({.method = "GET",
                 .path = "/v1/jobs/{id}",
                 .name = "get_job",
                 .help = "A training, with its epochs so far.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = get_job,
                 .parameters = {kNumber},
                 .answers = {with("Job"), missing}});
  all.push_back({.method = "DELETE",
                 .path = "/v1/jobs/{id}",
                 .name = "cancel_job",
                 .help = "Asks a training to end after its running epoch, without a model.",
                 .scope = Scope::admin,
                 .lane = Lane::fast,
                 .answer = cancel_job,
                 .parameters = {kNumber},
                 .answers = {with("Job"), missing, {409, "the job has ended, or its model is trained", "Problem"}},
                 .writes = true});
  all.push_back({.method = "GET",
                 .path = "/v1/models",
                 .name = "list_models",
                 .help = "The models, the newest first.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = list_models,
                 .parameters = {},
                 .answers = {with("Models")}});
  all.push_back({.method = "GET",
                 .path = "/v1/models/{id}",
                 .name = "get_model",
                 .help = "A model: how it was trained, and its figures.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = get_model,
                 .parameters = {kNumber},
                 .answers = {with("Model"), missing}});
  all.push_back({.method = "POST",
                 .path = "/v1/models/{id}/activate",
                 .name = "activate_model",
                 .help = "Puts a model in service: the way back to an older one, or forward again.",
                 .scope = Scope::admin,
                 .lane = Lane::slow,
                 .answer = activate_model,
                 .parameters = {kNumber},
                 .body = BodyKind::json,
                 .schema = "Empty",
                 .answers = {with("Model"), missing},
                 .writes = true});
  all.push_back({.method = "GET",
                 .path = "/v1/map",
                 .name = "map_items",
                 .help = "The items on a plane: the first two principal axes of their factors, those with the most ratings first.",
                 .scope = Scope::read,
                 .lane = Lane::slow,
                 .answer = get_map,
                 .parameters = {limit("50000", 50000)},
                 .answers = {with("Map"), no_model}});
  all.push_back({.method = "GET",
                 .path = "/v1/stats",
                 .name = "stats",
                 .help = "Counts, model, times by route, limits.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = get_stats,
                 .parameters = {},
                 .answers = {with("Stats")}});
  all.push_back(
      {.method = "GET",
       .path = "/v1/export/ratings",
       .name = "export_ratings",
       .help = "All ratings in the order of their ids, as text. lowrank train reads it.",
       .scope = Scope::admin,
       .lane = Lane::slow,
       .answer = export_ratings,
       .parameters =
           {{.name = "format", .kind = Kind::text, .help = "csv, or one object per line", .otherwise = "csv", .names = "csv|ndjson"}},
       .answers = {{200, "the ratings", "text/csv|application/x-ndjson"}}});
  all.push_back({.method = "GET",
                 .path = "/v1/export/items",
                 .name = "export_items",
                 .help =
                     "The table of features of items that training with item_features reads: their categories and metadata. lowrank train "
                     "--item-features reads it.",
                 .scope = Scope::admin,
                 .lane = Lane::slow,
                 .answer = export_items,
                 .parameters = {},
                 .answers = {{200, "the table", "text/csv"}}});
  all.push_back({.method = "POST",
                 .path = "/v1/backup",
                 .name = "back_up",
                 .help = "Makes a copy of the store and of the served model in a new folder beside the store.",
                 .scope = Scope::admin,
                 .lane = Lane::slow,
                 .answer = back_up,
                 .parameters = {},
                 .body = BodyKind::json,
                 .schema = "Empty",
                 .answers = {with("Backup"), full},
                 .writes = true});
  // The service itself
  all.push_back({.method = "GET",
                 .path = "/livez",
                 .name = "livez",
                 .help = "Whether the service runs.",
                 .scope = Scope::open,
                 .lane = Lane::instant,
                 .answer = get_livez,
                 .parameters = {},
                 .answers = {with("Status")}});
  all.push_back(
      {.method = "GET",
       .path = "/readyz",
       .name = "readyz",
       .help = "Whether the service can answer: a model is loaded, the store takes writes, the queue is not full, and it does not end.",
       .scope = Scope::open,
       .lane = Lane::instant,
       .answer = get_readyz,
       .parameters = {},
       .answers = {with("Status"), {503, "not ready, and why", "Status"}}});
  all.push_back({.method = "GET",
                 .path = "/metrics",
                 .name = "metrics",
                 .help = "Figures in the text format of Prometheus.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = get_metrics,
                 .parameters = {},
                 .answers = {{200, "the figures", "text/plain"}}});
  all.push_back({.method = "GET",
                 .path = "/openapi.json",
                 .name = "openapi",
                 .help = "This description.",
                 .scope = Scope::read,
                 .lane = Lane::fast,
                 .answer = get_openapi,
                 .parameters = {},
                 .answers = {{200, "the description", "Anything"}}});
  all.push_back({.method = "GET",
                 .path = "/{file}",
                 .name = "page",
                 .help = "A file of the page.",
                 .scope = Scope::open,
                 .lane = Lane::fast,
                 .answer = get_file,
                 .parameters = {{.name = "file", .kind = Kind::text, .help = "name of the file; none for the page itself"}},
                 .answers = {{200, "the file", "text/html"}, not_modified, missing}});
  return all;
}

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> table = make_routes();
  return table;
}

}  // namespace lowrank::serve
