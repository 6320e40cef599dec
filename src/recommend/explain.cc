#include "recommend/explain.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "lowrank/base/error.h"
#include "lowrank/recommend/recommender.h"
#include "model/neighbour_sums.h"
#include "recommend/fold_in_solver.h"

namespace lowrank {

namespace {

struct ReadsValues {
  bool operator()(const NoFoldIn& /*problem*/) const { return false; }
  bool operator()(const LeastSquares& /*problem*/) const { return true; }
  bool operator()(const WeightedLeastSquares& problem) const { return problem.alpha != 0 || !problem.binary_target; }
  bool operator()(const Divergence& /*problem*/) const { return true; }
  bool operator()(const PairwiseLogistic& /*problem*/) const { return false; }
  bool operator()(const PosteriorMean& /*problem*/) const { return true; }
  bool operator()(const HistorySum& problem) const { return problem.solves_bias || problem.solves_factors; }
};

/// What the items of a history add to the scores of items, score by score.
struct Amounts {
  std::size_t history;
  std::vector<double> amounts;    ///< scores x history
  std::vector<double> explained;  ///< one per score, without what neighbours add
  std::vector<double> bases;      ///< one per score; empty where the amounts do not add up

  /// \param items  of the history
  Amounts(std::size_t scores, std::size_t items) : history(items), amounts(scores * items), explained(scores), bases(scores) {}
  std::span<double> of(std::size_t score) { return std::span(amounts).subspan(score * history, history); }
};

double base_of(const Model& model, std::uint32_t item) { return model.centre.mean + static_cast<double>(model.items.biases[item]); }

Amounts terms_of(const Model& model, const FoldInSolver& solver, const LinearTerms& terms, std::size_t history,
                 std::span<const std::uint32_t> items) {
  Amounts result(items.size(), history);
  const std::vector<double> vectors = solver.vectors_of(items);
  const std::size_t size = solver.unknowns();
  for (std::size_t n = 0; n < items.size(); ++n) {
    const std::span<double> amounts = result.of(n);
    result.bases[n] = base_of(model, items[n]) + terms.of(std::span(vectors).subspan(n * size, size), amounts);
    result.explained[n] = std::accumulate(amounts.begin(), amounts.end(), result.bases[n]);
  }
  return result;
}

/// Scores by fold-in, but for mean and item bias: of each row for each item.
std::vector<double> scores_of(const Model& model, const FoldInSolver& solver, const FoldInRows& rows, std::span<const std::uint32_t> items,
                              Workers& workers) {
  FactorMatrix factors(rows.size(), model.rank());
  std::vector<float> biases(rows.size());
  solver.solve(rows, workers, factors, biases);
  std::vector<double> scores;
  scores.reserve(rows.size() * items.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::span<const float> p = factors.row(row);
    for (const std::uint32_t item : items) {
      const std::span<const float> q = model.items.factors.row(item);
      double sum = static_cast<double>(biases[row]);
      for (std::size_t k = 0; k < p.size(); ++k) sum += static_cast<double>(p[k]) * static_cast<double>(q[k]);
      scores.push_back(sum);
    }
  }
  return scores;
}

Amounts leave_one_out(const Model& model, const FoldInSolver& solver, const FoldInRows& history, std::span<const std::uint32_t> items,
                      Workers& workers) {
  constexpr std::size_t kRows = 256;  // rows that are solved together
  const std::size_t n = history.others.size();
  Amounts result(items.size(), n);
  result.bases.clear();
  const std::vector<double> whole = scores_of(model, solver, history, items, workers);
  for (std::size_t at = 0; at < items.size(); ++at) result.explained[at] = base_of(model, items[at]) + whole[at];
  for (std::size_t begin = 0; begin < n; begin += kRows) {
    const std::size_t end = std::min(n, begin + kRows);
    FoldInRows rows;
    for (std::size_t left_out = begin; left_out < end; ++left_out) {
      for (std::size_t j = 0; j < n; ++j) {
        if (j != left_out) rows.add(history.others[j], history.values[j]);
      }
      rows.end_row();
    }
    const std::vector<double> without = scores_of(model, solver, rows, items, workers);
    for (std::size_t left_out = begin; left_out < end; ++left_out) {
      for (std::size_t at = 0; at < items.size(); ++at) {
        result.of(at)[left_out] = whole[at] - without[(left_out - begin) * items.size() + at];
      }
    }
  }
  return result;
}

/// What the factors and the bias of a user owe to the history.
Amounts by_fold_in(const Model& model, const FoldInSolver& solver, const FoldInRows& history, std::span<const std::uint32_t> items,
                   Workers& workers) {
  if (std::holds_alternative<NoFoldIn>(model.fold_in)) {
    Amounts none(items.size(), history.others.size());
    for (std::size_t n = 0; n < items.size(); ++n) none.explained[n] = none.bases[n] = base_of(model, items[n]);
    return none;
  }
  if (const std::optional<LinearTerms> terms = solver.linear_terms(history)) {
    return terms_of(model, solver, *terms, history.others.size(), items);
  }
  return leave_one_out(model, solver, history, items, workers);
}

/// Adds the terms of what neighbours add to the score of an item to `amounts`, which are of the items of a history. \return their sum
double add_neighbours(const Model& model, const HistoryTerms& terms, std::span<const std::uint32_t> history, std::uint32_t item,
                      std::span<double> amounts) {
  const NeighbourRule& rule = model.neighbours->rule();
  const bool is_mean = model.neighbours->is_mean();
  double divisor = rule.damping;
  std::vector<std::pair<std::size_t, double>> parts;
  for (std::size_t n = 0; n < terms.items.size(); ++n) {
    const auto weight = static_cast<double>(model.neighbours->weight(terms.items[n], item));
    const auto found = std::ranges::lower_bound(history, terms.items[n]);
    if (weight == 0 || found == history.end() || *found != terms.items[n]) continue;
    divisor += std::abs(weight);
    parts.emplace_back(found - history.begin(), is_mean ? weight * static_cast<double>(terms.values[n]) : weight);
  }
  if (is_mean && !(divisor > 0)) return 0;
  double sum = 0;
  for (const auto& [at, part] : parts) {
    const double amount = is_mean ? rule.scale * part / divisor : part;
    amounts[at] += amount;
    sum += amount;
  }
  return sum;
}

/// The greatest `top` of the amounts, and the sum of the others.
void rank_amounts(const FoldInRows& history, bool valued, std::span<const double> amounts, std::size_t top, Explanation& explanation) {
  std::vector<std::size_t> order;
  for (std::size_t j = 0; j < amounts.size(); ++j) {
    if (!std::isfinite(amounts[j])) fail_to_fold_in("to explain");
    if (amounts[j] != 0) order.push_back(j);
  }
  const auto kept = order.begin() + static_cast<std::ptrdiff_t>(std::min(top, order.size()));
  std::partial_sort(order.begin(), kept, order.end(), [&](std::size_t a, std::size_t b) {
    return amounts[a] > amounts[b] || (amounts[a] == amounts[b] && history.others[a] < history.others[b]);
  });
  std::for_each(order.begin(), kept, [&](std::size_t j) {
    explanation.contributions.push_back({.item = history.others[j], .amount = amounts[j]});
    if (valued) explanation.contributions.back().value = history.values[j];
  });
  explanation.other_items = static_cast<std::size_t>(order.end() - kept);
  if (explanation.kind != ExplanationKind::sum) return;
  std::sort(kept, order.end());  // a sum in a fixed order
  explanation.others = std::accumulate(kept, order.end(), 0.0, [&](double sum, std::size_t j) { return sum + amounts[j]; });
}

/// \throws DataError where nothing in the scores of the model depends on the items of a history, or, for users of the model, where it
/// lacks what their fold-in needs
void check(const Model& model, bool of_model) {
  const bool folds_in = !std::holds_alternative<NoFoldIn>(model.fold_in);
  const bool speaks = model.neighbours && !model.neighbours->of_users();
  if (!(folds_in && model.rank() != 0) && !speaks) {
    throw DataError("there is nothing to explain: in the scores of a model of method " + model.record.method + " and rank " +
                    std::to_string(model.rank()) + " nothing depends on which items a user has");
  }
  if (!of_model) return;
  if (model.history.user_count() == 0) {
    throw DataError("the model does not have the items of its users; give the ratings of the users to explain, which folds them in");
  }
  const bool reads = reads_values(model.fold_in) || (speaks && model.neighbours->is_mean());
  if (reads && !model.history.has_values()) {
    throw DataError("the model does not have the values of its ratings, of which scores are explained; train it with " +
                    mention("keep_values") + ", or give the ratings of the users to explain, which folds them in");
  }
}

/// The history of a user of the model, as fold-in takes it: one row. Values that the model does not keep are 1.
FoldInRows history_of(const Model& model, std::uint32_t user) {
  const std::vector<std::uint32_t> items = model.history.items_of(user);
  std::vector<float> values = model.history.values_of(user);
  if (values.empty()) values.assign(items.size(), 1.0F);
  FoldInRows row;
  add_row(model.items, items, values, row);
  return row;
}

/// Scores in which nothing is of a history.
std::vector<Explanation> unexplained(std::span<const double> scores) {
  std::vector<Explanation> explanations(scores.size());
  for (std::size_t n = 0; n < scores.size(); ++n) explanations[n].score = explanations[n].explained = scores[n];
  return explanations;
}

/// A user whose scores are explained.
struct Explained {
  FoldInRows history;                      ///< one row
  bool valued = false;                     ///< whether the values of the history are ratings
  HistoryTerms terms;                      ///< what the history brings into the scores, where the model has neighbours of items
  std::optional<std::uint32_t> user = {};  ///< the user of the model, or a new one
};

/// Explains scores of items for one user. \param scores  one per item, for a new user without what neighbours add
/// O(n m^2 + m^3) for the smaller m of rank and n, the length of the history, then O(m^2 + n rank) per item; O(n) fold-ins where there is
/// no sum. Memory: O(n items)
std::vector<Explanation> explain_user(const Model& model, const FoldInSolver& solver, const Explained& user,
                                      std::span<const std::uint32_t> items, std::span<const double> scores, std::size_t top,
                                      Workers& workers) {
  std::vector<std::uint32_t> known;
  std::ranges::copy_if(items, std::back_inserter(known), [&](std::uint32_t item) { return model.items.knows(item); });
  if (known.empty()) return unexplained(scores);
  Amounts amounts = by_fold_in(model, solver, user.history, known, workers);
  const bool adds_up = !amounts.bases.empty();
  std::vector<Explanation> explanations = unexplained(scores);
  std::size_t next = 0;
  for (std::size_t n = 0; n < items.size(); ++n) {
    if (!model.items.knows(items[n])) continue;
    Explanation& explanation = explanations[n];
    explanation.kind = adds_up ? ExplanationKind::sum : ExplanationKind::leave_one_out;
    explanation.explained = amounts.explained[next];
    if (adds_up) explanation.base = amounts.bases[next];
    if (model.neighbours && !model.neighbours->of_users()) {
      const double sum = add_neighbours(model, user.terms, user.history.others, items[n], amounts.of(next));
      explanation.explained += sum;
      if (!user.user) explanation.score += sum;
    } else if (model.neighbours && user.user) {
      // What other users say is not of the history.
      const auto sum = static_cast<double>(neighbour_sum(model, *user.user, items[n]));
      explanation.explained += sum;
      if (adds_up) explanation.base += sum;
    }
    rank_amounts(user.history, user.valued, amounts.of(next), top, explanation);
    ++next;
  }
  return explanations;
}

/// Scores of a folded-in user without what neighbours add, as if the user were one that the model knows: see score().
std::vector<double> scores_of(const Model& model, const FoldedRow& user, std::span<const std::uint32_t> items) {
  std::vector<double> scores;
  for (const std::uint32_t item : items) {
    if (!model.items.knows(item) && !model.centre.has_biases) {
      scores.push_back(model.centre.rating_mean);
      continue;
    }
    double sum = model.centre.mean + static_cast<double>(user.bias);
    if (model.items.knows(item)) {
      sum += static_cast<double>(model.items.biases[item]);
      const std::span<const float> q = model.items.factors.row(item);
      for (std::size_t k = 0; k < q.size(); ++k) sum += static_cast<double>(user.factors[k]) * static_cast<double>(q[k]);
    }
    scores.push_back(sum);
  }
  return scores;
}

}  // namespace

bool reads_values(const FoldIn& fold_in) { return std::visit(ReadsValues{}, fold_in); }

void Recommender::check_explains() const { check(model_, true); }

void Recommender::explain(std::span<const ExplainQuery> queries, const ExplainOptions& options,
                          const std::function<void(std::size_t position, std::span<const Explanation> explanations)>& consume) const {
  constexpr std::size_t kQueries = 256;  // explained before the first of them is consumed
  check(model_, true);
  const FoldInSolver& solver = new_users();
  const bool speaks = model_.neighbours && !model_.neighbours->of_users();
  Workers workers(options.threads);
  const auto explain_one = [&](const ExplainQuery& query, Workers& own) {
    const std::vector<std::uint32_t> users(query.items.size(), query.user);
    std::vector<double> scores(query.items.size());
    score_pairs(model_, users, query.items, scores);
    if (!model_.users.knows(query.user)) return unexplained(scores);
    Explained user{.history = history_of(model_, query.user), .valued = model_.history.has_values(), .terms = {}, .user = query.user};
    if (speaks) user.terms = history_terms(model_, query.user);
    return explain_user(model_, solver, user, query.items, scores, options.top, own);
  };
  std::vector<std::vector<Explanation>> explanations;
  for (std::size_t begin = 0; begin < queries.size(); begin += kQueries) {
    const std::span<const ExplainQuery> part = queries.subspan(begin, std::min(kQueries, queries.size() - begin));
    explanations.assign(part.size(), {});
    if (part.size() == 1) {
      explanations[0] = explain_one(part[0], workers);
    } else {
      workers.for_each(part.size(), [&](std::size_t n, int) {
        Workers alone(1);
        explanations[n] = explain_one(part[n], alone);
      });
    }
    for (std::size_t n = 0; n < part.size(); ++n) consume(begin + n, explanations[n]);
  }
}

std::vector<Explanation> Recommender::explain(std::span<const std::uint32_t> history, std::span<const float> values,
                                              std::span<const std::uint32_t> items, const ExplainOptions& options) const {
  check(model_, false);
  Explained user{.history = {}, .valued = true, .terms = {}};
  add_row(model_.items, history, values, user.history);
  FoldedRow row = fold_in_user(history, values);
  std::vector<double> scores = scores_of(model_, row, items);
  if (user.history.others.empty()) {
    for (std::size_t n = 0; n < items.size(); ++n) scores[n] = score(model_, Vocabulary::kUnknown, items[n]);
    return unexplained(scores);
  }
  user.terms = {.items = std::move(row.history), .values = std::move(row.residuals)};
  Workers workers(options.threads);
  return explain_user(model_, new_users(), user, items, scores, options.top, workers);
}

}  // namespace lowrank
