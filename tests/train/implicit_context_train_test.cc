// Implicit feedback with contexts as a method: threads, lists and the edges.

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/recommend.h"
#include "lowrank/train/implicit_context.h"
#include "lowrank/train/train.h"
#include "train/dense_oracle.h"
#include "train/implicit_contexts.h"
#include "train/same_options.h"
#include "train/tensor.h"

namespace lowrank::implicit_context_train_test {
namespace {

using testing_implicit_context::all_options;
using testing_implicit_context::feedback;
using testing_implicit_context::kForms;
using testing_implicit_context::regularize_levels;

Trained train_tensor(const Tensor& tensor, const ImplicitContext& options, int threads = 2) {
  TrainSettings settings;
  settings.threads = threads;
  return train({.data = tensor.dataset()}, options, {}, TrainingObserver::silent(), settings);
}

TEST(ImplicitContext, SameBytesOnAnyThreads) {
  for (ImplicitContext options : all_options()) {
    options.rank = 6;
    options.epochs = 3;
    for (const Solver solver : {Solver::exact, Solver::cg}) {
      options.solver = solver;
      const std::string one = serialize_model(train_tensor(feedback({4, 1, 3}), options, 1).model);
      EXPECT_EQ(serialize_model(train_tensor(feedback({4, 1, 3}), options, 2).model), one);
      EXPECT_EQ(serialize_model(train_tensor(feedback({4, 1, 3}), options, 8).model), one);
    }
  }
}

TEST(ImplicitContext, WithoutContextsItIsImplicit) {
  const std::vector<Triple> triples = synthetic(60, 40, 700, 3);
  ImplicitContext options;
  options.rank = 6;
  Dataset one;
  one.ratings = make_ratings(triples, 60, 40);
  Dataset other;
  other.ratings = make_ratings(triples, 60, 40);
  struct Observer final : TrainingObserver {
    std::vector<std::string> warnings;
    void on_warning(std::string_view text) override { warnings.emplace_back(text); }
  } observer;
  const Model expected = train({.data = std::move(one)}, same_options<Implicit>(options)).model;
  Model model = train({.data = std::move(other)}, options, {}, observer).model;
  model.record.method = expected.record.method;
  model.record.options = expected.record.options;
  EXPECT_EQ(serialize_model(model), serialize_model(expected));
  EXPECT_EQ(std::ranges::count(observer.warnings, "the ratings have no contexts, so that the model is that of method implicit"), 1);
}

/// Three tastes, each for odd items at one level and even ones at the other; as many of both, so that nothing but the levels tells them
/// apart.
Tensor two_occasions() {
  Tensor tensor(30, 24, {2});
  for (std::uint32_t user = 0; user < 30; ++user) {
    for (std::uint32_t item = user % 3; item < 24; item += 3) {
      const auto level = static_cast<std::uint16_t>(item % 2);
      tensor.cells.push_back({user, item, tensor.situations.number({&level, 1}), 1});
    }
  }
  return tensor;
}

TEST(ImplicitContext, ListsFollowTheContext) {
  for (const ContextForm form : kForms) {
    SCOPED_TRACE(static_cast<int>(form));
    ImplicitContext options;
    options.form = form;
    options.rank = 4;
    const Model model = train_tensor(two_occasions(), options).model;
    for (std::uint32_t level = 0; level < 2; ++level) {
      const Model bound = bind_context(model, std::vector<ContextValue>{{"context0", "level" + std::to_string(level)}});
      std::vector<std::uint32_t> users(30);
      std::iota(users.begin(), users.end(), 0U);
      recommend(bound, users, {.top = 4, .include_seen = true}, [&](std::size_t user, std::span<const Scored> list) {
        ASSERT_EQ(list.size(), 4U);
        for (const Scored& item : list) {
          EXPECT_EQ(item.index % 2, level) << user;
          EXPECT_EQ(item.index % 3, user % 3) << user;
        }
      });
    }
  }
}

TEST(ImplicitContext, TheEdges) {
  for (const ContextForm form : kForms) {
    ImplicitContext options;
    options.form = form;
    options.rank = 4;
    // Nothing regularised, a column that no rating has a level of, levels without ratings.
    options.regularization = 0;
    regularize_levels(options, 0);
    Tensor tensor = feedback({3, 2});
    for (TensorCell& cell : tensor.cells) {
      const std::vector<std::uint16_t> levels = {static_cast<std::uint16_t>(cell.user % 2), Situations::kMissing};
      cell.situation = tensor.situations.number(levels);
    }
    const Model model = train_tensor(tensor, options).model;
    EXPECT_EQ(deserialize_model(serialize_model(model)), model);
    for (const float x : model.contexts[0].user_factors.row(2)) EXPECT_EQ(x, 0);
    EXPECT_EQ(model.contexts[0].biases[2], 0);
    const Model bound = bind_context(model, std::vector<ContextValue>{{"context1", "level1"}});
    EXPECT_EQ(score(bound, 0, 0), score(model, 0, 0));
    ImplicitContext none;
    none.rank = 0;
    EXPECT_EQ(score(train_tensor(tensor, none).model, 0, 0), 0);
    // Training goes on from a model.
    options = {};
    options.form = form;
    options.rank = 4;
    const Model first = train_tensor(tensor, options).model;
    const Trained second = train({.data = tensor.dataset(), .init = &first}, options);
    EXPECT_NE(serialize_model(second.model), serialize_model(first));
  }
  Tensor zeros = feedback({3});
  for (TensorCell& cell : zeros.cells) cell.value = 0;
  EXPECT_THROW(train_tensor(zeros, ImplicitContext{}), DataError);
}

}  // namespace
}  // namespace lowrank::implicit_context_train_test
