#pragma once

/// \file
/// Why an item scores as it does for a user: what each item of the user's history adds.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace [[gnu::visibility("default")]] lowrank {

/// An item of a user's history, and what it adds to a score.
struct Contribution {
  std::uint32_t item = 0;
  std::optional<float> value = {};  ///< the user's rating of the item; nothing where the model does not keep values
  double amount = 0;                ///< in units of the score; below 0 where the item lowers it
};

/// What contributions are of a score.
enum class ExplanationKind : std::uint8_t {
  sum,            ///< its terms: base, contributions and others add up to the explained score
  leave_one_out,  ///< the explained score minus the score without the item, each by itself; they do not add up to anything
  none,           ///< the model does not know the user, or the item: nothing of the history is in the score
};

/// The parts of a score. Explained is the score by fold-in: that of a user solved from their whole history against the fixed items, and of
/// what neighbours add. For a folded-in user that is their score, but for rounding. The factors of a user of the model were trained
/// together with those of the items, so that their score is another one; both are here.
///
/// For least squares the score is linear in the ratings (Hu, Koren and Volinsky 2008, section 5). With item vector q and the equations
/// A p = sum over the history of w_j t_j q_j, the contribution of item j is w_j t_j <q, A^-1 q_j>; a bias of the user is part of p. Where
/// the user is a sum of history factors x = sum of s_j (HistorySum), what a rating is fitted to lacks <x, q_j>, and the contribution of
/// item j is r_j h_j + <s_j, q - sum over l of h_l q_l>, with r_j its rating without mean and biases, and h_j = <q, A^-1 q_j>. The sums of
/// neighbours are terms as they are, and so are the parts of a mean over residuals; what other users say is part of the base. Where
/// factors are not negative and one of them is 0, and with a divergence or a pairwise loss, there is no such sum, and the history is left
/// out item by item.
struct Explanation {
  ExplanationKind kind = ExplanationKind::none;
  double score = 0;                         ///< as score() has it, or of the folded-in user
  double explained = 0;                     ///< by fold-in; equal to `score` where the kind is none
  double base = 0;                          ///< part of `explained` that is not of the history: mean, bias of the item, penalties; kind sum
  std::vector<Contribution> contributions;  ///< the greatest first, ties by item; none is 0
  double others = 0;                        ///< sum of all further contributions; kind sum
  std::size_t other_items = 0;              ///< the number of them, those of 0 not counted
};

/// How to explain.
struct ExplainOptions {
  std::size_t top = 5;  ///< most contributions per score
  int threads = 0;      ///< 0 for all; no influence on the result
};

/// The items whose scores to explain to a user, by number.
struct ExplainQuery {
  std::uint32_t user = 0;
  std::vector<std::uint32_t> items = {};
};

}  // namespace lowrank
