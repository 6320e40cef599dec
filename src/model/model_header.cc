#include "model/model_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "lowrank/base/error.h"
#include "model/checked_json.h"
#include "model/fold_in_fields.h"
#include "model/lineage_section.h"
#include "model/neighbour_rule_section.h"
#include "model/neighbours_code.h"
#include "model/tensor_check.h"

namespace lowrank {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kFormat = "lowrank-model";
/// The first version of lowrank that reads what is written here.
constexpr std::string_view kNeeds = "0.1.0";
constexpr std::array<std::string_view, 3> kIdKinds = {"text", "integer", "string"};

/// A named part of a file that a reader may not know. Its tensors are called NAME.TENSOR.
struct Section {
  std::string name;
  std::uint64_t version = 1;
  bool required = false;  ///< a reader that does not know it must refuse the file
  std::string needs;      ///< the first version of lowrank that knows it
};

/// The sections that this version knows.
const Section kHistory{.name = "history", .version = 1, .required = true, .needs = std::string(kNeeds)};
const Section kNeighbours{.name = "neighbours", .version = 1, .required = true, .needs = std::string(kNeeds)};
/// Neighbours with a rule of their own, which the metadata state.
const Section kRuledNeighbours{.name = "neighbours", .version = 2, .required = true, .needs = std::string(kNeeds)};
const Section kHistoryFactors{.name = "history_factors", .version = 1, .required = true, .needs = std::string(kNeeds)};
const Section kRowPriors{.name = "row_priors", .version = 2, .required = true, .needs = std::string(kNeeds)};
/// Without averages; read, and no longer written.
const Section kFirstRowPriors{.name = "row_priors", .version = 1, .required = true, .needs = std::string(kNeeds)};
/// Without it scores are no ratings.
const Section kOrdinal{.name = "ordinal", .version = 1, .required = true, .needs = std::string(kNeeds)};
/// Without it predictions are the same, and have no intervals.
const Section kUncertainty{.name = "uncertainty", .version = 1, .required = false, .needs = std::string(kNeeds)};
/// Without it predictions are those of an average context.
const Section kContexts{.name = "contexts", .version = 1, .required = false, .needs = std::string(kNeeds)};
/// Contexts with scales or biases of rows: a reader that does not know these would add up wrong scores.
const Section kScaledContexts{.name = "contexts", .version = 2, .required = true, .needs = std::string(kNeeds)};
/// Features: without them a model knows fewer rows, and has the same to say of those with ratings.
const Section kUserFeatures{.name = "user_features", .version = 1, .required = false, .needs = std::string(kNeeds)};
const Section kItemFeatures{.name = "item_features", .version = 1, .required = false, .needs = std::string(kNeeds)};
/// What is told of updates.
const Section kLineage{.name = "lineage", .version = 1, .required = false, .needs = std::string(kNeeds)};

// ---- writing

ordered_json model_json(const Model& model) {
  const Centre& centre = model.centre;
  const auto kind = [](const Side& side) { return kIdKinds[static_cast<std::size_t>(side.ids.kind())]; };
  return {{"mean", centre.mean},
          {"rating_mean", centre.rating_mean},
          {"min_rating", static_cast<double>(centre.min_rating)},
          {"max_rating", static_cast<double>(centre.max_rating)},
          {"clips", centre.clips},
          {"has_biases", centre.has_biases},
          {"predicts_ratings", centre.predicts_ratings},
          {"user_ids", kind(model.users)},
          {"item_ids", kind(model.items)}};
}

template <class Struct>
void write_fields(const Struct& value, ordered_json& object) {
  for_each_field(value, [&]<class Member>(const char* name, const Member& member) {
    if constexpr (std::is_class_v<Member>) {
      ordered_json inner = ordered_json::object();
      write_fields(member, inner);
      object[name] = std::move(inner);
    } else {
      object[name] = member;
    }
  });
}

ordered_json fold_in_json(const FoldIn& fold_in) {
  return std::visit(
      []<class Problem>(const Problem& problem) {
        ordered_json object{{"kind", Problem::kKind}};
        write_fields(problem, object);
        return object;
      },
      fold_in);
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

bool has_history_factors(const Model& model) { return std::holds_alternative<HistorySum>(model.fold_in); }

bool has_row_priors(const Model& model) { return std::holds_alternative<PosteriorMean>(model.fold_in); }

ordered_json sections_json(const Model& model) {
  ordered_json sections = ordered_json::object();
  const auto add = [&](const Section& section) {
    sections[section.name] = {{"version", section.version}, {"required", section.required}, {"needs", section.needs}};
  };
  add(kHistory);
  if (model.neighbours) add(model.neighbours->is_mean() ? kRuledNeighbours : kNeighbours);
  if (has_history_factors(model)) add(kHistoryFactors);
  if (has_row_priors(model)) add(kRowPriors);
  if (model.users.features) add(kUserFeatures);
  if (model.items.features) add(kItemFeatures);
  if (model.centre.ordinal) add(kOrdinal);
  if (model.uncertainty) add(kUncertainty);
  if (!model.contexts.empty()) add(context_extent(model.contexts).has_parts() ? kScaledContexts : kContexts);
  if (model.record.lineage) add(kLineage);
  return sections;
}

// ---- reading

IdKind id_kind(Fields& fields, const char* name) {
  const auto found = std::ranges::find(kIdKinds, fields.text(name));
  if (found == kIdKinds.end()) refuse(fields.what() + ": " + in_quotes(name) + " is not a kind of ids");
  return static_cast<IdKind>(found - kIdKinds.begin());
}

void read_model(const std::string& text, FormatVersion version, Model& model) {
  const json parsed = parse_json(text, "the header's model");
  Fields fields(parsed, "the header's model");
  Centre& centre = model.centre;
  centre.mean = fields.number("mean");
  centre.rating_mean = fields.number("rating_mean");
  centre.min_rating = fields.single("min_rating");
  centre.max_rating = fields.single("max_rating");
  centre.clips = fields.flag("clips");
  centre.has_biases = fields.flag("has_biases");
  // Format 1 says this only of models that rank, and nothing about ids.
  const bool is_one = version == FormatVersion::one;
  centre.predicts_ratings = (is_one && !fields.has("predicts_ratings")) || fields.flag("predicts_ratings");
  if (!is_one) {
    model.users.ids.set_kind(id_kind(fields, "user_ids"));
    model.items.ids.set_kind(id_kind(fields, "item_ids"));
  }
  fields.end();
}

template <class Struct>
void read_fields(Fields& fields, Struct& value) {
  for_each_field(value, [&]<class Member>(const char* name, Member& member) {
    if constexpr (std::is_class_v<Member>) {
      Fields inner(fields.take(name), fields.what() + ", " + in_quotes(name));
      read_fields(inner, member);
      inner.end();
    } else if constexpr (std::is_same_v<Member, bool>) {
      member = fields.flag(name);
    } else if constexpr (std::is_same_v<Member, std::uint32_t>) {
      member = static_cast<Member>(std::min<std::uint64_t>(fields.count(name), std::numeric_limits<Member>::max()));
    } else {
      member = fields.number(name);
    }
  });
}

/// Reads the alternative number `kIndex` and those after it: the one whose kind the fields name.
template <std::size_t kIndex = 0>
FoldIn read_fold_in(Fields& fields, const std::string& kind) {
  if constexpr (kIndex == std::variant_size_v<FoldIn>) {
    refuse(fields.what() + ": \"kind\" is not a kind of fold-in");
  } else {
    using Problem = std::variant_alternative_t<kIndex, FoldIn>;
    if (kind != Problem::kKind) return read_fold_in<kIndex + 1>(fields, kind);
    Problem problem;
    read_fields(fields, problem);
    fields.end();
    return problem;
  }
}

FoldIn read_fold_in(const std::string& text) {
  const json parsed = parse_json(text, "the header's fold-in");
  Fields fields(parsed, "the header's fold-in");
  const std::string kind = fields.text("kind");
  return read_fold_in(fields, kind);
}

void read_record(const std::string& text, TrainingRecord& record) {
  const json parsed = parse_json(text, "the header's record");
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

/// True for a version of lowrank or the name of a section: short, and safe to print.
bool is_plain_word(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.size() <= 32 && text.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr std::string_view kVersionCharacters = "0123456789.";
constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_";

/// The sections of a header.
struct Sections {
  std::set<std::string> unknown;  ///< names of those that are not known here, all of them optional
  bool neighbours = false;
  bool neighbour_rule = false;
  bool history_factors = false;
  std::uint64_t row_priors = 0;  ///< version of the section; 0 without
  bool user_features = false;
  bool item_features = false;
  bool ordinal = false;
  bool uncertainty = false;
  std::uint64_t contexts = 0;  ///< version of the section; 0 without
  bool lineage = false;
};

Sections read_sections(const std::string& text) {
  const json sections = parse_json(text, "the header's sections");
  Sections found;
  for (const auto& [name, entry] : sections.items()) {
    if (!is_plain_word(name, kNameCharacters)) refuse("a section of the header has no sound name");
    Fields fields(entry, "the section " + in_quotes(name));
    const std::string& needs = fields.text("needs");
    if (!is_plain_word(needs, kVersionCharacters)) refuse(fields.what() + ": \"needs\" is not a version of lowrank");
    const std::uint64_t version = fields.count("version");
    const bool required = fields.flag("required");
    fields.end();
    const auto is = [&](const Section& section) { return name == section.name && version == section.version; };
    found.neighbour_rule = found.neighbour_rule || is(kRuledNeighbours);
    found.neighbours = found.neighbours || found.neighbour_rule || is(kNeighbours);
    found.history_factors = found.history_factors || is(kHistoryFactors);
    if (is(kRowPriors) || is(kFirstRowPriors)) found.row_priors = version;
    found.user_features = found.user_features || is(kUserFeatures);
    found.item_features = found.item_features || is(kItemFeatures);
    found.ordinal = found.ordinal || is(kOrdinal);
    found.uncertainty = found.uncertainty || is(kUncertainty);
    found.lineage = found.lineage || is(kLineage);
    if (is(kContexts) || is(kScaledContexts)) found.contexts = version;
    const auto known = {kHistory,      kNeighbours, kRuledNeighbours, kHistoryFactors, kRowPriors,      kFirstRowPriors, kUserFeatures,
                        kItemFeatures, kOrdinal,    kUncertainty,     kContexts,       kScaledContexts, kLineage};
    if (std::ranges::any_of(known, is)) continue;
    if (required) refuse("a model with the section " + in_quotes(name) + ", which needs lowrank " + needs + " or later");
    found.unknown.insert(name);
  }
  if (!sections.contains(kHistory.name) || found.unknown.contains(kHistory.name))
    refuse("the header lacks the section " + in_quotes(kHistory.name));
  return found;
}

/// Dimension `axis` of `tensor`; 0 where it has none, which the comparison with the whole place finds.
std::uint64_t dimension(const json& header, const char* tensor, std::size_t axis) {
  const auto found = header.find(tensor);
  if (found == header.end()) refuse(std::string("the tensor ") + in_quotes(tensor) + " is missing");
  if (!found->is_object()) refuse(std::string("the tensor ") + in_quotes(tensor) + " is not described by a JSON object");
  const auto shape = found->find("shape");
  if (shape == found->end() || !shape->is_array() || shape->size() <= axis || !(*shape)[axis].is_number_unsigned()) return 0;
  return (*shape)[axis].get<std::uint64_t>();
}

std::optional<FeatureExtent> read_feature_extent(const json& header, bool there, const char* factors, const char* mean, const char* names,
                                                 const char* description) {
  if (!there) return {};
  const FeatureExtent extent{.columns = dimension(header, factors, 0),
                             .mean = dimension(header, mean, 0),
                             .name_bytes = dimension(header, names, 0),
                             .description_bytes = dimension(header, description, 0)};
  if (extent.columns > Vocabulary::kMaxSize) refuse("the header claims too many features");
  return extent;
}

/// \param neighbours  whose there are, if any \param contexts  the parts of each
ModelExtent read_extent(const json& header, FormatVersion version, std::optional<NeighbourSide> neighbours, const Sections& sections,
                        const std::vector<ContextParts>& contexts) {
  const bool is_one = version == FormatVersion::one;
  ModelExtent extent;
  extent.users = dimension(header, "user_factors", 0);
  extent.items = dimension(header, "item_factors", 0);
  extent.rank = dimension(header, "user_factors", 1);
  extent.user_id_bytes = dimension(header, "user_ids", 0);
  extent.item_id_bytes = dimension(header, "item_ids", 0);
  extent.history_offsets = dimension(header, is_one ? "seen_offsets" : "history.offsets", 0);
  extent.history_bytes = dimension(header, is_one ? "seen_items" : "history.items", 0);
  if (!is_one) {
    extent.history_codes = dimension(header, "history.codes", 0);
    extent.history_values = dimension(header, "history.values", 0);
  }
  extent.history_factors = sections.history_factors;
  if (sections.row_priors != 0) {
    const bool averages = sections.row_priors > kFirstRowPriors.version;
    extent.row_priors = RowPriorExtent{.user_history = dimension(header, "row_priors.user_history", 0),
                                       .item_history = dimension(header, "row_priors.item_history", 0),
                                       .user_average = averages ? dimension(header, "row_priors.user_average", 0) : 0,
                                       .item_average = averages ? dimension(header, "row_priors.item_average", 0) : 0,
                                       .averages = averages};
    if (extent.row_priors->user_history != 0 && extent.row_priors->user_history != extent.items)
      refuse("the header claims priors of users for other items");
    if (extent.row_priors->item_history != 0 && extent.row_priors->item_history != extent.users)
      refuse("the header claims priors of items for other users");
    for (const std::uint64_t size : {extent.row_priors->user_average, extent.row_priors->item_average})
      if (size != 0 && size != extent.rank + 1) refuse("the header claims averages of priors of another rank");
  }
  extent.user_features = read_feature_extent(header, sections.user_features, "user_features.factors", "user_features.mean",
                                             "user_features.names", "user_features.description");
  extent.item_features = read_feature_extent(header, sections.item_features, "item_features.factors", "item_features.mean",
                                             "item_features.names", "item_features.description");
  for (const auto* features : {&extent.user_features, &extent.item_features}) {
    if (*features && (*features)->mean != 0 && (*features)->mean != extent.rank + 1) refuse("the header claims features of another rank");
  }
  if (sections.uncertainty) {
    extent.uncertainty = UncertaintyExtent{.user_noise = dimension(header, "uncertainty.user_noise", 0),
                                           .item_noise = dimension(header, "uncertainty.item_noise", 0),
                                           .quantiles = dimension(header, "uncertainty.quantiles", 0)};
    const auto fits = [](std::uint64_t size, std::uint64_t whole) { return size == 0 || size == whole; };
    if (!fits(extent.uncertainty->user_noise, extent.users + 1) || !fits(extent.uncertainty->item_noise, extent.items + 1) ||
        !fits(extent.uncertainty->quantiles, kQuantiles)) {
      refuse("the header claims an uncertainty of another size");
    }
  }
  if (!contexts.empty()) {
    extent.contexts = {.count = contexts.size(),
                       .levels = dimension(header, "contexts.biases", 0),
                       .level_bytes = dimension(header, "contexts.levels", 0),
                       .parts = contexts};
    if (extent.contexts.levels > Vocabulary::kMaxSize) refuse("the header claims too many levels of contexts");
    if (sections.contexts > 1) {
      extent.contexts.scales = dimension(header, "contexts.scales", 0);
      extent.contexts.user_biases = dimension(header, "contexts.user_bias_values", 0);
      extent.contexts.item_biases = dimension(header, "contexts.item_bias_values", 0);
      if (!extent.contexts.has_parts()) refuse("the header claims contexts of version 2 without a part of that version");
      if (extent.contexts.scales > extent.contexts.levels) refuse("the header claims scales of other levels");
    }
  }
  if (neighbours) {
    extent.neighbour_offsets = dimension(header, "neighbours.offsets", 0);
    extent.neighbour_bytes = dimension(header, "neighbours.items", 0);
    extent.neighbour_weights = dimension(header, "neighbours.weights", 0);
    const bool of_users = *neighbours == NeighbourSide::users;
    if (extent.neighbour_offsets != (of_users ? extent.users : extent.items) + 1)
      refuse(std::string("the header claims neighbours of other ") + (of_users ? "users" : "items"));
  }
  if (extent.users > Vocabulary::kMaxSize || extent.items > Vocabulary::kMaxSize) refuse("the header claims too many rows");
  if (const auto problem = rank_problem(extent.rank, extent.users, extent.items)) refuse(*problem);
  if (extent.history_offsets != 0 && extent.history_offsets != extent.users + 1) refuse("the header claims seen items of other users");
  return extent;
}

FormatVersion read_version(const json& metadata) {
  const json version = metadata.value("format_version", json());
  if (version == json("1")) return FormatVersion::one;
  if (version == json("2")) return FormatVersion::two;
  const json needs = metadata.value("needs", json());
  const bool says = needs.is_string() && is_plain_word(needs.get_ref<const std::string&>(), kVersionCharacters);
  refuse("a lowrank model of format version " + version.dump(-1, ' ', true) + ", " +
         (says ? "which needs lowrank " + needs.get<std::string>() + " or later" : "which this version of lowrank cannot read"));
}

}  // namespace

ModelExtent extent_of(const Model& model) {
  ModelExtent extent{.users = model.users.ids.size(),
                     .items = model.items.ids.size(),
                     .rank = model.rank(),
                     .user_id_bytes = model.users.ids.characters().size(),
                     .item_id_bytes = model.items.ids.characters().size(),
                     .history_offsets = model.history.offsets().size(),
                     .history_bytes = model.history.bytes().size(),
                     .history_codes = model.history.codes().size(),
                     .history_values = model.history.values().size()};
  extent.history_factors = has_history_factors(model);
  if (has_row_priors(model)) {
    const RowPrior& users = *model.users.prior;
    const RowPrior& items = *model.items.prior;
    extent.row_priors = RowPriorExtent{.user_history = users.history.rows(),
                                       .item_history = items.history.rows(),
                                       .user_average = users.average.size(),
                                       .item_average = items.average.size()};
  }
  if (model.users.features) extent.user_features = extent_of(*model.users.features, 0);
  if (model.items.features) extent.item_features = extent_of(*model.items.features, 0);
  if (model.uncertainty) {
    extent.uncertainty = UncertaintyExtent{.user_noise = model.uncertainty->users.noise.size(),
                                           .item_noise = model.uncertainty->items.noise.size(),
                                           .quantiles = model.uncertainty->quantiles.size()};
  }
  extent.contexts = context_extent(model.contexts);
  if (model.neighbours) {
    extent.neighbour_offsets = model.neighbours->offsets().size();
    extent.neighbour_weights = model.neighbours->size();
  }
  return extent;
}

std::string make_header(const Model& model, const ModelExtent& extent) {
  ordered_json header;
  header["__metadata__"] = {{"checksum", std::string(kDigits, '0')},
                            {"format", kFormat},
                            {"format_version", "2"},
                            {"needs", kNeeds},
                            {"sections", sections_json(model).dump()},
                            {"method", model.record.method},
                            {"options", model.record.options},
                            {"model", model_json(model).dump()},
                            {"fold_in", fold_in_json(model.fold_in).dump()},
                            {"record", record_json(model.record).dump()}};
  if (model.neighbours && model.neighbours->is_mean())
    header["__metadata__"][kNeighbours.name] = neighbour_rule_text(model.neighbours->rule());
  if (model.centre.ordinal) header["__metadata__"][kOrdinal.name] = ordinal_text(*model.centre.ordinal);
  if (model.uncertainty) header["__metadata__"][kUncertainty.name] = uncertainty_text(*model.uncertainty);
  if (!model.contexts.empty()) header["__metadata__"][kContexts.name] = contexts_text(model.contexts);
  if (model.record.lineage) header["__metadata__"][kLineage.name] = lineage_text(*model.record.lineage);
  for (const TensorPlace& place : tensor_places(extent)) {
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
  const json header = parse_json(text, "not a lowrank model: its header");
  const auto metadata = header.find("__metadata__");
  if (metadata == header.end() || !metadata->is_object() || metadata->value("format", json()) != json(kFormat)) {
    refuse("a file in the safetensors format, but not a lowrank model");
  }
  ParsedHeader parsed;
  parsed.version = read_version(*metadata);
  const bool is_one = parsed.version == FormatVersion::one;
  Fields fields(*metadata, "the header's metadata");
  fields.text("format");
  fields.text("format_version");
  if (!text.starts_with(kHeaderStart)) refuse("the header does not start with the checksum");

  parsed.checksum = fields.text("checksum");
  if (text.substr(kHeaderStart.size(), kDigits + 1) != parsed.checksum + "\"" || parsed.checksum.size() != kDigits) {
    refuse("the checksum is not a number of 16 hexadecimal digits");
  }
  Sections sections;
  if (!is_one) {
    fields.text("needs");
    sections = read_sections(fields.text("sections"));
  }
  parsed.model.record.method = fields.text("method");
  parsed.model.record.options = fields.text("options");
  read_model(fields.text("model"), parsed.version, parsed.model);
  if (is_one) {
    parsed.complete = read_row_problem(fields.text("row_problem"));
  } else {
    parsed.model.fold_in = read_fold_in(fields.text("fold_in"));
  }
  read_record(fields.text("record"), parsed.model.record);
  if (sections.neighbour_rule) parsed.neighbour_rule = read_neighbour_rule(fields.text(kNeighbours.name.c_str()));
  if (sections.ordinal) parsed.model.centre.ordinal = read_ordinal(fields.text(kOrdinal.name.c_str()));
  if (sections.uncertainty) read_uncertainty(fields.text(kUncertainty.name.c_str()), parsed.model.uncertainty.emplace());
  std::vector<ContextParts> contexts;
  if (sections.contexts != 0) parsed.model.contexts = read_contexts(fields.text(kContexts.name.c_str()), sections.contexts, contexts);
  if (sections.lineage) parsed.model.record.lineage = read_lineage(fields.text(kLineage.name.c_str()));
  // What an optional section says of itself beside its tensors.
  for (const std::string& section : sections.unknown) {
    if (fields.has(section.c_str())) fields.text(section.c_str());
  }
  fields.end();

  parsed.extent = read_extent(header, parsed.version, sections.neighbours ? std::optional(parsed.neighbour_rule.side) : std::nullopt,
                              sections, contexts);
  const std::vector<TensorPlace> places = tensor_places(parsed.extent, parsed.version);
  for (const TensorPlace& place : places) check_place(header, place);
  parsed.data_bytes = check_unknown_tensors(header, places, sections.unknown);
  return parsed;
}

}  // namespace lowrank
