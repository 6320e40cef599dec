// Reads a file of ratings again and again, and prints the seconds of each time as a JSON list: what bench/read.py runs.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "lowrank/base/error.h"
#include "lowrank/data/read.h"

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: read_bench FILE THREADS TIMES\n";
    return 2;
  }
  try {
    lowrank::ReadOptions options;
    options.threads = std::atoi(arguments[2]);
    const int times = std::atoi(arguments[3]);
    std::cout << '[';
    for (int n = 0; n < times; ++n) {
      const auto start = std::chrono::steady_clock::now();
      const lowrank::Dataset data = lowrank::read_ratings(arguments[1], options);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      std::cout << (n == 0 ? "" : ",") << (data.ratings.empty() ? 0 : seconds);
    }
    std::cout << "]\n";
  } catch (const lowrank::Error& error) {
    std::cerr << "read_bench: " << error.what() << '\n';
    return 1;
  }
}
