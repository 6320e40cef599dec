#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lowrank/base/error.h"
#include "lowrank/data/read.h"
#include "serve/export.h"
#include "serve/import.h"
#include "serve/store.h"
#include "serve/store_fixture.h"

namespace lowrank::serve::store_files_test {
namespace {

using testing_store::Folder;
using testing_store::put;
using testing_store::ratings_in;

StoreOptions options(const std::string& folder) { return {.folder = folder, .vfs = {}, .on_log = {}}; }

std::string write(const Folder& folder, const std::string& name, const std::string& content) {
  std::ofstream(folder.path(name), std::ios::binary) << content;
  return folder.path(name);
}

std::string exported(Store& store, ExportFormat format) {
  std::string text;
  write_ratings(store.snapshot(), format, [&text](std::string_view piece) {
    EXPECT_TRUE(piece.ends_with('\n'));
    text += piece;
  });
  return text;
}

TEST(StoreFiles, ImportTakesTheLastOfRepeatedPairs) {
  const Folder folder;
  Store store(options(folder.state()));
  const std::string path = write(folder, "r.csv", "user,item,rating,time\na,x,1,100\nb,y,2,200\na,x,3,50\n");
  const ImportCounts counts = import_ratings(store, path, {}, 7);
  EXPECT_EQ(counts.lines, 3U);
  EXPECT_EQ(counts.created_users, 2U);
  EXPECT_EQ(counts.created_items, 2U);
  EXPECT_EQ(store.counts().ratings, 2U);
  EXPECT_EQ(store.ratings_of("a")->at(0).value, 3);
  EXPECT_EQ(store.ratings_of("a")->at(0).time, 50);
  // Again changes nothing.
  const auto before = ratings_in(store);
  EXPECT_EQ(import_ratings(store, path, {}, 9).created_users, 0U);
  EXPECT_EQ(ratings_in(store), before);
}

TEST(StoreFiles, ImportedTimesAreSeconds) {
  const Folder folder;
  Store store(options(folder.state()));
  const auto time_of = [&](const std::string& line) {
    import_ratings(store, write(folder, "r.csv", line + "\n"), {}, 7);
    return store.ratings_of("a")->at(0).time;
  };
  EXPECT_EQ(time_of("a,x,1"), 7) << "without a time it is now";
  EXPECT_EQ(time_of("a,x,1,978300760"), 978'300'760);
  EXPECT_EQ(time_of("a,x,1,978300760999"), 978'300'760);
  EXPECT_EQ(time_of("a,x,1,2000-12-31T22:12:40.5Z"), 978'300'760);
  EXPECT_EQ(time_of("a,x,1,1969-12-31T23:59:59.5Z"), -1) << "rounded down, before 1970 too";
  EXPECT_EQ(time_of("a,x,1,12"), 12) << "what a small number counts nobody knows";
}

TEST(StoreFiles, ImportRefusesIdsThatAreTooLong) {
  const Folder folder;
  Store store(options(folder.state()));
  const std::string path = write(folder, "r.csv", "a,x,1\n" + std::string(kMostIdBytes + 1, 'u') + ",x,2\nb,x,3\n");
  try {
    import_ratings(store, path, {}, 7);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("rating 2: an id of more than 512 bytes"), std::string::npos) << error.what();
  }
  ReadOptions skipping;
  skipping.skip_bad_lines = true;
  const ImportCounts counts = import_ratings(store, path, skipping, 7);
  EXPECT_EQ(counts.lines, 2U);
  EXPECT_EQ(counts.refused, 1U);
  EXPECT_NE(counts.first_refused.find("rating 2"), std::string::npos);
}

TEST(StoreFiles, TitlesAndCategories) {
  const Folder folder;
  Store store(options(folder.state()));
  store.write({put("u", "1", 1)});
  EXPECT_EQ(import_items(store, write(folder, "m.dat", "1::Alien (1979)::Horror|Sci-Fi\n2::Heat::\n3::A\tB\xE9::Drama\n"), 7).lines, 3U);
  EXPECT_EQ(store.item("1")->title, "Alien (1979)");
  EXPECT_EQ(store.item("1")->categories, (std::vector<std::string>{"Horror", "Sci-Fi"}));
  EXPECT_TRUE(store.item("2")->categories.empty());
  EXPECT_EQ(store.item("3")->title, "A B\u00E9") << "Latin-1, and without control characters";
  // A header says where the categories are, and is no item itself.
  import_items(store,
               write(folder, "m.csv", "movieId,title,year,genres\n1,\"Alien, again\",1979,Action|Horror\n9,New,2000,(no genres listed)\n"),
               8);
  EXPECT_EQ(store.item("1")->title, "Alien, again");
  EXPECT_EQ(store.item("1")->categories, (std::vector<std::string>{"Action", "Horror"}));
  EXPECT_TRUE(store.item("9")->categories.empty());
  EXPECT_FALSE(store.item("movieId"));
  // Without a header, further columns are nobody knows what; and what is not said stays.
  import_items(store, write(folder, "m.txt", "1|Toy Story|01-Jan-1995|Drama\n"), 9);
  EXPECT_EQ(store.item("1")->title, "Toy Story");
  EXPECT_EQ(store.item("1")->categories, (std::vector<std::string>{"Action", "Horror"}));
  EXPECT_EQ(store.counts().ratings, 1U);
}

TEST(StoreFiles, ItemsFromLinesOfJson) {
  const Folder folder;
  Store store(options(folder.state()));
  import_items(store,
               write(folder, "m.ndjson",
                     R"({"item":"1","title":"One","categories":["a"],"available":false,"metadata":{"year":1999}})"
                     "\n"
                     R"({"item":"2"})"
                     "\n"),
               7);
  EXPECT_EQ(store.item("1")->metadata, R"({"year":1999})");
  EXPECT_FALSE(store.item("1")->available);
  EXPECT_FALSE(store.item("2")->title);
  import_items(store, write(folder, "n.jsonl", "{\"item\":\"1\",\"available\":true}\n"), 8);
  EXPECT_EQ(store.item("1")->title, "One");
  EXPECT_TRUE(store.item("1")->available);
  for (const std::string line :
       {"[]", "{\"item\":1}", "{\"title\":\"x\"}", "{\"item\":\"1\",\"colour\":\"red\"}", "{\"item\":\"1\",\"categories\":[1]}"}) {
    try {
      import_items(store, write(folder, "bad.ndjson", "{\"item\":\"1\"}\n" + line + "\n"), 8);
      ADD_FAILURE() << line;
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find("bad.ndjson:2: "), std::string::npos) << error.what();
    }
  }
}

/// Ids that a reader could take for something else.
std::vector<std::string> hostile_ids() {
  return {"a,b",  "\"",  "\"\"", "a\"b", "# comment",    "#x",      "%",    "% x", " blank", "blank ", "::", "a::b",
          "x;y",  "x|y", "{",    "[1]",  "user",         "rating",  "item", "007", "7",      "1e5",    "-1", "NaN",
          "null", "'",   "\\",   "\\N",  "\u00E9\u4E2D", "\uFEFFx", "=1+1"};
}

TEST(StoreFiles, HostileIdsSurviveExportAndImport) {
  const Folder folder;
  Store store(options(folder.state()));
  std::vector<Operation> operations;
  float value = -3.25F;
  for (const std::string& user : hostile_ids()) {
    for (const std::string& item : hostile_ids()) operations.emplace_back(put(user, item, value += 0.1F, 1'600'000'000));
  }
  store.write(std::move(operations));
  const std::string text = exported(store, ExportFormat::csv);
  ASSERT_TRUE(text.starts_with("user,item,rating,time\n"));
  Store again(options(folder.path("again")));
  import_ratings(again, write(folder, "export", text), {}, 7);
  EXPECT_EQ(ratings_in(again), ratings_in(store));
  EXPECT_EQ(exported(again, ExportFormat::csv), text);
  // Each alone in its file, so that it is in the first line of ratings, from which the layout is taken.
  for (const std::string& id : hostile_ids()) {
    Store one(options(folder.path("one")));
    one.write({put(id, id, 2.5F)});
    const Dataset read = read_ratings(write(folder, "one.csv", exported(one, ExportFormat::csv)));
    ASSERT_EQ(read.ratings.size(), 1U) << id;
    EXPECT_EQ(read.users.id(0), id);
    EXPECT_EQ(read.items.id(0), id);
    EXPECT_EQ(read.ratings.value(0), 2.5F);
    one.write({EraseUser{id}, RemoveItem{id}});
  }
}

TEST(StoreFiles, ExportAsLinesOfJson) {
  const Folder folder;
  Store store(options(folder.state()));
  std::vector<Operation> operations;
  for (const std::string& id : hostile_ids()) operations.emplace_back(put(id, "item " + id, 0.1F, 3));
  store.write(std::move(operations));
  std::string text = exported(store, ExportFormat::ndjson);
  std::vector<std::string> users;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const auto json = nlohmann::json::parse(text.substr(0, end));
    text.erase(0, end + 1);
    users.push_back(json["user"]);
    EXPECT_EQ(json["item"], "item " + users.back());
    EXPECT_EQ(json["value"].get<float>(), 0.1F);
    EXPECT_EQ(json["time"], 3);
  }
  std::vector<std::string> expected = hostile_ids();
  std::ranges::sort(expected);
  EXPECT_EQ(users, expected);
}

TEST(StoreFiles, AnEmptyStoreExportsAHeader) {
  const Folder folder;
  Store store(options(folder.state()));
  EXPECT_EQ(exported(store, ExportFormat::csv), "user,item,rating,time\n");
  EXPECT_EQ(exported(store, ExportFormat::ndjson), "");
  EXPECT_THROW(parse_export_format("xml"), OptionError);
}

}  // namespace
}  // namespace lowrank::serve::store_files_test
