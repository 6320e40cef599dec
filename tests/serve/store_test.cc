// Writes of a store, and what they leave.

#include "serve/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "serve/store_fixture.h"

namespace lowrank::serve::store_test {
namespace {

using testing_store::bytes_of;
using testing_store::Folder;
using testing_store::item;
using testing_store::options;
using testing_store::put;
using testing_store::Sequence;

PatchItem patch(std::string id) {
  return {.item = std::move(id), .title = {}, .categories = {}, .available = {}, .metadata = {}, .time = 6};
}

TEST(Store, RatingsAreThereAfterOpeningAgain) {
  const Folder folder;
  {
    Store store(options(folder));
    const auto changes = store.write({put("u", "i", 3), put("u", "j", -0.0F), put("u", "i", 4.5, 7)});
    EXPECT_FALSE(changes[0].found);
    EXPECT_TRUE(changes[0].created_user);
    EXPECT_TRUE(changes[0].created_item);
    EXPECT_FALSE(changes[1].created_user);
    EXPECT_TRUE(changes[2].found);
    EXPECT_EQ(store.counts().ratings, 2U);
  }
  Store store(options(folder));
  const auto ratings = store.ratings_of("u").value();
  ASSERT_EQ(ratings.size(), 2U);
  EXPECT_EQ(ratings[0].item, "i");
  EXPECT_EQ(ratings[0].value, 4.5F);
  EXPECT_EQ(ratings[0].time, 7);
  EXPECT_FALSE(std::signbit(ratings[1].value));
  EXPECT_EQ(store.counts().written, 3U);
  EXPECT_EQ(store.counts().users, 1U);
  EXPECT_EQ(store.counts().items, 2U);
}

TEST(Store, RemovingARatingLeavesUserAndItem) {
  const Folder folder;
  Store store(options(folder));
  store.write({put("u", "i", 3)});
  EXPECT_TRUE(store.write({RemoveRating{"u", "i"}}).front().found);
  EXPECT_FALSE(store.write({RemoveRating{"u", "i"}}).front().found);
  EXPECT_FALSE(store.write({RemoveRating{"nobody", "i"}}).front().found);
  EXPECT_EQ(store.ratings_of("u")->size(), 0U);
  EXPECT_FALSE(store.ratings_of("nobody"));
  EXPECT_TRUE(store.item("i"));
}

TEST(Store, HostileTextsComeBackAsTheyWere) {
  const Folder folder;
  const std::vector<std::string> texts{"'; DROP TABLE users; --",
                                       R"("quoted")",
                                       "caf\u00E9",
                                       "\U0001F3AC\U0001F1E9\U0001F1EA",
                                       "<img src=x onerror=alert(1)>",
                                       "a/b%2Fc?d=e&f#g",
                                       " blanks around ",
                                       "%s%n",
                                       "\u202Eright to left",
                                       std::string(kMostIdBytes, 'x'),
                                       "007",
                                       "7"};
  {
    Store store(options(folder));
    for (const std::string& text : texts) {
      PutItem put_item = item(text, text);
      put_item.categories = {text.substr(0, kMostCategoryBytes)};
      store.write({put(text, text, 1), put_item, PutSetting{text, text}});
    }
  }
  Store store(options(folder));
  EXPECT_TRUE(store.check().empty());
  EXPECT_EQ(store.counts().users, texts.size());
  for (const std::string& text : texts) {
    EXPECT_EQ(store.ratings_of(text)->at(0).item, text);
    EXPECT_EQ(store.item(text)->title, text);
    EXPECT_EQ(store.item(text)->categories, std::vector<std::string>{text.substr(0, kMostCategoryBytes)});
    EXPECT_EQ(store.setting(text), text);
  }
}

TEST(Store, WhatCannotBeStoredIsRefusedAndLeavesNothing) {
  const Folder folder;
  Store store(options(folder));
  const std::vector<std::string> bad{
      "", std::string("a\0b", 3), "line\nbreak", "\x7F", "\xFF", "\xC0\x80", "\xED\xA0\x80", std::string(kMostIdBytes + 1, 'x')};
  for (const std::string& id : bad) {
    EXPECT_EQ(store.submit({put("sound", "sound", 1), put(id, "i", 1)}).get().problem, StoreProblem::invalid);
    EXPECT_EQ(store.submit({put("sound", "sound", 1), put("u", id, 1)}).get().problem, StoreProblem::invalid);
    EXPECT_EQ(store.submit({item(id)}).get().problem, StoreProblem::invalid);
  }
  for (const float value : {NAN, INFINITY, -INFINITY}) EXPECT_EQ(store.submit({put("u", "i", value)}).get().problem, StoreProblem::invalid);
  EXPECT_EQ(store.submit({put("u", "i", 1, INT64_MIN)}).get().problem, StoreProblem::invalid);
  for (const std::string metadata : {"", "[]", "{", "{\"a\":}", "\"text\"", "{\"a\":\"\xFF\"}", "{} {}"}) {
    PutItem with = item("i");
    with.metadata = metadata;
    const Outcome outcome = store.submit({with}).get();
    EXPECT_EQ(outcome.problem, StoreProblem::invalid) << metadata;
    EXPECT_EQ(outcome.message, "metadata: must be a JSON object");
  }
  PutItem deep = item("i");
  deep.metadata = "{\"a\":";
  for (int n = 0; n < 2000; ++n) *deep.metadata += "[";
  EXPECT_EQ(store.submit({deep}).get().problem, StoreProblem::invalid);
  PutItem long_title = item("i", std::string(kMostTitleBytes + 1, 'x'));
  EXPECT_EQ(store.submit({long_title}).get().problem, StoreProblem::invalid);
  EXPECT_EQ(store.counts().users, 0U);
  EXPECT_EQ(store.counts().items, 0U);
  EXPECT_EQ(store.counts().commits, 0U);
}

TEST(Store, ItemsArePutAndPatched) {
  const Folder folder;
  {
    Store store(options(folder));
    PutItem first = item("i", "One");
    first.categories = {"b", "a", "b"};
    first.metadata = R"({"year":1999})";
    first.available = false;
    EXPECT_TRUE(store.write({first}).front().created_item);
    EXPECT_FALSE(store.write({patch("unknown")}).front().found);
    EXPECT_FALSE(store.item("unknown"));
    PatchItem change = patch("i");
    change.available = true;
    EXPECT_TRUE(store.write({change}).front().found);
  }
  Store store(options(folder));
  StoredItem found = store.item("i").value();
  EXPECT_EQ(found.title, "One");
  EXPECT_EQ(found.categories, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(found.metadata, R"({"year":1999})");
  EXPECT_TRUE(found.available);
  EXPECT_EQ(found.created, 5);
  EXPECT_EQ(found.updated, 6);
  PatchItem clear = patch("i");
  clear.title.emplace(std::nullopt);
  clear.metadata.emplace(std::nullopt);
  clear.categories.emplace();
  store.write({clear});
  found = store.item("i").value();
  EXPECT_FALSE(found.title);
  EXPECT_FALSE(found.metadata);
  EXPECT_TRUE(found.categories.empty());
  // Put sets everything, and keeps the ratings.
  store.write({put("u", "i", 2), item("i", "Two")});
  EXPECT_EQ(store.item("i")->title, "Two");
  EXPECT_EQ(store.counts().ratings, 1U);
  EXPECT_TRUE(store.write({RemoveItem{"i"}}).front().found);
  EXPECT_EQ(store.counts().ratings, 0U);
  EXPECT_EQ(store.ratings_of("u")->size(), 0U);
  EXPECT_TRUE(store.check().empty());
}

TEST(Store, ErasureLeavesNoTrace) {
  const Folder folder;
  const std::string secret = "somebody-who-must-be-forgotten";
  Store store(options(folder));
  for (std::uint64_t n = 1; n < 2000; n = Sequence::end_of(n)) store.write(Sequence::submission(n));
  for (int n = 0; n < 300; ++n) store.write({put(secret, "item " + std::to_string(n), 3)});
  for (std::uint64_t n = 2000; n < 4000; n = Sequence::end_of(n)) store.write(Sequence::submission(n));
  const auto trace = [&] {
    return (bytes_of(folder.state() + "/store.sqlite") + bytes_of(folder.state() + "/store.sqlite-wal")).find(secret) != std::string::npos;
  };
  ASSERT_TRUE(trace());
  const std::uint64_t before = store.counts().ratings;
  EXPECT_TRUE(store.write({EraseUser{secret}}).front().found);
  EXPECT_FALSE(trace());
  EXPECT_EQ(store.counts().ratings, before - 300);
  EXPECT_FALSE(store.ratings_of(secret));
  const RatingLines lines = store.snapshot();
  EXPECT_EQ(lines.users.find(secret), Vocabulary::kUnknown);
  EXPECT_FALSE(store.write({EraseUser{secret}}).front().found);
  // Who comes again is new.
  EXPECT_TRUE(store.write({put(secret, "item 1", 2)}).front().created_user);
  EXPECT_EQ(store.ratings_of(secret)->size(), 1U);
  EXPECT_TRUE(store.check().empty());
}

TEST(Store, AnswersComeInTheOrderOfTheCommits) {
  const Folder folder;
  Store store(options(folder));
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::size_t> most{0};
  store.on_commit([&](double seconds, std::size_t operations) {
    EXPECT_GT(seconds, 0);
    ++commits;
    most = std::max(most.load(), operations);
  });
  std::vector<std::uint64_t> order;
  std::uint64_t submitted = 0;
  for (std::uint64_t n = 1; n < 20'000; n = Sequence::end_of(n), ++submitted) {
    store.submit(Sequence::submission(n), [&order, n](const Outcome& outcome) {
      EXPECT_TRUE(outcome);
      EXPECT_EQ(outcome.changes.size(), Sequence::end_of(n) - n);
      order.push_back(n);
    });
  }
  store.write({});
  EXPECT_EQ(order.size(), submitted);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  // Waiting writes shared commits, and none took many more than it may.
  EXPECT_LT(commits, submitted);
  EXPECT_LE(most, 1000U + 30U);
  Sequence::check(store, 20'000);
}

TEST(Store, ASubmissionIsAllOrNothing) {
  const Folder folder;
  Store store(options(folder));
  // A model's file name must be unique: an error that only the store itself can find.
  const ModelRow model{.id = 1, .file = "000001.safetensors", .state = "ready", .method = "als", .fingerprint = {}};
  ModelRow same = model;
  same.id = 2;
  std::future<Outcome> before = store.submit({put("before", "i", 1), PutModel{model}});
  std::future<Outcome> wrong = store.submit({put("wrong", "i", 1), PutModel{same}});
  std::future<Outcome> after = store.submit({put("after", "i", 1)});
  EXPECT_TRUE(before.get());
  EXPECT_EQ(wrong.get().problem, StoreProblem::invalid);
  EXPECT_TRUE(after.get());
  EXPECT_TRUE(store.ratings_of("before"));
  EXPECT_FALSE(store.ratings_of("wrong"));
  EXPECT_TRUE(store.ratings_of("after"));
  EXPECT_TRUE(store.counts().writable);
  EXPECT_EQ(store.counts().users, 2U);
}

TEST(Store, TooManyWaitingWritesAreRefused) {
  const Folder folder;
  StoreOptions small = options(folder);
  small.most_waiting = 50;
  Store store(small);
  std::promise<void> go;
  std::shared_future<void> gate = go.get_future().share();
  // Holds the writer in the callback of the first one.
  std::promise<void> held;
  store.submit({put("u", "i", 1)}, [gate, &held](const Outcome&) {
    held.set_value();
    gate.wait();
  });
  held.get_future().wait();
  std::vector<std::future<Outcome>> outcomes;
  for (int n = 0; n < 100; ++n) outcomes.push_back(store.submit({put("u", "i", 1), put("u", "j", 1)}));
  go.set_value();
  std::size_t refused = 0;
  for (auto& outcome : outcomes) {
    const Outcome one = outcome.get();
    if (one.problem == StoreProblem::busy) ++refused;
  }
  EXPECT_GE(refused, 100U - 26U);
  EXPECT_LT(refused, 100U);
}

TEST(Store, TheLogStaysShort) {
  const Folder folder;
  StoreOptions fast = options(folder);
  fast.sync = Sync::normal;
  Store store(fast);
  std::uintmax_t longest = 0;
  for (std::uint64_t n = 1; n < 150'000; n = Sequence::end_of(n)) {
    store.submit(Sequence::submission(n), [](const Outcome& outcome) { EXPECT_TRUE(outcome); });
    if (n % 64 != 0) continue;
    store.write({});
    longest = std::max(longest, std::filesystem::file_size(folder.state() + "/store.sqlite-wal"));
  }
  EXPECT_GT(longest, 1'000'000U) << "too little was written for a test";
  EXPECT_LT(longest, 48'000'000U);
}

TEST(Store, ClosingFinishesWhatWaits) {
  const Folder folder;
  std::atomic<std::uint64_t> answered{0};
  std::uint64_t submitted = 0;
  {
    Store store(options(folder));
    for (std::uint64_t n = 1; n < 5000; n = Sequence::end_of(n), ++submitted) {
      store.submit(Sequence::submission(n), [&answered](const Outcome& outcome) { answered += outcome ? 1U : 0U; });
    }
    store.close();
    EXPECT_EQ(store.submit({put("u", "i", 4)}).get().problem, StoreProblem::closed);
    EXPECT_THROW(static_cast<void>(store.load()), StoreError);
  }
  EXPECT_EQ(answered, submitted);
  // The log was emptied into the file.
  EXPECT_FALSE(std::filesystem::exists(folder.state() + "/store.sqlite-wal"));
  Store store(options(folder));
  Sequence::check(store, 5000);
}

}  // namespace
}  // namespace lowrank::serve::store_test
