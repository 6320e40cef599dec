#include <nlohmann/json.hpp>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "lowrank/pipeline/update.h"
#include "pipeline/run_fixture.h"

namespace lowrank::update_run_test {
namespace {

class UpdateRunTest : public RunTest {
 protected:
  UpdateRun trained_run() {
    const TrainRun train = synthetic_run();
    run_training(train, silent_);
    UpdateRun run;
    run.model = train.output;
    run.output = path("updated.safetensors");
    return run;
  }

  static std::string failure_of(const UpdateRun& run) {
    try {
      run_update(run);
    } catch (const Error& error) {
      return error.what();
    }
    return "no failure";
  }
};

TEST_F(UpdateRunTest, ReadsUpdatesAndWrites) {
  UpdateRun run = trained_run();
  run.ratings = write("new.csv", "user,item,rating\nu1,i2,5\nnew,i3,4\nu2,fresh,1\n");
  const UpdateRunSummary summary = run_update(run);
  const Model model = load_model(run.output);
  EXPECT_NE(model.users.ids.find("new"), Vocabulary::kUnknown);
  EXPECT_NE(model.items.ids.find("fresh"), Vocabulary::kUnknown);
  EXPECT_EQ(summary.update.new_users, 1U);
  const nlohmann::json json = nlohmann::json::parse(to_json(summary));
  EXPECT_EQ(json["users"], model.users.size());
  EXPECT_EQ(json["added"].get<int>() + json["replaced"].get<int>(), 3);
  EXPECT_GT(json["objective"]["before"].get<double>(), json["objective"]["after"].get<double>());
  EXPECT_EQ(json["model"], run.output);
}

TEST_F(UpdateRunTest, MayReplaceItsModel) {
  UpdateRun run = trained_run();
  run.output = run.model;
  const std::string before = serialize_model(load_model(run.model));
  run.ratings = write("new.csv", "u1,i2,3\nu1,nothing,bad\n");
  EXPECT_NE(failure_of(run).find("new.csv:2"), std::string::npos);
  EXPECT_EQ(serialize_model(load_model(run.model)), before);
  run.ratings = write("new.csv", "u1,i2,5\nnew,i3,4\n");
  run_update(run);
  EXPECT_NE(serialize_model(load_model(run.model)), before);
}

TEST_F(UpdateRunTest, NamesTheLineOfWhatIsUnknown) {
  UpdateRun run = trained_run();
  const Model model = load_model(run.model);
  const std::string user(model.users.ids.id(0));
  const std::string item(model.items.ids.id(model.history.items_of(0).front()));
  run.remove = write("remove.csv", "user,item\n" + user + "," + item + "\n" + user + ",nowhere\n");
  EXPECT_NE(failure_of(run).find("remove.csv:3: the model has no rating of user"), std::string::npos) << failure_of(run);
  run.remove.clear();
  run.forget_users = write("users.txt", user + "\n\nnobody\n");
  EXPECT_NE(failure_of(run).find("users.txt:3: the model does not know user \"nobody\""), std::string::npos) << failure_of(run);
  run.forget_users = write("users.txt", user + "\n");
  run.forget_items = write("items.txt", "nothing\n");
  EXPECT_NE(failure_of(run).find("items.txt:1: the model does not know item \"nothing\""), std::string::npos) << failure_of(run);
  run.forget_items.clear();
  run_update(run);
  EXPECT_EQ(load_model(run.output).users.ids.find(user), Vocabulary::kUnknown);
}

TEST_F(UpdateRunTest, NeedsSomethingToDo) {
  UpdateRun run = trained_run();
  EXPECT_NE(failure_of(run).find("at least one of"), std::string::npos);
  run.ratings = "-";
  run.remove = "-";
  EXPECT_NE(failure_of(run).find("standard input"), std::string::npos);
  run.remove.clear();
  run.ratings = run.output = write("same.csv", "u1,i1,1\n");
  EXPECT_THROW(run_update(run), OptionError);
}

TEST_F(UpdateRunTest, OfAFileOfVersionOneNeedsItsHistory) {
  UpdateRun run;
  run.model = LOWRANK_SOURCE_DIR "/tests/model/data/v1.safetensors";
  run.output = path("updated.safetensors");
  run.ratings = write("new.csv", "ann,7,1\n");
  EXPECT_NE(failure_of(run).find("history"), std::string::npos) << failure_of(run);
  run.history = write("history.csv",
                      "ann,\xC3\x9C"
                      "ber,1\nann,\xE6\x98\xA0\xE7\x94\xBB,2\n7,\xC3\x9C"
                      "ber,3\n7,\"b \"\"2\"\"\",4\n7,\"c,d\",5\n");
  run_update(run);
  EXPECT_EQ(load_model(run.output).items.ids.find("7"), 4U);
}

}  // namespace
}  // namespace lowrank::update_run_test
