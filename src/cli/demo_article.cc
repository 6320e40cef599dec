#include <array>
#include <cmath>

#include "cli/demo.h"
#include "lowrank/train/train.h"

namespace lowrank::cli {

namespace {

constexpr std::size_t kUsers = 5;
constexpr std::size_t kItems = 4;
// The example of the article (see docs/mathematics.md). 0 marks a missing rating.
constexpr std::array<std::array<float, kItems>, kUsers> kRatings = {{{5, 3, 0, 1}, {4, 0, 0, 1}, {1, 1, 0, 5}, {1, 0, 0, 4}, {0, 1, 5, 4}}};
constexpr int kRuns = 200;

using Matrix = std::array<std::array<double, kItems>, kUsers>;

/// The matrix that the article's program computes from the random start of `seed`.
Matrix factorize(std::uint64_t seed) {
  RatingsBuilder builder;
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) {
      if (kRatings[user][item] != 0) builder.add(user, item, kRatings[user][item]);
    }
  }
  Sgd options;
  options.rank = 2;
  options.epochs = 20;
  options.learning_rate = 0.1;
  options.regularization = 0.01;
  options.update_order = UpdateOrder::tutorial;
  options.seed = seed;
  TrainSettings settings;
  settings.threads = 1;
  TrainInput input;
  input.data.ratings = builder.build(kUsers, kItems);
  const Model model = train(std::move(input), options, {}, TrainingObserver::silent(), settings).model;
  Matrix matrix{};
  for (std::uint32_t user = 0; user < kUsers; ++user) {
    for (std::uint32_t item = 0; item < kItems; ++item) matrix[user][item] = score(model, user, item);
  }
  return matrix;
}

std::string cell(const std::string& text, std::size_t width) { return std::string(width - std::min(width, text.size()), ' ') + text; }

}  // namespace

void show_article_example(Results& results) {
  const Matrix one = factorize(1);
  Matrix sum{};
  Matrix squares{};
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    const Matrix matrix = factorize(seed);
    for (std::size_t user = 0; user < kUsers; ++user) {
      for (std::size_t item = 0; item < kItems; ++item) {
        sum[user][item] += matrix[user][item];
        squares[user][item] += matrix[user][item] * matrix[user][item];
      }
    }
  }

  std::string text = "    13 ratings            one run: all 20 cells           ";
  text += std::to_string(kRuns) + " runs: mean and standard deviation\n     ";
  for (const auto& [width, head] : {std::pair<std::size_t, std::string>{3, ""}, {7, "   "}, {12, ""}}) {
    text += head;
    for (std::size_t item = 1; item <= kItems; ++item) text += cell(std::string("D").append(std::to_string(item)), width);
  }
  text += "\n";
  double given_scatter = 0;
  double missing_scatter = 0;
  for (std::size_t user = 0; user < kUsers; ++user) {
    std::string ratings;
    std::string cells;
    std::string scatter;
    for (std::size_t item = 0; item < kItems; ++item) {
      const bool given = kRatings[user][item] != 0;
      const double mean = sum[user][item] / kRuns;
      const double deviation = std::sqrt(std::max(0.0, squares[user][item] / kRuns - mean * mean));
      (given ? given_scatter : missing_scatter) += deviation;
      ratings += cell(given ? fixed(static_cast<double>(kRatings[user][item]), 0) : "-", 3);
      cells += cell(fixed(one[user][item], 2) + (given ? " " : "?"), 7);
      scatter += cell(fixed(mean, 2) + " ~" + fixed(deviation, 2), 12);
    }
    text.append("  U")
        .append(std::to_string(user + 1))
        .append(" ")
        .append(ratings)
        .append("   ")
        .append(cells)
        .append(scatter)
        .append("\n");
  }
  text +=
      "\n  Mean standard deviation over the runs: " + fixed(given_scatter / 13, 2) + " in the 13 given cells, " +
      fixed(missing_scatter / 7, 2) +
      " in the 7 missing ones (?).\n  The ratings determine the given cells but not the missing ones: there, a single run is a guess.\n";
  results.write(text);
}

}  // namespace lowrank::cli
