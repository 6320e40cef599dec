#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "pipeline/run_fixture.h"

namespace lowrank::init_test {
namespace {

using InitTest = RunTest;

/// The lines of a file in the opposite order, so that every id has another number.
std::string reversed(const std::string& path) {
  std::ifstream file(path);
  std::string content;
  for (std::string line; std::getline(file, line);) content.insert(0, line + "\n");
  return content;
}

TEST_F(InitTest, FindsRowsByTheirIds) {
  TrainRun run = synthetic_run();
  sgd_of(run).epochs = 30;
  Model first;
  run_training(run, silent_, {}, &first);

  run.init = run.output;
  run.output = path("second.safetensors");
  run.ratings = write("reversed.csv", reversed(run.ratings));
  sgd_of(run).epochs = 1;
  sgd_of(run).learning_rate = 1e-12;
  Model second;
  run_training(run, silent_, {}, &second);
  ASSERT_NE(first.users.ids.id(0), second.users.ids.id(0));
  for (std::uint32_t user = 0; user < first.users.size(); ++user) {
    for (std::uint32_t item = 0; item < first.items.size(); ++item) {
      const double expected = score(first, user, item);
      EXPECT_NEAR(score(second, second.users.ids.find(first.users.ids.id(user)), second.items.ids.find(first.items.ids.id(item))), expected,
                  1e-4);
    }
  }
}

TEST_F(InitTest, StartsUnknownRowsAsUsual) {
  TrainRun run = synthetic_run();
  run_training(run, silent_);
  run.init = run.output;
  run.output = path("second.safetensors");
  // Ahead of all others: their numbers are not beyond those of the first model.
  run.ratings = write("more.csv", "new,fresh,1\nnew,young,5\nother,fresh,5\nother,young,1\n" + reversed(run.ratings));
  sgd_of(run).epochs = 200;
  sgd_of(run).regularization = 0;
  Model model;
  run_training(run, silent_, {}, &model);
  // New users and items know only each other: from factors of zero they would stay there for ever.
  EXPECT_NEAR(score(model, 0, 0), 1, 0.3);
  EXPECT_NEAR(score(model, 1, 0), 5, 0.3);
}

TEST_F(InitTest, NeedsTheSameRank) {
  TrainRun run = synthetic_run();
  run_training(run, silent_);
  run.init = run.output;
  sgd_of(run).rank = 5;
  EXPECT_THROW(run_training(run, silent_), OptionError);
}

}  // namespace
}  // namespace lowrank::init_test
