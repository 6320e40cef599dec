// Any bytes are read as titles and as a list of ids, or refused with an Error.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "lowrank/base/error.h"
#include "lowrank/data/read.h"
#include "lowrank/data/titles.h"
#include "lowrank/data/vocabulary.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT(readability-identifier-naming)
  static MemoryFile file;
  file.fill(data, size);
  try {
    (void)lowrank::Titles::read(file.path()).size();
  } catch (const lowrank::Error&) {
  }
  try {
    for (const std::string& id : lowrank::read_ids(file.path())) {
      if (lowrank::id_problem(id)) std::abort();
    }
  } catch (const lowrank::Error&) {
  }
  return 0;
}
