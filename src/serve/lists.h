#pragma once

/// \file
/// Lists: what is asked for, and how the lists of several requests are made together.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lowrank/model/contexts.h"
#include "serve/catalogue.h"
#include "serve/request.h"
#include "serve/serving.h"

namespace lowrank::serve {

/// A list that is asked for.
struct ListQuery {
  std::optional<std::string> user = {};  ///< its ratings are those of the store
  /// Ratings of somebody who is not in the store; the last of repeats of an item counts.
  std::optional<std::vector<std::pair<std::string, float>>> ratings = {};
  std::optional<std::string> item = {};  ///< the list is of items like this one where nothing is known of the user
  bool popular = false;                  ///< the popular items, whoever asks
  std::int64_t since = 0;                ///< of popular items: ratings before this time do not count
  std::size_t limit = 10;
  std::string cursor = {};
  std::size_t explain = 0;  ///< most reasons per item
  bool include_seen = false;
  std::vector<std::string> excluded = {};
  Filter filter = {};
  std::optional<std::string> known_tag = {};  ///< `If-None-Match`
  bool tagged = false;                        ///< the answer has an ETag
  std::optional<std::int64_t> model = {};     ///< another model than the one in service
  std::vector<ContextValue> context = {};     ///< what the list is for
  std::string warning = {};                   ///< a sentence that goes with the list
};

/// The lists that one request asks for.
struct Lists {
  std::vector<ListQuery> queries;
  bool many = false;  ///< the answer is a document of answers, one per query
};

/// Counters of lists by their source, and times of the stages of making them. Every call adds to them.
struct ListFigures {
  std::uint64_t personal = 0;
  std::uint64_t similar = 0;
  std::uint64_t popular = 0;
  double fold_in_seconds = 0;
  double rank_seconds = 0;
  double write_seconds = 0;
};

/// Room that one thread uses again for each batch.
struct ListRoom {
  FactorMatrix vectors;
  std::vector<RankQuery> queries;
  ScreenTile tile;
};

/// Answers queries, several at once: users whose ratings changed are solved together, and lists with the same filter are ranked together.
/// An answer does not depend on the others.
/// \param serving  null where there is no model: lists are of popular items then
/// \param boot     a random number of the process: tags and cursors of another one do not count
/// \return one answer per query, problems included
std::vector<Response> make_lists(const std::shared_ptr<const Serving>& serving, const Catalogue& catalogue, std::uint64_t boot,
                                 std::span<const ListQuery> queries, ListRoom& room, ListFigures& figures);

/// The items with the most ratings, and their numbers of them, by number in the catalogue. \param filter  as of lists \param since  ratings
/// before this time do not count \param excluded  ascending
std::vector<std::pair<std::uint32_t, std::uint64_t>> popular_items(const Serving* serving, const Catalogue::View& view,
                                                                   const Filter& filter, std::int64_t since,
                                                                   std::span<const std::uint32_t> excluded, std::size_t top);

}  // namespace lowrank::serve
