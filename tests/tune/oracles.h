#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

namespace lowrank {

/// The figures of tests/tune/oracles.py.
inline nlohmann::json oracles() {
  std::ifstream file(LOWRANK_SOURCE_DIR "/tests/tune/oracles.json");
  return nlohmann::json::parse(file);
}

}  // namespace lowrank
