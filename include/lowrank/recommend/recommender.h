#pragma once

/// \file
/// A model prepared for questions: lists, similar items and users, by id or by number.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lowrank/model/model.h"
#include "lowrank/recommend/explain.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommend.h"

namespace [[gnu::visibility("default")]] lowrank {

/// What becomes of ids that a model does not know.
enum class UnknownIds : std::uint8_t {
  refused,  ///< an error that names them (default)
  popular,  ///< users alone: the popularity order
};
/// `error|popular`. \throws OptionError("unknown")
UnknownIds parse_unknown_ids(std::string_view name);

class FoldInSolver;

/// Answers questions about one model. What does not depend on the question is computed once: the candidates at the start; popularity,
/// the lengths of rows and what new rows are solved by at the first question that needs them. Const use is safe from many threads.
class Recommender {
 public:
  /// \param model  is referred to, and must outlive the recommender. O(items)
  explicit Recommender(const Model& model);
  ~Recommender();
  Recommender(const Recommender&) = delete;
  Recommender& operator=(const Recommender&) = delete;

  [[nodiscard]] const Model& model() const noexcept { return model_; }

  /// \name Ids
  /// The numbers of users or items by their ids, in the order given. Ids that the model does not know are refused, or, where they may be,
  /// get Vocabulary::kUnknown. \throws UnknownIdError naming the first ten
  /// \{
  [[nodiscard]] std::vector<std::uint32_t> users_of(std::span<const std::string> ids, UnknownIds unknown = UnknownIds::refused) const;
  [[nodiscard]] std::vector<std::uint32_t> items_of(std::span<const std::string> ids) const;
  /// All users, or items, that the model knows, ascending.
  [[nodiscard]] std::vector<std::uint32_t> known_users() const;
  [[nodiscard]] std::span<const std::uint32_t> known_items() const noexcept;
  /// \}

  /// Lists for users of the model: see the function recommend().
  void recommend(std::span<const std::uint32_t> users, const RecommendOptions& options,
                 const std::function<void(std::size_t position, std::span<const Scored> items)>& consume) const;
  /// The list of one user who is not of the model: a folded-in row, or any vector and bias.
  /// \param seen  items to leave out, ascending; `options.include_seen` does not count
  /// \throws DataError unless the row has the model's rank
  [[nodiscard]] std::vector<Scored> recommend(const FoldedRow& user, std::span<const std::uint32_t> seen,
                                              const RecommendOptions& options) const;

  /// See the function recommend_users(). Who rated what is put in order at the first call: O(interactions), 4 bytes each.
  void recommend_users(std::span<const std::uint32_t> items, const RecommendUsersOptions& options,
                       const std::function<void(std::size_t position, std::span<const Scored> users)>& consume) const;

  /// The function predict_pairs() with this model.
  void predict(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> scores, int threads = 0) const;

  /// The function predict_variances() with this model.
  void predict_variances(std::span<const std::uint32_t> users, std::span<const std::uint32_t> items, std::span<double> variances,
                         int threads = 0) const;

  /// The functions fold_in_user() and fold_in_item() with this model; what all new rows share is computed at the first.
  /// O(n rank^2 + rank^3) afterwards
  [[nodiscard]] FoldedRow fold_in_user(std::span<const std::uint32_t> items, std::span<const float> values,
                                       const FeatureRow& features = {}) const;
  [[nodiscard]] FoldedRow fold_in_item(std::span<const std::uint32_t> users, std::span<const float> values,
                                       const FeatureRow& features = {}) const;

  /// Why items score as they do for users of the model: see Explanation. `consume(position in queries, one explanation per item)` is called
  /// in the order of `queries`, from the calling thread. One solve of a user's equations for all of their items. \throws as
  /// check_explains()
  void explain(std::span<const ExplainQuery> queries, const ExplainOptions& options,
               const std::function<void(std::size_t position, std::span<const Explanation> explanations)>& consume) const;
  /// The same for a user who is given by ratings, as by fold_in_user(). \throws DataError where scores depend on no item of a history
  [[nodiscard]] std::vector<Explanation> explain(std::span<const std::uint32_t> history, std::span<const float> values,
                                                 std::span<const std::uint32_t> items, const ExplainOptions& options) const;
  /// \throws DataError where the scores of users of the model cannot be explained: nothing in them depends on the items of a history, or
  /// the model does not keep the values that its fold-in needs (see TrainInput::history)
  void check_explains() const;

  /// See the functions similar_items() and similar_users().
  void similar_items(std::span<const std::uint32_t> queries, const SimilarOptions& options,
                     const std::function<void(std::size_t position, std::span<const Scored> items)>& consume) const;
  void similar_users(std::span<const std::uint32_t> queries, const SimilarOptions& options,
                     const std::function<void(std::size_t position, std::span<const Scored> users)>& consume) const;

 private:
  struct Prepared;
  [[nodiscard]] const std::vector<double>& item_norms() const;
  [[nodiscard]] const FoldInSolver& new_users() const;
  const Model& model_;
  std::unique_ptr<Prepared> prepared_;
};

}  // namespace lowrank
