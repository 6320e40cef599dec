#pragma once

/// \file
/// What tests of the store share: a folder for each test, and a sequence of writes whose every prefix can be recognised.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "serve/store.h"

namespace lowrank::serve::testing_store {

/// A folder that is there as long as the object.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lowrank-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + "/" + name; }
  /// The folder of a store within it.
  [[nodiscard]] std::string state() const { return path("state"); }

 private:
  std::string path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline PutRating put(std::string user, std::string item, float value, std::int64_t time = 1'700'000'000) {
  return {.user = std::move(user), .item = std::move(item), .value = value, .time = time};
}

inline PutItem item(std::string id, std::string title = "A title") {
  return {.item = std::move(id), .title = std::move(title), .categories = {}, .available = true, .metadata = {}, .time = 5};
}

/// Of the store in a folder.
inline StoreOptions options(const Folder& folder) { return {.folder = folder.state(), .vfs = {}, .on_log = {}}; }

/// All ratings of a store, by ids.
inline std::map<std::pair<std::string, std::string>, float> ratings_in(Store& store) {
  std::map<std::pair<std::string, std::string>, float> ratings;
  const StoreContents contents = store.load();
  for (std::uint32_t user = 0; user < contents.users.size(); ++user) {
    for (std::size_t at = contents.row_offsets[user]; at < contents.row_offsets[user + 1]; ++at) {
      ratings[{std::string(contents.users.id(user)), std::string(contents.items.id(contents.rated_items[at]))}] = contents.values[at];
    }
  }
  return ratings;
}

/// Numbered writes 1, 2, ... Write n sets the rating of a pair, which is a function of n, to n. They are cut into submissions whose sizes
/// are a function of their first number. So it can be told of any content whether it is that after some number of whole submissions.
struct Sequence {
  static std::uint64_t mixed(std::uint64_t n) {
    n = (n ^ n >> 30U) * 0xBF58476D1CE4E5B9U;
    n = (n ^ n >> 27U) * 0x94D049BB133111EBU;
    return n ^ n >> 31U;
  }
  static std::pair<std::string, std::string> pair_of(std::uint64_t n) {
    return {"user " + std::to_string(mixed(n) % 40), "item " + std::to_string(mixed(n + 1'000'003) % 90)};
  }
  /// The first number after the submission that begins with `n`.
  static std::uint64_t end_of(std::uint64_t n) { return n + 1 + mixed(n + 77) % 30; }
  static std::vector<Operation> submission(std::uint64_t n) {
    std::vector<Operation> operations;
    for (std::uint64_t at = n; at < end_of(n); ++at) {
      auto [user, item] = pair_of(at);
      operations.emplace_back(put(std::move(user), std::move(item), static_cast<float>(at)));
    }
    return operations;
  }
  /// Checks that a store has exactly the writes before some end, at least those before `acknowledged`, and returns that end.
  static std::uint64_t check(Store& store, std::uint64_t acknowledged) {
    const auto found = ratings_in(store);
    std::uint64_t last = 0;
    for (const auto& [pair, value] : found) last = std::max(last, static_cast<std::uint64_t>(value));
    std::uint64_t end = 1;
    std::map<std::pair<std::string, std::string>, float> expected;
    while (end <= last) {
      const std::uint64_t next = end_of(end);
      for (; end < next; ++end) expected[pair_of(end)] = static_cast<float>(end);
    }
    EXPECT_EQ(end, last + 1) << "a submission was cut";
    EXPECT_GE(end, acknowledged) << "an acknowledged write is missing";
    EXPECT_EQ(found, expected);
    return end;
  }
};

}  // namespace lowrank::serve::testing_store
