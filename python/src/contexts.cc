/// \file
/// Contexts: of ratings that are given, and of models.

#include "lowrank/model/contexts.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "binding.h"
#include "data/context_columns.h"
#include "data/text.h"
#include "given_contexts.h"
#include "lowrank/base/error.h"
#include "lowrank/data/read.h"
#include "lowrank/model/context_effects.h"
#include "lowrank/model/model.h"
#include "model/context_scores.h"

namespace lowrank::python {

namespace {

/// The number of each level of a context among those of its column; kMissing for texts that stand for a missing one.
std::vector<std::uint16_t> levels_of(const std::vector<std::string>& texts, std::span<const std::string> missing, ContextColumn& column) {
  std::vector<std::uint16_t> levels;
  for (const std::string& text : texts) {
    if (is_missing_level(text, {missing.begin(), missing.end()})) {
      levels.push_back(Situations::kMissing);
      continue;
    }
    if (const auto problem = id_problem(text))
      throw DataError("contexts: " + column.name + ": " + std::string(*problem) + ": " + quoted(text));
    const std::uint32_t level = column.levels.add(text);
    if (level >= kMostLevels) throw DataError("contexts: " + column.name + " has more than " + std::to_string(kMostLevels) + " levels");
    levels.push_back(static_cast<std::uint16_t>(level));
  }
  return levels;
}

template <class T>
using View = nb::ndarray<nb::numpy, const T>;

/// By the name of each context the names, numbers of training ratings and biases of its levels. The arrays keep the model alive.
nb::dict contexts_of(const nb::object& self) {
  nb::dict contexts;
  for (const ContextVectors& context : nb::cast<const Model&>(self).contexts) {
    nb::list levels;
    for (std::uint32_t level = 0; level < context.levels.size(); ++level) {
      const std::string_view id = context.levels.id(level);
      levels.append(nb::str(id.data(), id.size()));
    }
    contexts[context.name.c_str()] = nb::make_tuple(levels, View<std::uint32_t>(context.counts.data(), {context.counts.size()}, self),
                                                    View<float>(context.biases.data(), {context.biases.size()}, self));
  }
  return contexts;
}

/// The items that some levels of a context lift and lower most, as columns: numbers of levels and items, and effects; level after level,
/// first what is lifted.
nb::tuple effects_of(const Model& model, std::size_t context, const std::vector<std::uint32_t>& levels, std::size_t count,
                     std::uint32_t least_ratings) {
  std::vector<std::uint32_t> level_column;
  std::vector<std::uint32_t> items;
  std::vector<float> amounts;
  {
    const WithoutGil free;
    for (const std::uint32_t level : levels) {
      const LevelEffects effects = level_effects(model, context, level, count, least_ratings);
      for (const auto& part : {effects.lifted, effects.lowered}) {
        for (const ItemEffect& effect : part) {
          level_column.push_back(level);
          items.push_back(effect.item);
          amounts.push_back(effect.effect);
        }
      }
    }
  }
  return nb::make_tuple(array_of(std::move(level_column)), array_of(std::move(items)), array_of(std::move(amounts)));
}

}  // namespace

Situated situated(const GivenContexts& given, const std::vector<std::string>& periods, const std::vector<std::string>& missing,
                  const Times& moments, std::size_t size) {
  Situated result;
  ReadOptions options;
  for (const GivenContext& context : given) options.contexts.push_back(std::get<0>(context));
  for (const std::string& period : periods) options.time_contexts.push_back(parse_period(period));
  options.missing = missing;
  check_contexts(options);
  std::vector<std::vector<std::uint16_t>> levels;
  for (const auto& [name, texts, codes] : given) {
    if (codes.size() != size) throw DataError("contexts: " + name + ": expected one level for each rating");
    ContextColumn& column = result.situations.columns.emplace_back();
    column.name = *context_name(name);
    levels.push_back(levels_of(texts, missing, column));
  }
  std::vector<std::uint16_t> own(given.size());
  for (std::size_t n = 0; !given.empty() && n < size; ++n) {
    for (std::size_t column = 0; column < given.size(); ++column) {
      const std::uint32_t code = std::get<2>(given[column]).data()[n];
      own[column] = code < levels[column].size() ? levels[column][code] : Situations::kMissing;
    }
    result.numbers.push_back(result.situations.number(own));
  }
  if (options.time_contexts.empty()) return result;
  if (!moments || moments->size() != size) throw OptionError("time_contexts", "need a timestamp with each rating");
  add_periods(options.time_contexts, copy_of(*moments), result.situations, result.numbers);
  return result;
}

void bind_contexts(nb::module_& module) {
  using namespace nb::literals;  // NOLINT(google-build-using-namespace): literals come no other way
  module.def(
      "context_name", [](const std::string& text) { return context_name(text).value_or(""); }, "text"_a,
      "The name of a context that a header spells so; empty for none.");
  module.def("model_contexts", &contexts_of, "model"_a,
             "By the name of each context the names, numbers of training ratings and biases of its levels.");
  module.def("level_effects", &effects_of, "model"_a, "context"_a, "levels"_a, "count"_a, "least_ratings"_a,
             "What some levels of a context do to items: columns of numbers of levels, numbers of items, and effects.");
  module.def(
      "unknown_levels",
      [](const Model& model, const Pairs& pairs) { return description(unknown_levels(model, pairs), pairs.size(), "ratings"); }, "model"_a,
      "pairs"_a, "A sentence on levels of contexts that a model does not know; empty where it knows all.");
  module.def(
      "unknown_levels_of",
      [](const Model& model, const GivenContexts& contexts, std::size_t size) {
        Pairs pairs;
        Situated own = situated(contexts, {}, {}, {}, size);
        pairs.situation = std::move(own.numbers);
        pairs.situations = std::move(own.situations);
        return description(unknown_levels(model, pairs), size, "pairs");
      },
      "model"_a, "contexts"_a, "size"_a, "The same for the contexts of pairs.");
  module.def(
      "level_named",
      [](const Model& model, const std::string& name, const std::string& value) -> std::optional<std::uint32_t> {
        const ContextValue given{name, value};
        const std::vector<KnownLevel> known = known_levels(model, {&given, 1});
        return known.empty() ? std::nullopt : std::optional(known.front().level);
      },
      "model"_a, "name"_a, "value"_a,
      "The number of the level of a context that a text names, be it a date in it; None for one that is not known.");
  module.def(
      "level_vectors",
      [](const Model& model, std::size_t context, bool users) {
        FactorMatrix vectors;
        {
          const WithoutGil free;
          vectors = level_vectors(model, context, users ? RowsOf::users : RowsOf::items);
        }
        return array_of(std::move(vectors));
      },
      "model"_a, "context"_a, "users"_a, "The vectors of the levels of a context, levels x rank.");
}

}  // namespace lowrank::python
