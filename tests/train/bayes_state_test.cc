// The state of a chain: saved, loaded and run on, it is the chain that never stopped.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fixtures.h"
#include "lowrank/base/error.h"
#include "train/bayes_learner.h"

namespace lowrank::bayes_state_test {
namespace {

constexpr std::uint32_t kUsers = 120;
constexpr std::uint32_t kItems = 50;
constexpr std::size_t kSweeps = 40;

/// Ratings over half a year.
Ratings ratings() {
  constexpr std::int64_t kDay = 86400;
  constexpr std::int64_t kFirst = 978307200;  // 2001-01-01
  RatingsBuilder builder;
  std::int64_t time = 0;
  for (const Triple& triple : synthetic(kUsers, kItems, 3000, 3)) {
    time = (time + 37 * kDay) % (180 * kDay);
    builder.add(triple.user, triple.item, triple.value, kFirst + time);
  }
  return builder.build(kUsers, kItems);
}

/// Two features per row, of which the second has values.
Features features_of(std::uint32_t rows) {
  Features features;
  for (std::uint32_t row = 0; row < rows; ++row) {
    features.columns.insert(features.columns.end(), {row % 3, 3U});
    features.values.insert(features.values.end(), {1.0F, 0.1F * static_cast<float>(row % 7) - 0.25F});
    features.offsets.push_back(features.columns.size());
  }
  features.description.names = Vocabulary(std::vector<std::string_view>{"kind=a", "kind=b", "kind=c", "age"});
  return features;
}

/// A chain and what a learner borrows.
struct Chain {
  explicit Chain(const Bayes& options, bool with_features, int threads = 1) : rank(2 * options.rank), workers(threads) {
    if (with_features) {
      user_features = features_of(kUsers);
      item_features = features_of(kItems);
      context.user_features = &user_features;
      context.item_features = &item_features;
    }
    for (std::uint32_t user = 0; user < kUsers; ++user) {
      frame.users.counts.push_back(static_cast<std::uint32_t>(data.items_of(user).size()));
    }
    frame.items.counts.resize(kItems);
    for (const std::uint32_t item : data.items()) ++frame.items.counts[item];
    learner = bayes_learner(data, options, frame, context, workers);
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain() = default;

  void run(std::size_t first, std::size_t last) {
    for (std::size_t sweep = first; sweep <= last; ++sweep) ASSERT_TRUE(learner->run(sweep));
  }
  [[nodiscard]] Model model() {
    Model model = frame;
    model.users.factors = FactorMatrix(kUsers, rank);
    model.items.factors = FactorMatrix(kItems, rank);
    model.users.biases.resize(kUsers);
    model.items.biases.resize(kItems);
    learner->store(model);
    return model;
  }
  [[nodiscard]] std::string bytes() { return bytes_of(model(), data); }

  std::size_t rank;
  Ratings data = ratings();
  Features user_features;
  Features item_features;
  TrainContext context;
  Model frame;
  Workers workers;
  std::unique_ptr<EpochLearner> learner;
};

struct Form {
  std::string name;
  Bayes options;
  bool features = true;
};

Bayes options_of(ImplicitFeatures implicit, Likelihood likelihood, NoiseOf noise, std::uint32_t rank = 4) {
  Bayes options;
  options.rank = rank;
  options.burn_in = 10;
  options.samples = kSweeps - options.burn_in;
  options.implicit_features = implicit;
  options.likelihood = likelihood;
  options.noise = noise;
  return options;
}

Bayes months() {
  Bayes options = options_of(ImplicitFeatures::both, Likelihood::gaussian, NoiseOf::users);
  options.time = Period::month;
  return options;
}

class BayesState : public testing::TestWithParam<Form> {};
INSTANTIATE_TEST_SUITE_P(
    Forms, BayesState,
    testing::Values(Form{"everything", options_of(ImplicitFeatures::both, Likelihood::gaussian, NoiseOf::both)},
                    Form{"ordinal", options_of(ImplicitFeatures::both, Likelihood::ordinal, NoiseOf::all)},
                    Form{"plain", options_of(ImplicitFeatures::none, Likelihood::gaussian, NoiseOf::all), false},
                    Form{"noise_of_items", options_of(ImplicitFeatures::users, Likelihood::gaussian, NoiseOf::items), false},
                    Form{"months", months()},
                    Form{"biases_alone", options_of(ImplicitFeatures::none, Likelihood::gaussian, NoiseOf::users, 0), false}),
    [](const auto& form) { return form.param.name; });

TEST_P(BayesState, AResumedChainIsTheUninterruptedOne) {
  const Form& form = GetParam();
  Chain whole(form.options, form.features);
  // Within the burn-in, after its last sweep, and among the samples.
  for (const std::size_t stop : {1U, 10U, 20U, 39U}) {
    Chain first(form.options, form.features);
    first.run(1, stop);
    const std::vector<std::byte> state = first.learner->save_state();
    const std::string stored = first.bytes();
    // A new learner, with another number of threads, that has been elsewhere.
    Chain second(form.options, form.features, 3);
    second.run(1, 12);
    second.learner->load_state(state);
    EXPECT_EQ(second.learner->save_state(), state) << stop;
    EXPECT_EQ(second.bytes(), stored) << stop;
    second.run(stop + 1, kSweeps);
    if (stop == 1) whole.run(1, kSweeps);
    EXPECT_EQ(second.bytes(), whole.bytes()) << stop;
    EXPECT_EQ(second.learner->save_state(), whole.learner->save_state()) << stop;
  }
}

// So a chain that is stepped by hand is the one that train() runs.
TEST_P(BayesState, StepsAreThoseOfTraining) {
  const Form& form = GetParam();
  Chain chain(form.options, form.features);
  chain.run(1, kSweeps);
  TrainingObserver observer;
  const Model trained = train_ratings(ratings(), form.options, {}, observer, chain.context).model;
  const Model model = chain.model();
  EXPECT_EQ(model.users, trained.users);
  EXPECT_EQ(model.items, trained.items);
  EXPECT_EQ(model.uncertainty, trained.uncertainty);
  EXPECT_EQ(model.centre, trained.centre);
  EXPECT_EQ(model.contexts, trained.contexts);
}

TEST_P(BayesState, OfOtherOptionsOrDamagedIsRefused) {
  const Form& form = GetParam();
  Chain chain(form.options, form.features);
  chain.run(1, 11);
  std::vector<std::byte> state = chain.learner->save_state();
  for (std::size_t size = 0; size < state.size(); size += 1 + state.size() / 50) {
    EXPECT_THROW(chain.learner->load_state(std::span(state).first(size)), DataError) << size;
  }
  Bayes other = form.options;
  other.rank += 1;
  EXPECT_THROW(Chain(other, form.features).learner->load_state(state), DataError);
  EXPECT_THROW(Chain(form.options, !form.features).learner->load_state(state), DataError);
  EXPECT_NO_THROW(chain.learner->load_state(state));
  state.push_back({});
  EXPECT_THROW(chain.learner->load_state(state), DataError);
}

}  // namespace
}  // namespace lowrank::bayes_state_test
