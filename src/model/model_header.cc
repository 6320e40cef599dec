#include "model/model_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kFormat = "lowrank-model";
constexpr std::string_view kFormatVersion = "1";
constexpr std::uint64_t kMaxRank = 1U << 24U;

[[noreturn]] void refuse(const std::string& problem) { throw ModelFileError(problem); }

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

// ---- writing

ordered_json model_json(const Model& model) {
  ordered_json object{{"mean", model.centre.mean},
                      {"rating_mean", model.centre.rating_mean},
                      {"min_rating", static_cast<double>(model.centre.min_rating)},
                      {"max_rating", static_cast<double>(model.centre.max_rating)},
                      {"clips", model.centre.clips},
                      {"has_biases", model.centre.has_biases}};
  // Came after the first files of this version: written only where it says something.
  if (!model.centre.predicts_ratings) object["predicts_ratings"] = false;
  return object;
}

ordered_json row_problem_json(const RowProblem& row) {
  ordered_json object = {{"observed_weight", row.observed_weight},
                         {"weight_per_rating", row.weight_per_rating},
                         {"unobserved_weight", row.unobserved_weight},
                         {"unobserved_includes_seen", row.unobserved_includes_seen},
                         {"regularization", row.regularization},
                         {"bias_regularization", row.bias_regularization},
                         {"damping", row.damping},
                         {"bias_damping", row.bias_damping},
                         {"regularization_exponent", row.regularization_exponent},
                         {"solves_bias", row.solves_bias},
                         {"non_negative", row.non_negative},
                         {"binary_target", row.binary_target}};
  // Came after the first files of this version: written only where they say something.
  if (row.l1_regularization != 0) object["l1_regularization"] = row.l1_regularization;
  if (row.l1_damping != 0) object["l1_damping"] = row.l1_damping;
  if (row.divergence) object["divergence"] = true;
  if (row.observed_item_exponent != 0) object["observed_item_exponent"] = row.observed_item_exponent;
  if (row.unobserved_item_exponent != 0) object["unobserved_item_exponent"] = row.unobserved_item_exponent;
  if (row.unobserved_user_exponent != 0) object["unobserved_user_exponent"] = row.unobserved_user_exponent;
  return object;
}

ordered_json record_json(const TrainingRecord& record) {
  ordered_json metrics = ordered_json::array();
  for (const Metric& metric : record.metrics) metrics.push_back({{"name", metric.name}, {"value", metric.value}});
  return {{"seed", record.seed},
          {"ratings", record.ratings},
          {"epochs", record.epochs},
          {"fingerprint", record.fingerprint},
          {"metrics", std::move(metrics)}};
}

// ---- reading

/// Parses JSON that may come from an enemy: no key twice in an object, no deeper than `deepest`.
json parse_json(std::string_view text, int deepest, const std::string& what) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > deepest) refuse(what + " is nested too deeply");
    if (event == json::parse_event_t::object_start) keys.resize(static_cast<std::size_t>(depth) + 1);
    if (event == json::parse_event_t::object_start) keys.back().clear();
    if (event == json::parse_event_t::key && !keys[static_cast<std::size_t>(depth) - 1].insert(value.get<std::string>()).second) {
      refuse(what + " has the key " + value.dump() + " twice");
    }
    return true;
  };
  json result = json::parse(text, watch, false);
  if (!result.is_object()) refuse(what + " is not a JSON object");
  return result;
}

/// The members of a JSON object, each of which must be asked for by name and type, and no more.
class Fields {
 public:
  Fields(const json& object, std::string what) : object_(object), what_(std::move(what)) {
    if (!object.is_object()) refuse(what_ + " is not a JSON object");
  }

  double number(const char* name) {
    const json& value = take(name);
    if (!value.is_number()) wrong(name, "a number");
    return value.get<double>();
  }
  float single(const char* name) {
    const double value = number(name);
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()))) wrong(name, "a float32 number");
    return static_cast<float>(value);
  }
  std::uint64_t count(const char* name) {
    const json& value = take(name);
    if (!value.is_number_unsigned()) wrong(name, "a count");
    return value.get<std::uint64_t>();
  }
  bool flag(const char* name) {
    const json& value = take(name);
    if (!value.is_boolean()) wrong(name, "true or false");
    return value.get<bool>();
  }
  const std::string& text(const char* name) {
    const json& value = take(name);
    if (!value.is_string()) wrong(name, "a string");
    return value.get_ref<const std::string&>();
  }
  const json& list(const char* name) {
    const json& value = take(name);
    if (!value.is_array()) wrong(name, "a list");
    return value;
  }
  [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }
  const json& take(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) refuse(what_ + " lacks " + quoted(name));
    ++taken_;
    return *found;
  }
  /// Refuses members that nobody asked for.
  void end() const {
    if (taken_ != object_.size()) refuse(what_ + " has members that do not belong there");
  }

 private:
  [[noreturn]] void wrong(const char* name, const char* expected) const { refuse(what_ + ": " + quoted(name) + " is not " + expected); }

  const json& object_;
  std::string what_;
  std::size_t taken_ = 0;
};

constexpr int kDeepest = 4;

void read_model(const std::string& text, Model& model) {
  const json parsed = parse_json(text, kDeepest, "the header's model");
  Fields fields(parsed, "the header's model");
  model.centre.mean = fields.number("mean");
  model.centre.rating_mean = fields.number("rating_mean");
  model.centre.min_rating = fields.single("min_rating");
  model.centre.max_rating = fields.single("max_rating");
  model.centre.clips = fields.flag("clips");
  model.centre.has_biases = fields.flag("has_biases");
  model.centre.predicts_ratings = !fields.has("predicts_ratings") || fields.flag("predicts_ratings");
  fields.end();
}

RowProblem read_row_problem(const std::string& text) {
  const json parsed = parse_json(text, kDeepest, "the header's row problem");
  Fields fields(parsed, "the header's row problem");
  RowProblem row;
  row.observed_weight = fields.number("observed_weight");
  row.weight_per_rating = fields.number("weight_per_rating");
  row.unobserved_weight = fields.number("unobserved_weight");
  row.unobserved_includes_seen = fields.flag("unobserved_includes_seen");
  row.regularization = fields.number("regularization");
  row.bias_regularization = fields.number("bias_regularization");
  row.damping = fields.number("damping");
  row.bias_damping = fields.number("bias_damping");
  row.regularization_exponent = fields.number("regularization_exponent");
  row.solves_bias = fields.flag("solves_bias");
  row.non_negative = fields.flag("non_negative");
  row.binary_target = fields.flag("binary_target");
  const auto optional = [&](const char* name) { return fields.has(name) ? fields.number(name) : 0.0; };
  row.l1_regularization = optional("l1_regularization");
  row.l1_damping = optional("l1_damping");
  row.observed_item_exponent = optional("observed_item_exponent");
  row.unobserved_item_exponent = optional("unobserved_item_exponent");
  row.unobserved_user_exponent = optional("unobserved_user_exponent");
  row.divergence = fields.has("divergence") && fields.flag("divergence");
  fields.end();
  return row;
}

void read_record(const std::string& text, TrainingRecord& record) {
  const json parsed = parse_json(text, kDeepest, "the header's record");
  Fields fields(parsed, "the header's record");
  record.seed = fields.count("seed");
  record.ratings = fields.count("ratings");
  record.epochs = fields.count("epochs");
  record.fingerprint = fields.text("fingerprint");
  for (const json& entry : fields.list("metrics")) {
    Fields metric(entry, "a metric");
    record.metrics.push_back({metric.text("name"), metric.number("value")});
    metric.end();
  }
  fields.end();
}

/// Dimension `axis` of `tensor`; 0 where it has none, which the comparison with the whole place finds.
std::uint64_t dimension(const json& header, const char* tensor, std::size_t axis) {
  const auto found = header.find(tensor);
  if (found == header.end()) refuse(std::string("the tensor ") + quoted(tensor) + " is missing");
  if (!found->is_object()) refuse(std::string("the tensor ") + quoted(tensor) + " is not described by a JSON object");
  const auto shape = found->find("shape");
  if (shape == found->end() || !shape->is_array() || shape->size() <= axis || !(*shape)[axis].is_number_unsigned()) return 0;
  return (*shape)[axis].get<std::uint64_t>();
}

ModelExtent read_extent(const json& header) {
  ModelExtent extent;
  extent.users = dimension(header, "user_factors", 0);
  extent.items = dimension(header, "item_factors", 0);
  extent.rank = dimension(header, "user_factors", 1);
  extent.user_id_bytes = dimension(header, "user_ids", 0);
  extent.item_id_bytes = dimension(header, "item_ids", 0);
  extent.seen_offsets = dimension(header, "seen_offsets", 0);
  extent.seen_bytes = dimension(header, "seen_items", 0);
  if (extent.users > Vocabulary::kMaxSize || extent.items > Vocabulary::kMaxSize) refuse("the header claims too many rows");
  if (extent.rank > kMaxRank) refuse("the header claims a rank of " + std::to_string(extent.rank));
  if (extent.seen_offsets != 0 && extent.seen_offsets != extent.users + 1) refuse("the header claims seen items of other users");
  return extent;
}

void check_place(const json& header, const TensorPlace& place) {
  const std::string what = "the tensor " + quoted(place.name);
  // Compared as text: to a JSON value 2.0 equals 2, but as a size it is nonsense.
  const auto found = header.find(place.name);
  if (found == header.end()) refuse(what + " is missing");
  Fields fields(*found, what);
  if (fields.text("dtype") != place.dtype) refuse(what + " is not of type " + std::string(place.dtype));
  if (fields.list("shape").dump() != json(place.shape).dump()) refuse(what + " has a shape that does not fit the others");
  if (fields.list("data_offsets").dump() != json({place.begin, place.end}).dump()) refuse(what + " does not stand where it should");
  fields.end();
}

std::uint64_t bytes_of(std::string_view dtype) { return dtype == "F32" ? 4 : dtype == "I64" ? 8 : 1; }

}  // namespace

std::vector<TensorPlace> tensor_places(const ModelExtent& extent) {
  const auto [users, items, rank, user_id_bytes, item_id_bytes, seen_offsets, seen_bytes] = extent;
  std::vector<TensorPlace> places{
      {"user_factors", "F32", {users, rank}}, {"item_factors", "F32", {items, rank}},  {"user_biases", "F32", {users}},
      {"item_biases", "F32", {items}},        {"user_id_offsets", "I64", {users + 1}}, {"item_id_offsets", "I64", {items + 1}},
      {"user_ratings", "I64", {users}},       {"item_ratings", "I64", {items}},        {"seen_offsets", "I64", {seen_offsets}},
      {"user_ids", "U8", {user_id_bytes}},    {"item_ids", "U8", {item_id_bytes}},     {"seen_items", "U8", {seen_bytes}}};
  std::uint64_t next = 0;
  for (TensorPlace& place : places) {
    std::uint64_t size = bytes_of(place.dtype);
    for (const std::uint64_t dimension : place.shape) {
      if (__builtin_mul_overflow(size, dimension, &size)) refuse("the header claims sizes that no file can have");
    }
    place.begin = next;
    if (__builtin_add_overflow(next, size, &next)) refuse("the header claims sizes that no file can have");
    place.end = next;
  }
  return places;
}

ModelExtent extent_of(const Model& model) {
  return {model.users.ids.size(),
          model.items.ids.size(),
          model.rank(),
          model.users.ids.characters().size(),
          model.items.ids.characters().size(),
          model.seen.offsets().size(),
          model.seen.bytes().size()};
}

std::string make_header(const Model& model) {
  ordered_json header;
  header["__metadata__"] = {{"checksum", std::string(kDigits, '0')},
                            {"format", kFormat},
                            {"format_version", kFormatVersion},
                            {"method", model.record.method},
                            {"options", model.record.options},
                            {"model", model_json(model).dump()},
                            {"row_problem", row_problem_json(model.row_problem).dump()},
                            {"record", record_json(model.record).dump()}};
  for (const TensorPlace& place : tensor_places(extent_of(model))) {
    header[std::string(place.name)] = {{"dtype", place.dtype}, {"shape", place.shape}, {"data_offsets", {place.begin, place.end}}};
  }
  std::string text = header.dump();
  text.append((kDataAlignment - (kLengthBytes + text.size()) % kDataAlignment) % kDataAlignment, ' ');
  if (text.size() > kMaxHeaderBytes) throw Error("cannot write the model: its options and metrics are too long");
  std::string bytes;
  for (std::uint64_t length = text.size(); bytes.size() < kLengthBytes; length >>= 8U) bytes += static_cast<char>(length & 255U);
  return bytes + text;
}

ParsedHeader parse_header(std::string_view text) {
  const json header = parse_json(text, kDeepest, "not a lowrank model: its header");
  const auto metadata = header.find("__metadata__");
  if (metadata == header.end() || !metadata->is_object() || metadata->value("format", json()) != json(kFormat)) {
    refuse("a file in the safetensors format, but not a lowrank model");
  }
  Fields fields(*metadata, "the header's metadata");
  fields.text("format");
  if (const std::string& version = fields.text("format_version"); version != kFormatVersion) {
    refuse("a lowrank model of format version " + json(version).dump(-1, ' ', true) + "; this version of lowrank reads version " +
           std::string(kFormatVersion));
  }
  if (!text.starts_with(kHeaderStart)) refuse("the header does not start with the checksum");

  ParsedHeader parsed;
  parsed.checksum = fields.text("checksum");
  if (text.substr(kHeaderStart.size(), kDigits + 1) != parsed.checksum + "\"" || parsed.checksum.size() != kDigits) {
    refuse("the checksum is not a number of 16 hexadecimal digits");
  }
  parsed.model.record.method = fields.text("method");
  parsed.model.record.options = fields.text("options");
  read_model(fields.text("model"), parsed.model);
  parsed.model.row_problem = read_row_problem(fields.text("row_problem"));
  read_record(fields.text("record"), parsed.model.record);
  fields.end();

  parsed.extent = read_extent(header);
  const std::vector<TensorPlace> places = tensor_places(parsed.extent);
  for (const TensorPlace& place : places) check_place(header, place);
  if (header.size() != places.size() + 1) refuse("the header names a tensor that does not belong there");
  return parsed;
}

}  // namespace lowrank
