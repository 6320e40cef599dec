// Reads ratings, trains a factorization, prints its error on a test set, and recommends.
//
//     example_train_and_recommend [RATINGS [USER]]
//
// RATINGS has one line per rating: user, item, value. Comma, tab, `::` and other separators are recognised, and .gz, .zst and .xz files are
// read directly. The default is the ratings of films that come with lowrank, in the folder examples/ of the source tree.
// In your own project:
//
//     find_package(lowrank REQUIRED)
//     target_link_libraries(my_program PRIVATE lowrank::lowrank)

#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/data/read.h"
#include "lowrank/data/split.h"
#include "lowrank/evaluate/rating_metrics.h"
#include "lowrank/recommend/recommend.h"
#include "lowrank/train/train.h"

namespace {

// The library prints nothing. It reports every epoch of the training here.
class EpochPrinter : public lowrank::TrainingObserver {
 public:
  bool on_epoch(const lowrank::EpochReport& report, const std::function<lowrank::Model()>& /*model*/) override {
    std::cout << "epoch " << report.epoch << " of " << report.epochs << ": training RMSE " << report.train_rmse.value_or(0) << '\n';
    return true;  // false ends the training
  }
};

void run(const std::string& path, const std::string& user_id) {
  lowrank::Dataset data = lowrank::read_ratings(path);
  std::cout << data.ratings.size() << " ratings of " << data.items.size() << " items by " << data.users.size() << " users\n";

  // A tenth of the ratings is set aside, chosen by the seed.
  lowrank::Holdout parts = lowrank::hold_out(data.ratings, 0.1, /*seed=*/1);

  lowrank::Sgd method;  // the defaults are for any scale of ratings
  method.rank = 16;
  EpochPrinter printer;
  lowrank::TrainInput input{.data = {data.users, data.items, std::move(parts.train)}};
  lowrank::Model model = lowrank::train(std::move(input), method, /*validation=*/{}, printer).model;

  const lowrank::RatingScores scores = lowrank::score_ratings(model, parts.held);
  std::cout << "held-out RMSE " << scores.rmse << " over " << scores.ratings << " ratings\n";

  // Held-out ratings count as seen too: lists leave those items out.
  model.history = lowrank::History(data.ratings);

  const std::uint32_t user = user_id.empty() ? 0 : model.users.ids.find(user_id);
  if (user == lowrank::Vocabulary::kUnknown) throw lowrank::UnknownIdError(path + " has no user \"" + user_id + "\"");
  std::cout << "for user " << model.users.ids.id(user) << ":\n";
  lowrank::recommend(model, std::vector{user}, {.top = 5}, [&](std::size_t, std::span<const lowrank::Scored> list) {
    for (const lowrank::Scored& item : list) std::cout << "  item " << model.items.ids.id(item.index) << ", score " << item.score << '\n';
  });
}

}  // namespace

int main(int argc, char** argv) try {
  run(argc > 1 ? argv[1] : "examples/data/ratings.dat.gz", argc > 2 ? argv[2] : "");
} catch (const std::exception& error) {  // every error of lowrank is a lowrank::Error, whose text says what to do
  std::cerr << error.what() << '\n';
  return 1;
}
