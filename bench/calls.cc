// Times one call of the library several times and prints one JSON document; bench/harness/program.py runs it.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "lowrank/data/read.h"
#include "lowrank/model/model_file.h"
#include "lowrank/recommend/fold_in.h"
#include "lowrank/recommend/recommend.h"

namespace {

constexpr const char* kUsage =
    "usage: bench_calls read RATINGS THREADS RUNS\n"
    "       bench_calls fold-in RATINGS THREADS RUNS MODEL        all users of RATINGS, anew\n"
    "       bench_calls recommend TOP THREADS RUNS MODEL          lists for all users of MODEL\n";

struct Arguments {
  std::string input;
  int threads;
  int runs;
};

/// Prints the seconds of every run of `call`, and its size: the number of rows that it works on.
void time(const Arguments& arguments, const std::function<std::size_t()>& call) {
  std::string seconds;
  std::size_t size = 0;
  for (int run = 0; run < arguments.runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    size = call();
    seconds += (run == 0 ? "" : ",") + std::to_string(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf("{\"rows\":%zu,\"seconds\":[%s]}\n", size, seconds.c_str());
}

void read(const Arguments& arguments) {
  lowrank::ReadOptions options;
  options.threads = arguments.threads;
  time(arguments, [&] { return lowrank::read_ratings(arguments.input, options).ratings.size(); });
}

void fold_in(const Arguments& arguments, const lowrank::Model& model) {
  const lowrank::Pairs pairs = lowrank::read_pairs(arguments.input, model.users.ids, model.items.ids);
  time(arguments, [&] { return lowrank::fold_in(model, pairs, arguments.threads).users.factors.rows(); });
}

void recommend(const Arguments& arguments, const lowrank::Model& model) {
  const lowrank::RecommendOptions options{.top = std::stoul(arguments.input), .threads = arguments.threads};
  std::vector<std::uint32_t> users(model.users.ids.size());
  std::iota(users.begin(), users.end(), 0U);
  time(arguments, [&] {
    lowrank::recommend(model, users, options, [](std::size_t, std::span<const lowrank::Scored>) {});
    return users.size();
  });
}

int run(const std::vector<std::string>& words) {
  const std::string& task = words.at(0);
  const Arguments arguments{words.at(1), std::stoi(words.at(2)), std::stoi(words.at(3))};
  if (task == "read") {
    read(arguments);
  } else if (task == "fold-in") {
    fold_in(arguments, lowrank::load_model(words.at(4)));
  } else if (task == "recommend") {
    recommend(arguments, lowrank::load_model(words.at(4)));
  } else {
    throw std::out_of_range(task);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run({arguments + 1, arguments + count});
  } catch (const std::logic_error&) {
    std::fputs(kUsage, stderr);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_calls: %s\n", error.what());
    return 1;
  }
}
