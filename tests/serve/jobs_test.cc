#include "serve/jobs.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "serve/export.h"
#include "serve/jobs_fixture.h"
#include "serve/jobs_models.h"
#include "serve/store_fixture.h"

namespace lowrank::serve::jobs_test {
namespace {

using testing_jobs::comes_true;
using testing_jobs::planted;
using testing_jobs::request_of;
using testing_jobs::Service;
using testing_store::bytes_of;
using testing_store::Folder;
using testing_store::put;
using testing_store::Sequence;
using namespace std::chrono_literals;

/// Items with features, some of which are not rated, with texts and names that a reader of tables could take for something else.
std::vector<Operation> described(std::uint64_t items) {
  std::vector<Operation> operations;
  for (std::uint64_t item = 0; item < items; ++item) {
    PutItem put{.item = "i" + std::to_string(item), .title = {}, .categories = {}, .metadata = {}};
    if (item % 3 != 0) put.categories.emplace_back(item % 2 == 0 ? "Comedy, \"black\"" : "War|Western");
    if (item % 5 == 0) put.categories.emplace_back("; a::b");
    nlohmann::json metadata{{"year", 1950 + Sequence::mixed(item) % 60}, {"id", item}, {"1984", item % 2 == 0}, {"nested", {{"a", 1}}}};
    metadata["cast"] = {item % 4 == 0 ? "Ann" : " Bob", "# Carol"};
    metadata["note"] = item % 2 == 0 ? "two\nlines" : "NA";
    if (item % 7 != 0) put.metadata = metadata.dump();
    operations.emplace_back(std::move(put));
  }
  operations.emplace_back(PutItem{.item = "item", .title = {}, .categories = {"category"}, .metadata = {}});
  operations.emplace_back(PutItem{.item = "a,b", .title = {}, .categories = {"\xEF\xBB\xBFmark", "-"}, .metadata = {}});
  operations.emplace_back(put("u1", "item", 4));
  operations.emplace_back(put("u2", "category", 4));
  return operations;
}

TEST(Jobs, TheModelHasTheBytesOfTrainingOnTheExport) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(60, 40));
  service.store.write({RemoveRating{"u1", "i1"}, EraseUser{"u7"}, put("\u00E9 \"quoted\", too", "a,b", 2)});
  service.store.write(described(50));
  const std::string path = folder.path("export.csv");
  const std::string items_path = folder.path("items.csv");
  {
    std::ofstream file(path, std::ios::binary);
    write_ratings(service.store.snapshot(), ExportFormat::csv, [&file](std::string_view piece) { file << piece; });
    std::ofstream items(items_path, std::ios::binary);
    ItemText pieces(item_table(service.store.item_facts()));
    for (std::string text; pieces.next(text); text.clear()) items << text;
  }
  for (const char* json : {R"({"method":"als","options":{"rank":6}})", R"({"method":"sgd","options":{"rank":4,"epochs":5,"seed":9}})",
                           R"({"method":"implicit","options":{"rank":4}})",
                           R"({"method":"sgd","options":{"rank":4},"holdout":0.2,"monitor":"mae","refit":true,"min_rating":0.5})",
                           R"({"method":"als","options":{"rank":4},"holdout":0.2,"monitor":"ndcg@5","clip":false})",
                           R"({"method":"bayes","options":{"rank":3},"holdout":0.25,"conformal":true})", R"({"method":"slim"})",
                           // Reads the times of ratings.
                           R"({"method":"bayes","options":{"rank":3,"time":"day"}})", R"({"method":"popular","history":"kept"})",
                           R"({"method":"als","options":{"rank":4},"item_features":true})",
                           R"({"method":"implicit","options":{"rank":4},"item_features":true})",
                           R"({"method":"bayes","options":{"rank":3},"holdout":0.25,"item_features":true})"}) {
    const Job job = service.train(json);
    ASSERT_EQ(job.state, JobState::done) << json << ": " << job.error;
    const ModelEntry entry = service.jobs->model(job.model.value()).value();
    // The options as the table of models has them must be enough.
    const TrainRequest request = request_of(entry.options);
    TrainRun run = request.run;
    run.ratings = path;
    if (request.item_features) {
      run.item_features = items_path;
      run.feature_columns = kFeatureColumns;
    }
    EXPECT_EQ(command_line(request).find("--item-features ITEMS --feature-columns id=item") != std::string::npos, request.item_features);
    run.output = folder.path("model");
    run_training(run);
    EXPECT_EQ(bytes_of(service.store.models_folder() + "/" + entry.file), bytes_of(run.output)) << json;
    EXPECT_EQ(entry.state, "served");
    EXPECT_EQ(entry.ratings, load_model(run.output).record.ratings);
    EXPECT_EQ(entry.fingerprint.size(), 16U);
  }
  EXPECT_EQ(service.served.size(), 12U);
  EXPECT_TRUE(service.logged("category: 6 words in lists"));
}

TEST(Jobs, FeaturesOfItemsAreForMethodsThatReadThem) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(20, 20));
  try {
    service.train(R"({"method":"sgd","item_features":true})");
    FAIL() << "sgd reads no features";
  } catch (const OptionError& error) {
    EXPECT_EQ(std::string(error.what()), "item_features: is not an option of method sgd, which does not read features");
  }
  const Job job = service.train(R"({"method":"als","item_features":true})");
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.error, "no item of the store has categories or metadata, which item_features would read");
  // Another method than the default's has its own defaults.
  TrainRequest defaults;
  defaults.run.method = method_by_name("als");
  defaults.item_features = true;
  EXPECT_TRUE(read_train_request(R"({"options":{"rank":3}})", defaults).item_features);
  EXPECT_FALSE(read_train_request(R"({"method":"sgd"})", defaults).item_features);
}

TEST(Jobs, EpochsAreToldWhileItRuns) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(200, 100));
  const std::uint64_t id =
      service.jobs->start(request_of(R"({"method":"sgd","options":{"rank":64,"epochs":100000,"patience":100000},"holdout":0.1})"));
  std::size_t before = 0;
  ASSERT_TRUE(comes_true([&] {
    before = service.jobs->job(id)->epochs.size();
    return before > 2;
  }));
  ASSERT_TRUE(comes_true([&] { return service.jobs->job(id)->epochs.size() > before; }));
  const Job job = service.jobs->job(id).value();
  EXPECT_EQ(job.state, JobState::running);
  EXPECT_EQ(job.stage, "training");
  EXPECT_EQ(job.ratings, service.store.counts().ratings);
  EXPECT_EQ(job.monitor, "rmse");
  EXPECT_TRUE(job.epochs[0].validation);
  EXPECT_GT(job.seconds, 0);
  // One at a time.
  EXPECT_THROW(service.jobs->start(request_of("{}")), JobRunning);
  EXPECT_TRUE(service.jobs->cancel(id));
  service.jobs->wait();
  EXPECT_EQ(service.jobs->job(id)->state, JobState::cancelled);
  EXPECT_FALSE(service.jobs->job(id)->model);
  EXPECT_TRUE(service.jobs->models().empty());
  EXPECT_TRUE(service.served.empty());
  EXPECT_FALSE(service.jobs->cancel(77));
  EXPECT_THROW(service.jobs->cancel(id), Error);
}

TEST(Jobs, AModelThatIsTrainedIsNotCancelled) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(20, 20));
  std::string refusal;
  std::unique_ptr<Jobs> jobs;
  JobHooks hooks;
  hooks.serve = [&](std::int64_t, const Model&) {
    try {
      jobs->cancel(1);
    } catch (const Error& error) {
      refusal = error.what();
    }
  };
  jobs = std::make_unique<Jobs>(service.store, JobOptions{}, hooks);
  jobs->start(request_of(R"({"options":{"rank":2}})"));
  jobs->wait();
  EXPECT_EQ(refusal, "job 1 has trained its model already");
  EXPECT_EQ(jobs->job(1)->state, JobState::done);
}

TEST(Jobs, TrainingIsNice) {
  const Folder folder;
  Service service(folder);
  std::atomic<int> niceness{-1};
  JobHooks hooks;
  hooks.serve = [&niceness](std::int64_t, const Model&) { niceness = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); };
  Jobs jobs(service.store, {}, hooks);
  service.store.write(planted(20, 20));
  jobs.start(request_of(R"({"options":{"rank":2}})"));
  jobs.wait();
  EXPECT_EQ(niceness, 19);
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(::getpid())), ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())))
      << "and nothing else is";
}

TEST(Jobs, EndingCancels) {
  const Folder folder;
  auto service = std::make_unique<Service>(folder);
  service->store.write(planted(200, 100));
  service->jobs->start(request_of(R"({"method":"sgd","options":{"rank":64,"epochs":1000000}})"));
  ASSERT_TRUE(comes_true([&] { return !service->jobs->jobs().back().epochs.empty(); }));
  const auto start = std::chrono::steady_clock::now();
  service.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(Jobs, WhatCannotBeTrainedIsRefusedAtOnce) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(20, 20));
  for (const char* json :
       {R"({"options":{"rank":-1}})", R"({"options":{"no_such":1}})", R"({"method":"magic"})", R"({"holdout":1})", R"({"refit":true})",
        R"({"monitor":"rmse"})", R"({"method":"popular","holdout":0.1,"monitor":"rmse"})", R"({"warm":true})", R"({"colour":"red"})",
        R"({"holdout":"much"})", R"({"options":[]})", R"({"options":{"rank":[1]}})", R"({"method":"popular","min_rating":1})"}) {
    EXPECT_THROW(service.jobs->start(read_train_request(json, {})), OptionError) << json;
  }
  for (const char* json : {"[]", "{", "1", "{\"a\":1"}) EXPECT_THROW(request_of(json), DataError) << json;
  EXPECT_TRUE(service.jobs->jobs().empty());
}

TEST(Jobs, AnEmptyStoreFailsWithASentence) {
  const Folder folder;
  Service service(folder);
  const Job job = service.train("{}");
  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.error, "there are no ratings to train on");
  ASSERT_EQ(service.ended.size(), 1U);
  EXPECT_EQ(service.ended[0].state, JobState::failed);
}

TEST(Jobs, RequestsAsText) {
  TrainRequest defaults = request_of(R"({"method":"als","options":{"rank":7,"regularization":0.3},"holdout":0.1})");
  // Another method starts from its own defaults; the same one from those given.
  EXPECT_EQ(std::get<Als>(read_train_request(R"({"options":{"epochs":3}})", defaults).run.method).rank, 7U);
  EXPECT_EQ(std::get<Sgd>(read_train_request(R"({"method":"sgd"})", defaults).run.method).rank, Sgd().rank);
  EXPECT_EQ(read_train_request("", defaults).run.holdout, 0.1);
  EXPECT_EQ(read_train_request("{\"holdout\":0}", defaults).run.holdout, 0);
  // Text and back.
  for (const char* json :
       {R"({"method":"sgd","options":{"learning_rate":0.015,"biases":false},"holdout":0.05,"monitor":"mae","refit":true})",
        R"({"method":"bayes","conformal":true,"holdout":0.3,"min_rating":0.1,"max_rating":4.7,"clip":false,"warm":true})",
        R"({"method":"ease","activate":false,"history":"dropped"})"}) {
    const std::string text = to_json(request_of(json));
    EXPECT_EQ(to_json(request_of(text)), text);
  }
  const std::string line = command_line(
      request_of(R"({"method":"sgd","options":{"rank":8,"learning_rate":0.015,"biases":false},"holdout":0.05,"refit":true,"clip":false})"));
  EXPECT_EQ(line,
            "lowrank train - --output MODEL --method sgd --rank 8 --learning-rate 0.015 --no-biases --holdout 0.05 --refit --no-clip");
}

TEST(Jobs, SchedulesAsText) {
  EXPECT_FALSE(Schedule::parse(""));
  EXPECT_EQ(std::get<std::uint64_t>(Schedule::parse("1000").when), 1000U);
  EXPECT_EQ(std::get<std::chrono::seconds>(Schedule::parse("10m").when), 10min);
  EXPECT_EQ(std::get<std::chrono::seconds>(Schedule::parse("2d").when), 48h);
  EXPECT_EQ(std::get<std::chrono::minutes>(Schedule::parse("03:05").when), 185min);
  for (const char* text :
       {"0", "-1", "x", "0m", "m", "24:00", "3:5", "03:60", "03:00:00", "10 m", "1e3", "99999999999999999999", "10y", ":", "1000 "}) {
    EXPECT_THROW(Schedule::parse(text), OptionError) << text;
  }
}

TEST(Jobs, AfterSoManyRatings) {
  const Folder folder;
  JobOptions options;
  options.request = request_of(R"({"method":"als","options":{"rank":3}})");
  options.schedule = Schedule::parse("500");
  Service service(folder, options);
  service.store.write(planted(20, 20));
  service.jobs->start_schedule();
  EXPECT_EQ(service.store.counts().written, 100U);
  std::this_thread::sleep_for(1500ms);
  EXPECT_TRUE(service.jobs->jobs().empty()) << "100 ratings are not 500";
  service.store.write(planted(50, 40));
  ASSERT_TRUE(comes_true([&] { return service.jobs->served().has_value(); }));
  service.jobs->wait();
  EXPECT_EQ(service.jobs->jobs().back().cause, "schedule");
  EXPECT_EQ(service.jobs->ratings_since_training(), 0U);
  service.store.write({put("u1", "i1", 2), RemoveRating{"u1", "i1"}});
  EXPECT_EQ(service.jobs->ratings_since_training(), 2U);
  std::this_thread::sleep_for(1500ms);
  EXPECT_EQ(service.jobs->jobs().size(), 1U) << "the count starts again";
}

TEST(Jobs, EverySoOften) {
  const Folder folder;
  JobOptions options;
  options.request = request_of(R"({"method":"popular"})");
  options.schedule = Schedule::parse("1s");
  Service service(folder, options);
  service.store.write({put("u", "i", 2)});
  service.jobs->start_schedule();
  ASSERT_TRUE(comes_true([&] { return service.jobs->models().size() == 1; }));
  std::this_thread::sleep_for(2500ms);
  EXPECT_EQ(service.jobs->models().size(), 1U) << "the same ratings give the same model";
  service.store.write({put("u", "j", 2)});
  EXPECT_TRUE(comes_true([&] { return service.jobs->models().size() == 2; }));
}

TEST(Jobs, AWorseModelIsKeptAside) {
  const Folder folder;
  JobOptions options;
  options.max_loss = 0.01;
  Service service(folder, options);
  service.store.write(planted(100, 60));
  const Job good = service.train(R"({"method":"als","options":{"rank":8,"epochs":15},"holdout":0.2})");
  ASSERT_EQ(good.state, JobState::done) << good.error;
  const Job bad = service.train(R"({"method":"als","options":{"rank":0},"holdout":0.2})");
  EXPECT_EQ(bad.state, JobState::rejected);
  EXPECT_NE(bad.error.find("worse than"), std::string::npos) << bad.error;
  EXPECT_EQ(service.jobs->model(bad.model.value())->state, "rejected");
  EXPECT_EQ(service.jobs->served(), good.model);
  EXPECT_EQ(service.served, (std::vector<std::int64_t>{good.model.value()}));
  // What cannot be compared is served: another share, another monitor, no holdout.
  EXPECT_EQ(service.train(R"({"method":"als","options":{"rank":0},"holdout":0.3})").state, JobState::done);
  EXPECT_EQ(service.train(R"({"method":"als","options":{"rank":0},"holdout":0.3,"monitor":"mae"})").state, JobState::done);
  EXPECT_EQ(service.train(R"({"method":"als","options":{"rank":0}})").state, JobState::done);
  // A rejected model can be served by hand.
  service.jobs->activate(bad.model.value());
  EXPECT_EQ(service.jobs->served(), bad.model);
  // For lists a higher figure is better.
  EXPECT_EQ(service.train(R"({"method":"als","options":{"rank":8},"holdout":0.2,"monitor":"ndcg@10"})").state, JobState::done);
  EXPECT_EQ(service.train(R"({"method":"als","options":{"rank":8},"holdout":0.2,"monitor":"ndcg@10"})").state, JobState::done)
      << "equal is not worse";
}

TEST(Jobs, AGateThatAllowsMore) {
  const Folder folder;
  JobOptions options;
  options.max_loss = 5;
  Service service(folder, options);
  service.store.write(planted(100, 60));
  service.train(R"({"method":"als","options":{"rank":8,"epochs":15},"holdout":0.2})");
  EXPECT_EQ(service.train(R"({"method":"als","options":{"rank":0},"holdout":0.2})").state, JobState::done);
}

TEST(Jobs, WarmStartBeginsAtTheServedModel) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(60, 40));
  const Job cold = service.train(R"({"method":"als","options":{"rank":4,"epochs":1}})");
  const Job warm = service.train(R"({"method":"als","options":{"rank":4,"epochs":1},"warm":true})");
  ASSERT_EQ(warm.state, JobState::done) << warm.error;
  EXPECT_LT(warm.epochs[0].train_rmse.value(), cold.epochs[0].train_rmse.value());
  EXPECT_NE(service.jobs->model(warm.model.value())->options.find("\"warm\":true"), std::string::npos);
}

TEST(Jobs, WritesGoOnWhileItTrains) {
  const Folder folder;
  Service service(folder);
  service.store.write(planted(300, 200));
  const std::uint64_t id = service.jobs->start(request_of(R"({"method":"sgd","options":{"rank":32,"epochs":100000}})"));
  ASSERT_TRUE(comes_true([&] { return !service.jobs->job(id)->epochs.empty(); }));
  const std::size_t ratings = service.jobs->job(id)->ratings;
  for (int n = 0; n < 20; ++n) service.store.write({put("late", "i" + std::to_string(n), 1)});
  EXPECT_EQ(service.jobs->job(id)->state, JobState::running);
  EXPECT_EQ(service.jobs->job(id)->ratings, ratings);
  EXPECT_EQ(service.store.counts().ratings, ratings + 20);
  service.jobs->cancel(id);
  service.jobs->wait();
}

}  // namespace
}  // namespace lowrank::serve::jobs_test
