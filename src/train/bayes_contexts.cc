#include "train/bayes_contexts.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "lowrank/base/error.h"

namespace lowrank {

namespace {

/// The names of the contexts whose levels are chains.
/// \throws OptionError where there is none that the options mean
std::vector<std::string> chained(const Bayes& options, std::span<const ContextColumn> columns) {
  std::vector<std::string> names;
  if (options.chain == ContextChain::none) return names;
  const auto* const wanted_chain = std::ranges::find(kContextChains, options.chain, &Named<ContextChain>::second);
  const std::string wanted(wanted_chain->first);
  for (const ContextColumn& column : columns) {
    if (options.chain == ContextChain::all || column.name == wanted) names.push_back(column.name);
  }
  if (!names.empty()) return names;
  throw OptionError("chain", options.chain == ContextChain::all
                                 ? "needs ratings with contexts"
                                 : "the ratings have no context " + wanted + ": give " + mention("time_contexts=" + wanted));
}

}  // namespace

std::optional<RatingContexts> contexts_of(const Ratings& ratings, const ByItem& by_item, const Bayes& options,
                                          const Situations* situations) {
  if (situations != nullptr) {
    if (options.time != Period::none)
      throw OptionError("time",
                        "is not read where ratings have contexts: give " + mention("time_contexts=" + std::string(name_of(options.time))));
    return by_level(ratings, by_item, *situations, chained(options, situations->columns));
  }
  if (options.time == Period::none) {
    chained(options, {});
    return std::nullopt;
  }
  const ContextColumn column{std::string(name_of(options.time)), options.time, {}};
  return by_period(ratings, by_item, options.time, !chained(options, {&column, 1}).empty());
}

}  // namespace lowrank
