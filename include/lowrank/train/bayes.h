#pragma once

/// \file
/// Bayesian matrix factorization by Gibbs sampling.

#include <cstdint>
#include <string_view>

#include "lowrank/model/contexts.h"

namespace [[gnu::visibility("default")]] lowrank {

/// Whose rows have the other side's rated rows as features.
enum class ImplicitFeatures : std::uint8_t {
  none,
  users,  ///< a user's row is expected to be a sum of vectors of the items that the user rated (SVD++)
  items,  ///< an item's row is expected to be a sum of vectors of the users who rated it
  both,   ///< both (default; "SVD++ flipped" together with SVD++, Rendle, Zhang and Koren 2019)
};

/// How a rating comes about from its score.
enum class Likelihood : std::uint8_t {
  gaussian,  ///< the score and a normal draw (default)
  ordinal,   ///< the step of the scale that the score and a normal draw fall into (ordered probit)
};

/// Whose ratings have a noise of their own.
enum class NoiseOf : std::uint8_t {
  all,    ///< nobody's: one noise for all ratings
  users,  ///< each user's (default)
  items,  ///< each item's
  both,   ///< each user's and each item's, multiplied
};

/// The contexts whose levels are a chain: each is expected where the one before is. A context is told by its name.
enum class ContextChain : std::uint8_t {
  none,  ///< none (default)
  day,
  week,
  month,
  hour,
  weekday,
  season,
  all,  ///< every one
};

/// Options of Bayesian factorization. With m the mean rating, a rating of user u and item i is drawn from
///
///     r = m + b_u + b_i + <p_u, q_i> + e,    e ~ N(0, 1 / (alpha a_u))
///
/// and the rows (p_u, b_u) of the users, likewise those of the items, are normal before their ratings are seen:
///
///     (p_u, b_u) ~ N(mu + sum over features f of u of x_uf B_f,  P^-1)
///
/// A rating with contexts adds b_t + <d_t, p_u + q_i> for the level t of each, the rows (d_t, b_t) being normal around 0, or with `chain`
/// around that of the level before. A missing level has the mean of its column's. `time` makes a context of timestamps.
///
/// Features are the items that the user rated, each with the value n_u^(-1/2) (`implicit_features`), and those of the input. alpha, a_u,
/// mu, P and B have priors of their own and are drawn too: nothing is to be tuned. Every sweep draws all of them once; the model is the
/// mean of the sweeps after the first `burn_in`, as one dot product, with its uncertainty. docs/methods/bayes.md has the equations and
/// their sources.
struct Bayes {
  static constexpr std::string_view kName = "bayes";
  static constexpr std::string_view kSummary = "Bayesian matrix factorization of ratings by Gibbs sampling";
  static constexpr std::string_view kClassName = "BayesianMF";
  static constexpr std::string_view kReference =
      "Salakhutdinov and Mnih, ICML 2008; features: Simm et al., Macau, 2017; both ways: Rendle, Zhang and Koren, 2019.";

  /// Number of factors per user and item of a sample, 0 to 2048; the model has twice as many.
  std::uint32_t rank = 32;
  /// Sweeps whose mean is the model, at least 1; the error falls slowly with more of them.
  std::uint32_t samples = 300;
  /// Sweeps before the first one that counts, at least 0.
  std::uint32_t burn_in = 30;
  /// Rows that are features of the rows that they have ratings with: none; users has items as features of users; items has users as
  /// features of items; both has both.
  ImplicitFeatures implicit_features = ImplicitFeatures::both;
  /// Distribution of a rating around its score: gaussian, a normal one; ordinal, steps of a normal one (ordered probit), for 2 to 32
  /// different ratings.
  Likelihood likelihood = Likelihood::gaussian;
  /// Whose ratings have a noise of their own, where some are harder to predict than others: users, items or both; or all share one. Read
  /// with a gaussian likelihood.
  NoiseOf noise = NoiseOf::users;
  /// Periods of the calendar (UTC) that have a bias and factors of their own, which are multiplied with those of user and item: day, week
  /// or month; none does not look at times. Needs a timestamp with each rating.
  Period time = Period::none;
  /// The context whose levels follow one another, so that each is expected to be like the one before: the periods day, week, month, hour,
  /// weekday or season, or all, others being ordered by the numbers that they begin with or by their texts; none expects nothing.
  ContextChain chain = ContextChain::none;
  std::uint32_t patience = 50;  ///< sweeps without improvement of the validation figure after which training ends
  std::uint64_t seed = 1;       ///< seed of every random choice
};

}  // namespace lowrank
