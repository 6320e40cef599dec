#pragma once

/// \file
/// What answers the routes, one function per route. The table in routes.cc says which.

#include "serve/lists.h"
#include "serve/routes.h"
#include "serve/service.h"

namespace lowrank::serve {

/// \name Lists and scores
/// \{
Lists list_for_user(const Call& call);
Lists list_as_asked(const Call& call);
Lists list_popular(const Call& call);
Response similar_items_to(Context& context, const Call& call);
Response similar_users_to(Context& context, const Call& call);
Response predict_pairs_of(Context& context, const Call& call);
/// \}

/// \name Ratings and users
/// \{
void put_rating(Context& context, const Call& call, Reply reply);
void remove_rating(Context& context, const Call& call, Reply reply);
void put_ratings(Context& context, const Call& call, Reply reply);
Response ratings_of_user(Context& context, const Call& call);
Response list_users(Context& context, const Call& call);
Response get_user(Context& context, const Call& call);
void erase_user(Context& context, const Call& call, Reply reply);
Response export_ratings(Context& context, const Call& call);
/// \}

/// \name Items
/// \{
Response list_items(Context& context, const Call& call);
Response get_item(Context& context, const Call& call);
void put_item(Context& context, const Call& call, Reply reply);
void patch_item(Context& context, const Call& call, Reply reply);
void remove_item(Context& context, const Call& call, Reply reply);
void put_items(Context& context, const Call& call, Reply reply);
Response list_categories(Context& context, const Call& call);
Response export_items(Context& context, const Call& call);
/// \}

/// \name Models and jobs
/// \{
Response start_training(Context& context, const Call& call);
Response list_jobs(Context& context, const Call& call);
Response get_job(Context& context, const Call& call);
Response cancel_job(Context& context, const Call& call);
Response list_models(Context& context, const Call& call);
Response get_model(Context& context, const Call& call);
Response activate_model(Context& context, const Call& call);
Response get_map(Context& context, const Call& call);
Response back_up(Context& context, const Call& call);
/// \}

/// \name The service itself
/// \{
Response get_stats(Context& context, const Call& call);
Response get_metrics(Context& context, const Call& call);
Response get_openapi(Context& context, const Call& call);
Response get_livez(Context& context, const Call& call);
Response get_readyz(Context& context, const Call& call);
Response get_file(Context& context, const Call& call);
/// \}

/// Counts a write as pending until it is gone.
class Pending {
 public:
  explicit Pending(Context& context) : count_(context.pending) { ++count_; }
  ~Pending() { --count_; }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

 private:
  std::atomic<int>& count_;
};

/// The present time in seconds since 1970.
std::int64_t now_seconds();
/// The position that the parameter `cursor` gives; 0 without one. \throws Problem
std::size_t position_of(const Call& call);
/// The model in service. \throws Problem(503)
std::shared_ptr<const Serving> model_in(const Context& context);
/// A filter by the parameters `category` and `min_count`.
Filter filter_of(const Call& call);
/// Writes a model of the table. \param history  whether its epochs go with it
void write_model(JsonWriter& json, const ModelEntry& entry, bool active, bool history);
void write_job(JsonWriter& json, const Job& job);
/// The bulk writes of ratings and items: entries become operations in chunks, each of which is committed by itself.
/// \param operation  makes an operation of an entry that fits the schema. \throws Problem
void write_in_bulk(Context& context, const Call& call, const std::function<Operation(const Json& entry)>& operation, const Reply& reply);
/// Answers a write when it is committed. \param make  the answer, from what the operation met; called after the catalogue has it
void write_one(Context& context, Operation operation, Reply reply,
               std::function<Response(Context& context, const Change& change, std::uint64_t number)> make);

}  // namespace lowrank::serve
