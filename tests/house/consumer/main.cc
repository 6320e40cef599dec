// A stranger's program: knows lowrank by its installed headers and package alone.
#include <cmath>
#include <iostream>
#include <utility>

#include "lowrank/lowrank.h"

int main(int, char** arguments) {
  lowrank::Dataset dataset = lowrank::read_ratings(arguments[1]);
  const lowrank::Trained trained = lowrank::train({.data = std::move(dataset)}, lowrank::Sgd{.rank = 4, .epochs = 3});
  const double score = lowrank::predict(trained.model, 0, 0);
  std::cout << "lowrank " << lowrank::version() << " predicts " << score << " after " << trained.epochs << " epochs\n";
  return std::isfinite(score) ? 0 : 1;
}
