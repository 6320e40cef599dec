#include "lowrank/pipeline/stream.h"

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "lowrank/base/error.h"
#include "lowrank/train/train.h"
#include "pipeline/list_learner.h"
#include "pipeline/run_fixture.h"

namespace lowrank::stream_test {
namespace {

using StreamTest = RunTest;

struct Line {
  std::string user;
  std::string item;
  float value;
  std::int64_t time;
};

RatingLines lines_of(const std::vector<Line>& events) {
  RatingLines lines;
  for (const Line& event : events) {
    lines.user.push_back(lines.users.add(event.user));
    lines.item.push_back(lines.items.add(event.item));
    lines.value.push_back(event.value);
    lines.time.push_back(event.time);
  }
  lines.all_have_times = true;
  return lines;
}

/// Events of a factorization of rank 2 with biases and noise, every time another.
std::vector<Line> planted(std::size_t count, std::uint32_t users, std::uint32_t items, double noise, double scale = 1) {
  std::vector<Line> events;
  const auto row = [](std::uint64_t side, std::uint32_t number) {
    RandomStream draws(7, Purpose::generate_users, side, number);
    return std::array{draws.normal(), draws.normal(), draws.normal()};
  };
  RandomStream draws(7, Purpose::generate_ratings);
  for (std::size_t n = 0; n < count; ++n) {
    const auto user = static_cast<std::uint32_t>(draws.below(users));
    const auto item = static_cast<std::uint32_t>(draws.below(items));
    const auto p = row(0, user);
    const auto q = row(1, item);
    const double rating = 3 + 0.5 * p[0] + 0.5 * q[0] + p[1] * q[1] + p[2] * q[2] + noise * draws.normal();
    events.push_back(
        {"u" + std::to_string(user), "i" + std::to_string(item), static_cast<float>(scale * rating), static_cast<std::int64_t>(n)});
  }
  return events;
}

/// The option that an error names.
std::string refused(const RatingLines& lines, const StreamOptions& options) {
  try {
    static_cast<void>(prequential(lines, options));
  } catch (const OptionError& error) {
    return error.option() + ": " + error.what();
  } catch (const DataError& error) {
    return error.what();
  }
  return "(nothing thrown)";
}

void expect_equal(const StreamSummary& a, const StreamSummary& b) {
  EXPECT_EQ(a.names, b.names);
  EXPECT_EQ(a.figures, b.figures);
  EXPECT_EQ(a.moving, b.moving);
  EXPECT_EQ(a.new_users, b.new_users);
  EXPECT_EQ(a.new_items, b.new_items);
}

TEST_F(StreamTest, FiguresAreThoseOfASlowLoopOverTheErrors) {
  const RatingLines lines = lines_of(planted(257, 20, 15, 0.3));
  // A window of one event has the size of every single error.
  const StreamSummary single = prequential(lines, {.window = 1});
  ASSERT_EQ(single.moving.size(), 257U);
  std::vector<double> squares;
  for (const StreamPoint& point : single.moving) squares.push_back(point.figures[0] * point.figures[0]);
  const auto root = [&](std::size_t first, std::size_t last) {
    double sum = 0;
    for (std::size_t n = first; n < last; ++n) sum += squares[n];
    return std::sqrt(sum / static_cast<double>(last - first));
  };
  for (const std::size_t window : {std::size_t{7}, std::size_t{50}, std::size_t{257}, std::size_t{5000}}) {
    const StreamSummary summary = prequential(lines, {.window = window});
    EXPECT_EQ(summary.names, std::vector<std::string>{"rmse"});
    EXPECT_NEAR(summary.figures[0], root(0, 257), 1e-12);
    EXPECT_EQ(summary.window, std::min<std::size_t>(window, 257));
    EXPECT_EQ(summary.moving.front().events, summary.window);
    EXPECT_EQ(summary.moving.back().events, 257U);
    for (const StreamPoint& point : summary.moving) {
      EXPECT_NEAR(point.figures[0], root(point.events - summary.window, point.events), 1e-12);
    }
    EXPECT_TRUE(window != 50 || summary.moving[1].events == 55U);
  }
}

TEST_F(StreamTest, StartsFromNothing) {
  const StreamSummary one = prequential(lines_of({{"ann", "tea", 4, 1}}), {});
  EXPECT_EQ(one.events, 1U);
  EXPECT_EQ(one.new_users, 1U);
  EXPECT_EQ(one.new_items, 1U);
  EXPECT_EQ(one.figures, std::vector<double>{4});  // of nothing it predicts 0
  // The second event is predicted by the mean, which is the first.
  const StreamSummary two = prequential(lines_of({{"ann", "tea", 4, 1}, {"bob", "rum", 2, 2}}), {.window = 1});
  EXPECT_DOUBLE_EQ(two.moving[1].figures[0], 2);
  // Equal ratings leave no error.
  const StreamSummary same = prequential(lines_of({{"a", "x", 3, 1}, {"b", "x", 3, 2}, {"a", "y", 3, 3}}), {.window = 1});
  EXPECT_EQ(same.moving[1].figures[0], 0);
  EXPECT_EQ(same.moving[2].figures[0], 0);
}

TEST_F(StreamTest, DoesNotDependOnTheScaleOfTheRatings) {
  const StreamSummary small = prequential(lines_of(planted(3000, 60, 40, 0.5)), {.window = 500});
  const StreamSummary large = prequential(lines_of(planted(3000, 60, 40, 0.5, 1024)), {.window = 500});
  for (std::size_t n = 0; n < small.moving.size(); ++n) {
    // The first event alone is predicted by 0 on any scale, which a factor keeps.
    EXPECT_NEAR(large.moving[n].figures[0] / 1024, small.moving[n].figures[0], 1e-6);
  }
}

TEST_F(StreamTest, LearnsWhatWasPlanted) {
  const RatingLines lines = lines_of(planted(20000, 100, 80, 0.5));
  const double factors = prequential(lines, {}).moving.back().figures[0];
  const double biases = prequential(lines, {.method = Baseline{}}).moving.back().figures[0];
  EXPECT_LT(factors, 0.6);
  EXPECT_GT(biases, 1.3);  // the factors have a variance of 2
  // Above the rank of full covariances it learns too, from a model as well.
  EXPECT_LT(prequential(lines, {.rank = 20}).moving.back().figures[0], 1.1);
  Sgd sgd;
  sgd.rank = 20;
  EXPECT_LT(prequential(lines, {.method = sgd, .warm = 0.5}).moving.back().figures[0], 0.65);
  Als als;
  als.rank = 4;
  EXPECT_LT(prequential(lines, {.method = als, .warm = 0.5}).moving.back().figures[0], 0.6);
}

TEST_F(StreamTest, TakesEventsInTheOrderOfTimeAndTiesInTheOrderOfLines) {
  std::vector<Line> events = planted(400, 20, 15, 0.5);
  const StreamSummary ordered = prequential(lines_of(events), {.window = 40});
  std::vector<Line> shuffled = events;
  RandomStream(3, Purpose::split).shuffle(std::span(shuffled));
  expect_equal(prequential(lines_of(shuffled), {.window = 40}), ordered);
  // Without a difference of times the lines are the order.
  for (Line& event : events) event.time = 5;
  expect_equal(prequential(lines_of(events), {.window = 40}), ordered);
  for (Line& event : shuffled) event.time = 5;
  EXPECT_NE(prequential(lines_of(shuffled), {.window = 40}).figures, ordered.figures);
}

TEST_F(StreamTest, ListsOfCountsAreThoseByHand) {
  // Items in the order of their first events: x, y, z. Places of the event's item among the items so far that the user has not:
  const RatingLines lines = lines_of({
      {"a", "x", 1, 1},  // new: none
      {"b", "y", 1, 2},  // new: none
      {"a", "y", 1, 3},  // of y alone: 1
      {"c", "x", 1, 4},  // y has 2 ratings, x 1: 2
      {"c", "z", 1, 5},  // new: none
      {"c", "z", 1, 6},  // a repeat does not count, but is learned: z has 2 ratings
      {"b", "z", 0, 7},  // nor does a rating of 0, nor is it learned
      {"b", "x", 1, 8},  // b has y and z: 1
      {"d", "z", 1, 9},  // x has 3, y 2, z 2, and y came before: 3
  });
  const StreamSummary summary = prequential(lines, {.method = Popular{}, .tops = {1, 2}, .window = 3});
  EXPECT_EQ(summary.names, (std::vector<std::string>{"hit_rate@1", "mrr@1", "recall@1", "hit_rate@2", "mrr@2", "recall@2"}));
  EXPECT_EQ(summary.events, 9U);
  EXPECT_EQ(summary.counted, 7U);
  const std::vector<double> expected = {2 / 7., 2 / 7., 2 / 7., 3 / 7., 2.5 / 7, 3 / 7.};
  for (std::size_t n = 0; n < 6; ++n) EXPECT_NEAR(summary.figures[n], expected[n], 1e-15) << n;
  // The last three: new, 1, 3.
  EXPECT_NEAR(summary.moving.back().figures[0], 1 / 3., 1e-15);
  EXPECT_EQ(prequential(lines, {.method = Popular{}}).names.front(), "hit_rate@10");
}

/// Lists of users with a taste: those of even numbers take even items.
std::vector<Line> tastes(std::size_t count) {
  std::vector<Line> events;
  RandomStream draws(5, Purpose::generate_ratings);
  for (std::size_t n = 0; n < count; ++n) {
    const std::uint64_t user = draws.below(100);
    const std::uint64_t item = 2 * draws.below(100) + user % 2;
    events.push_back({"u" + std::to_string(user), "i" + std::to_string(item), 1, static_cast<std::int64_t>(n)});
  }
  return events;
}

TEST_F(StreamTest, ListMethodsLearnTastes) {
  const RatingLines lines = lines_of(tastes(4000));
  const double popular = prequential(lines, {.method = Popular{}, .tops = {40}, .window = 1000}).moving.back().figures[0];
  EXPECT_LT(popular, 0.4);
  Implicit implicit;
  implicit.rank = 8;
  Bpr bpr;
  bpr.rank = 8;
  for (const Method& method : {Method(implicit), Method(bpr)}) {
    const double cold = prequential(lines, {.method = method, .rank = 8, .tops = {40}, .window = 1000}).moving.back().figures[0];
    const double warm = prequential(lines, {.method = method, .warm = 0.5, .tops = {40}, .window = 1000}).moving.back().figures[0];
    EXPECT_GT(cold, 1.3 * popular) << name_of(method);
    EXPECT_GT(warm, 1.3 * popular) << name_of(method);
  }
}

TEST_F(StreamTest, AnImplicitRowOfRankOneIsTheMinimumOfTheLoss) {
  TrainInput input;
  RatingsBuilder builder;
  for (const auto& [user, item] : {std::pair(0U, 0U), {0U, 1U}, {1U, 1U}, {1U, 2U}, {2U, 0U}, {2U, 2U}, {2U, 3U}})
    builder.add(user, item, 1);
  input.data.ratings = builder.build(3, 4);
  Implicit options;
  options.rank = 1;
  options.unobserved_weight = 0.3;
  options.regularization = 0.1;
  const Model model = train(std::move(input), options).model;
  const double weight = 0.3;
  std::vector<double> p;
  std::vector<double> q;
  for (std::uint32_t user = 0; user < 3; ++user) p.push_back(static_cast<double>(model.users.factors.row(user)[0]));
  for (std::uint32_t item = 0; item < 4; ++item) q.push_back(static_cast<double>(model.items.factors.row(item)[0]));
  const auto solve = [&](const std::vector<double>& others, const std::vector<std::size_t>& own) {
    double right = 0;
    double left = 0.1 * std::pow(static_cast<double>(own.size()) + weight * static_cast<double>(others.size()), 0.75);
    for (const double other : others) left += weight * other * other;
    for (const std::size_t at : own) {
      right += others[at];
      left += others[at] * others[at];
    }
    return right / left;
  };
  const std::unique_ptr<ListLearner> learner = learn_implicit(&model, 0, 1);
  learner->learn(0, 3, 1);
  p[0] = solve(q, {0, 1, 3});
  q[3] = solve(p, {2, 0});
  std::vector<double> scores(4);
  for (std::uint32_t user = 0; user < 3; ++user) {
    learner->score(user, scores);
    for (std::size_t item = 0; item < 4; ++item) EXPECT_NEAR(scores[item], p[user] * q[item], 1e-6);
  }
}

TEST_F(StreamTest, GoesOnFromAModelWithNewIds) {
  const std::vector<Line> events = planted(4000, 60, 40, 0.5);
  const std::vector<Line> first(events.begin(), events.begin() + 2000);
  std::vector<Line> second(events.begin() + 2000, events.end());
  // Trained on the first half as a batch, a stream is the same as from the model of that half.
  Als als;
  als.rank = 3;
  const StreamSummary warm = prequential(lines_of(events), {.method = als, .warm = 0.5, .window = 200, .threads = 1});
  expect_equal(prequential(lines_of(events), {.method = als, .warm = 0.5, .window = 200, .threads = 2}), warm);
  TrainInput input;
  RatingsBuilder builder;
  for (const Line& event : first) builder.add(input.data.users.add(event.user), input.data.items.add(event.item), event.value);
  input.data.ratings = builder.build(input.data.users.size(), input.data.items.size());
  const Model model = train(std::move(input), als).model;
  expect_equal(prequential(lines_of(second), {.model = &model, .window = 200}), warm);
  EXPECT_EQ(warm.warm, 2000U);
  EXPECT_EQ(warm.events, 2000U);
  // Unknown ids are rows of their own.
  second.push_back({"stranger", "i1", 3, 9000});
  second.push_back({"stranger", "novelty", 3, 9001});
  const StreamSummary more = prequential(lines_of(second), {.model = &model});
  EXPECT_EQ(more.new_users, 1U);
  EXPECT_EQ(more.new_items, 1U);
}

TEST_F(StreamTest, RefusesWhatCannotLearnOrHasNoEffect) {
  const RatingLines lines = lines_of(planted(50, 5, 5, 0.5));
  for (const char* const name : {"nmf", "neighbours", "slim", "ease", "asymmetric"}) {
    const std::string text = refused(lines, {.method = method_by_name(name)});
    EXPECT_TRUE(text.starts_with(std::string("method: method: ") + name + " cannot learn from the events of a stream")) << text;
  }
  EXPECT_TRUE(refused(lines, {.warm = 1}).starts_with("warm"));
  EXPECT_TRUE(refused(lines, {.warm = std::nan("")}).starts_with("warm"));
  EXPECT_TRUE(refused(lines, {.warm = 0.5, .rank = 3}).starts_with("rank"));
  EXPECT_EQ(refused(lines, {.rank = 257}), "rank: rank: must be 0 to 256, got 257");
  EXPECT_EQ(refused(lines, {.method = Implicit{}, .rank = 0}), "rank: rank: must be 1 to 256, got 0");
  EXPECT_EQ(refused(lines, {.method = Popular{}, .rank = 4}), "rank: rank: is not read: popular has no factors");
  EXPECT_EQ(refused(lines, {.method = Baseline{}, .rank = 4}), "rank: rank: is not read: baseline has no factors");
  EXPECT_TRUE(refused(lines, {.tops = {5}}).starts_with("top"));
  EXPECT_EQ(refused(lines, {.method = Bayes{.time = Period::day}}), "time: time: is not read by a stream");
  EXPECT_TRUE(refused(lines, {.method = Popular{}, .tops = {0}}).starts_with("top"));
  EXPECT_TRUE(refused(lines, {.window = 0}).starts_with("window"));
  RatingLines timeless = lines;
  timeless.time.clear();
  timeless.all_have_times = false;
  EXPECT_EQ(refused(timeless, {}), "the events of the stream have no times");
  EXPECT_EQ(refused({}, {}), "the stream has no events");
}

TEST_F(StreamTest, AFileWithoutTimesIsNamed) {
  const std::string file = write("stream.csv", "a,x,3,10\nb,x,4\n");
  try {
    static_cast<void>(prequential(file, {}, {}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("stream.csv"), std::string::npos) << error.what();
  }
  const StreamSummary summary = prequential(write("good.csv", "a,x,3,10\nb,x,4,9\n"), {}, {.window = 1});
  EXPECT_DOUBLE_EQ(summary.moving[0].figures[0], 4);  // b came first
}

}  // namespace
}  // namespace lowrank::stream_test
