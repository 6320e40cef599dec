#include <string>
#include <string_view>

#include "lowrank/train/method.h"
#include "serve/routes.h"

namespace lowrank::serve {

namespace {

// One schema per document. Bodies are closed: an unknown member is an error. Answers may get further members.
constexpr const char* kSchemas = R"json({
"Id":{"type":"string","minLength":1,"maxLength":512},
"Problem":{"type":"object","required":["type","status","title","detail"],"properties":{
  "type":{"type":"string"},"status":{"type":"integer"},"title":{"type":"string"},"detail":{"type":"string"},
  "line":{"type":"integer"},"accepted":{"type":"integer"}}},
"Empty":{"type":"object","additionalProperties":false,"properties":{}},
"Anything":{"type":"object"},
"Status":{"type":"object","required":["status"],"properties":{"status":{"type":"string"},"reasons":{"type":"array","items":{"type":"string"}}}},
"RatingBody":{"type":"object","required":["value"],"additionalProperties":false,"properties":{
  "value":{"type":"number","minimum":-1e30,"maximum":1e30},"time":{"type":"integer","minimum":-62135596800,"maximum":253402300799}}},
"RatingEntry":{"type":"object","required":["user","item","value"],"additionalProperties":false,"properties":{
  "user":{"type":"string","minLength":1,"maxLength":512,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"},"item":{"type":"string","minLength":1,"maxLength":512,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"},
  "value":{"type":"number","minimum":-1e30,"maximum":1e30},"time":{"type":"integer","minimum":-62135596800,"maximum":253402300799}}},
"ItemBody":{"type":"object","additionalProperties":false,"properties":{
  "title":{"type":["string","null"],"maxLength":1024,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"},"categories":{"type":["array","null"],"maxItems":256,"items":{"type":"string","minLength":1,"maxLength":64,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"}},
  "available":{"type":"boolean"},"metadata":{"type":["object","null"]}}},
"ItemPatch":{"type":"object","additionalProperties":false,"properties":{
  "title":{"type":["string","null"],"maxLength":1024,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"},"categories":{"type":["array","null"],"maxItems":256,"items":{"type":"string","minLength":1,"maxLength":64,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"}},
  "available":{"type":"boolean"},"metadata":{"type":["object","null"]}}},
"ItemEntry":{"type":"object","required":["item"],"additionalProperties":false,"properties":{
  "item":{"type":"string","minLength":1,"maxLength":512,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"},
  "title":{"type":["string","null"],"maxLength":1024,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"},"categories":{"type":["array","null"],"maxItems":256,"items":{"type":"string","minLength":1,"maxLength":64,"pattern":"^[^\\u0000-\\u001f\\u007f]*$"}},
  "available":{"type":"boolean"},"metadata":{"type":["object","null"]}}},
"RecommendBody":{"type":"object","additionalProperties":false,"not":{"required":["user","ratings"]},"if":{"required":["requests"]},"then":{"maxProperties":1},"properties":{
  "user":{"type":"string","minLength":1,"maxLength":512},
  "ratings":{"type":"array","maxItems":10000,"items":{"type":"object","required":["item","value"],"additionalProperties":false,"properties":{
    "item":{"type":"string","minLength":1,"maxLength":512},"value":{"type":"number","minimum":-1e30,"maximum":1e30}}}},
  "item":{"type":"string","minLength":1,"maxLength":512},"limit":{"type":"integer","minimum":1,"maximum":1000},
  "context":{"type":"object","maxProperties":8,"additionalProperties":{"type":"string","maxLength":512}},
  "model":{"type":"integer","minimum":1,"maximum":999999999},"cursor":{"type":"string","maxLength":64,"pattern":"^([0-9a-f]{1,16}-[0-9]{1,6})?$"},"explain":{"type":"integer","minimum":0,"maximum":100},"include_seen":{"type":"boolean"},
  "filter":{"type":"object","additionalProperties":false,"properties":{
    "categories":{"type":"array","maxItems":256,"items":{"type":"string","maxLength":256}},
    "exclude":{"type":"array","maxItems":10000,"items":{"type":"string","maxLength":512}},
    "items":{"type":"array","maxItems":10000,"items":{"type":"string","maxLength":512}},
    "min_count":{"type":"integer","minimum":1,"maximum":4294967295}}},
  "requests":{"type":"array","minItems":1,"maxItems":1000,"items":{"type":"object","additionalProperties":false,"not":{"required":["user","ratings"]},"properties":{
    "user":{"type":"string","minLength":1,"maxLength":512},
    "ratings":{"type":"array","maxItems":10000,"items":{"type":"object","required":["item","value"],"additionalProperties":false,"properties":{
      "item":{"type":"string","minLength":1,"maxLength":512},"value":{"type":"number","minimum":-1e30,"maximum":1e30}}}},
    "item":{"type":"string","minLength":1,"maxLength":512},"limit":{"type":"integer","minimum":1,"maximum":1000},
    "context":{"type":"object","maxProperties":8,"additionalProperties":{"type":"string","maxLength":512}},
    "model":{"type":"integer","minimum":1,"maximum":999999999},"cursor":{"type":"string","maxLength":64},"explain":{"type":"integer","minimum":0,"maximum":100},"include_seen":{"type":"boolean"},
    "filter":{"type":"object","additionalProperties":false,"properties":{
      "categories":{"type":"array","maxItems":256,"items":{"type":"string","maxLength":256}},
      "exclude":{"type":"array","maxItems":10000,"items":{"type":"string","maxLength":512}},
      "items":{"type":"array","maxItems":10000,"items":{"type":"string","maxLength":512}},
      "min_count":{"type":"integer","minimum":1,"maximum":4294967295}}}}}}}},
"PredictBody":{"type":"object","required":["pairs"],"additionalProperties":false,"properties":{
  "context":{"type":"object","maxProperties":8,"additionalProperties":{"type":"string","maxLength":512}},
  "pairs":{"type":"array","minItems":1,"maxItems":1000,"items":{"type":"object","required":["user","item"],"additionalProperties":false,"properties":{
    "user":{"type":"string","minLength":1,"maxLength":512},"item":{"type":"string","minLength":1,"maxLength":512}}}}}},
"TrainBody":{"type":"object","additionalProperties":false,"properties":{
  "method":{"type":"string"},"options":{"type":"object"},"holdout":{"type":"number","minimum":0,"maximum":0.99},
  "monitor":{"type":"string","maxLength":64},"refit":{"type":"boolean"},"conformal":{"type":"boolean"},"warm":{"type":"boolean"},
  "activate":{"type":"boolean"},"item_features":{"type":"boolean"},"history":{"type":"string","enum":["automatic","kept","dropped"]},
  "min_rating":{"type":"number"},"max_rating":{"type":"number"},"clip":{"type":"boolean"}}},
"Reason":{"type":"object","required":["item","amount"],"properties":{
  "item":{"type":"string"},"title":{"type":"string"},"value":{"type":"number"},"amount":{"type":"number"}}},
"ListedItem":{"type":"object","required":["item","score"],"properties":{
  "item":{"type":"string"},"score":{"type":"number"},"title":{"type":"string"},
  "reasons_kind":{"type":"string","enum":["sum","leave_one_out","none"]},"reasons":{"type":"array","items":{"$ref":"#/components/schemas/Reason"}},
  "base":{"type":"number"},"others":{"type":"number"},"other_items":{"type":"integer"}}},
"List":{"type":"object","required":["items","source"],"properties":{
  "user":{"type":"string"},"items":{"type":"array","items":{"$ref":"#/components/schemas/ListedItem"}},
  "source":{"type":"string","enum":["personal","similar","popular"]},"model":{"type":"integer"},"cursor":{"type":"string"},"warning":{"type":"string"}}},
"ListOrLists":{"type":"object","properties":{
  "user":{"type":"string"},"items":{"type":"array","items":{"$ref":"#/components/schemas/ListedItem"}},
  "source":{"type":"string"},"model":{"type":"integer"},"cursor":{"type":"string"},"warning":{"type":"string"},
  "answers":{"type":"array","items":{"type":"object"}}}},
"SimilarItems":{"type":"object","required":["item","by","items","model"],"properties":{
  "item":{"type":"string"},"by":{"type":"string"},"items":{"type":"array","items":{"$ref":"#/components/schemas/ListedItem"}},"model":{"type":"integer"}}},
"SimilarUsers":{"type":"object","required":["user","by","users","model"],"properties":{
  "user":{"type":"string"},"by":{"type":"string"},"model":{"type":"integer"},
  "users":{"type":"array","items":{"type":"object","required":["user","score"],"properties":{"user":{"type":"string"},"score":{"type":"number"}}}}}},
"Predictions":{"type":"object","required":["predictions","model"],"properties":{"model":{"type":"integer"},"warning":{"type":"string"},
  "predictions":{"type":"array","items":{"type":"object","required":["user","item","score","known_user","known_item"],"properties":{
    "user":{"type":"string"},"item":{"type":"string"},"score":{"type":"number"},"rating":{"type":"number"},
    "known_user":{"type":"boolean"},"known_item":{"type":"boolean"}}}}}},
"Rating":{"type":"object","required":["user","item","value","time","version"],"properties":{
  "user":{"type":"string"},"item":{"type":"string"},"value":{"type":"number"},"time":{"type":"integer"},"version":{"type":"integer"}}},
"Deleted":{"type":"object","required":["deleted"],"properties":{
  "user":{"type":"string"},"item":{"type":"string"},"deleted":{"type":"boolean"},"ratings":{"type":"integer"},"version":{"type":"integer"}}},
"Accepted":{"type":"object","required":["accepted","rejected"],"properties":{"accepted":{"type":"integer"},"rejected_count":{"type":"integer"},
  "rejected":{"type":"array","items":{"type":"object","required":["line","detail"],"properties":{"line":{"type":"integer"},"detail":{"type":"string"}}}}}},
"UserRatings":{"type":"object","required":["user","ratings","total"],"properties":{
  "user":{"type":"string"},"total":{"type":"integer"},"cursor":{"type":"string"},
  "ratings":{"type":"array","items":{"type":"object","required":["item","value","time"],"properties":{
    "item":{"type":"string"},"value":{"type":"number"},"time":{"type":"integer"},"title":{"type":"string"}}}}}},
"Users":{"type":"object","required":["users"],"properties":{"cursor":{"type":"string"},
  "users":{"type":"array","items":{"type":"object","required":["user","ratings"],"properties":{"user":{"type":"string"},"ratings":{"type":"integer"}}}}}},
"User":{"type":"object","required":["user","ratings","created","version","in_model"],"properties":{
  "user":{"type":"string"},"ratings":{"type":"integer"},"created":{"type":"integer"},"version":{"type":"integer"},"in_model":{"type":"boolean"}}},
"Item":{"type":"object","required":["item","categories","available","metadata","ratings","in_model"],"properties":{
  "item":{"type":"string"},"title":{"type":"string"},"categories":{"type":"array","items":{"type":"string"}},"available":{"type":"boolean"},
  "metadata":{"type":"object"},"ratings":{"type":"integer"},"mean":{"type":"number"},"in_model":{"type":"boolean"}}},
"Items":{"type":"object","required":["items","total"],"properties":{
  "items":{"type":"array","items":{"$ref":"#/components/schemas/Item"}},"total":{"type":"integer"},"cursor":{"type":"string"}}},
"Categories":{"type":"object","required":["categories"],"properties":{"categories":{"type":"array","items":{"type":"object",
  "required":["category","items"],"properties":{"category":{"type":"string"},"items":{"type":"integer"}}}}}},
"Epochs":{"type":"array","items":{"type":"object"}},
"Job":{"type":"object","required":["id","kind","state","stage","started"],"properties":{
  "id":{"type":"integer"},"kind":{"type":"string"},"state":{"type":"string","enum":["running","done","rejected","cancelled","failed"]},
  "stage":{"type":"string"},"cause":{"type":"string"},"method":{"type":"string"},"training":{"type":"object"},"ratings":{"type":"integer"},
  "monitor":{"type":"string"},"epoch":{"type":"integer"},"epochs":{"type":"integer"},"finished":{"type":"integer"},"history":{"$ref":"#/components/schemas/Epochs"},"warnings":{"type":"array","items":{"type":"string"}},
  "detail":{"type":"string"},"model":{"type":"integer"},"started":{"type":"integer"},"seconds":{"type":"number"}}},
"Jobs":{"type":"object","required":["jobs"],"properties":{"jobs":{"type":"array","items":{"$ref":"#/components/schemas/Job"}}}},
"Model":{"type":"object","required":["id","active","state","method","ratings","fingerprint","metrics","created"],"properties":{
  "id":{"type":"integer"},"active":{"type":"boolean"},"state":{"type":"string"},"method":{"type":"string"},"rank":{"type":"integer"},
  "options":{"type":"object"},"training":{"type":"object"},"command":{"type":"string"},"ratings":{"type":"integer"},"fingerprint":{"type":"string"},"metrics":{"type":"object"},
  "history":{"$ref":"#/components/schemas/Epochs"},"created":{"type":"integer"}}},
"Models":{"type":"object","required":["models"],"properties":{"active":{"type":"integer"},"models":{"type":"array","items":{"$ref":"#/components/schemas/Model"}}}},
"Map":{"type":"object","required":["model","items","titles","x","y","ratings"],"properties":{"model":{"type":"integer"},
  "items":{"type":"array","items":{"type":"string"}},"titles":{"type":"array","items":{"type":"string"}},
  "x":{"type":"array","items":{"type":"number"}},"y":{"type":"array","items":{"type":"number"}},"ratings":{"type":"array","items":{"type":"integer"}}}},
"Stats":{"type":"object","required":["version","ready","users","items","ratings"],"properties":{
  "version":{"type":"string"},"ready":{"type":"boolean"},"users":{"type":"integer"},"items":{"type":"integer"},"ratings":{"type":"integer"}}},
"Backup":{"type":"object","required":["folder","bytes"],"properties":{"folder":{"type":"string"},"bytes":{"type":"integer"}}}
})json";

}  // namespace

const Json& schemas() {
  static const Json parsed = [] {
    Json all = Json::parse(kSchemas);
    Json& methods = all["TrainBody"]["properties"]["method"]["enum"];
    for (const std::string_view name : method_names()) methods.push_back(std::string(name));
    return all;
  }();
  return parsed;
}

const Json& schema_of(const std::string& name) { return schemas().at(name); }

}  // namespace lowrank::serve
