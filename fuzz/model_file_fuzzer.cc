#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "lowrank/base/error.h"
#include "lowrank/model/model_file.h"
#include "model/sealing.h"

namespace {

/// Whatever the bytes: a model that can be written and read back, or a ModelFileError.
void load(const std::string& bytes) {
  try {
    const lowrank::Model model = lowrank::deserialize_model(bytes);
    const std::string again = lowrank::serialize_model(model);
    if (!(lowrank::deserialize_model(again) == model)) std::abort();
  } catch (const lowrank::ModelFileError&) {
  }
}

}  // namespace

/// Model files: as they are, and with a checksum that agrees, so that the checks behind it are reached.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT(readability-identifier-naming)
  std::string bytes(reinterpret_cast<const char*>(data), size);
  load(bytes);
  lowrank::sealing::reseal(bytes);
  load(bytes);
  return 0;
}
