#pragma once

/// \file
/// The questions that a model answers: the best items for users, and what is similar. Each function prepares a Recommender for one call:
/// keep one where there are more questions.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lowrank/model/model.h"

namespace [[gnu::visibility("default")]] lowrank {

/// An index (of an item or user) and its score.
struct Scored {
  std::uint32_t index = 0;
  float score = 0;
  friend bool operator==(const Scored&, const Scored&) = default;
};

/// What to recommend.
struct RecommendOptions {
  std::size_t top = 10;       ///< length of a list; a list is shorter only where nothing else is left
  bool include_seen = false;  ///< true: items that the user rated may be recommended again
  int threads = 0;            ///< 0 for all; lists do not depend on it
  /// The only items that may be recommended, in any order; nothing: all that the model knows. Those it does not know never are.
  std::optional<std::vector<std::uint32_t>> items = {};
  std::vector<std::uint32_t> excluded = {};  ///< items that are never recommended, in any order
  std::uint32_t min_count = 1;               ///< items with fewer training ratings are never recommended; 0 is as 1
  /// Where there is one, adds to an empty list the items that are not recommended to the user at a position, ascending; called from many
  /// threads.
  std::function<void(std::size_t position, std::vector<std::uint32_t>& items)> excluded_for = {};
};

/// The items that score highest for each of `users`, best first; ties in the order of the item vocabulary. Items without a training rating
/// are never recommended. Unclipped scores. `consume(position in users, list)` is called in the order of `users`, from the calling thread;
/// memory beyond the model is bounded whatever the number of users. A user that the model does not know gets the popularity order
/// (see popular_items). The scores are those of score(), as floats, to the last bit. At most O(items * rank) a user, at the speed of a
/// matrix product.
void recommend(const Model& model, std::span<const std::uint32_t> users, const RecommendOptions& options,
               const std::function<void(std::size_t position, std::span<const Scored> items)>& consume);

/// Which users to name for an item.
struct RecommendUsersOptions {
  std::size_t top = 10;                                  ///< length of a list; a list is shorter only where nobody else is left
  bool include_seen = false;                             ///< true: users that rated the item may be named again
  int threads = 0;                                       ///< 0 for all; lists do not depend on it
  std::optional<std::vector<std::uint32_t>> users = {};  ///< the only users that may be named, in any order; nothing: all that are known
  std::vector<std::uint32_t> excluded = {};              ///< users that are never named, in any order
  std::uint32_t min_count = 1;                           ///< users with fewer training ratings are never named; 0 is as 1
  /// Where there is one, adds to an empty list the users that are not named for the item at a position, ascending; called from many
  /// threads.
  std::function<void(std::size_t position, std::vector<std::uint32_t>& users)> excluded_for = {};
};

/// The users for whom each of `items` scores highest, best first; ties in the order of the user vocabulary. The scores are those of
/// score(), as floats. Users without a training rating are never named, and an item without one has an empty list. `consume` as in
/// recommend().
void recommend_users(const Model& model, std::span<const std::uint32_t> items, const RecommendUsersOptions& options,
                     const std::function<void(std::size_t position, std::span<const Scored> users)>& consume);

/// The items with the most training ratings, ties in vocabulary order, `excluded` (ascending) left out; the score is that number of
/// ratings.
std::vector<Scored> popular_items(const Model& model, std::size_t top, std::span<const std::uint32_t> excluded = {});

/// How similarity is measured.
enum class Similarity : std::uint8_t {
  cosine,      ///< of the factors
  dot,         ///< of the factors
  neighbours,  ///< the weights that an item has for others, or in the mean form others for it; items of a model with neighbours alone
};
/// `cosine|dot|neighbours`. \throws OptionError("by")
Similarity parse_similarity(std::string_view name);

/// What to compare.
struct SimilarOptions {
  std::size_t top = 10;  ///< length of a list; a list is shorter only where nothing else is left
  Similarity by = Similarity::cosine;
  std::uint32_t min_count = 1;                          ///< items (users) with fewer training ratings are in no list; 0 is as 1
  int threads = 0;                                      ///< 0 for all; lists do not depend on it
  std::optional<std::vector<std::uint32_t>> rows = {};  ///< the only items (users) that may be listed, in any order; nothing: all
  std::vector<std::uint32_t> excluded = {};             ///< items (users) that are in no list, in any order
  /// Where there is one, adds to an empty list the items (users) that are not listed for the query at a position, ascending; called from
  /// many threads.
  std::function<void(std::size_t position, std::vector<std::uint32_t>& rows)> excluded_for = {};
};

/// The items (users) whose factors are most like those of each of `queries`, themselves left out, best first, ties in vocabulary order;
/// rows without a training rating never appear, nor with cosine those whose factors are all zero. A query without any similarity (unknown
/// to the model, or with factors of zero) gets an empty list. `consume` as in recommend().
void similar_items(const Model& model, std::span<const std::uint32_t> queries, const SimilarOptions& options,
                   const std::function<void(std::size_t position, std::span<const Scored> items)>& consume);
void similar_users(const Model& model, std::span<const std::uint32_t> queries, const SimilarOptions& options,
                   const std::function<void(std::size_t position, std::span<const Scored> users)>& consume);

}  // namespace lowrank
