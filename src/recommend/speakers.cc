#include "recommend/speakers.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "model/neighbour_sums.h"
#include "recommend/candidates.h"
#include "recommend/top_list.h"

namespace lowrank {

namespace {

/// \param terms_of  (user) the items of a user, and values or none
template <class TermsOf>
Raters raters_of(const Model& model, const TermsOf& terms_of) {
  Raters raters{.starts = std::vector<std::size_t>(std::size_t{model.items.size()} + 1), .users = {}};
  for (std::uint32_t user = 0; user < model.history.user_count(); ++user) {
    for (const std::uint32_t item : terms_of(user).items) ++raters.starts[item + 1];
  }
  std::partial_sum(raters.starts.begin(), raters.starts.end(), raters.starts.begin());
  raters.users.resize(raters.starts.back());
  std::vector<std::size_t> next(raters.starts.begin(), raters.starts.end());
  for (std::uint32_t user = 0; user < model.history.user_count(); ++user) {
    const HistoryTerms terms = terms_of(user);
    if (!terms.values.empty()) raters.values.resize(raters.users.size());
    for (std::size_t n = 0; n < terms.items.size(); ++n) {
      const std::size_t place = next[terms.items[n]]++;
      raters.users[place] = user;
      if (!terms.values.empty()) raters.values[place] = terms.values[n];
    }
  }
  return raters;
}

}  // namespace

Raters Raters::all(const Model& model) {
  return raters_of(model, [&](std::uint32_t user) { return HistoryTerms{.items = model.history.items_of(user), .values = {}}; });
}

Raters Raters::heard(const Model& model) {
  return raters_of(model, [&](std::uint32_t user) { return history_terms(model, user); });
}

void gather_listeners(const Neighbours& speakers, const Raters& heard, std::uint32_t item, SparseSums& sums) {
  const bool is_mean = speakers.is_mean();
  sums.clear();
  if (speakers.of_users()) {
    const std::span<const std::uint32_t> raters = heard.of(item);
    for (std::size_t rater = 0; rater < raters.size() && !heard.values.empty(); ++rater) {
      const std::span<const std::uint32_t> listeners = speakers.items_of(raters[rater]);
      const std::span<const float> weights = speakers.weights_of(raters[rater]);
      for (std::size_t n = 0; n < listeners.size(); ++n) sums.add(listeners[n], weights[n], heard.values_of(item)[rater]);
    }
  } else {
    const std::span<const std::uint32_t> from = speakers.items_of(item);
    for (std::size_t n = 0; n < from.size(); ++n) {
      const float weight = speakers.weights_of(item)[n];
      const std::span<const std::uint32_t> listeners = heard.of(from[n]);
      if (!is_mean) {
        for (const std::uint32_t user : listeners) sums.add(user, weight);
      } else if (!heard.values.empty()) {
        const std::span<const float> values = heard.values_of(from[n]);
        for (std::size_t at = 0; at < listeners.size(); ++at) sums.add(listeners[at], weight, values[at]);
      }
    }
  }
  if (is_mean) sums.finish(speakers.rule());
}

void list_neighbours(const Side& side, const Neighbours& neighbours, std::span<const std::uint32_t> queries, const SimilarOptions& options,
                     const std::function<void(std::size_t position, std::span<const Scored> rows)>& consume) {
  const std::vector<std::uint32_t> candidates = candidates_of(side, options.rows, options.excluded, options.min_count);
  std::vector<std::uint32_t> excluded;
  TopList list;
  std::vector<Scored> best;
  for (std::size_t position = 0; position < queries.size(); ++position) {
    list.reset(options.top);
    excluded.clear();
    if (options.excluded_for) options.excluded_for(position, excluded);
    const bool known = side.knows(queries[position]);
    const std::span<const std::uint32_t> row = known ? neighbours.items_of(queries[position]) : std::span<const std::uint32_t>();
    for (std::size_t n = 0; n < row.size(); ++n) {
      const Scored scored{row[n], neighbours.weights_of(queries[position])[n]};
      if (!std::ranges::binary_search(candidates, row[n]) || std::ranges::binary_search(excluded, row[n])) continue;
      if (list.admits(scored)) list.add(scored);
    }
    list.take(best);
    consume(position, best);
  }
}

}  // namespace lowrank
