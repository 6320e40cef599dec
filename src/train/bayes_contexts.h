#pragma once

#include <array>
#include <optional>

#include "lowrank/data/ratings.h"
#include "lowrank/data/situations.h"
#include "lowrank/train/bayes.h"
#include "train/by_level.h"
#include "train/option.h"

namespace lowrank {

inline constexpr auto kContextChains = std::to_array<Named<ContextChain>>({{"none", ContextChain::none},
                                                                           {"day", ContextChain::day},
                                                                           {"week", ContextChain::week},
                                                                           {"month", ContextChain::month},
                                                                           {"hour", ContextChain::hour},
                                                                           {"weekday", ContextChain::weekday},
                                                                           {"season", ContextChain::season},
                                                                           {"all", ContextChain::all}});

/// The contexts that ratings come with, or else their times; those that the options mean are chains.
/// \param situations  null where there are no contexts \throws DataError as periods_of()
/// \throws OptionError("chain" or "time") where the options mean what the ratings do not have
std::optional<RatingContexts> contexts_of(const Ratings& ratings, const ByItem& by_item, const Bayes& options,
                                          const Situations* situations);

}  // namespace lowrank
