// Models of the service: which of them is served, from where they come, and which are removed.

#include "serve/jobs_models.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "serve/jobs.h"
#include "serve/jobs_fixture.h"
#include "serve/store_fixture.h"

namespace lowrank::serve::jobs_models_test {
namespace {

using testing_jobs::planted;
using testing_jobs::request_of;
using testing_jobs::Service;
using testing_store::bytes_of;
using testing_store::Folder;
using testing_store::put;
using namespace std::chrono_literals;

TEST(Jobs, OnlyAModelThatIsThereIsNotedAsServed) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(20, 20));
  const std::int64_t first = service.train(R"({"options":{"rank":2}})").model.value();
  Models models(service.store);
  EXPECT_THROW(models.serve(first + 1), UnknownIdError);
  EXPECT_EQ(models.served(), first);
}

TEST(Jobs, BackAndForth) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(40, 30));
  const std::int64_t first = service.train(R"({"options":{"rank":2}})").model.value();
  const std::int64_t second = service.train(R"({"options":{"rank":3}})").model.value();
  const std::int64_t aside = service.train(R"({"options":{"rank":4},"activate":false})").model.value();
  EXPECT_EQ(service.jobs->served(), second);
  EXPECT_EQ(service.jobs->model(aside)->state, "ready");
  service.jobs->activate(first);
  service.jobs->activate(second);
  service.jobs->activate(aside);
  EXPECT_EQ(service.served, (std::vector<std::int64_t>{first, second, first, second, aside}));
  EXPECT_EQ(service.ranks, (std::vector<std::size_t>{2, 3, 2, 3, 4}));
  EXPECT_THROW(service.jobs->activate(77), UnknownIdError);
  // A model that the service refuses is not noted as the served one.
  service.refuses = true;
  EXPECT_THROW(service.jobs->activate(first), std::runtime_error);
  EXPECT_EQ(service.jobs->served(), aside);
  const Job job = service.train(R"({"options":{"rank":5}})");
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.error, "no room for the model");
  EXPECT_EQ(service.jobs->served(), aside);
  EXPECT_EQ(service.jobs->model(job.model.value())->state, "ready");
}

TEST(Jobs, TheServedModelIsThereAfterOpeningAgain) {
  const Folder folder;
  std::int64_t first = 0;
  std::int64_t second = 0;
  {
    Service service(folder);
    service.store.write(planted(40, 30));
    EXPECT_FALSE(service.jobs->load_served());
    first = service.train(R"({"options":{"rank":2}})").model.value();
    second = service.train(R"({"options":{"rank":3}})").model.value();
  }
  std::string file;
  {
    Service service(folder);
    EXPECT_EQ(service.jobs->load_served()->entry.id, second);
    EXPECT_EQ(service.jobs->load_served()->model.rank(), 3U);
    EXPECT_TRUE(service.served.empty()) << "the caller puts it in service";
    EXPECT_TRUE(service.jobs->check().empty());
    file = service.store.models_folder() + "/" + service.jobs->model(second)->file;
  }
  // Cut off, as a copy that ran out of space leaves it.
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  {
    Service service(folder);
    EXPECT_EQ(service.jobs->check().size(), 1U);
    EXPECT_EQ(service.jobs->load_served()->entry.id, first);
    EXPECT_EQ(service.jobs->served(), first);
    EXPECT_TRUE(service.logged("model " + std::to_string(second) + " cannot be loaded"));
  }
  std::filesystem::remove(folder.state() + "/models/000001.safetensors");
  Service service(folder);
  EXPECT_FALSE(service.jobs->load_served());
}

TEST(Jobs, AModelFromElsewhere) {
  const Folder folder;
  const Folder other;
  Service source(other);
  source.store.write(planted(40, 30));
  source.train(R"({"method":"als","options":{"rank":2},"holdout":0.1})");
  const std::string file = source.store.models_folder() + "/000001.safetensors";
  Service service(folder);
  service.store.write(planted(10, 10));
  const ModelEntry adopted = service.jobs->adopt(file);
  EXPECT_EQ(adopted.state, "served");
  EXPECT_EQ(adopted.method, "als");
  EXPECT_EQ(adopted.rank, 2U);
  EXPECT_EQ(service.jobs->ratings_since_training(), 0U);
  EXPECT_EQ(bytes_of(service.store.models_folder() + "/" + adopted.file), bytes_of(file));
  EXPECT_NE(adopted.metrics.find("validation_rmse"), std::string::npos);
  // Its options are a request that can be read.
  EXPECT_EQ(std::get<Als>(request_of(adopted.options).run.method).rank, 2U);
  EXPECT_EQ(service.jobs->adopt(file).id, adopted.id);
  EXPECT_EQ(service.jobs->models().size(), 1U);
  // The file again does not take the place of what was trained since.
  service.train(R"({"method":"als","options":{"rank":3}})");
  const auto trained = service.jobs->served();
  service.jobs->adopt(file);
  EXPECT_EQ(service.jobs->served(), trained);
  std::ofstream(folder.path("text")) << "no model";
  EXPECT_THROW(service.jobs->adopt(folder.path("text")), ModelFileError);
  EXPECT_THROW(service.jobs->adopt(folder.path("missing")), FileError);
}

TEST(Jobs, AModelFromElsewhereThatCouldNotBeServedIsTakenAgain) {
  const Folder folder;
  const Folder other;
  Service source(other);
  source.store.write(planted(20, 20));
  source.train(R"({"options":{"rank":2}})");
  const std::string file = source.store.models_folder() + "/000001.safetensors";
  JobOptions options;
  options.keep_models = 2;
  Service service(folder, options);
  service.store.write(planted(20, 20));
  service.refuses = true;
  EXPECT_THROW(service.jobs->adopt(file), std::runtime_error);
  service.refuses = false;
  EXPECT_EQ(service.jobs->adopt(file).id, 1);
  EXPECT_EQ(service.jobs->served(), 1);
  // Nor does it come back when it has been removed among the old models.
  for (int rank = 3; rank <= 5; ++rank) service.train(R"({"options":{"rank":)" + std::to_string(rank) + "}}");
  ASSERT_FALSE(service.jobs->model(1));
  const auto trained = service.jobs->served();
  EXPECT_EQ(service.jobs->adopt(file).id, 1);
  EXPECT_EQ(service.jobs->served(), trained);
  EXPECT_EQ(service.jobs->models().size(), 2U);
}

TEST(Jobs, AnOlderModelThatComesBackIsNoReasonToTrain) {
  const Folder folder;
  const Folder other;
  Service source(other);
  source.store.write(planted(20, 20));
  source.train(R"({"options":{"rank":2}})");
  source.train(R"({"options":{"rank":3}})");
  const std::string first = source.store.models_folder() + "/000001.safetensors";
  JobOptions options;
  options.schedule = Schedule::parse("50");
  Service service(folder, options);
  service.store.write({put("u1", "i1", 2)});
  service.jobs->adopt(first);
  service.store.write(planted(20, 20));
  service.jobs->adopt(source.store.models_folder() + "/000002.safetensors");
  service.jobs->start_schedule();
  service.jobs->adopt(first);
  EXPECT_EQ(service.jobs->served(), 1);
  std::this_thread::sleep_for(1500ms);
  EXPECT_TRUE(service.jobs->jobs().empty());
}

TEST(Jobs, OldModelsAreRemovedButNotTheServedOne) {
  const Folder folder;
  JobOptions options;
  options.keep_models = 3;
  Service service(folder, options);
  service.store.write(planted(20, 20));
  const std::int64_t first = service.train(R"({"options":{"rank":2}})").model.value();
  for (int n = 0; n < 4; ++n) service.train(R"({"options":{"rank":2},"activate":false})");
  std::vector<std::int64_t> left;
  for (const ModelEntry& entry : service.jobs->models()) left.push_back(entry.id);
  EXPECT_EQ(left, (std::vector<std::int64_t>{first, 4, 5}));
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(service.store.models_folder())) files += file.exists() ? 1U : 0U;
  EXPECT_EQ(files, 3U);
}

TEST(Jobs, AFileWithoutARowIsNeverWrittenOver) {
  // A run that was killed between the file and the table.
  const Folder folder;
  Service service(folder);
  service.store.write(planted(20, 20));
  std::ofstream(service.store.models_folder() + "/000004.safetensors") << "left over";
  EXPECT_EQ(service.train(R"({"options":{"rank":2}})").model, 5);
  EXPECT_EQ(bytes_of(service.store.models_folder() + "/000004.safetensors"), "left over");
}

}  // namespace
}  // namespace lowrank::serve::jobs_models_test
