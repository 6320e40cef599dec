// Seconds for the lists of all users of a model: recommend_bench MODEL TOP THREADS RUNS. Prints one JSON document (see recommend.py).
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "lowrank/model/model_file.h"
#include "lowrank/recommend/recommend.h"

namespace {

int run(const std::vector<std::string>& arguments) {
  const lowrank::Model model = lowrank::load_model(arguments.at(0));
  const lowrank::RecommendOptions options{.top = std::stoul(arguments.at(1)), .threads = std::stoi(arguments.at(2))};
  const int runs = std::stoi(arguments.at(3));
  std::vector<std::uint32_t> users(model.users.size());
  std::iota(users.begin(), users.end(), 0U);
  std::string seconds;
  std::size_t entries = 0;
  for (int n = 0; n < runs; ++n) {
    entries = 0;
    const auto start = std::chrono::steady_clock::now();
    lowrank::recommend(model, users, options, [&](std::size_t, std::span<const lowrank::Scored> items) { entries += items.size(); });
    seconds += (n == 0 ? "" : ",") + std::to_string(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf(R"({"users":%zu,"items":%zu,"rank":%zu,"entries":%zu,"seconds":[%s]})"
              "\n",
              users.size(), model.item_factors.rows(), model.rank(), entries, seconds.c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "recommend_bench: %s\n", error.what());
    return 1;
  }
}
