// Trains as a C++ program would: what the Python package's models are compared with, byte for byte.
//
// usage: train_in_cpp RATINGS MODEL METHOD [OPTION=VALUE]...

#include <exception>
#include <iostream>
#include <string>
#include <utility>

#include "lowrank/data/read.h"
#include "lowrank/model/model_file.h"
#include "lowrank/train/train.h"

int main(int count, char** arguments) {
  try {
    lowrank::Method method = lowrank::method_by_name(arguments[3]);
    for (int at = 4; at < count; ++at) {
      const std::string option = arguments[at];
      const std::size_t equals = option.find('=');
      lowrank::set_option(method, option.substr(0, equals), option.substr(equals + 1));
    }
    lowrank::save_model(lowrank::train({.data = lowrank::read_ratings(arguments[1])}, method).model, arguments[2]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
