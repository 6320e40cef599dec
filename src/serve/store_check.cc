#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/text.h"
#include "serve/store_write.h"

namespace lowrank::serve {

namespace {

/// Times beyond would not be exact in JSON.
constexpr std::int64_t kMostTime = std::int64_t{1} << 53U;
/// SQLite reads JSON of a depth of at most 1000.
constexpr int kMostDepth = 64;

std::optional<std::string> id_fault(std::string_view id, const char* whose) {
  if (const auto problem = stored_id_problem(id)) return std::string(whose) + ": " + std::string(*problem);
  return std::nullopt;
}

std::optional<std::string> text_fault(const std::optional<std::string>& text, std::size_t most, const char* what) {
  if (!text) return std::nullopt;
  if (auto problem = stored_text_problem(*text, most)) return std::string(what) + ": " + *problem;
  return std::nullopt;
}

std::optional<std::string> time_fault(std::int64_t time) {
  if (time >= -kMostTime && time <= kMostTime) return std::nullopt;
  return "time: must be seconds since 1970, got " + std::to_string(time);
}

std::optional<std::string> categories_fault(const std::vector<std::string>& categories) {
  if (categories.size() > kMostCategories) return "categories: must be at most " + std::to_string(kMostCategories);
  for (const std::string& category : categories) {
    if (category.empty()) return "categories: a category must not be empty";
    if (auto fault = text_fault(category, kMostCategoryBytes, "categories")) return fault;
  }
  return std::nullopt;
}

bool too_deep(std::string_view json) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (quoted && c == '\\') {
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      if (++depth > kMostDepth) return true;
    } else if (!quoted && (c == '}' || c == ']')) {
      --depth;
    }
  }
  return false;
}

std::optional<std::string> metadata_fault(const std::optional<std::string>& metadata) {
  if (!metadata) return std::nullopt;
  if (metadata->size() > kMostMetadataBytes) return "metadata: must be at most " + std::to_string(kMostMetadataBytes) + " bytes";
  if (too_deep(*metadata)) return "metadata: must be at most " + std::to_string(kMostDepth) + " levels deep";
  if (metadata->find('\0') != std::string::npos || !metadata->starts_with('{') || !nlohmann::json::accept(*metadata))
    return "metadata: must be a JSON object";
  return std::nullopt;
}

struct Checker {
  std::optional<std::string> operator()(const PutRating& put) const {
    if (auto fault = id_fault(put.user, "user")) return fault;
    if (auto fault = id_fault(put.item, "item")) return fault;
    if (!std::isfinite(put.value)) return "value: must be a finite number";
    return time_fault(put.time);
  }
  std::optional<std::string> operator()(const PutItem& put) const {
    if (auto fault = id_fault(put.item, "item")) return fault;
    if (auto fault = text_fault(put.title, kMostTitleBytes, "title")) return fault;
    if (auto fault = categories_fault(put.categories)) return fault;
    if (auto fault = metadata_fault(put.metadata)) return fault;
    return time_fault(put.time);
  }
  std::optional<std::string> operator()(const PatchItem& patch) const {
    if (patch.title) {
      if (auto fault = text_fault(*patch.title, kMostTitleBytes, "title")) return fault;
    }
    if (patch.categories) {
      if (auto fault = categories_fault(*patch.categories)) return fault;
    }
    if (patch.metadata) {
      if (auto fault = metadata_fault(*patch.metadata)) return fault;
    }
    return time_fault(patch.time);
  }
  std::optional<std::string> operator()(const PutModel& put) const {
    if (put.model.id < 1) return "model: the number must be at least 1";
    return std::nullopt;
  }
  // What only names something finds it or does not.
  template <class Other>
  std::optional<std::string> operator()(const Other&) const {
    return std::nullopt;
  }
};

}  // namespace

std::optional<std::string> problem_of(const Operation& operation) { return std::visit(Checker(), operation); }

std::optional<std::string_view> stored_id_problem(std::string_view id) noexcept {
  if (id.size() > kMostIdBytes) return "an id of more than 512 bytes";
  return id_problem(id);
}

std::optional<std::string> stored_text_problem(std::string_view text, std::size_t most_bytes) {
  if (text.size() > most_bytes) return "more than " + std::to_string(most_bytes) + " bytes";
  if (!valid_utf8(text)) return "not valid UTF-8";
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) return "a control character";
  return std::nullopt;
}

}  // namespace lowrank::serve
