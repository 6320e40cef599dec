#include <algorithm>

#include "serve/answers.h"
#include "serve/export.h"

namespace lowrank::serve {

namespace {

/// A table of features as text, piece by piece.
class ExportedItems : public BodySource {
 public:
  explicit ExportedItems(ItemTable table) : text_(std::move(table)) {}
  bool next(std::string& text) override { return text_.next(text); }

 private:
  ItemText text_;
};

void write_item(JsonWriter& json, const Catalogue::View& view, std::uint32_t item, const Serving* serving) {
  const ItemRecord& record = view.items()[item];
  json.begin_object().member("item", view.item_id(item));
  if (!record.title.empty()) json.member("title", record.title);
  json.key("categories").begin_array();
  std::vector<std::string_view> names;
  names.reserve(record.categories.size());
  for (const std::uint32_t category : record.categories) names.push_back(view.category_name(category));
  std::ranges::sort(names);
  for (const std::string_view name : names) json.string(name);
  json.end_array().member("available", record.available);
  json.key("metadata").raw(record.metadata.empty() ? "{}" : record.metadata);
  json.member("ratings", record.ratings);
  if (record.ratings != 0) json.member("mean", record.sum / record.ratings);
  json.member("in_model", serving != nullptr && serving->model().items.knows(serving->model_item(item))).end_object();
}

Response answer_item(const Context& context, const std::string& id) {
  const auto serving = context.slot.get();
  const Catalogue::View view = context.catalogue.view();
  const std::uint32_t item = view.item(id);
  if (item == Vocabulary::kUnknown || view.items()[item].removed) throw Problem{.status = 404, .detail = "there is no item of this id"};
  Response response;
  JsonWriter json(response.body);
  write_item(json, view, item, serving.get());
  return response;
}

std::optional<std::string> text_of(const Json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return {};
  return found->is_object() ? found->dump() : found->get<std::string>();
}

std::vector<std::string> categories_of(const Json& body) {
  const auto found = body.find("categories");
  if (found == body.end() || found->is_null()) return {};
  return found->get<std::vector<std::string>>();
}

PutItem put_of(const std::string& id, const Json& body) {
  PutItem put{.item = id, .title = text_of(body, "title"), .categories = categories_of(body), .metadata = text_of(body, "metadata")};
  put.available = body.value("available", true);
  put.time = now_seconds();
  return put;
}

}  // namespace

Response get_item(Context& context, const Call& call) { return answer_item(context, call.path[0]); }

Response list_items(Context& context, const Call& call) {
  const auto serving = context.slot.get();
  const Catalogue::View view = context.catalogue.view();
  const std::string search = call.has("search") ? folded_text(call.text("search")) : std::string();
  std::vector<std::uint8_t> wanted(view.categories() + std::size_t{1});
  const std::vector<std::string> categories = call.all("category");
  for (const std::string& name : categories) {
    if (const std::uint32_t number = view.category(name); number != Vocabulary::kUnknown) wanted[number] = 1;
  }
  std::vector<std::uint32_t> items;
  for (std::uint32_t item = 0; item < view.items().size(); ++item) {
    const ItemRecord& record = view.items()[item];
    if (record.removed) continue;
    if (call.has("available") && record.available != call.flag("available")) continue;
    if (!categories.empty() && std::ranges::none_of(record.categories, [&](std::uint32_t c) { return wanted[c] != 0; })) continue;
    if (!search.empty() && record.folded.find(search) == std::string::npos && !view.item_id(item).starts_with(call.text("search")))
      continue;
    items.push_back(item);
  }
  const std::size_t begin = std::min(position_of(call), items.size());
  const std::size_t end = std::min(items.size(), begin + static_cast<std::size_t>(call.integer("limit")));
  // Best known first.
  std::partial_sort(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(end), items.end(), [&](std::uint32_t a, std::uint32_t b) {
    const std::uint32_t own = view.items()[a].ratings;
    const std::uint32_t other = view.items()[b].ratings;
    return own > other || (own == other && a < b);
  });
  Response response;
  JsonWriter json(response.body);
  json.begin_object().key("items").begin_array();
  for (std::size_t n = begin; n < end; ++n) write_item(json, view, items[n], serving.get());
  json.end_array().member("total", std::uint64_t{items.size()});
  if (end < items.size()) json.member("cursor", std::to_string(end));
  json.end_object();
  return response;
}

void put_item(Context& context, const Call& call, Reply reply) {
  write_one(context, put_of(call.path[0], call.body), std::move(reply),
            [id = call.path[0]](Context& own, const Change&, std::uint64_t) { return answer_item(own, id); });
}

void patch_item(Context& context, const Call& call, Reply reply) {
  PatchItem patch{.item = call.path[0], .title = {}, .categories = {}, .available = {}, .metadata = {}, .time = now_seconds()};
  if (call.body.contains("title")) patch.title = text_of(call.body, "title");
  if (call.body.contains("categories")) patch.categories = categories_of(call.body);
  if (const auto available = call.body.find("available"); available != call.body.end()) patch.available = available->get<bool>();
  if (call.body.contains("metadata")) patch.metadata = text_of(call.body, "metadata");
  write_one(context, patch, std::move(reply), [id = call.path[0]](Context& own, const Change& change, std::uint64_t) {
    if (!change.found) throw Problem{.status = 404, .detail = "there is no item of this id"};
    return answer_item(own, id);
  });
}

void remove_item(Context& context, const Call& call, Reply reply) {
  const RemoveItem remove{.item = call.path[0]};
  write_one(context, remove, std::move(reply), [remove](Context&, const Change& change, std::uint64_t ratings) {
    if (!change.found) throw Problem{.status = 404, .detail = "there is no item of this id"};
    Response response;
    JsonWriter json(response.body);
    json.begin_object().member("item", remove.item).member("deleted", true).member("ratings", ratings).end_object();
    return response;
  });
}

void put_items(Context& context, const Call& call, Reply reply) {
  write_in_bulk(
      context, call, [](const Json& entry) -> Operation { return put_of(entry["item"].get<std::string>(), entry); }, reply);
}

Response list_categories(Context& context, const Call& /*call*/) {
  const Catalogue::View view = context.catalogue.view();
  std::vector<std::uint64_t> counts(view.categories());
  for (const ItemRecord& record : view.items()) {
    if (record.removed) continue;
    for (const std::uint32_t category : record.categories) ++counts[category];
  }
  std::vector<std::uint32_t> order;
  for (std::uint32_t category = 0; category < counts.size(); ++category) {
    if (counts[category] != 0) order.push_back(category);
  }
  std::ranges::stable_sort(order, std::greater{}, [&](std::uint32_t category) { return counts[category]; });
  Response response;
  JsonWriter json(response.body);
  json.begin_object().key("categories").begin_array();
  for (const std::uint32_t category : order) {
    json.begin_object().member("category", view.category_name(category)).member("items", counts[category]).end_object();
  }
  json.end_array().end_object();
  return response;
}

Response export_items(Context& context, const Call& /*call*/) {
  Response response{.status = 200, .content_type = "text/csv; charset=utf-8"};
  response.source = std::make_shared<ExportedItems>(item_table(context.store.item_facts()));
  return response;
}

}  // namespace lowrank::serve
